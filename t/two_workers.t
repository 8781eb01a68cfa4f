#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two real browsers on two workers (t/e2e/two-workers.mjs), and afterwards the search: a dump of the database, everything
# that went through Redis and all logs hold neither a message's text nor any secret key, password, token or code, in no
# encoding. That the search finds what it looks for is shown with things that must be there.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64);
use Test::Chatalot;
use Test::Chatalot::Tap;
use Test::More;

my $chat = Test::Chatalot->new(
    limits => 1,
    edit   => sub {
        my ($name, $text) = @_;
        # so that the only lasting connections are sockets
        $text =~ s/keepalive_timeout .*;/keepalive_timeout 0;/ if $name eq 'nginx.conf';
        return $text;
    },
);
$chat->www or BAIL_OUT('make client first');

# all traffic of Redis, as it goes
my $traffic = $chat->dir . '/redis-traffic';
my $monitor = fork // die $!;
if (!$monitor) {
    open STDOUT, '>', $traffic or die $!;
    exec 'redis-cli', '-s', $chat->stack->redis_socket, 'MONITOR';
}
await('Redis is recorded', sub { -s $traffic });

my $setup = $chat->setup_token;
my $found = $chat->dir . '/secrets.json';
tap_of('browsers', [ 'node', "$FindBin::Bin/e2e/two-workers.mjs" ], env => {
    CHATALOT_URL        => $chat->url,
    CHATALOT_SETUP_LINK => $chat->url . "/setup#$setup",
    CHATALOT_MASTER     => $chat->master,
    CHATALOT_SECRETS    => $found,
});
kill 'TERM', $monitor;
waitpid $monitor, 0;
-s $found or BAIL_OUT('the browsers did not come to their end');

# --- where to look -------------------------------------------------------------------------------------------------

