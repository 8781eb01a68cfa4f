#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How much of the encryption library its own tests run: at least 95 % of its lines.

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use Test::More;

my $dir = File::Temp::tempdir('chatalot-coverage-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $output = `make -s -C '$FindBin::Bin/../crypto' BUILD='$dir' coverage 2>&1`;
is($?, 0, 'the tests run') or diag $output;
my ($lines, $branches) = $output =~ /^all of src\/: ([\d.]+) % of \d+ lines, ([\d.]+) % of \d+ branches$/m;
cmp_ok($lines // 0, '>=', 95, 'they run ' . ($lines // 'no') . ' % of the lines') or diag $output;
note "and take $branches % of the branches" if defined $branches;
for my $file ($output =~ /^(src\/\S+ .*)$/mg) {
    my ($part) = $file =~ / ([\d.]+) %/;
    cmp_ok($part, '>=', 90, $file);
}

done_testing();
