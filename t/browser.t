#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The story of a server's first day, in real browsers (t/e2e/story.mjs), with the configuration and limits that ship.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Tap;
use Test::More;

my $chat = Test::Chatalot->new(limits => 1);
$chat->www or BAIL_OUT('make client first');
tap_of('story', [ 'node', "$FindBin::Bin/e2e/story.mjs" ], env => {
    CHATALOT_URL        => $chat->url,
    CHATALOT_SETUP_LINK => $chat->url . '/setup#' . $chat->setup_token,
});

$chat->done;
