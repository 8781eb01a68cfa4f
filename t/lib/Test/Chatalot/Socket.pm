# SPDX-License-Identifier: GPL-3.0-or-later
#
# A WebSocket client for tests, one frame at a time (RFC 6455): polite by default, but able to break every rule. It knows
# the envelope of docs/realtime.md (ref, ok, error) and nothing of chat.

package Test::Chatalot::Socket;

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(sha1_base64);
use Errno ();
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use List::Util ();
use Time::HiRes qw(time);

use constant {
    CONTINUATION => 0,
    TEXT         => 1,
    BINARY       => 2,
    CLOSE        => 8,
    PING         => 9,
    PONG         => 10,
    TIMEOUT      => 15,
};

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# port  where the server listens · headers  {Name => value}, undef leaves a default one out · path, method, version
# handshake 0  connect only
sub new {
    my ($class, %arg) = @_;
    my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $arg{port}, Proto => 'tcp')
        or croak "cannot connect to port $arg{port}: $!";
    $tcp->autoflush(1);
    binmode $tcp;
    my $self = bless {
        tcp => $tcp, arg => \%arg, in => '', events => [], ref => 0, pong => 1,
        select => IO::Select->new($tcp),
    }, $class;
    $self->handshake if $arg{handshake} // 1;
    return $self;
}

