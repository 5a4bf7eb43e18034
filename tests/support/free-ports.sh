#!/bin/sh
# Prints COUNT free ports of 127.0.0.1, all different:
#
#   free-ports.sh COUNT
set -eu
exec perl -MIO::Socket::INET -e '
    my @sockets = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or die $! } 1 .. shift;
    print $_->sockport, "\n" for @sockets;
' "$1"
