-- Is Messages there, does it answer, may we ask it, and is it signed in to iMessage? Reads only.
on run argv
	with timeout of 10 seconds
		tell application id "com.apple.MobileSMS"
			get id of 1st account whose service type = iMessage
		end tell
	end timeout
	return "ok"
end run
