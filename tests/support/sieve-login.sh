#!/bin/sh
# Logs in to the machine's ManageSieve as USER with the password that standard input has, prints what the server says,
# and leaves:
#
#   sieve-login.sh USER <PASSWORD-FILE
set -eu
cd /run/demo
IFS= read -r password
plain=$(printf '\0%s\0%s' "$1" "$password" | base64 --wrap=0)
printf 'AUTHENTICATE "PLAIN" "%s"\r\nLOGOUT\r\n' "$plain" |
    openssl s_client -quiet -verify_return_error -CAfile certificate.pem -starttls sieve \
        -connect "127.0.0.1:$(cat sieve-port)" 2>/dev/null
