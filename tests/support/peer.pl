#!/usr/bin/perl
# A peer of the helper's, of whatever uid it is run as:
#
#   peer.pl ask SOCKET         sends the hexadecimal frame on standard input, prints what comes back
#   peer.pl connect SOCKET     connects and hangs up, without end
#   peer.pl hold SOCKET        takes as many connections as it gets, and those that it loses anew
#   peer.pl question SOCKET    sends the frame on standard input and waits for the answer, without end
#   peer.pl listen SOCKET      prints what one connection sends
#   peer.pl answer SOCKET      takes one question and answers with the frame on standard input
#
# The frame is one line. What has no end goes on until standard input ends, and then prints how often it connected.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Socket;

$SIG{PIPE} = 'IGNORE';
my ($what, $path) = @ARGV;
my $frame = $what =~ /^(?:ask|question|answer)$/ ? pack 'H*', <STDIN> =~ s/\s//gr : '';

sub connected { return IO::Socket::UNIX->new(Peer => $path) }
sub listening {
    my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "peer.pl: $path: $!\n";
    chmod 0666, $path;
    return $socket;
}
sub rest_of {
    my ($socket) = @_;
    local $/;
    return <$socket> // '';
}
my $input = IO::Select->new(\*STDIN);
sub goes_on { return !$input->can_read(0) || sysread STDIN, my $more, 1 }

my $count = 0;
if ($what eq 'ask') {
    my $socket = connected() or die "peer.pl: $path: $!\n";
    syswrite $socket, $frame;
    print unpack 'H*', rest_of($socket);
} elsif ($what eq 'connect') {
    while (goes_on()) {
        for (1 .. 100) { $count++ if connected() }
    }
    print $count;
} elsif ($what eq 'hold') {
    my $held = IO::Select->new;
    while (goes_on()) {
        for (1 .. 100) {
            my $socket = connected() or last;
            $held->add($socket);
            $count++;
        }
        # Whoever is sent away can read that.
        $held->remove($_) for $held->can_read(0);
    }
    print $count;
} elsif ($what eq 'question') {
    while (goes_on()) {
        my $socket = connected() or next;
        syswrite $socket, $frame;
        rest_of($socket);
        $count++;
    }
    print $count;
} elsif ($what eq 'listen') {
    print rest_of(scalar listening()->accept);
} elsif ($what eq 'answer') {
    my $socket = listening()->accept;
    sysread $socket, my $question, 8192;
    syswrite $socket, $frame;
}
