#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The fuzz targets of the encryption library, each for CHATALOT_FUZZ_SECONDS (5): no crash, no sanitizer report, and
# nothing opens that was not sealed. Findings stay in crypto/build/fuzz/.

use strict;
use warnings;

use FindBin ();
use Test::More;

my $seconds = $ENV{CHATALOT_FUZZ_SECONDS} // 5;
my $crypto = "$FindBin::Bin/../crypto";
my $built = `make -s -C '$crypto' fuzzers 2>&1`;
is($?, 0, 'they build') or BAIL_OUT($built);

my @targets = map {m{/fuzz_(\w+)\.c$}} glob "$crypto/fuzz/fuzz_*.c";
cmp_ok(scalar @targets, '>=', 8, 'there are targets');
for my $target (@targets) {
    my $kept = "$crypto/build/fuzz/$target";
    my @options = ("-max_total_time=$seconds", qw(-max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1));
    my $output = `mkdir -p '$kept' && '$crypto/build/fuzz/fuzz_$target' @options '-artifact_prefix=$kept/crash-' '$kept' 2>&1`;
    is($?, 0, "$target, $seconds seconds") or diag substr $output, -4000;
    my ($runs) = $output =~ /stat::number_of_executed_units: *(\d+)/;
    cmp_ok($runs // 0, '>', 0, 'with ' . ($runs // 'no') . ' inputs');
}

done_testing();
