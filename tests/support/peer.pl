#!/usr/bin/perl
# A peer of the helper's, of whatever uid it is run as:
#
#   peer.pl ask SOCKET         sends the hexadecimal frame on standard input, prints what comes back
#   peer.pl talk SOCKET        the same, and at each question sends the next line's frame
#   peer.pl connect SOCKET     connects and hangs up, without end
#   peer.pl hold SOCKET        takes as many connections as it gets, and those that it loses anew
#   peer.pl question SOCKET    sends the frame on standard input and waits for the answer, without end
#   peer.pl talks SOCKET       has a talk for each line on standard input, and prints a line of what came back
#   peer.pl listen SOCKET      prints what one connection sends
#   peer.pl answer SOCKET      takes one question and answers with the frame on standard input
#
# A talk is words: hexadecimal, which is sent; "hear", until a frame or the end has come; and at last "rest", after which
# the other side has nothing more to wait for, or nothing, which hangs up. What hangs is printed as "hangs".
# The frame is one line. What has no end goes on until standard input ends, and then prints how often it connected.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Socket;

$SIG{PIPE} = 'IGNORE';
my ($what, $path) = @ARGV;
my $frame = $what =~ /^(?:ask|talk|question|answer)$/ ? pack 'H*', <STDIN> =~ s/\s//gr : '';

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

# As many bytes as wanted, fewer at the end; dies if they take longer than any answer.
sub heard {
    my ($socket, $wanted) = @_;
    my ($bytes, $patience) = ('', IO::Select->new($socket));
    while (length $bytes < $wanted) {
        $patience->can_read(20) or die "hangs\n";
        sysread $socket, $bytes, $wanted - length $bytes, length $bytes or last;
    }
    return $bytes;
}
sub had_talk {
    my ($socket, $heard) = (connected() // die("nobody listens\n"), '');
    for (@_) {
        if ($_ eq 'hear') {
            my $length = heard($socket, 2);
            $heard .= $length . heard($socket, length $length < 2 ? 0 : unpack 'n', $length);
        } elsif ($_ eq 'rest') {
            $socket->shutdown(1);
            $heard .= heard($socket, 1e9);
        } else {
            syswrite $socket, pack 'H*', $_;
        }
    }
    return unpack 'H*', $heard;
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
} elsif ($what eq 'talks') {
    $| = 1;
    while (my $line = <STDIN>) { print eval { had_talk(split ' ', $line) } // $@ =~ s/\n//r, "\n" }
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
