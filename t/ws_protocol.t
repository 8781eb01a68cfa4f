#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# RFC 6455 at the socket: the opening handshake, then the families of the Autobahn suite (framing, pings, reserved bits,
# opcodes, fragmentation, UTF-8, closing, limits) against a real server, where each broken rule has its close code.

use strict;
use warnings;
use utf8;
use lib 't/lib';

use Encode qw(encode_utf8);
use Test::Chatalot;
use Test::More;

use constant { CONT => 0, TEXT => 1, BINARY => 2, CLOSE => 8, PING => 9, PONG => 10 };

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $chat = Test::Chatalot->new(settings => {
    chatalot_websocket_origin      => 'desk.example https://app.example:8443 tauri://localhost',
    chatalot_websocket_rate        => 1000,
    chatalot_websocket_burst       => 1000,
    chatalot_websocket_connections => 1000,
});
my $port  = $chat->port;
my $owner = $chat->owner;

sub handshake { my (%arg) = @_; return Test::Chatalot::Socket->new(port => $port, %arg) }
sub header    { my (%header) = @_; return handshake(headers => \%header) }
sub ready     { return $chat->socket($owner) }

subtest 'opening handshake' => sub {
    my $good = handshake();
    is($good->status, 101, 'accepted');
    like($good->head, qr/^Upgrade: websocket\r?$/mi, 'Upgrade');
    like($good->head, qr/^Connection: upgrade\r?$/mi, 'Connection');
    unlike($good->head, qr/^(?:Sec-WebSocket-(?:Extensions|Protocol)|Content-Length|Transfer-Encoding|Content-Type):/mi,
        'nothing that was not agreed');

    is(header(Upgrade => 'WebSocket', Connection => 'keep-alive , UPGRADE')->status, 101, 'tokens in any case and place');
    is(header('Sec-WebSocket-Extensions' => 'permessage-deflate', 'Sec-WebSocket-Protocol' => 'chat')->status, 101,
        'offers are not taken up');

    my $plain = header(Upgrade => undef);
    is($plain->status, 426, 'without Upgrade');
    like($plain->head, qr{^HTTP/1.1 426 Upgrade Required\r?$}m, 'with its name');
    like($plain->head, qr/^Upgrade: websocket\r?$/mi, 'says what to upgrade to');
    is(header(Connection => 'keep-alive')->status, 426, 'without Connection: Upgrade');
    is(header(Upgrade => 'h2c')->status, 426, 'another protocol');

    for my $version (undef, 8, 12, 14, '13, 8', '013') {
        my $socket = header('Sec-WebSocket-Version' => $version);
        is($socket->status, 426, 'version ' . ($version // '(none)'));
        like($socket->head, qr/^Sec-WebSocket-Version: 13\r?$/mi, 'says which one');
    }

    for my $key (undef, '', 'dGhlIHNhbXBsZSBub25jZQ', 'dGhlIHNhbXBsZSBub25j', 'dGhlIHNhbXBsZSBub25jZSE=', '!!!!IHNhbXBsZSBub25jZQ==',
        'dGhlIHNhbXBsZSBub25jZQ==AAAA') {
        is(header('Sec-WebSocket-Key' => $key)->status, 400, 'key ' . ($key // '(none)'));
    }

    is(handshake(method => $_)->status, 405, "method $_") for qw(POST PUT OPTIONS);
    is(handshake(version => 'HTTP/1.0')->status, 400, 'HTTP/1.0');
    is(header('Content-Length' => 2)->status, 400, 'with a body');
    refuses($owner->get('/ws'), 426, 'upgrade_required', 'refused with an error like all others');
};

subtest 'origin' => sub {
    my %status = (
        "http://localhost:$port"      => 101,
        "HTTP://LOCALHOST:$port"      => 101,
        "https://localhost:$port"     => 101,
        'https://desk.example'        => 101,
        'http://desk.example'         => 101,
        'https://app.example:8443'    => 101,
        'tauri://localhost'           => 101,
        'http://localhost'            => 403,
        'http://localhost.evil.example' => 403,
        "http://evil.example:$port"   => 403,
        'http://evildesk.example'     => 403,
        'https://desk.example:444'    => 403,
        'http://app.example:8443'     => 403,
        'https://app.example'         => 403,
        'null'                        => 403,
        ''                            => 403,
        'http://'                     => 403,
        'file://'                     => 403,
    );
    is(header(Origin => $_)->status, $status{$_}, "Origin $_") for sort keys %status;
    is(handshake(headers => { Host => 'chat.example', Origin => 'https://chat.example:443' })->status, 101,
        'the default port may be named');
    is(handshake(headers => { Host => 'chat.example:80', Origin => 'http://chat.example' })->status, 101, 'or not');
};

# Frames before authentication are frames too; most of this needs no account.
sub breaks {
    my ($code, $name, @bytes) = @_;
    my $socket = handshake();
    $socket->write($_) for @bytes;
    is($socket->closed, $code, "$name: $code");
    return;
}

sub frame { return Test::Chatalot::Socket::frame(@_) }

subtest 'framing, reserved bits, opcodes' => sub {
    breaks(1002, 'unmasked frame', frame(TEXT, '{}', unmasked => 1));
    breaks(1002, "reserved bits $_", frame(TEXT, '{}', rsv => $_)) for 1 .. 7;
    breaks(1002, "opcode $_", frame($_, '')) for 3 .. 7, 11 .. 15;
    breaks(1002, 'a length of 2 in 16 bits', frame(TEXT, '{}', long => 16));
    breaks(1002, 'a length of 2 in 64 bits', frame(TEXT, '{}', long => 64));
    breaks(1002, 'a length with its highest bit', "\x81\xff" . "\xff" x 8);
    breaks(1003, 'binary', frame(BINARY, '{}'));
    breaks(1003, 'binary, at its first fragment', frame(BINARY, '{', fin => 0));
    breaks(1009, '4 KiB before authentication, at the header', "\x81\xfe\x10\x01");
    breaks(1009, '2^62 bytes, at the header', "\x81\xff\x40" . "\x00" x 7);
};

subtest 'control frames' => sub {
    my $socket = ready();
    for my $payload ('', 'Hello', "\x00\xff\xfe\xfd", 'x' x 125) {
        $socket->send_frame(PING, $payload);
        $socket->request({ type => 'ping' });
        is_deeply($socket->{pongs}, [$payload], 'pong of ' . length($payload) . ' bytes');
        $socket->{pongs} = [];
    }
    $socket->send_frame(PONG, 'unasked');
    is($socket->request({ type => 'ping' })->{type}, 'ok', 'an unasked pong is nothing');
    for my $byte (split //, frame(PING, 'slowly') . frame(PING, 'so slowly')) {
        $socket->write($byte);
    }
    $socket->request({ type => 'ping' });
    is_deeply($socket->{pongs}, [ 'slowly', 'so slowly' ], 'pings byte by byte');

    breaks(1002, 'ping of 126 bytes', frame(PING, 'x' x 126));
    breaks(1002, 'fragmented ping', frame(PING, 'x', fin => 0));
    breaks(1002, 'fragmented close', frame(CLOSE, '', fin => 0));
};

subtest 'fragmentation' => sub {
    my $socket = ready();
    my $text = '{"type":"ping","ref":"in parts, ☃"}';
    my @part = map {encode_utf8($_)} split //, $text;

    $socket->send_frame(TEXT, '', fin => 0);
    $socket->send_frame(CONT, encode_utf8($text), fin => 0);
    $socket->send_frame(CONT, '');
    is($socket->answer('in parts, ☃')->{type}, 'ok', 'empty fragments round the whole');

    $socket->send_frame(TEXT, shift @part, fin => 0);
    for my $i (0 .. $#part) {
        $socket->send_frame(PING, "$i") if $i % 5 == 0;
        $socket->send_frame(CONT, $part[$i], fin => $i == $#part ? 1 : 0);
    }
    is($socket->answer('in parts, ☃')->{type}, 'ok', 'a fragment a character, pings in between');
    is_deeply($socket->{pongs}, [ map { $_ * 5 } 0 .. $#part / 5 ], 'the pings were answered at once');

    my $bytes = encode_utf8($text);
    my $stream = frame(TEXT, substr($bytes, 0, 29), fin => 0) . frame(CONT, substr($bytes, 29, 2), fin => 0) . frame(CONT, substr $bytes, 31);
    $socket->write($_) for split //, $stream;
    is($socket->answer('in parts, ☃')->{type}, 'ok', 'cut inside a character, sent byte by byte');

    breaks(1002, 'continuation of nothing', frame(CONT, 'x'));
    breaks(1002, 'continuation of nothing, not final', frame(CONT, 'x', fin => 0));
    breaks(1002, 'a new message inside another', frame(TEXT, '{', fin => 0), frame(TEXT, '}'));
    breaks(1008, 'empty fragments without end', frame(TEXT, '', fin => 0), frame(CONT, '', fin => 0) x 6000);
};

subtest 'UTF-8' => sub {
    my $socket = ready();
    for my $ref ('κόσμε', "\x{ffff}", "\x{10ffff}", "\x{d7ff}\x{e000}", 'ﬀ😀') {
        $socket->send_frame(TEXT, encode_utf8(qq({"type":"ping","ref":"$ref"})));
        is($socket->answer($ref)->{ref}, $ref, sprintf 'a ref of %vX comes back', $ref);
    }
    breaks(1007, "bytes $_->[0]", frame(TEXT, $_->[1]))
        for [ 'fe', "\xfe" ], [ 'overlong', "\xc0\xaf" ], [ 'a surrogate', "\xed\xa0\x80" ], [ 'past U+10FFFF', "\xf4\x90\x80\x80" ],
        [ 'cut off', "\xce\xba\xe1\xbd" ];
    breaks(1007, 'over fragments', frame(TEXT, "\xce", fin => 0), frame(CONT, "\xce"));
    breaks(1007, 'before the frame is complete', substr frame(TEXT, "\xed\xa0" . 'x' x 100), 0, 8);
};

subtest 'closing' => sub {
    my %echo = (1000 => 1000, 1001 => 1001, 1002 => 1002, 1003 => 1003, 1007 => 1007, 1008 => 1008, 1009 => 1009, 1010 => 1010,
        1011 => 1011, 1012 => 1012, 1013 => 1013, 1014 => 1014, 3000 => 3000, 3999 => 3999, 4000 => 4000, 4999 => 4999,
        map { $_ => 1002 } 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535);
    breaks($echo{$_}, "close $_", frame(CLOSE, pack 'n a*', $_, 'bye')) for sort { $a <=> $b } keys %echo;
    breaks(1005, 'close without payload', frame(CLOSE, ''));
    breaks(1002, 'close with one byte', frame(CLOSE, "\x03"));
    breaks(1002, 'close of 126 bytes', frame(CLOSE, pack('n', 1000) . 'x' x 124));
    breaks(1000, 'close of 125 bytes', frame(CLOSE, pack('n', 1000) . 'x' x 123));
    breaks(1007, 'a reason that is not UTF-8', frame(CLOSE, pack('n', 1000) . "\xce\xba\xe1\xbd"));
    breaks(1000, 'frames after close are not heard', frame(CLOSE, pack 'n', 1000), frame(PING, 'x'), frame(TEXT, "\xff"));
    breaks(1000, 'close inside a message', frame(TEXT, '{', fin => 0), frame(CLOSE, pack 'n', 1000));

    my $socket = handshake();
    $socket->write(frame(CLOSE, pack 'n', 1000));
    shutdown $socket->tcp, 1;
    is($socket->closed, 1000, 'close and end of file in one go');

    $socket = handshake();
    $socket->drop;
    is(handshake()->status, 101, 'one that goes without a word disturbs nobody');
};

subtest 'limits' => sub {
    my $socket = ready();
    my $max = $socket->ready->{limits}{max_message};
    is($max, 256 * 1024, 'a message may have 256 KiB');
    my $frame = sub { return '{"type":"nothing","filler":"' . '*' x ($_[0] - 30) . '"}' };
    $socket->send_frame(TEXT, $frame->($max));
    is($socket->event('error')->{error}{code}, 'unknown_type', 'one of 256 KiB is read');
    my $whole = $frame->($max);
    $socket->send_frame(TEXT, substr($whole, 0, 1000), fin => 0);
    $socket->send_frame(CONT, substr($whole, $_ * 1000, 1000), fin => 0) for 1 .. int($max / 1000) - 1;
    $socket->send_frame(CONT, substr($whole, int($max / 1000) * 1000));
    is($socket->event('error')->{error}{code}, 'unknown_type', 'in 262 fragments too');
    $socket->send_frame(TEXT, $frame->($max + 1));
    is($socket->closed, 1009, 'one byte more is not');

    $socket = ready();
    $socket->send_frame(TEXT, substr($whole, 0, 200_000), fin => 0);
    $socket->write("\x80\xff" . pack 'Q>', 100_000);
    is($socket->closed, 1009, 'nor in fragments, at the header');
};

subtest 'bytes that come with the handshake' => sub {
    my $socket = handshake(handshake => 0);
    $socket->write(join "\r\n", 'GET /ws HTTP/1.1', "Host: localhost:$port", 'Upgrade: websocket', 'Connection: upgrade',
        'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '',
        frame(PING, 'early') . frame(TEXT, '{"type":"authenticate","token":"' . $owner->token . '"}'));
    my $end = time + 10;
    $socket->fill($end) while $socket->{in} !~ /\r\n\r\n/;
    like($socket->{in}, qr{^HTTP/1.1 101 }, 'the handshake is answered first');
    $socket->{in} =~ s/\A.*?\r\n\r\n//s;
    is($socket->event('ready')->{type}, 'ready', 'and the early frames after it');
    is_deeply($socket->{pongs}, ['early'], 'in their order');
};

$chat->done;
