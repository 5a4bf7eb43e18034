#!/usr/bin/perl
# A peer of the helper's, of whatever uid it is run as:
#
#   peer.pl ask SOCKET         sends the hexadecimal frame on standard input, prints what comes back
#   peer.pl talk SOCKET        the same, and at each question sends the next line's frame
#   peer.pl connect SOCKET     connects and hangs up, without end
#   peer.pl hold SOCKET        takes as many connections as it gets, and those that it loses anew
#   peer.pl question SOCKET    sends the frame on standard input and waits for the answer, without end
#   peer.pl fuzz SOCKET SEED COUNT   sends the frame on standard input damaged in so many ways, and hears what comes back
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
my ($what, $path, $seed, $times) = @ARGV;
my $frame = $what =~ /^(?:ask|talk|question|answer|fuzz)$/ ? pack 'H*', <STDIN> =~ s/\s//gr : '';

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

# Some bytes are changed, cut out or put in; as often as not the length is right afterwards.
sub damaged {
    my ($length, $inside) = unpack 'a2 a*', $_[0];
    for (0 .. rand 4) {
        my ($at, $bytes) = (int rand(1 + length $inside), join '', map { chr rand 256 } 0 .. rand 8);
        my $kind = int rand 5;
        substr($inside, $at, $kind < 2 ? length $bytes : $kind == 2 ? rand 40 : 0) = $kind == 2 ? '' : $bytes;
        $inside .= $inside if $kind == 4 && length $inside < 9000;
    }
    return rand(2) < 1 ? pack 'n/a*', $inside : $length . $inside;
}

my $count = 0;
if ($what eq 'ask') {
    my $socket = connected() or die "peer.pl: $path: $!\n";
    syswrite $socket, $frame;
    print unpack 'H*', rest_of($socket);
} elsif ($what eq 'talk') {
    my $socket = connected() or die "peer.pl: $path: $!\n";
    syswrite $socket, $frame;
    while (2 == read $socket, my $length, 2) {
        read $socket, my $said, unpack 'n', $length;
        print unpack 'H*', $length . $said;
        my $reply = $said =~ /^.{16}(?:ask|secret)/s ? <STDIN> : undef;
        syswrite $socket, pack 'H*', $reply =~ s/\s//gr if defined $reply;
    }
} elsif ($what eq 'fuzz') {
    srand $seed;
    for (1 .. $times) {
        my $socket = connected() or die "peer.pl: $path: $!\n";
        syswrite $socket, damaged($frame);
        $socket->shutdown(1);
        rest_of($socket);
    }
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
