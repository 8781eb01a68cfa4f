#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The encryption library's own tests run every line of it, and take every condition both ways. None is left out.

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use Test::More;

my $dir = File::Temp::tempdir('chatalot-coverage-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $output = `make -s -C '$FindBin::Bin/../crypto' BUILD='$dir' coverage 2>&1`;
is($?, 0, 'the tests run') or diag $output;

my @files = $output =~ /^(src\/\S+): /mg;
my @sources = glob "$FindBin::Bin/../crypto/src/*.c";
is(scalar @files, scalar @sources, 'every source is measured') or diag $output;

my ($lines, $of_lines, $branches, $of_branches) =
    $output =~ /^all of src\/: (\d+) of (\d+) lines, (\d+) of (\d+) branches$/m;
cmp_ok($of_branches // 0, '>', 1000, 'they have conditions');
is($lines, $of_lines, "all $of_lines lines are run");
is($branches, $of_branches, "all $of_branches ways of the conditions are taken");
diag $_ for $output =~ /^(never: .*)$/mg;

done_testing();
