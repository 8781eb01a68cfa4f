#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# nginx -t: the configuration that ships is good, and every wrong value of every directive is refused with a message
# that names the directive. The directives tried are those of docs/configuration.md, all of them.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use File::Temp ();
use Test::Chatalot;
use Test::More;

my $dir   = File::Temp::tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $stack = Chatalot::Stack->new(dir => $dir, durable => 0);
my %good  = (
    chatalot_database   => '"host=/nowhere dbname=chatalot"',
    chatalot_redis      => 'unix:/nowhere/redis.sock',
    chatalot_jwt_key    => $stack->secret_file('jwt.key'),
    chatalot_secret_key => $stack->secret_file('secret.key'),
);

sub secret {
    my ($name, $text) = @_;
    my $file = "$dir/secrets/$name";
    open my $out, '>', $file or die "$file: $!";
    print {$out} $text;
    close $out;
    chmod 0444, $file;
    return $file;
}

my $short = secret('short', 'c2hvcnQ=');
my $noise = secret('noise', "not base64!\n");
my $empty = secret('empty', '');
my $huge  = secret('huge', 'A' x 5000);

# directive => values that are wrong
my %wrong = (
    chatalot_database          => [ '"host"', '"nonsense=1"', '"postgresql://host:port/"', '"host=no-such-host.invalid dbname=x"' ],
    chatalot_database_pool     => [qw(0 65 -1 many 1.5 99999999999999999999)],
    chatalot_database_queue    => [qw(0 65537 -1 many)],
    chatalot_database_timeout  => [qw(0 soon 10x -1s 1y)],
    chatalot_redis             => [
        'unix:relative', 'unix:', 'localhost:0', 'localhost:65536', 'localhost:port', '"redis://:@/x"', ':6379',
        'no-such-host.invalid:6379', 'unix:/' . 'x' x 200
    ],
    chatalot_redis_prefix      => [ '""', '"' . 'x' x 101 . '"', qq{"a\x01b"} ],
    chatalot_jwt_key           => [ "$dir/secrets/none", $short, $noise, $empty, $huge, $dir ],
    chatalot_jwt_issuer        => [ '""', '"' . 'x' x 101 . '"' ],
    chatalot_jwt_audience      => [ '""', '"' . 'x' x 101 . '"' ],
    chatalot_access_token_lifetime => [qw(0 1s 2d soon -5m)],
    chatalot_secret_key        => [ "$dir/secrets/none", $short, $noise, $empty, $huge ],
    chatalot_instance_name     => [ '""', '"' . 'x' x 101 . '"', qq{"a\x7fb"} ],
    chatalot_registration      => [qw(always OPEN "")],
    chatalot_community_creation => [qw(anyone "")],
    chatalot_thread_pool       => [ '""', '"' . 'x' x 101 . '"' ],
    chatalot_password_queue    => [qw(0 4097 some)],
    chatalot_websocket_origin  => [ '""', '"not a host"', 'https://', '"a" "*" "b c"' ],
    chatalot_websocket_auth_timeout  => [qw(0 1h soon)],
    chatalot_websocket_ping_interval => [qw(0 2h soon)],
    chatalot_websocket_max_message   => [qw(0 1023 17m big)],
    chatalot_websocket_send_queue    => [qw(0 1k lots)],
    chatalot_websocket_connections   => [qw(0 65537 few)],
    chatalot_websocket_rate    => [qw(0 100001 fast)],
    chatalot_websocket_burst   => [qw(0 100001 wide)],
);

