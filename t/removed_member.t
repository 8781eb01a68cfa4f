#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Somebody who is removed while the others are away reads nothing that is written afterwards, with her device and a copy of
# all that the server has (html/test/removed-member.test.ts), at nginx with two workers, PostgreSQL and Redis.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Tap;
use Test::More;

my $html = "$FindBin::Bin/../html";
plan skip_all => 'html/node_modules is not installed' if !-d "$html/node_modules/esbuild";

# people who write faster than people do
my $chat = Test::Chatalot->new(settings => { chatalot_websocket_rate => 200, chatalot_websocket_burst => 400 });
chdir $html or die "$html: $!";
tap_of('removed', [ 'node', 'scripts/test.mjs', 'test/removed-member.test.ts' ], env => {
    CHATALOT_URL         => $chat->url,
    CHATALOT_SETUP_TOKEN => $chat->setup_token,
    CHATALOT_DATABASE    => $chat->owner_url,
    NODE_OPTIONS         => '--experimental-websocket',
});

$chat->done;
