#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An account through all that befalls it (html/test/live-account.test.ts): devices admitted by others, recovery, an admin's
# reset, a new identity, deletion; with the client's real core, at nginx with two workers, PostgreSQL and Redis.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Tap;
use Test::More;

my $html = "$FindBin::Bin/../html";
plan skip_all => 'html/node_modules is not installed' if !-d "$html/node_modules/esbuild";

my $chat = Test::Chatalot->new;
chdir $html or die "$html: $!";
tap_of('account', [ 'node', 'scripts/test.mjs', 'test/live-account.test.ts' ], env => {
    CHATALOT_URL         => $chat->url,
    CHATALOT_SETUP_TOKEN => $chat->setup_token,
    NODE_OPTIONS         => '--experimental-websocket',
});

$chat->done;
