#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Keys, devices and trust as people meet them, in real browsers (t/e2e/trust.mjs), with the configuration that ships.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Tap;
use Test::More;

my $chat = Test::Chatalot->new(limits => 1);
$chat->www or BAIL_OUT('make client first');
tap_of('trust', [ 'node', "$FindBin::Bin/e2e/trust.mjs" ], env => {
    CHATALOT_URL        => $chat->url,
    CHATALOT_SETUP_LINK => $chat->url . '/setup#' . $chat->setup_token,
    CHATALOT_DATABASE   => $chat->owner_url,
});

$chat->done;
