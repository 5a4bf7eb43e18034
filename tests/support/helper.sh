#!/bin/sh
# Runs COMMAND beside the helper, which answers hosts that are not root, inside a private machine (private-machine.sh):
#
#   helper.sh COMMAND [ARGUMENT...]
#
# Its pid is in /run/demo/helper.pid for COMMAND, as /proc has it: outside the private machine it is the same.
set -eu

sh -c 'read -r pid rest </proc/self/stat; echo "$pid" >/run/demo/helper.pid; exec app-passwd serve' &

tries=0
until [ -S /run/app-passwd/socket ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "app-passwd: error: the helper does not listen" >&2; exit 1; }
    sleep 0.1
done

"$@"
