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

# Everything the page needs before it shows a sign-in form: what index.html names and, from there on, static imports.
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

load('index.html');
load(s{^build/}{}r) for glob 'build/_app/immutable/entry/*.js build/_app/immutable/boot*.js';
load(s{^build/}{}r) for map { glob "build/_app/immutable/$_" } 'workers/*.js', 'workers/assets/*.wasm', 'assets/*.wasm';
my $total = 0;
$total += $_ for values %size;
ok($total > 20_000, 'something was counted') or diag join "\n", %size;
ok($total <= 250_000, sprintf 'a first visit loads %d KB at most 250, crypto included', $total / 1000)
    or diag map { sprintf "%8d %s\n", $size{$_}, $_ } sort { $size{$b} <=> $size{$a} } keys %size;

done_testing;