# The result of nginx -t with that text at http level, in the server and in one more location.
sub check {
    my (%arg) = @_;
    my %setting = (%good, %{ $arg{settings} || {} });
    $stack->prepare_nginx(
        settings => join('', map {"$_ $setting{$_};\n"} grep { defined $setting{$_} } sort keys %setting) . ($arg{http} // ''),
        listen   => 'listen 127.0.0.1:' . Test::Chatalot::free_port() . ";\n" . ($arg{server} // ''),
        module   => $arg{module} ? undef : "$FindBin::Bin/../build/dynamic/ngx_http_chatalot_module.so",
    ) if !$arg{prepared};
    return $stack->test_nginx;
}

my ($ok, $output) = check();
ok($ok, 'the configuration that ships is good') or BAIL_OUT($output);

my %documented;
open my $docs, '<', "$FindBin::Bin/../docs/configuration.md" or die $!;
while (<$docs>) {
    next if !/^\| *`chatalot_/;
    my ($first) = split /\|/, substr $_, 1;
    $documented{$_} = 1 for $first =~ /(chatalot_[a-z_]+)/g;
}
is_deeply([ sort keys %documented ], [ sort keys %wrong, qw(chatalot_api chatalot_websocket) ],
    'the directives tried here are those of docs/configuration.md');

for my $directive (sort keys %wrong) {
    my @bad;
    for my $value (@{ $wrong{$directive} }) {
        my ($accepted, $said) = check(settings => { $directive => $value });
        push @bad, "$value: " . ($accepted ? 'accepted' : $said) if $accepted || $said !~ /\Q$directive\E/;
    }
    is(scalar @bad, 0, "$directive: each wrong value is refused by name") or diag join "\n", @bad;
}

for my $directive (grep { $_ ne 'chatalot_jwt_key' } sort keys %wrong) {
    my %right = (
        %good, chatalot_database_pool => 4, chatalot_database_queue => 10, chatalot_database_timeout => '5s',
        chatalot_redis_prefix => 'x:', chatalot_jwt_issuer => 'x', chatalot_jwt_audience => 'x',
        chatalot_access_token_lifetime => '10m', chatalot_instance_name => '"Our place"', chatalot_registration => 'open',
        chatalot_community_creation => 'open', chatalot_thread_pool => 'default', chatalot_password_queue => 8,
        chatalot_websocket_origin => 'chat.example.org', chatalot_websocket_auth_timeout => '2s',
        chatalot_websocket_ping_interval => '20s', chatalot_websocket_max_message => '64k',
        chatalot_websocket_send_queue => '128k', chatalot_websocket_connections => 4, chatalot_websocket_rate => 10,
        chatalot_websocket_burst => 20,
    );
    my ($accepted, $said) = check(settings => { $directive => $right{$directive} });
    ok($accepted, "$directive $right{$directive}") or diag $said;
    ($accepted, $said) = check(settings => { $directive => "$right{$directive};\n$directive $right{$directive}" });
    ok(!$accepted && $said =~ /\Q$directive\E.*duplicate/, "$directive twice is refused") or diag $said;
}

for my $directive (qw(chatalot_database chatalot_redis chatalot_jwt_key chatalot_secret_key)) {
    my ($accepted, $said) = check(settings => { $directive => undef });
    ok(!$accepted && $said =~ /\Q$directive\E/, "$directive is required") or diag $said;
}
{
    # pools are known only once everything is read, so nginx itself finds this, and names the pool
    my ($accepted, $said) = check(settings => { chatalot_thread_pool => 'no_such_pool' });
    ok(!$accepted && $said =~ /thread pool "no_such_pool"/, 'an unknown thread pool is refused') or diag $said;
}
{
    my $two = "$good{chatalot_jwt_key};\nchatalot_jwt_key $good{chatalot_secret_key}";
    my ($accepted, $said) = check(settings => { chatalot_jwt_key => $two });
    ok($accepted, 'several chatalot_jwt_key are allowed') or diag $said;
}
for my $case (
    [ 'chatalot_database in a server',  server => 'chatalot_database "host=/x";', qr/"chatalot_database" directive is not/ ],
    [ 'chatalot_api at http level',     http   => 'chatalot_api;',                qr/"chatalot_api" directive is not/ ],
    [ 'chatalot_websocket in a server', server => 'chatalot_websocket;',          qr/"chatalot_websocket" directive is not/ ],
    [ 'chatalot_api with a value',      server => 'location /x { chatalot_api on; }', qr/chatalot_api/ ],
    [ 'chatalot_api twice',             server => 'location /x { chatalot_api; chatalot_api; }', qr/chatalot_api.*duplicate/ ],
    [ 'chatalot_websocket twice',       server => 'location /x { chatalot_websocket; chatalot_websocket; }',
        qr/chatalot_websocket.*duplicate/ ],
    [ 'chatalot_websocket behind another', server => 'location /x { proxy_pass http://127.0.0.1:1; chatalot_websocket; }',
        qr/"chatalot_websocket" directive stands beside another/ ],
    [ 'chatalot_websocket before another', server => 'location /x { chatalot_websocket; proxy_pass http://127.0.0.1:1; }',
        qr/"chatalot_websocket" stands beside another directive that answers the location "\/x"/ ],
) {
    my ($name, $level, $text, $expected) = @$case;
    my ($accepted, $said) = check($level => $text);
    ok(!$accepted && $said =~ $expected, "$name is refused") or diag $said;
}

# a site that has nothing to do with us, in the same nginx, and no handler of ours: nothing is required then
$stack->prepare_nginx(settings => '', listen => 'listen 127.0.0.1:' . Test::Chatalot::free_port() . ";\n",
    module => "$FindBin::Bin/../build/dynamic/ngx_http_chatalot_module.so",
    edit => sub { $_[0] eq 'nginx.conf' ? $_[1] =~ s/include chatalot\.conf;//r : $_[1] });
($ok, $output) = $stack->test_nginx;
ok($ok, 'a configuration without our locations needs no settings of ours') or diag $output;

done_testing;