sub handshake {
    my ($self) = @_;
    my $arg = $self->{arg};
    my $key = 'dGhlIHNhbXBsZSBub25jZQ==';
    my %header = (
        'Host'                  => "localhost:$arg->{port}",
        'Upgrade'               => 'websocket',
        'Connection'            => 'Upgrade',
        'Sec-WebSocket-Key'     => $key,
        'Sec-WebSocket-Version' => 13,
        %{ $arg->{headers} || {} },
    );
    my $method = $arg->{method} // 'GET';
    my $path   = $arg->{path} // '/ws';
    $self->write(join "\r\n", "$method $path " . ($arg->{version} // 'HTTP/1.1'),
        (map {"$_: $header{$_}"} grep { defined $header{$_} } sort keys %header), '', '');
    my $end = time + TIMEOUT;
    while ($self->{in} !~ /\r\n\r\n/) {
        $self->fill($end) or last;
    }
    my ($head) = $self->{in} =~ /\A(.*?)\r\n\r\n/s or return $self->{status} = 0;
    substr $self->{in}, 0, length($head) + 4, '';
    $self->{head} = $head;
    ($self->{status}) = $head =~ m{\AHTTP/1\.[01] ([0-9]{3})};
    if ($self->{status} == 101) {
        my ($accept) = $head =~ /^Sec-WebSocket-Accept: *(\S+)/mi;
        my $right = sha1_base64(($header{'Sec-WebSocket-Key'}) . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
        croak "wrong Sec-WebSocket-Accept" if ($accept // '') ne $right;
    }
    return $self->{status};
}

sub status { return $_[0]{status} }
sub head   { return $_[0]{head} }
sub tcp    { return $_[0]{tcp} }

# --- bytes ---------------------------------------------------------------------------------------------------------

# True if all went out; a server that closed meanwhile is no exception for the test that provokes it.
sub write {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite $self->{tcp}, $bytes, length($bytes) - $at, $at;
        next if !defined $n && $!{EINTR};
        return 0 if !defined $n;
        $at += $n;
    }
    return 1;
}

# More input by the time $end. False at end of file; an exception when nothing comes.
sub fill {
    my ($self, $end) = @_;
    return 0 if $self->{eof};
    # a signal ends a wait early: a service that stops or goes on makes one
    until ($self->{select}->can_read(List::Util::max(0, $end - time))) {
        croak "nothing came from the server in time" if time >= $end;
    }
    my $n = sysread $self->{tcp}, $self->{in}, 65536, length $self->{in};
    return 1 if $n;
    $self->{eof} = 1;
    return 0;
}

sub frame {
    my ($opcode, $payload, %how) = @_;
    my $n      = length $payload;
    my $masked = $how{unmasked} ? 0 : 0x80;
    my $head   = chr(($how{fin} // 1 ? 0x80 : 0) | ($how{rsv} // 0) << 4 | $opcode);
    if (!$how{long} && $n < 126) { $head .= chr($masked | $n) }
    elsif (($how{long} // 16) == 16 && $n < 65536) { $head .= chr($masked | 126) . pack 'n', $n }
    else { $head .= chr($masked | 127) . pack 'Q>', $n }
    return $head . $payload if !$masked;
    my $mask = $how{mask} // pack 'N', int rand 2**32;
    return $head . $mask . ($payload ^ substr($mask x ($n / 4 + 1), 0, $n));
}

sub send_frame { my ($self, @frame) = @_; return $self->write(frame(@frame)) }

# --- frames in -----------------------------------------------------------------------------------------------------

# The next frame: {opcode, fin, payload}; undef at end of file. Frames of a server must not be masked.
sub read_frame {
    my ($self, $end) = @_;
    $end //= time + TIMEOUT;
    while (1) {
        my $in = $self->{in};
        if (length $in >= 2) {
            my ($first, $second) = unpack 'CC', $in;
            croak "the server masked a frame" if $second & 0x80;
            croak "the server set reserved bits" if $first & 0x70;
            my ($n, $at) = ($second & 0x7f, 2);
            if    ($n == 126 && length $in >= 4)  { ($n, $at) = (unpack('x2 n', $in), 4) }
            elsif ($n == 127 && length $in >= 10) { ($n, $at) = (unpack('x2 Q>', $in), 10) }
            elsif ($n >= 126)                     { $n = 2**62 }
            if (length $in >= $at + $n) {
                my $payload = substr $in, $at, $n;
                substr $self->{in}, 0, $at + $n, '';
                return { opcode => $first & 0x0f, fin => $first >> 7, payload => $payload };
            }
        }
        $self->fill($end) or return undef;
    }
}

# The next text message, decoded; pings are answered, a close frame is noted and answered. undef: closed.
sub read_message {
    my ($self, $end) = @_;
    $end //= time + TIMEOUT;
    my $text;
    while (my $frame = $self->read_frame($end)) {
        if ($frame->{opcode} == PING) { $self->send_frame(PONG, $frame->{payload}) if $self->{pong}; next }
        if ($frame->{opcode} == PONG) { push @{ $self->{pongs} }, $frame->{payload}; next }
        if ($frame->{opcode} == CLOSE) {
            $self->{close} = length $frame->{payload} ? [ unpack 'n a*', $frame->{payload} ] : [ 1005, '' ];
            $self->send_frame(CLOSE, $frame->{payload});
            next;
        }
        $text = ($text // '') . $frame->{payload};
        next if !$frame->{fin};
        $self->{bytes_in} += length $text;
        return $json->decode($text);
    }
    return undef;
}

# --- conversation --------------------------------------------------------------------------------------------------

sub send_json { my ($self, $message) = @_; return $self->send_frame(TEXT, $json->encode($message)) }

# First frame; returns what the server says to it ("ready"), or undef if it closed.
sub authenticate {
    my ($self, $token) = @_;
    $self->send_json({ type => 'authenticate', token => $token });
    return $self->{ready} = $self->event('ready');
}

sub ready { return $_[0]{ready} }

# Sends a request without waiting; returns its ref.
sub ask {
    my ($self, $request) = @_;
    my $ref = 'r' . ++$self->{ref};
    $self->send_json({ %$request, ref => $ref });
    return $ref;
}

# The answer with that ref: {type => "ok", result} or {type => "error", error}. Events met on the way are kept.
sub answer {
    my ($self, $ref, $seconds) = @_;
    return $self->event(sub { defined $_->{ref} && $_->{ref} eq $ref && $_->{type} =~ /^(?:ok|error)$/ }, $seconds);
}

sub request { my ($self, $request, $seconds) = @_; return $self->answer($self->ask($request), $seconds) }

# The first message, kept or coming, of that type or for which the function (message in $_) is true. undef: closed.
sub event {
    my ($self, $which, $seconds) = @_;
    my $is = ref $which ? $which : sub { ($_->{type} // '') eq $which };
    my $events = $self->{events};
    for my $i (0 .. $#$events) {
        local $_ = $events->[$i];
        return splice @$events, $i, 1 if $is->();
    }
    my $end = time + ($seconds // TIMEOUT);
    while (defined(my $message = $self->read_message($end))) {
        local $_ = $message;
        return $message if $is->();
        push @$events, $message;
    }
    return undef;
}

# All kept events of a type, taken. First everything the server has sent before now is read, by a ping of our own.
sub events {
    my ($self, $type) = @_;
    $self->request({ type => 'ping' }) if !$self->{eof};
    my @hit = grep { $_->{type} eq $type } @{ $self->{events} };
    @{ $self->{events} } = grep { $_->{type} ne $type } @{ $self->{events} };
    return @hit;
}

# Reads until the server has closed; returns the close code, 1006 if there was no close frame.
sub closed {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // TIMEOUT);
    while (defined(my $message = eval { $self->read_message($end) })) { push @{ $self->{events} }, $message }
    return undef if !$self->{eof} && !$self->{close};
    return $self->{close} ? $self->{close}[0] : 1006;
}

sub close_reason { my ($self) = @_; return $self->{close} ? $self->{close}[1] : undef }

sub close {
    my ($self, $code) = @_;
    $self->send_frame(CLOSE, pack 'n', $code // 1000);
    my $got = $self->closed(5);
    CORE::close $self->{tcp};
    return $got;
}

# Goes away without a word.
sub drop { my ($self) = @_; CORE::close $self->{tcp}; $self->{eof} = 1; return }

1;
