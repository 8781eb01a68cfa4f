#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make bench at its smallest size: every load runs, what was sent was delivered and stored, and the results have their
# form. No figure is looked at. And the generator itself: what it counts when the other end is not what it should be.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../bench/lib", "$FindBin::Bin/../scripts/lib";

use Bench::Generator;
use Bench::Report;
use File::Temp ();
use IO::Socket::INET ();
use JSON::PP ();
use Test::Chatalot::Socket;
use Test::Chatalot::Tap;
use Test::More;

my $root = "$FindBin::Bin/..";
succeeds('the generator compiles without a warning', 'make', '-s', '-C', "$root/bench") or BAIL_OUT('bench/ does not compile');
succeeds('and with sanitizers', 'make', '-s', '-C', "$root/bench", 'BUILD=../build/bench/sanitize',
    'CFLAGS=-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all') or BAIL_OUT('bench/ does not compile');
my $work = File::Temp::tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

# --- what it counts --------------------------------------------------------------------------------------------------

# A server for the generator that hands each message to all its members, but as "treat" says: sub(number, member) returns
# how often that member gets it.
sub crowd {
    my ($members, $messages, $treat) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 16) or die $!;
    my $room = '00000000-0000-4000-8000-000000000000';
    my $generator = Bench::Generator->new(binary => "$root/build/bench/sanitize/load", dir => $work, plan => join '',
        'port ' . $listen->sockport . "\ndialect nchan\nciphertext 30\nroom $room 1 1\n", "member 0 /room\n" x $members);
    $generator->begin("connect $members");
    my @socket;
    for (1 .. $members) {
        my $tcp = $listen->accept or die $!;
        my $head = '';
        while ($head !~ /\r\n\r\n/) { sysread $tcp, $head, 4096, length $head or die 'no handshake' }
        push @socket, $tcp;
        syswrite $tcp, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    }
    is($generator->answer->{ready}, $members, "$members sockets");
    $generator->begin("send 200 " . $messages / 200);
    for my $number (0 .. $messages - 1) {
        my $from = $socket[ $number % $members ];
        my $text = read_masked($from);
        syswrite $socket[$_], frame($text) x $treat->($number, $_) for 0 .. $members - 1;
    }
    my $answer = $generator->answer;
    $generator->end;
    return $answer;
}

sub take {
    my ($socket, $n) = @_;
    my $bytes = '';
    while (length $bytes < $n) { sysread $socket, $bytes, $n - length $bytes, length $bytes or die 'no frame' }
    return $bytes;
}

sub read_masked {
    my ($socket) = @_;
    my ($first, $second) = unpack 'CC', take($socket, 2);
    die 'not a masked text' if $first != 0x81 || !($second & 0x80);
    my $n = $second & 0x7f;
    $n = unpack 'n', take($socket, 2) if $n == 126;
    my $mask = take($socket, 4);
    return take($socket, $n) ^ substr($mask x ($n / 4 + 1), 0, $n);
}

sub frame { return Test::Chatalot::Socket::frame(Test::Chatalot::Socket::TEXT(), $_[0], unmasked => 1) }

sub counts { my ($answer) = @_; return join ' ', @{$answer}{qw(issued expected delivered lost doubled strange)} }

is(counts(crowd(3, 20, sub {1})), '20 60 60 0 0 0', 'all delivered');
is(counts(crowd(3, 20, sub { $_[0] == 4 && $_[1] == 1 ? 0 : 1 })), '20 60 59 1 0 0', 'one lost');
is(counts(crowd(3, 20, sub { $_[0] == 4 ? ($_[1] == 1 ? 0 : $_[1] == 2 ? 2 : 1) : 1 })), '20 60 59 1 1 0',
    'a doubled delivery does not hide a lost one');

# --- medians ---------------------------------------------------------------------------------------------------------

is(Bench::Report::median(9, 1, 4), 4, 'the median of three');
is(Bench::Report::median(1, 2, 3, 10), 2.5, 'of four');
is(Bench::Report::noise(undef, 8, 10, 12), 20, 'half the distance, in per cent of the median');
is(Bench::Report::noise(5, 10, 10, 10), 25, 'what is counted in fives is no more exact than that');
is(Bench::Report::noise(undef, 0, 0, 0), 0, 'nothing ever is no noise');
is(Bench::Report::noise(undef, 0, 0, 3), undef, 'of 0 there are no per cent');
is(Bench::Report::noise(undef, 3), undef, 'nor of one value');
my $report = Bench::Report->new;
$report->row(load => 'x', figure => 'f', unit => 's', ours => [ 1, 2, 9 ], peer => 'p', peer_value => [4], target => [ ratio => '<=', 0.5 ]);
$report->row(load => 'x', figure => 'g', unit => '/s', ours => [3], target => [ value => '>=', 4 ]);
$report->row(load => 'x', figure => 'h', unit => '', ours => [0], peer => 'p', peer_value => [7], target => [ value => '<=', 0 ]);
$report->write("$work/three.json");
is_deeply(results("$work/three.json"), [
    { load => 'x', figure => 'f', unit => 's', ours => 2, peer => 'p', peer_value => 4, ratio => 0.5, target => '<= 0.5 x p', ok => JSON::PP::true(), noise => 200, peer_noise => undef },
    { load => 'x', figure => 'g', unit => '/s', ours => 3, peer => undef, peer_value => undef, ratio => undef, target => '>= 4 /s', ok => JSON::PP::false(), noise => undef, peer_noise => undef },
    { load => 'x', figure => 'h', unit => '', ours => 0, peer => 'p', peer_value => 7, ratio => undef, target => '<= 0', ok => JSON::PP::true(), noise => undef, peer_noise => undef },
], 'rows of results; a count of losses has no ratio');

