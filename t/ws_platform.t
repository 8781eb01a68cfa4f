#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sockets on what nginx offers: TLS, HTTP/2 beside it, the PROXY protocol and real addresses,
# accounting, other modules at the same place, a hard end of the worker.

use strict;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::SSL ();
use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes);
use Test::More;

my ($tls, $proxy) = map { Test::Chatalot::free_port() } 1 .. 2;
my $chat;

sub configuration {
    my ($name, $text) = @_;
    if ($name eq 'nginx.conf') {
        $text =~ s/worker_shutdown_timeout \w+/worker_shutdown_timeout 1s/;
    }
    return $text;
}

sub start {
    $chat = Test::Chatalot->new(
        edit => \&configuration,
        http => "limit_conn_zone \$binary_remote_addr zone=sockets:1m;\n",
        server => join("\n",
            "listen 127.0.0.1:$tls ssl http2;", "ssl_certificate " . pem() . ';', "ssl_certificate_key " . pem() . ';',
            'ssl_protocols TLSv1.2 TLSv1.3;',
            "listen 127.0.0.1:$proxy proxy_protocol;", 'set_real_ip_from 127.0.0.1;', 'real_ip_header X-Real-IP;',
            'location = /limited { chatalot_websocket; limit_conn sockets 1; }',
            'location = /mirrored { chatalot_websocket; mirror /yes; }',
            'location = /checked { chatalot_websocket; auth_request /yes; }',
            'location = /yes { return 204; }',
            'location = /status { stub_status; }', ''),
    );
    return;
}

my $pem;
sub pem {
    return $pem //= do {
        our $dir = File::Temp::tempdir('chatalot-tls-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
        chmod 0755, $dir;
        system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
            . "-keyout $dir/key.pem -out $dir/cert.pem 2>/dev/null && cat $dir/key.pem $dir/cert.pem > $dir/all.pem") == 0
            or die "openssl cannot make a certificate\n";
        chmod 0644, "$dir/all.pem";
        "$dir/all.pem";
    };
}

# A socket over a connection that is already there.
sub over {
    my ($tcp, %arg) = @_;
    my $socket = Test::Chatalot::Socket->new(port => $chat->port, handshake => 0);
    close $socket->{tcp};
    @{$socket}{qw(tcp select arg)} = ($tcp, IO::Select->new($tcp), { %{ $socket->{arg} }, %arg });
    $socket->handshake;
    return $socket;
}

# Waits until so many handshakes at /limited are in the access log.
sub logged {
    my ($count) = @_;
    my $lines = sub {
        open my $in, '<', $chat->dir . '/log/access.log' or die "access.log: $!\n";
        return scalar grep {m{"path":"/limited","status":101,}} <$in>;
    };
    return eval { await('the log', sub { $lines->() >= $count }, 10) };
}

sub at { my ($path) = @_; return Test::Chatalot::Socket->new(port => $chat->port, path => $path) }

sub tls_socket {
    my $tcp = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $tls, SSL_verify_mode => 0, @_)
        or die "TLS: $IO::Socket::SSL::SSL_ERROR";
    return over($tcp);
}

# Reads over TLS what select() no longer announces.
{
    no warnings 'redefine';
    my $fill = \&Test::Chatalot::Socket::fill;
    *Test::Chatalot::Socket::fill = sub {
        my ($self, $end) = @_;
        return $fill->($self, $end) if !$self->{tcp}->can('pending') || !$self->{tcp}->pending;
        return sysread($self->{tcp}, $self->{in}, 65536, length $self->{in}) ? 1 : 0;
    };
}

sub status {
    my $body = $chat->nobody->get('/status')->{body};
    my ($active) = $body =~ /Active connections: (\d+)/;
    my ($reading, $writing, $idle) = $body =~ /Reading: (\d+) Writing: (\d+) Waiting: (\d+)/;
    return { active => $active, reading => $reading, writing => $writing, waiting => $idle };
}

start();
my $owner   = $chat->owner;
my $channel = $chat->community->{groups}[0]{channels}[0];

