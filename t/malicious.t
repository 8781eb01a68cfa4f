#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The lying server: the client's real core against one that forges, moves, repeats, withholds, substitutes and downgrades
# (html/test/malicious/, one test for each lie). Each lie ends in a refusal with a name that the person can see.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot::Tap;
use Test::More;

my $html = "$FindBin::Bin/../html";
-d "$html/node_modules/esbuild" or BAIL_OUT('scripts/build-client --packages first');
-e "$html/src/lib/crypto/chatalot.wasm" or BAIL_OUT('make wasm first');

# what the threat model rests on is there
open my $in, '<:encoding(UTF-8)', "$html/../docs/threat-model.md" or die $!;
my $model = do { local $/; <$in> };
my %named = map { $_ => 1 } $model =~ m{`((?:M|t|html/test)/[\w./-]+\.(?:t|test\.ts))`}g;
my @missing = grep { !-e "$html/../" . s{^M/}{html/test/malicious/}r } sort keys %named;
ok(keys %named > 8, 'the threat model names tests');
is_deeply(\@missing, [], 'all of which there are');

chdir $html or die $!;
tap_of('lie', [ 'npm', 'run', '--silent', 'test', '--', 'test/malicious' ]);

done_testing;
