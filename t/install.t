#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make install, and that README.md's instructions for an existing nginx lead to a running server: its configuration is
# used here as it stands there, with only the paths moved.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Tap;
use Test::More;

my $root = "$FindBin::Bin/..";
-e "$root/html/build/index.html" or BAIL_OUT('make client first');
my $chat = Test::Chatalot->new(nginx => 0);
my $to   = $chat->dir . '/installed';
succeeds('make install', 'env', "DESTDIR=$to", "$root/scripts/install-files");
succeeds('and again', 'env', "DESTDIR=$to", "$root/scripts/install-files");

my $readme = do { open my $in, '<', "$root/README.md" or die $!; local $/; <$in> };
my ($conf) = $readme =~ /```nginx\n(load_module.*?)```/s or BAIL_OUT('README.md shows no configuration');
my $stack = $chat->stack;
my ($port, $run) = ($chat->port, $stack->{run});
$conf =~ s{modules/ngx_http_chatalot}{$to/usr/lib/nginx/modules/ngx_http_chatalot};
$conf =~ s{"postgresql://chatalot_worker:PASSWORD\@127\.0\.0\.1/chatalot"}{"@{[$stack->database_url]}"} or fail('the database of the README');
$conf =~ s{127\.0\.0\.1:6379}{unix:@{[$stack->redis_socket]}} or fail('the Redis of the README');
$conf =~ s{listen 443 ssl;}{listen 127.0.0.1:$port;} or fail('the listen of the README');
$conf =~ s{^ +ssl_certificate.*\n}{}mg == 2 or fail('the certificate of the README');
$conf =~ s{/usr/share/chatalot/www}{$to/usr/share/chatalot/www} or fail('the root of the README');
# what every nginx has beside it
my $tmp = join '', map {"    ${_}_temp_path $stack->{dir}/tmp/$_;\n"} qw(client_body proxy fastcgi uwsgi scgi);
$conf =~ s/http \{\n/events {}\nhttp {\n    access_log off;\n$tmp/;
$conf = "pid $run/nginx.pid;\nerror_log $stack->{dir}/log/error.log notice;\nworker_processes 2;\n$conf";
system('cp', '-R', "$to/etc/nginx/.", "$stack->{dir}/conf") == 0 or die;
Chatalot::Stack::append("$stack->{dir}/conf/nginx.conf", 'w', $conf);
for my $name (qw(jwt secret)) {
    system 'cp', '-p', $stack->secret_file("$name.key"), "$stack->{dir}/conf/chatalot-$name.key";
}
system('chown', '-R', "$stack->{uid}:$stack->{gid}", "$stack->{dir}/conf", $to) if defined $stack->{user};

my ($good, $output) = $stack->test_nginx;
ok($good, 'nginx accepts the configuration of README.md') or diag $conf, $output;
SKIP: {
    skip 'it does not', 6 if !$good;
    $chat->start_nginx;
    is($chat->nobody->get('/api/health')->{status}, 200, 'it is healthy');
    like($chat->nobody->get('/setup')->{body}, qr/<!doctype html>/i, 'it serves the client');
    my $link = do {
        local $ENV{DATABASE_URL} = $chat->owner_url;
        `$to/usr/share/chatalot/bin/setup-link https://chat.example.org/`;
    };
    like($link, qr{^https://chat\.example\.org/setup#[\w-]{43}\n$}, 'setup-link prints a link');
    my ($token) = $link =~ /#(.*)\n/;
    my $owner = Test::Chatalot::Person->new(server => $chat, name => 'owner');
    is($owner->register(setup_token => $token)->{status}, 200, 'which makes an owner');
    my $socket = $chat->socket($owner);
    is($socket->request({ type => 'ping' })->{type}, 'ok', 'and whose socket works');
    $socket->close;
    local $ENV{DATABASE_URL} = $chat->owner_url;
    system "$to/usr/share/chatalot/bin/setup-link https://chat.example.org >/dev/null 2>&1";
    is($? >> 8, 3, 'after that there is no further link');
}

$chat->done;
