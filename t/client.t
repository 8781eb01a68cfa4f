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
# the worker with the crypto library, the style sheet and the font of what it says. What somebody who is signed in loads
# has a limit of its own: the shell of the conversations instead of the pages for those who are not.
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
sub load_all { load(s{^build/}{}r) for map { glob "build/_app/immutable/$_" } @_; return }
sub load_start {
    %size = ();
    load('index.html');
    load_all('entry/*.js', 'boot*.js', 'nodes/{0,1}.*.js', 'workers/*.js', 'workers/assets/*.wasm', 'assets/*.wasm',
        'assets/start.*.css', 'assets/*-latin-wght-*.woff2');
    return;
}
# Nodes as SvelteKit numbers them: 2 and 4 to 8 are the shell and its places, 3 and from 12 on what is before it.
load_start();
load_all('nodes/3.*.js', 'nodes/1[2-9].*.js');
ok(total() > 150_000, 'what was counted is all of it') or diag join "\n", %size;
sized(250_000, 'a first visit loads, crypto and font included,');
load_start();
load_all('nodes/{2,4,6,7,8,9}.*.js', 'assets/shell.*.css');
# Over the 250 KB that are the aim: it shall not become more.
sized(258_000, 'a conversation');

done_testing;
