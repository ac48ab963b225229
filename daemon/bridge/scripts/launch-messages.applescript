-- Starts Messages without bringing it to the front.
on run argv
	with timeout of 30 seconds
		tell application id "com.apple.MobileSMS"
			launch
		end tell
	end timeout
	return "ok"
end run