sub slurp { my ($file) = @_; open my $in, '<:raw', $file or die "$file: $!"; local $/; return <$in> // '' }

my %place = ('what went through Redis' => slurp($traffic));
$place{'the database'} = do {
    open my $in, '-|', 'pg_dump', '-d', $chat->owner_url or die $!;
    local $/;
    my $dump = <$in>;
    close $in or die 'pg_dump failed';
    $dump;
};
for my $log (glob $chat->dir . '/log/*') {
    my ($name) = $log =~ m{([^/]+)$};
    $place{"log/$name"} = slurp($log);
}
# the database's own files too: what was deleted there but not yet overwritten, and the write-ahead log
$chat->sql('checkpoint');
$place{'the cluster\'s files'} = join '', map { slurp($_) } grep { -f } glob($chat->stack->pg_data . '/base/*/*'), glob($chat->stack->pg_data . '/pg_wal/*');
ok(length $place{$_} > 100, "$_ is searched (" . length($place{$_}) . ' bytes)') for 'the database', 'what went through Redis', 'the cluster\'s files', 'log/access.log';

# --- how -----------------------------------------------------------------------------------------------------------

# Every form in which bytes may stand somewhere: as they are, in hex, and in base64 wherever they begin in a longer one.
sub forms {
    my ($bytes) = @_;
    my %form = (raw => $bytes, hex => unpack('H*', $bytes), HEX => uc unpack('H*', $bytes));
    for my $shift (0 .. 2) {
        my $text = encode_base64("\0" x $shift . $bytes, '');
        my $from = $shift == 0 ? 0 : $shift + 1;
        my $to   = int((length($bytes) + $shift) * 8 / 6);
        my $core = substr $text, $from, $to - $from;
        $form{"base64 from $shift"} = $core;
        $form{"base64url from $shift"} = $core =~ tr{+/}{-_}r;
    }
    my $quoted = join '', map { /[\x20-\x7e]/ ? $_ : sprintf '\x%02x', ord } split //, $bytes;
    $form{'as MONITOR quotes it'} = $quoted =~ s/(["\\])(?!x[0-9a-f]{2})/\\$1/gr;
    return \%form;
}

sub places_of {
    my ($bytes) = @_;
    my $forms = forms($bytes);
    my @hit;
    for my $place (sort keys %place) {
        for my $form (sort keys %$forms) { push @hit, "$place ($form)" if index($place{$place}, $forms->{$form}) >= 0 }
    }
    return @hit;
}

my $collected = JSON::PP::decode_json(slurp($found));
sub bytes_of { my ($text) = @_; utf8::encode($text) if utf8::is_utf8($text); return $text }

# what must be found, or the search is worth nothing
ok(places_of('mira'), 'the search finds a username');
for my $key (@{ $collected->{public} }[0 .. 1]) {
    ok((grep { /the database \(hex\)/ } places_of(decode_base64url($key))), 'and a public key, as hex in the dump');
    ok((grep { /cluster.*raw/ } places_of(decode_base64url($key))), 'and raw in the files');
}
my $entry = $chat->sql("select encode(ciphertext, 'hex') from data.entries order by seq limit 1");
ok((grep { /Redis \(base64url/ } places_of(substr pack('H*', $entry), 10, 60)), 'and a piece of a ciphertext in Redis, in the middle of base64url');

for my $text (@{ $collected->{texts} }) {
    my @hit = places_of(bytes_of($text));
    push @hit, places_of(bytes_of($1)) if $text =~ /^(Heimlich-\w+-\d+-\w+|Heimlich-[\w-]+)/;
    is(scalar @hit, 0, 'nowhere: ' . substr(bytes_of($text), 0, 40)) or diag "@hit";
}

my %bad;
my $n = 0;
for my $secret (@{ $collected->{secrets} }) {
    my @try = defined $secret->{base64url} ? decode_base64url($secret->{base64url}) : bytes_of($secret->{text});
    # tokens and derived keys travel as base64url: the bytes themselves must not be there either
    push @try, decode_base64url($secret->{text}) if defined $secret->{text} && $secret->{text} =~ /^[A-Za-z0-9_-]{43}$/;
    # a JWT's signature is what makes it a key
    push @try, (split /\./, $secret->{text})[2] if defined $secret->{text} && $secret->{text} =~ /^[\w-]+\.[\w-]+\.[\w-]+$/;
    # an invite link's code
    push @try, $1 if defined $secret->{text} && $secret->{text} =~ m{/invite/(\w+)};
    for my $bytes (@try) {
        $n++;
        my @hit = grep { $secret->{name} ne 'invite link' || !/^the (?:database|cluster)/ } places_of($bytes);
        $bad{ $secret->{name} } = "@hit" if @hit;
    }
}
is(scalar keys %bad, 0, "none of $n secrets is anywhere (" . scalar(@{ $collected->{secrets} }) . ' collected)')
    or diag map {"$_: $bad{$_}\n"} sort keys %bad;

# a sender key's state begins with whose it is (docs/e2ee.md); of the rest no 32 bytes may be anywhere
my %inside;
for my $secret (grep { $_->{name} =~ /sender key/ } @{ $collected->{secrets} }) {
    my $state = decode_base64url($secret->{base64url});
    for my $at (106 .. length($state) - 32) {
        my $window = substr $state, $at, 32;
        $inside{"$secret->{name} at $at"} = 1 if index($place{'the cluster\'s files'}, $window) >= 0;
    }
}
is(scalar keys %inside, 0, 'nor any part of a sender key\'s state') or diag join ', ', sort keys %inside;

# on the disk of the server: what the run script makes is readable for its user only
for my $name ('jwt.key', 'secret.key') {
    my $key = slurp($chat->stack->secret_file($name));
    chomp $key;
    my @hit = places_of(MIME::Base64::decode_base64($key));
    is(scalar @hit, 0, "the server's own $name is nowhere else") or diag "@hit";
}

$chat->done;
