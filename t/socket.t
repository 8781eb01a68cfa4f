#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The socket as such: the handshake's rules, frames in every odd form, authentication and its time, limits and close codes.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u jwt_claims jwt_sign random_bytes uuid);
use Test::More;
use Time::HiRes qw(time);

my $chat = Test::Chatalot->new(settings => {
    chatalot_websocket_auth_timeout  => '1s',
    chatalot_websocket_ping_interval => '500ms',
    chatalot_websocket_max_message   => '64k',
    chatalot_websocket_connections   => 3,
});
my $owner   = $chat->owner;
my $home    = $chat->community;
my $channel = $home->{groups}[0]{channels}[0];

sub raw  { my (%arg) = @_; return Test::Chatalot::Socket->new(port => $chat->port, %arg) }
sub open_socket { my ($who) = @_; return $chat->socket($who // $owner) }

# --- the handshake -------------------------------------------------------------------------------------------------

my $port = $chat->port;
my @handshake = (
    [ 'a good one',                     101, {} ],
    [ 'lower case and more words',      101, { Upgrade => 'WebSocket', Connection => 'keep-alive, upgrade' } ],
    [ 'the page\'s origin',             101, { Origin => "http://localhost:$port" } ],
    [ 'another origin',                 403, { Origin => 'https://evil.example' } ],
    [ 'the same host, another port',    403, { Origin => 'http://localhost:1' } ],
    [ 'a null origin',                  403, { Origin => 'null' } ],
    [ 'an origin that only begins so',  403, { Origin => "http://localhost:$port.evil.example" } ],
    [ 'no Upgrade',                     426, { Upgrade => undef } ],
    [ 'Upgrade to something else',      426, { Upgrade => 'h2c' } ],
    [ 'no Connection',                  426, { Connection => undef } ],
    [ 'no key',                         400, { 'Sec-WebSocket-Key' => undef } ],
    [ 'a key that is too short',        400, { 'Sec-WebSocket-Key' => 'abcd' } ],
    [ 'a key that is not base64',       400, { 'Sec-WebSocket-Key' => '!!!!!!!!!!!!!!!!!!!!!!==' } ],
    [ 'version 8',                      426, { 'Sec-WebSocket-Version' => 8 } ],
    [ 'no version',                     qr/^4/, { 'Sec-WebSocket-Version' => undef } ],
);
for my $case (@handshake) {
    my ($name, $status, $headers) = @$case;
    my $socket = raw(headers => $headers);
    ref $status ? like($socket->status, $status, "handshake: $name") : is($socket->status, $status, "handshake: $name");
    $socket->drop;
}
like(raw(headers => { 'Sec-WebSocket-Version' => 8 })->head, qr/^Sec-WebSocket-Version: 13\r?$/mi, 'the right version is named');
like(raw(method => 'POST')->status, qr/^4/, 'handshake: POST');
like(raw(version => 'HTTP/1.0')->status, qr/^4/, 'handshake: HTTP/1.0');
unlike(raw(headers => { 'Sec-WebSocket-Extensions' => 'permessage-deflate' })->head, qr/Sec-WebSocket-Extensions/i, 'no extension is agreed to');

# --- authentication ------------------------------------------------------------------------------------------------

{
    my $begin  = time;
    my $silent = raw();
    is($silent->closed(5), 4000, 'who says nothing is closed');
    my $took = time - $begin;
    ok($took > 0.7 && $took < 4, sprintf 'after the configured second (%.1f s)', $took);
    my $socket = raw();
    $socket->send_frame(Test::Chatalot::Socket::PING, 'x') for 1 .. 3;
    is($socket->closed(5), 4000, 'pings are no authentication');
}
my $ready = open_socket();
my $first = $ready->ready;
is_deeply([ @{$first}{qw(session device degraded)}, $first->{user}{id} ],
    [ $owner->session, $owner->device, JSON::PP::false(), $owner->id ], 'ready says who one is');
is_deeply([ map { $_->{id} } @{ $first->{channels} } ], [ $channel->{id} ], 'and where');
is($first->{inbox_head}, 0, 'and what waits');
ok($first->{limits}{max_message} == 65536, 'and the limits');
is_deeply($ready->request({ type => 'ping' }), { type => 'ok', ref => 'r1', result => {} }, 'a request is answered');
$ready->close;

my $key    = $chat->stack->secret_file('jwt.key');
my %claims = %{ jwt_claims($owner->token) };
my $anna   = $chat->member('anna', $home);
my $gone   = $anna->another_device;
$gone->must(POST => '/api/auth/logout');
my %token  = (
    'garbage'          => 'abc',
    'expired'          => jwt_sign({ %claims, exp => time - 10, iat => time - 100 }, $key),
    'signed by another' => jwt_sign(\%claims, Test::Chatalot::Keys::ed25519()),
    'to enrol'         => $owner->login->{json}{enrol_token},
    'of an ended session' => $gone->token,
);
for my $name (sort keys %token) {
    my $socket = raw();
    $socket->send_json({ type => 'authenticate', token => $token{$name} });
    is($socket->closed(5), 4001, "a token that is $name: 4001");
}
my %start = (
    'another frame first'  => '{"type":"ping"}',
    'no JSON'              => 'hello',
    'a list'               => '[]',
    'a token that is a number' => '{"type":"authenticate","token":5}',
    'an unknown member'    => '{"type":"authenticate","token":"x","admin":true}',
    'no token'             => '{"type":"authenticate"}',
    'an empty token'       => '{"type":"authenticate","token":""}',
    'a token of 5000 bytes' => '{"type":"authenticate","token":"' . 'A' x 5000 . '"}',
);
for my $name (sort keys %start) {
    my $socket = raw();
    $socket->send_frame(Test::Chatalot::Socket::TEXT, $start{$name});
    my $code = $socket->closed(5);
    ok(defined $code && grep({ $_ == $code } 4000, 4001, 1002, 1003, 1007, 1008, 1009), "begun with $name: closed ($code)");
}

# --- frames --------------------------------------------------------------------------------------------------------

use constant { TEXT => 1, BINARY => 2, CLOSE => 8, PING => 9, PONG => 10 };
sub frame { return Test::Chatalot::Socket::frame(@_) }
my $ping = '{"type":"ping","ref":"x"}';
sub still_good { my ($socket, $name) = @_; is(($socket->answer('x', 5) // {})->{type}, 'ok', $name) }

{
    my $socket = open_socket();
    my $bytes  = frame(TEXT, substr($ping, 0, 5), fin => 0) . frame(PING, 'between') . frame(0, substr($ping, 5, 7), fin => 0)
        . frame(0, '', fin => 0) . frame(0, substr($ping, 12));
    $socket->write($_) for split //, $bytes;
    still_good($socket, 'a fragmented message with a ping in between, byte by byte');
    is_deeply($socket->{pongs}, ['between'], 'and the pong came');
    $socket->drop;
}
{
    my $socket = open_socket();
    $socket->write(join '', map { frame(TEXT, qq({"type":"ping","ref":"p$_"})) } 1 .. 50);
    my @answers = map { $socket->answer("p$_", 10)->{type} } 1 .. 50;
    is(scalar(grep { $_ eq 'ok' } @answers), 50, 'fifty frames in one packet');
    $socket->drop;
}
my %frame = (
    'unmasked'                       => [ 1002, frame(TEXT, $ping, unmasked => 1) ],
    'with reserved bit 1'            => [ 1002, frame(TEXT, $ping, rsv => 4) ],
    'with reserved bit 3'            => [ 1002, frame(TEXT, $ping, rsv => 1) ],
    'of an unknown kind'             => [ 1002, frame(3, 'x') ],
    'of an unknown control kind'     => [ 1002, frame(11, 'x') ],
    'that continues nothing'         => [ 1002, frame(0, 'x') ],
    'that begins inside another'     => [ 1002, frame(TEXT, 'x', fin => 0) . frame(TEXT, 'y') ],
    'a fragmented ping'              => [ 1002, frame(PING, 'x', fin => 0) ],
    'a ping of 126 bytes'            => [ 1002, frame(PING, 'x' x 126) ],
    'a close of one byte'            => [ 1002, frame(CLOSE, 'x') ],
    'a close with code 1005'         => [ 1002, frame(CLOSE, pack 'n', 1005) ],
    'a close with code 999'          => [ 1002, frame(CLOSE, pack 'n', 999) ],
    'a close with bad UTF-8'         => [ 1007, frame(CLOSE, pack('n', 1000) . "\xff") ],
    'binary'                         => [ 1003, frame(BINARY, 'x') ],
    'bad UTF-8'                      => [ 1007, frame(TEXT, "\"\xff\"") ],
    'cut-off UTF-8'                  => [ 1007, frame(TEXT, "\"\xe2\x82") ],
    'bad UTF-8 over two fragments'   => [ 1007, frame(TEXT, "\"\xe2", fin => 0) . frame(0, 'x"') ],
    'too long'                       => [ 1009, frame(TEXT, 'x' x 65537) ],
    'too long in fragments'          => [ 1009, join '', frame(TEXT, 'x' x 40_000, fin => 0), frame(0, 'x' x 40_000) ],
    'of a length of 2^62'            => [ 1009, "\x81\xff" . pack('Q>', 2**62) . 'mask' ],
    'of a negative length'           => [ qr/^(?:1002|1009)$/, "\x81\xff" . pack('Q>', 2**63) . 'mask' ],
);
for my $name (sort keys %frame) {
    my ($code, $bytes) = @{ $frame{$name} };
    my $socket = open_socket();
    $socket->write($bytes);
    my $got = $socket->closed(10) // 'open';
    ref $code ? like($got, $code, "a frame $name") : is($got, $code, "a frame $name: $code");
    $socket->drop;
}
for my $code (1000, 1001, 3000, 4999) {
    is(open_socket()->close($code), $code, "close $code is answered with $code");
}
{
    my $socket = open_socket();
    $socket->send_frame(CLOSE, '');
    is($socket->closed(5), 1005, 'an empty close is answered with an empty one');
}

# --- messages ------------------------------------------------------------------------------------------------------

{
    my $socket = open_socket();
    my %odd = (
        'an unknown type' => { type => 'dance', ref => 'a' },
        'no type'         => { ref => 'a' },
        'a type that is a number' => { type => 5, ref => 'a' },
        'an unknown member' => { type => 'ping', colour => 'red', ref => 'a' },
        'a missing member'  => { type => 'ack', ref => 'a' },
        'a wrong type'      => { type => 'ack', seq => 'x', ref => 'a' },
        'a negative number' => { type => 'ack', seq => -1, ref => 'a' },
        'authenticate again' => { type => 'authenticate', token => 'x', ref => 'a' },
        'an sql name'       => { type => 'api.me', ref => 'a' },
    );
    for my $name (sort keys %odd) {
        $socket->send_json($odd{$name});
        my $answer = $socket->answer('a', 5) // {};
        is($answer->{type}, 'error', "$name is an error");
        ok(length($answer->{error}{code} // '') && length($answer->{error}{message} // ''), "$name: with code and message");
    }
    $socket->send_json({ type => 'ping', ref => 'x' x 65 });
    is($socket->event('error', 5)->{type}, 'error', 'a ref of 65 characters is refused');
    is($socket->request({ type => 'ping' })->{type}, 'ok', 'and the socket lives on');
    $socket->drop;
}
for my $text ('hello', '[', '[]', 'null', '{"type":"ping"}{}', '[' x 30_000) {
    my $socket = open_socket();
    $socket->send_frame(TEXT, $text);
    my $message = eval { $socket->event(sub { $_->{type} eq 'error' }, 5) };
    my $closed  = $message ? undef : $socket->closed(2);
    ok($message || defined $closed && $closed != 1006, 'a message ' . substr($text, 0, 20) . ' is answered or closed, with a reason');
    $socket->drop;
}

# --- pings and numbers ---------------------------------------------------------------------------------------------

{
    my $deaf = open_socket();
    $deaf->{pong} = 0;
    my $begin = time;
    my $code  = $deaf->closed(10);
    ok(defined $code, sprintf 'who answers no pings is closed (%s after %.1f s)', $code // '-', time - $begin);
    my $alive = open_socket();
    my $count = 0;
    my $end   = time + 2.5;
    while (time < $end) { $count++ if ($alive->read_frame($end + 5) // last)->{opcode} == PING && $alive->send_frame(PONG, '') }
    is($alive->request({ type => 'ping' })->{type}, 'ok', "who does stays ($count pings)");
    $alive->drop;
}
{
    my @worker = $chat->workers;
    my @mine   = map { $chat->socket($owner, worker => $worker[0]) } 1 .. 3;
    my $extra;
    for (1 .. 100) {
        $extra = raw();
        last if $chat->worker_of($extra) == $worker[0];
    }
    $extra->send_json({ type => 'authenticate', token => $owner->token });
    is($extra->closed(5), 4002, 'a fourth socket of a person in one worker: 4002');
    is($mine[$_]->request({ type => 'ping' })->{type}, 'ok', "socket $_ stays") for 0 .. 2;
    $mine[0]->close;
    ok(eval { $chat->socket($owner, worker => $worker[0]); 1 }, 'when one has gone, there is room again') or diag $@;
}
{
    raw(handshake => 0)->drop for 1 .. 20;
    my @half = map { my $s = raw(handshake => 0); $s->write("GET /ws HTTP/1.1\r\nHost: x\r\n"); $s } 1 .. 20;
    $_->drop for @half;
    my @open = map { raw() } 1 .. 50;
    $_->drop for @open;
    is($chat->nobody->get('/api/health')->{status}, 200, 'sockets that vanish at any point do no harm');
}

$chat->done;
