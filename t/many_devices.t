#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Five devices of two people, 500 messages, absences, removals, a device restored by password and one by recovery code:
# the client's real core (html/test/many-devices.test.ts) against nginx with two workers, PostgreSQL and Redis.

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
tap_of('devices', [ 'node', 'scripts/test.mjs', 'test/many-devices.test.ts' ], env => {
    CHATALOT_URL         => $chat->url,
    CHATALOT_SETUP_TOKEN => $chat->setup_token,
    CHATALOT_DATABASE    => $chat->owner_url,
    NODE_OPTIONS         => '--experimental-websocket',
});

# what the server took: every message once, in epochs that never fall
is($chat->sql('select count(*) from data.entries'), 500, 'the server has every message once');
is($chat->sql(q{
    select count(*) from (
        select epoch < max(epoch) over (partition by channel_id order by seq) as falls from data.entries) e where falls}),
    0, 'and no entry of an epoch that was over');
ok($chat->sql('select count(distinct epoch) from data.entries') >= 4, 'there were several epochs');

$chat->done;
