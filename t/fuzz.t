#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The fuzz targets, each for CHATALOT_FUZZ_SECONDS (60): no crash, no sanitizer report, no difference between an input
# parsed whole and in parts.

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use Test::More;

my $seconds = $ENV{CHATALOT_FUZZ_SECONDS} // 60;
my $dir = File::Temp::tempdir('chatalot-fuzz-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $output = `make -s -C '$FindBin::Bin/fuzz' BUILD='$dir' run SECONDS=$seconds 2>&1`;
is($?, 0, "the frame parser, $seconds seconds") or diag $output;
my ($runs) = $output =~ /stat::number_of_executed_units: *(\d+)/;
cmp_ok($runs // 0, '>', 1000 * $seconds, 'with ' . ($runs // 'no') . ' inputs');

done_testing();
