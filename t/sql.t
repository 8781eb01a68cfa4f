#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The pgTAP files of t/sql, one a resource. Each runs in one transaction that is rolled back, so they share a database.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Tap;
use Test::More;

my $chat = Test::Chatalot->new(nginx => 0);
$chat->sql('create extension pgtap');
$ENV{PGOPTIONS} = '-c client_min_messages=warning';

for my $file (sort glob "$FindBin::Bin/sql/*.sql") {
    my ($name) = $file =~ m{([^/]+)\.sql$};
    tap_of($name, [ 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $chat->owner_url, '-f', $file ]);
}
$chat->done;