sub converse {
    my ($socket, $name) = @_;
    is($socket->status, 101, "$name: handshake") or return;
    ok($socket->authenticate($owner->token), "$name: ready");
    my $big = b64u(random_bytes(45_000));
    for my $n (1 .. 3) {
        my $answer = $socket->request($owner->message($owner->roster($channel), ciphertext => $big));
        is($answer->{type}, 'ok', "$name: message $n") or diag explain $answer;
        is($socket->event('entry')->{ciphertext}, $big, "$name: comes back whole");
    }
    my $sync = $socket->request({ type => 'sync', channels => { $channel->{id} => 0 } });
    ok(@{ $sync->{result}{channels}[0]{entries} } >= 3, "$name: sync");
    is($socket->close, 1000, "$name: close");
    return;
}

subtest 'TLS' => sub {
    converse(tls_socket(SSL_version => 'TLSv1_3'), 'TLS 1.3');
    converse(tls_socket(SSL_version => 'TLSv1_2'), 'TLS 1.2');
    my $idle = tls_socket();
    ok($idle->authenticate($owner->token), 'ready');
    $idle->{tcp}->close(SSL_no_shutdown => 1);
    my $byte = tls_socket();
    my $frame = Test::Chatalot::Socket::frame(Test::Chatalot::Socket::TEXT(), '{"type":"authenticate","token":"' . $owner->token . '"}');
    syswrite $byte->{tcp}, $_ for split //, $frame;
    ok($byte->event('ready'), 'one byte a record');
    $byte->close;
};

subtest 'HTTP/2' => sub {
    my $out = `curl -sk --http2 -o /dev/null -w '%{http_version} %{http_code}' https://127.0.0.1:$tls/ws`;
    is($out, '2 400', 'is refused');
};

sub long_ago { return $chat->sql("update data.sessions set last_used_at = last_used_at - interval '1 day'") }

sub seen { return $chat->sql("select last_address || ' ' || agent from data.sessions where id = '" . $owner->session . "'") }

subtest 'real addresses' => sub {
    my $behind = Test::Chatalot::Socket->new(port => $chat->port, headers => { 'X-Real-IP' => '203.0.113.7', 'User-Agent' => 'a test' });
    long_ago();
    ok($behind->authenticate($owner->token), 'behind a proxy');
    is(seen(), '203.0.113.7/32 a test',
        'the session knows where its user is, and with what');
    long_ago();
    is($behind->request({ type => 'sync', channels => {} })->{type}, 'ok', 'also in later requests');
    is(seen(), '203.0.113.7/32 a test',
        'which do not forget it');
    $behind->close;

    my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $proxy);
    syswrite $tcp, "PROXY TCP4 198.51.100.3 127.0.0.1 1234 $proxy\r\n";
    converse(over($tcp), 'PROXY protocol');
};

subtest 'accounting' => sub {
    Time::HiRes::sleep(0.2);
    my $before = status();
    my @socket = map { $chat->socket($owner) } 1 .. 5;
    my $open   = status();
    is($open->{active} - $before->{active}, 5, 'five more active connections');
    is($open->{writing}, $before->{writing}, 'none is counted as a request');
    is($open->{waiting}, $before->{waiting}, 'nor as idle');
    $_->close for @socket;
    await('they are gone again', sub { status()->{active} == $before->{active} });
    my $socket = at('/limited');
    ok(logged(1), 'the handshake is logged while its socket is open');
};

subtest 'beside other modules' => sub {
    is(at('/checked')->status, 101,
        'behind auth_request');
    my $first = at('/limited');
    ok(logged(2), 'a handshake is over');
    my $second = at('/limited');
    is_deeply([ $first->status, $second->status ], [ 101, 101 ], 'then limit_conn is free again');
    is(at('/mirrored')->status, 500,
        'with a mirror it is refused');
    like($chat->error_log, qr/"chatalot_websocket" works neither in nor with subrequests/, 'and the log says why');
};

subtest 'worker_shutdown_timeout' => sub {
    my @old = $chat->workers;
    my $deaf = $chat->socket($owner);
    kill 'HUP', $chat->master;
    my $begin = Time::HiRes::time();
    await('the old workers are gone', sub { !grep { -e "/proc/$_" } @old }, 20);
    cmp_ok(Time::HiRes::time() - $begin, '<', 2.5, 'a client that does not answer the close holds nobody up');
    is($deaf->closed, 1012, 'it had been told');
};

$chat->done;
