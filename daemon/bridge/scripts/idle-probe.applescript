-- As probe, asked when nothing was sent for a while: a Messages that was quit stays so.
on run argv
	if application id "com.apple.MobileSMS" is not running then return "not running"
	with timeout of 10 seconds
		tell application id "com.apple.MobileSMS"
			get id of 1st account whose service type = iMessage
		end tell
	end timeout
	return "ok"
end run
