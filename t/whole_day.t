#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A day with everything that people can do (html/test/whole-day.test.ts), and afterwards the search: neither what they
# wrote nor any secret of theirs is in a dump of the database or the files under it, in what went through Redis or in a
# log, in no encoding; nor, but for what the server is handed to check it, in the memory of its workers. What somebody
# reported on purpose is there, which shows that the search finds it.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use MIME::Base64 qw(decode_base64 decode_base64url);
use Test::Chatalot;
use Test::Chatalot::Search;
use Test::Chatalot::Tap;
use Test::More;

my $html = "$FindBin::Bin/../html";
plan skip_all => 'html/node_modules is not installed' if !-d "$html/node_modules/esbuild";

my $chat   = Test::Chatalot->new(settings => { chatalot_websocket_rate => 200, chatalot_websocket_burst => 400 });
my $search = Test::Chatalot::Search->new($chat);
my $found  = $chat->dir . '/secrets.json';
chdir $html or die "$html: $!";
tap_of('day', [ 'node', 'scripts/test.mjs', 'test/whole-day.test.ts' ], env => {
    CHATALOT_URL         => $chat->url,
    CHATALOT_SETUP_TOKEN => $chat->setup_token,
    CHATALOT_SECRETS     => $found,
    NODE_OPTIONS         => '--experimental-websocket',
});
-s $found or BAIL_OUT('the day did not come to its end');
my $day = JSON::PP::decode_json(slurp($found));

$search->collect_memory->collect;
ok($search->length_of($_) > 100, "$_ is searched (" . $search->length_of($_) . ' bytes)')
    for 'the database', 'what went through Redis', q{the cluster's files}, 'log/access.log', 'log/error.log', $search->names(qr/^memory/);
my $kept = qr/^(?!memory)/;

# --- that it finds what is there -----------------------------------------------------------------------------------

ok($search->places_of('Garden', qr/^the database/), 'the name of a community in the database');
ok($search->places_of($chat->dir, qr/^memory/), 'where the services are in memory');
ok((grep {/hex/} $search->places_of(decode_base64url($day->{public}[0]), qr/^the database/)), 'a public key in the database');
is(scalar @{ $day->{revealed} }, 1, 'one message was reported');
ok($search->places_of(bytes_of($_), qr/^the database/), 'and is in the database') for @{ $day->{revealed} };

# --- that nothing else is -----------------------------------------------------------------------------------------

for my $text (@{ $day->{texts} }) {
    my @hit = $search->places_of(bytes_of($text));
    push @hit, $search->places_of(bytes_of($1)) if $text =~ /^(Heimlich-[\w-]+)/;
    is(scalar @hit, 0, 'nowhere: ' . substr(bytes_of($text), 0, 32)) or diag "@hit";
}

my (%bad, %kinds);
my $n = 0;
for my $secret (@{ $day->{secrets} }) {
    $kinds{ $secret->{name} =~ s/[:\d].*//r }++;
    my $text = $secret->{text};
    my @try  = defined $text ? bytes_of($text) : decode_base64url($secret->{base64url});
    # tokens and derived keys travel as base64url: the bytes themselves must not be there either
    push @try, decode_base64url($text) if defined $text && $text =~ /^[A-Za-z0-9_-]{43}$/;
    # a JWT's signature is what makes it a key
    push @try, (split /\./, $text)[2] if defined $text && $text =~ /^[\w-]+\.[\w-]+\.[\w-]+$/;
    for my $bytes (@try) {
        $n++;
        my @hit = $search->places_of($bytes, $secret->{handed} ? $kept : undef);
        $bad{ $secret->{name} } = "@hit" if @hit;
    }
}
is(scalar keys %bad, 0, "none of $n secrets is anywhere (" . join(', ', map {"$kinds{$_} $_"} sort keys %kinds) . ')')
    or diag map {"$_: $bad{$_}\n"} sort keys %bad;

for my $name ('jwt.key', 'secret.key') {
    my $key = slurp($chat->stack->secret_file($name));
    chomp $key;
    my @hit = $search->places_of(decode_base64($key), $kept);
    is(scalar @hit, 0, "the server's own $name is nowhere else") or diag "@hit";
}

$chat->done;
