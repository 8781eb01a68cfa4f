#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The web client's core (html/src/lib/core and below), as the browser runs it but in Node, against a real server: people
# talk while nginx is reloaded and its workers are killed.

use strict;
use warnings;

use FindBin;
use POSIX ':sys_wait_h';
use Test::More;

use lib "$FindBin::Bin/lib";
use Test::Chatalot;

my $html = "$FindBin::Bin/../html";
plan skip_all => 'html/node_modules is not installed' if !-d "$html/node_modules/esbuild";

my $chat = Test::Chatalot->new;
my $log  = $chat->dir . '/web_core.tap';
my $pid  = fork // die "fork: $!";
if ($pid == 0) {
    $ENV{CHATALOT_URL}         = $chat->url;
    $ENV{CHATALOT_SETUP_TOKEN} = $chat->setup_token;
    $ENV{NODE_OPTIONS}         = '--experimental-websocket';
    open STDOUT, '>', $log or die "$log: $!";
    open STDERR, '>&', \*STDOUT;
    chdir $html or die "$html: $!";
    exec 'node', 'scripts/test.mjs', 'test/live.test.ts' or die "node: $!";
}

my $status;
my $ended = sub { my $gone = waitpid $pid, WNOHANG; $status = $? if $gone == $pid; return $gone != 0 };

# The stream of messages is long enough for a reload and two killed workers in its middle.
await('the conversation begins', sub { $ended->() || $chat->sql('select count(*) from data.entries') > 12 }, 120);
$chat->reload if !defined $status;
my $before = $chat->sql('select count(*) from data.entries');
await('it goes on', sub { $ended->() || $chat->sql('select count(*) from data.entries') > $before + 8 }, 60);
$chat->kill_worker(($chat->workers)[0]) if !defined $status;
$before = $chat->sql('select count(*) from data.entries');
await('and on', sub { $ended->() || $chat->sql('select count(*) from data.entries') > $before + 8 }, 60);
$chat->kill_worker(($chat->workers)[1]) if !defined $status;
await('it ends', $ended, 300);

open my $in, '<', $log or die "$log: $!";
my @lines = <$in>;
is($status, 0, 'the core does what it should') or diag(@lines);
like(join('', @lines), qr/^# pass 7$/m, 'and all of it was tried') or diag(@lines);

$chat->done;
