#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shared memory that is full. The module has none; the configuration that ships has two zones, for the rates of addresses,
# which are made as small as nginx lets them be and filled with more addresses than they hold. Then everybody is still
# answered, nobody is refused for it, whoever asks too much still is, and workers die and are reloaded as ever.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::More;

use constant ADDRESSES => 3000;    # a zone of 32 KiB has room for fewer than 256 addresses

my $zones = 0;
my $chat = Test::Chatalot->new(
    limits => 1,
    edit   => sub {
        my ($name, $text) = @_;
        $zones += ($text =~ s/(zone=chatalot_\w+):4m/$1:32k/g) || 0;
        # the general rate is ours too, while the test prepares itself
        $text =~ s/rate=20r\/s/rate=1000r\/s/;
        return $text;
    },
    http => "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;\n",
);
is($zones, 2, 'two zones are as small as can be');
is(scalar(grep {/shm|slab|shared_memory/} map { slurp($_) } glob "$FindBin::Bin/../ngx_chatalot_*/*.[ch]"), 0, 'the module has none of its own');

my $owner = $chat->owner;
my $home  = $chat->community;
my $ann   = $chat->member('ann', $home);
my @socket = map { $chat->socket($ann, worker => $_) } $chat->workers;

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!"; local $/; return <$in> }

# Addresses of both families, each another one.
sub address {
    my ($n) = @_;
    return $n % 2 ? sprintf('10.%d.%d.%d', $n >> 16, $n >> 8 & 255, $n & 255) : sprintf('2001:db8::%x:%x', $n >> 16, $n & 65535);
}

# Requests of that many addresses, over a few connections: how many answers of each status there were.
sub crowd {
    my ($path, $from, $to) = @_;
    my %count;
    my $tcp;
    for my $n ($from .. $to) {
        if ($n % 500 == 0 || !$tcp) {
            $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $chat->port) or die "no connection: $!";
        }
        my $last = $n == $to || ($n + 1) % 500 == 0 ? "Connection: close\r\n" : '';
        print {$tcp} "GET $path HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: @{[address($n)]}\r\n$last\r\n";
        my $status = <$tcp> // '';
        my $length = 0;
        while (my $line = <$tcp>) { $length = $1 if $line =~ /^content-length: *(\d+)/i; last if $line eq "\r\n" }
        read $tcp, my ($body), $length;
        $count{ $status =~ /^HTTP\S+ (\d+)/ ? $1 : 'none' }++;
    }
    return \%count;
}

# One address that asks and asks.
sub flood {
    my ($address, $times) = @_;
    my %count;
    $count{ $chat->nobody->get('/api/auth/nothing', headers => { 'X-Forwarded-For' => $address })->{status} }++ for 1 .. $times;
    return \%count;
}

sub is_well {
    my ($name) = @_;
    my @answers = map { $_->request({ type => 'ping' })->{type} } @socket;
    is("@answers", 'ok ok', "$name: sockets answer");
    is($chat->nobody->get('/api/health', headers => { 'X-Forwarded-For' => '192.0.2.77' })->{status}, 200, "$name: so do requests");
    is($ann->login->{status}, 200, "$name: somebody signs in");
    return;
}

for my $zone ([ general => '/api/nothing' ], [ auth => '/api/auth/nothing' ]) {
    my ($name, $path) = @$zone;
    is_deeply(crowd($path, 1, ADDRESSES), { 404 => ADDRESSES }, "$name: more addresses than there is room for are answered all");
    is_well("$name, full");
}

my $flood = flood('192.0.2.1', 60);
cmp_ok($flood->{429} // 0, '>=', 20, 'who asks too much is refused') or diag explain $flood;
is(($flood->{404} // 0) + ($flood->{429} // 0), 60, 'and nothing else happens to them');

subtest 'workers come and go over it' => sub {
    for my $how (qw(kill reload)) {
        $how eq 'kill' ? $chat->kill_worker(($chat->workers)[0]) : $chat->reload;
        @socket = map { $chat->socket($ann, worker => $_) } $chat->workers;
        is_deeply(crowd('/api/auth/nothing', ADDRESSES, 2 * ADDRESSES - 1), { 404 => ADDRESSES }, "$how: others are answered");
        is_well("after a $how");
    }
};

$chat->done;
