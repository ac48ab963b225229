-- Asks Messages to quit. One that hangs does not answer.
on run argv
	with timeout of 10 seconds
		tell application id "com.apple.MobileSMS"
			quit
		end tell
	end timeout
	return "ok"
end run
