#!/bin/sh
# Puts the repository's pam.d/STACK in force for mail, as its first lines tell an administrator to install it:
#
#   stack.sh STACK
#
# libpam reads it anew at every login.
set -eu
stacks=$(cd "$(dirname "$0")/../../pam.d" && pwd)

install -m 0644 "$stacks/$1" "/etc/pam.d/$1"
for service in imap pop3 sieve smtp; do
    [ "$service" = "$1" ] || ln -sf "$1" "/etc/pam.d/$service"
done