# runs agree if what they state leaves a place for both: a rate of 100 +- 10 %, on a machine that itself did +- 5 %
sub run_of {
    my ($name, $rate, $lost, @more) = @_;
    open my $out, '>', "$work/$name.json" or die $!;
    print {$out} JSON::PP->new->encode([
        { load => 'machine', figure => 'work of its processors', unit => '/s', ours => 1000, noise => 5 },
        { load => 'x', figure => 'f', unit => '/s', ours => $rate, noise => 10, peer => 'p', peer_noise => 0, ratio => $rate / 100 },
        { load => 'x', figure => 'lost', unit => '', ours => $lost, noise => 0 },
        { load => 'x', figure => 'once', unit => 'ms', ours => $rate, noise => undef },
        @more,
    ]);
    close $out;
    return "$work/$name.json";
}
my $agree = "$root/bench/agree @{[ run_of(one => 100, 0) ]}";
is(`$agree @{[ run_of(two => 145, 0) ]}`, "3 of 3 figures and 1 of 1 ratios agree; 1 figures state no noise\n", 'ranges that touch agree');
is(`$agree @{[ run_of(two => 160, 0) ]}`, "x | f | p (ratios): 1 (0.8 to 1.2), 1.6 (1.28 to 1.92)\n"
    . "3 of 3 figures and 0 of 1 ratios agree; 1 figures state no noise\n", 'what the machine did is no excuse for a ratio');
is(system(qq{$agree @{[ run_of(two => 100, 1) ]} >$work/agree}) >> 8, 1, 'a loss that only one has does not agree');
is(system(qq{$agree @{[ run_of(two => 100, 0, { load => 'y', figure => 'g', unit => '', ours => 1, noise => 0 }) ]} >$work/agree}) >> 8, 1,
    'nor what only one has');

my @once = map { $_->{load} eq 'machine' ? $_ : { %$_, noise => undef } } @{ results("$work/one.json") };
put('once', JSON::PP->new->encode(\@once));
put('text', 'not a word of JSON');
refused('a run of one round', qr/^agree: .* a run of one round states no noise$/, "$agree $work/once");
refused('results that are not there', qr/^agree: \S+nowhere: No such file/, "$agree $work/nowhere");
refused('what is no JSON', qr/^agree: \S+text: these are no results of make bench$/, "$agree $work/text");

sub put { my ($name, $text) = @_; open my $out, '>', "$work/$name" or die $!; print {$out} $text; close $out; return }

# Exit status 2, and one line that says why.
sub refused {
    my ($name, $why, $command) = @_;
    my $text = `$command 2>&1`;
    is($? >> 8, 2, "$name: refused");
    like($text, qr/\A[^\n]+\n\z/, '  in one line') and like($text, $why, '  that says why');
    return;
}

sub results {
    my ($file) = @_;
    open my $in, '<', $file or return undef;
    return JSON::PP->new->utf8->decode(do { local $/; <$in> });
}

# --- wrong input -----------------------------------------------------------------------------------------------------

my $check = "$root/bench/run --check";
refused('a load that there is not', qr/no such load: nonsense \(there are: idle /, "$root/bench/run nonsense");
refused('a size that there is not', qr/no such size: huge/, "$check --size=huge");
refused('no round', qr/--rounds must be 1 or more, not 0/, "$check --rounds=0");
refused('results nowhere', qr/no directory \S+nowhere$/, "$check --results=$work/nowhere/results.json");
refused('data nowhere', qr/^bench: BENCH_DIR: there is no directory \S+nowhere$/, "BENCH_DIR=$work/nowhere $check");
is(`$check ' ' 2>&1; $check 'idle setups' 2>&1`, '', 'blanks name no load, and divide loads');
is(system("$check ' '"), 0, 'which is fine');
mkdir "$work/Mojo" or die $!;
put('Mojo/UserAgent.pm', 'die');
is(system("PERL5LIB=$work $check"), 0, 'and this needs nothing that would have to be installed');

# --- the whole -------------------------------------------------------------------------------------------------------

my $file = "$work/results.json";
-e "$root/html/build/index.html" or BAIL_OUT('make client first');
succeeds('the smallest size of every load runs, and nothing is lost, doubled or refused',
    "$root/bench/run", '--size=smallest', "--results=$file");
my $rows = results($file);
ok($rows, 'it leaves results') or BAIL_OUT('no results');
my %load = map { $_->{load} => 1 } @$rows;
SKIP: {
    my $chromium = $ENV{CHROMIUM} // '/usr/bin/chromium';
    skip "no $chromium, no browser", 2 if !-x $chromium;
    ok(delete $load{browser}, 'of the browser');
    # a page of ten that come above those in view
    my ($up) = grep { $_->{figure} =~ /^up .*rows made twice$/ } @$rows;
    cmp_ok($up->{ours}, '<', 10, 'where older messages push rows down, these are not made anew');
}
is(join(' ', sort keys %load), 'big room history idle ingest login machine many rooms rest setups stack', 'of each other load');
is(scalar(grep { join(' ', sort keys %$_) ne 'figure load noise ok ours peer peer_noise peer_value ratio target unit' } @$rows), 0, 'each in the same form');
is(scalar(grep { !defined $_->{ours} } @$rows), 0, 'each with a figure of ours');
my @lost = grep { $_->{figure} =~ /^lost or doubled/ } @$rows;
is(scalar @lost, 2, 'losses are counted');
# a peer may lose some: that is a figure of the table, not a fault of the benchmark
is(scalar(grep { $_->{ours} != 0 } @lost), 0, 'and there are none of ours');

done_testing;
