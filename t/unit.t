#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The test programs in C of t/unit: each is built with sanitizers and speaks TAP.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot::Tap;
use Test::More;

my $build = "$FindBin::Bin/../build/unit";
succeeds('they compile without a warning', 'make', '-s', '-C', "$FindBin::Bin/unit") or BAIL_OUT('t/unit does not compile');
my @programs = grep { -x && -f } glob "$build/*";
ok(@programs > 0, 'there are some');
for my $program (@programs) {
    my ($name) = $program =~ m{([^/]+)$};
    tap_of($name, [$program]);
}
done_testing;
