#!/bin/sh
# Logs in to the machine's IMAP as USER from the address FROM, with the password that standard input has, waits for mail
# (IDLE) and prints what the server says, until the server ends the connection:
#
#   imap-session.sh USER FROM <PASSWORD-FILE
set -eu
cd /run/demo
IFS= read -r password
# -quiet: the end of what is sent is not the end of the session.
printf 'a LOGIN "%s" "%s"\r\nb SELECT INBOX\r\nc IDLE\r\n' "$1" "$password" |
    openssl s_client -quiet -verify_return_error -CAfile certificate.pem -bind "$2" \
        -connect "$(sed 's,.*//,,' imap-url)" 2>/dev/null
