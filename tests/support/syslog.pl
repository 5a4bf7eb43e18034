#!/usr/bin/perl
# A syslog of our own: receives at the socket SOCKET and appends every message to FILE, one a line. It goes on in the
# background once it is ready.
#
#   syslog.pl SOCKET FILE
use strict;
use warnings;
use IO::Handle;
use IO::Socket::UNIX;
use Socket;

my ($path, $file) = @ARGV;
open my $log, '>>', $file or die "syslog.pl: $file: $!\n";
$log->autoflush;
my $socket = IO::Socket::UNIX->new(Local => $path, Type => SOCK_DGRAM) or die "syslog.pl: $path: $!\n";
chmod 0666, $path; # not only root has something to say
fork and exit;
while (defined $socket->recv(my $message, 8192)) {
    $message =~ s/^<\d+>//; # facility and level
    $message =~ s/[\n\0]+\z//;
    print $log "$message\n";
}
