#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a server says about itself: /api/health with each service there and away, and the form of every error.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use IO::Socket::INET ();
use Test::Chatalot;
use Test::More;

my $chat   = Test::Chatalot->new(settings => { chatalot_database_timeout => '2s' });
my $nobody = $chat->nobody;

is(scalar(my @workers = $chat->workers), 2, 'two workers');

my $health = answers($nobody->get('/api/health'), 200, 'healthy');
is($health->{status}, 'ok', 'status ok');
ok($health->{database} && $health->{redis}, 'both services are there');
like($health->{version}, qr/^\d+\.\d+\.\d+$/, 'a version');
ok($health->{uptime} >= 0, 'an uptime');
is_deeply([ sort keys %$health ], [qw(database redis status uptime version)], 'and nothing else');
is($nobody->get('/api/health')->{headers}->cache_control, 'no-store', 'answers are not stored by caches');

my $config = answers($nobody->get('/api/auth/config'), 200, 'the sign-in page\'s configuration');
is($config->{instance}{name}, 'Chatalot', 'the name of the instance');
ok($config->{setup_required}, 'nobody owns it yet');
is($config->{registration_mode}, 'invite_only', 'by invite only, as a default');
is($config->{community_creation}, 'admin_only', 'communities by admins only, as a default');

# --- errors --------------------------------------------------------------------------------------------------------

refuses($nobody->get('/api/nothing'), 404, 'not_found', 'an unknown path');
refuses($nobody->get('/api/'), 404, 'not_found', 'no path at all');
refuses($nobody->request(PATCH => '/api/health'), 405, 'method_not_allowed', 'a method that the path does not have');
like($nobody->request(PATCH => '/api/health')->{headers}->header('Allow'), qr/\bGET\b/, 'Allow names those that it has');
is($nobody->request(HEAD => '/api/health')->{status}, 200, 'HEAD goes where GET goes');
refuses($nobody->get('/api/me'), 401, 'unauthorized', 'a route for members, without a token');
my $first  = $nobody->get('/api/nothing')->{json}{error}{request_id};
my $second = $nobody->get('/api/nothing')->{json}{error}{request_id};
isnt($first, $second, 'each request has an id of its own');

# --- a service goes away -------------------------------------------------------------------------------------------

$chat->stop_redis;
await('Redis is missed', sub { my $h = $nobody->get('/api/health'); $h->{status} == 200 && !$h->{json}{redis} });
is($nobody->get('/api/health')->{json}{status}, 'degraded', 'without Redis: degraded, but 200');
is($nobody->get('/api/auth/config')->{status}, 200, 'and the database still answers');
$chat->start_redis;
await('Redis is back', sub { $chat->is_healthy }, 30);
pass('Redis is back by itself');

$chat->stop_postgres('immediate');
await('the database is missed', sub { $nobody->get('/api/health')->{status} == 503 });
my $away = $nobody->get('/api/health');
ok(!$away->{json}{database}, 'without PostgreSQL: 503, and it says why');
my $refused = $nobody->get('/api/auth/config');
refuses($refused, 503, 'unavailable', 'a call to the database');
like($refused->{headers}->header('Retry-After'), qr/^\d+$/, 'with Retry-After');
$chat->start_postgres;
await('the database is back', sub { $chat->is_healthy }, 30);
is($nobody->get('/api/auth/config')->{status}, 200, 'PostgreSQL is back by itself');

$chat->done;
