#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The web client by itself: types, linter and formatter, its unit tests, and what a first visit has to load.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot::Tap;
use Test::More;

my $root = "$FindBin::Bin/..";
-e "$root/html/build/index.html" or BAIL_OUT('make client first');
chdir "$root/html" or die $!;

succeeds('types, linter and formatter have nothing to say', 'npm', 'run', '--silent', 'check');
tap_of('unit', [ 'npm', 'run', '--silent', 'test' ]);

# --- what a first visit loads --------------------------------------------------------------------------------------

# Everything the page needs before it shows a sign-in form: what index.html names and, from there on, static imports;
# the worker with the crypto library, the style sheet and the font of what it says. The shell of the conversations is
# fetched while one signs in, and has a limit of its own.
my %size;
sub load {
    my ($file) = @_;
    return if $size{$file} || !-e "build/$file";
    open my $in, '<:raw', "build/$file" or die "$file: $!";
    my $text = do { local $/; <$in> };
    $size{$file} = -e "build/$file.gz" ? -s _ : length $text;
    my ($dir) = $file =~ m{^(.*/)?};
    load(resolve($dir // '', $_)) for $text =~ m{(?:\bfrom|\bimport)\s*["'](\.[^"']+)["']}g;
    load(resolve($dir // '', $_)) for $file eq 'index.html' ? $text =~ m{(?:src|href)="([^"]+)"}g : ();
    return;
}

sub resolve {
    my ($dir, $path) = @_;
    my @parts = $path =~ m{^/} ? () : split m{/}, $dir;
    for my $part (split m{/}, $path) {
        if    ($part eq '..') { pop @parts }
        elsif ($part ne '.' && $part ne '') { push @parts, $part }
    }
    return join '/', @parts;
}

sub total { my $sum = 0; $sum += $_ for values %size; return $sum }

sub sized {
    my ($most, $what) = @_;
    ok(total() <= $most, sprintf '%s %d KB at most %d', $what, total() / 1000, $most / 1000)
        or diag map { sprintf "%8d %s\n", $size{$_}, $_ } sort { $size{$b} <=> $size{$a} } keys %size;
}

my ($shell) = map {s{^build/}{}r} glob 'build/_app/immutable/assets/shell.*.css';
ok(defined $shell, 'the shell is a part of its own');
load('index.html');
load(s{^build/}{}r) for glob 'build/_app/immutable/entry/*.js build/_app/immutable/boot*.js';
load(s{^build/}{}r) for glob 'build/_app/immutable/nodes/{0,1}.*.js';
load(s{^build/}{}r)
    for map { glob "build/_app/immutable/$_" } 'workers/*.js', 'workers/assets/*.wasm', 'assets/*.wasm', 'assets/start.*.css',
    'assets/*-latin-wght-*.woff2';
ok(total() > 150_000, 'what was counted is all of it') or diag join "\n", %size;
sized(250_000, 'a first visit loads, crypto and font included,');
load(s{^build/}{}r) for glob 'build/_app/immutable/nodes/{2,4,5,6,7,8}.*.js build/_app/immutable/assets/shell.*.css';
sized(310_000, 'up to a conversation it is');

done_testing;
