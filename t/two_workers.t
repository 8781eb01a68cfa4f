#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two real browsers on two workers (t/e2e/two-workers.mjs), and afterwards the search: a dump of the database, everything
# that went through Redis and all logs hold neither a message's text nor any secret key, password, token or code, in no
# encoding, and the memory of the workers no text and no key. That the search finds what it looks for is shown with
# things that must be there.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use MIME::Base64 qw(decode_base64url);
use Test::Chatalot;
use Test::Chatalot::Search;
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

my $search = Test::Chatalot::Search->new($chat);
my $setup = $chat->setup_token;
my $found = $chat->dir . '/secrets.json';
tap_of('browsers', [ 'node', "$FindBin::Bin/e2e/two-workers.mjs" ], env => {
    CHATALOT_URL        => $chat->url,
    CHATALOT_SETUP_LINK => $chat->url . "/setup#$setup",
    CHATALOT_MASTER     => $chat->master,
    CHATALOT_SECRETS    => $found,
});
-s $found or BAIL_OUT('the browsers did not come to their end');

# --- where to look -------------------------------------------------------------------------------------------------

$search->collect_memory->collect;
ok($search->length_of($_) > 100, "$_ is searched (" . $search->length_of($_) . ' bytes)')
    for 'the database', 'what went through Redis', q{the cluster's files}, 'log/access.log', $search->names(qr/^memory/);
# The server is handed tokens, codes and what stands for passwords, and has them in memory while it works: there, texts
# and keys of people are looked for, which it is never handed.
my $kept = qr/^(?!memory)/;

my $collected = JSON::PP::decode_json(slurp($found));
# what must be found, or the search is worth nothing
ok($search->places_of('mira'), 'the search finds a username');
ok($search->places_of($chat->dir, qr/^memory/), 'and in memory where the services are');
for my $key (@{ $collected->{public} }[0 .. 1]) {
    ok((grep { /the database \(hex\)/ } $search->places_of(decode_base64url($key))), 'and a public key, as hex in the dump');
    ok((grep { /cluster.*raw/ } $search->places_of(decode_base64url($key))), 'and raw in the files');
}
my $entry = $chat->sql("select encode(ciphertext, 'hex') from data.entries order by seq limit 1");
ok((grep { /Redis \(base64url/ } $search->places_of(substr pack('H*', $entry), 10, 60)), 'and a piece of a ciphertext in Redis, in the middle of base64url');

for my $text (@{ $collected->{texts} }) {
    my @hit = $search->places_of(bytes_of($text));
    push @hit, $search->places_of(bytes_of($1)) if $text =~ /^(Heimlich-\w+-\d+-\w+|Heimlich-[\w-]+)/;
    is(scalar @hit, 0, 'nowhere: ' . substr(bytes_of($text), 0, 40)) or diag "@hit";
}

# what the server is handed
my $handed = qr/token|on the wire|invite/;
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
        my @hit = grep { $secret->{name} ne 'invite link' || !/^the (?:database|cluster)/ }
            $search->places_of($bytes, $secret->{name} =~ $handed ? $kept : undef);
        $bad{ $secret->{name} } = "@hit" if @hit;
    }
}
is(scalar keys %bad, 0, "none of $n secrets is anywhere (" . scalar(@{ $collected->{secrets} }) . ' collected)')
    or diag map {"$_: $bad{$_}\n"} sort keys %bad;

# a sender key's state begins with whose it is (docs/e2ee.md); of the rest no 32 bytes may be anywhere
my @inside;
for my $secret (grep { $_->{name} =~ /sender key/ } @{ $collected->{secrets} }) {
    my $state = decode_base64url($secret->{base64url});
    push @inside, $search->windows_of($state, 106, qr/cluster/);
    # its chain key, and what it signs with
    push @inside, map { "$secret->{name}: $_" } map { $search->places_of(substr($state, $_, 32), qr/^memory/) }
        grep { length $state >= $_ + 32 } 206, 238;
}
is(scalar @inside, 0, 'nor any part of a sender key\'s state') or diag join ', ', @inside;

# on the disk of the server: what the run script makes is readable for its user only
for my $name ('jwt.key', 'secret.key') {
    my $key = slurp($chat->stack->secret_file($name));
    chomp $key;
    my @hit = $search->places_of(MIME::Base64::decode_base64($key), $kept);
    is(scalar @hit, 0, "the server's own $name is nowhere else") or diag "@hit";
}

$chat->done;
