#!/bin/sh
# Puts the repository's pam.d/STACK in force for SERVICEs, as its first lines tell an administrator to install it:
#
#   stack.sh STACK SERVICE...
#
# libpam reads it anew at every login.
set -eu
stacks=$(cd "$(dirname "$0")/../../pam.d" && pwd)
stack=$1
shift

install -m 0644 "$stacks/$stack" "/etc/pam.d/$stack"
for service in "$@"; do
    [ "$service" = "$stack" ] || ln -sf "$stack" "/etc/pam.d/$service"
done
