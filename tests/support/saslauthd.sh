#!/bin/sh
# Runs COMMAND beside a saslauthd of its own, inside a private machine (private-machine.sh):
#
#   saslauthd.sh [OPTION...] -- COMMAND [ARGUMENT...]
#
# It asks PAM with the repository's pam.d/smtp, and listens where Cyrus SASL looks for it: in /run/saslauthd.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

"$here/stack.sh" smtp smtp
install -d -g postfix -m 0710 /run/saslauthd # nobody else may ask

options=
while [ "$1" != -- ]; do
    options="$options $1"
    shift
done
shift

# shellcheck disable=SC2086 # a list of words
saslauthd -a pam -n 5 $options
trap 'kill "$(cat /run/saslauthd/saslauthd.pid)"' EXIT
trap 'exit 130' HUP INT TERM

"$@"
