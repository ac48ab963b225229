-- Sends one file to a chat that exists. Arguments: attempt id, path of the payload.
-- Payload (UTF-8): the chat's id as Messages wrote it into chat.db, a line feed, the path of the file.
-- An error before "dispatch_started" on stderr proves that nothing was sent; a file that is not there is one.
on run argv
	set attemptId to item 1 of argv
	set payload to read (POSIX file (item 2 of argv)) as «class utf8»
	set firstEnd to offset of linefeed in payload
	set chatId to text 1 thru (firstEnd - 1) of payload
	set theFile to (POSIX file (text (firstEnd + 1) thru -1 of payload)) as alias
	with timeout of 30 seconds
		tell application id "com.apple.MobileSMS"
			set theChat to chat id chatId
			log "dispatch_started"
			send theFile to theChat
		end tell
	end timeout
	return "accepted " & attemptId
end run
