#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Hostile input over HTTP: everything that is not what a route declares is refused with a clear error, quickly, and the
# server goes on.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use IO::Select ();
use IO::Socket::INET ();
use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes uuid);
use Test::More;

my $chat  = Test::Chatalot->new;
my $owner = $chat->owner;
my $place = '/api/communities';
my %right = (id => uuid(), name => 'x');

sub body { my ($text, %how) = @_; return $owner->request(POST => $place, $text, %how) }

# --- not JSON ------------------------------------------------------------------------------------------------------

my %broken = (
    'no body'            => '',
    'white space'        => "  \n ",
    'half an object'     => '{"id":',
    'a bare word'        => 'hello',
    'two documents'      => '{}{}',
    'a trailing comma'   => '{"a":1,}',
    'a comment'          => '{/* */}',
    'single quotes'      => "{'id':1}",
    'NaN'                => '{"id":NaN}',
    'a list'             => '[]',
    'null'               => 'null',
    'a string'           => '"text"',
    'a number'           => '1',
    'bad UTF-8'          => qq({"id":"$right{id}","name":"\xff\xfe"}),
    'overlong UTF-8'     => qq({"id":"$right{id}","name":"\xc0\xaf"}),
    'a UTF-8 surrogate'  => qq({"id":"$right{id}","name":"\xed\xa0\x80"}),
    'a lone escaped surrogate' => qq({"id":"$right{id}","name":"\\ud800"}),
    'cut-off UTF-8'      => qq({"id":"$right{id}","name":"\xe2\x82"}),
    'a NUL byte'         => qq({"id":"$right{id}","name":"a\0b"}),
    'an escaped NUL'     => qq({"id":"$right{id}","name":"a\\u0000b"}),
    'a raw control character' => qq({"id":"$right{id}","name":"a\x01b"}),
    'a byte order mark'  => qq(\xef\xbb\xbf{"id":"$right{id}","name":"a"}),
    'deep lists'         => '[' x 100_000,
    'deep objects'       => '{"a":' x 100_000,
    'deep and closed'    => '{"id":' . '[' x 5000 . ']' x 5000 . '}',
    'many values'        => '{"id":[' . join(',', (1) x 200_000) . ']}',
);
for my $name (sort keys %broken) {
    my $answer = body($broken{$name});
    like($answer->{status}, qr/^4(?:00|22)$/, "$name is refused") or diag $answer->{body};
    like($answer->{code} // '', qr/^(?:invalid_json|invalid_field|invalid_value|missing_field)$/, "$name: with a code");
}

# --- not what is declared ------------------------------------------------------------------------------------------

sub field { my ($name, $code, $field, %change) = @_; refuses($owner->post($place, { %right, %change }), 422, $code, $name, $field) }

field('an unknown field', 'unknown_field', 'colour', colour => 'red');
field('a field of the database\'s own', 'unknown_field', 'role', role => 'owner');
refuses(body('{"name":"x"}'), 422, 'missing_field', 'a missing field', 'id');
refuses(body(qq({"id":"$right{id}","name":"x","name":"y"})), 422, 'invalid_field', 'a field twice', 'name');
field('null for a required one', 'invalid_field', 'name', name => undef);
field('a number for a string', 'invalid_field', 'name', name => 5);
field('an object for a string', 'invalid_field', 'name', name => {});
field('a boolean for a string', 'invalid_field', 'name', name => JSON::PP::true());
field('an empty name', 'invalid_field', 'name', name => '');
field('a name that is too long', 'invalid_field', 'name', name => 'x' x 101);
field('an id that is none', 'invalid_field', 'id', id => 'abc');
field('an id in capitals', 'invalid_field', 'id', id => uc $right{id});
field('an id with braces', 'invalid_field', 'id', id => "{$right{id}}");
field('an id with SQL behind it', 'invalid_field', 'id', id => "$right{id}'; drop table data.users; --");
is($owner->post($place, { id => uuid(), name => "'; drop table data.users; -- \" \\ \$1 %s" })->{status}, 200, 'a name is only a name');
is($owner->post($place, { id => uuid(), name => "\x{273f}" x 100 })->{status}, 200, 'length counts characters, not bytes');

my $community = $owner->must(GET => $place)->{communities}[0];
my $channel = "/api/channels/$community->{groups}[0]{channels}[0]{id}/entries";
for my $case ([ 'limit=0', 'limit' ], [ 'limit=101', 'limit' ], [ 'limit=x', 'limit' ], [ 'limit=', 'limit' ], [ 'limit=-1', 'limit' ],
    [ 'limit=1e1', 'limit' ], [ 'limit=99999999999999999999', 'limit' ], [ 'before=0', 'before' ], [ 'limit=%31%00', 'limit' ], [ 'limit=1&limit=2', 'limit' ]) {
    my ($query, $field) = @$case;
    my $answer = $owner->get("$channel?$query");
    is("$answer->{status} " . ($answer->{json}{error}{field} // '-'), "422 $field", "?$query is refused") or diag $answer->{body};
}
refuses($owner->get("$channel?colour=red"), 422, 'unknown_field', 'an unknown query parameter', 'colour');
is($owner->get("$channel?limit=5&before=7")->{status}, 200, 'right ones are accepted');
is($owner->get("$channel?limit=%35")->{status}, 200, 'also percent-encoded');

for my $path ('/api/communities/%00', '/api/communities/', '/api/communities/%ff',
    '/api/channels/' . 'x' x 4000 . '/roster', '/api/invites/' . 'A' x 65, '/api/invites/%27%20or%201=1') {
    my $answer = $owner->get($path);
    like($answer->{status}, qr/^4\d\d$/, 'path ' . substr($path, 0, 40) . ' is refused') or diag $answer->{body};
}

# --- sizes and times -----------------------------------------------------------------------------------------------

my $huge = body('{"id":"' . 'x' x 2_000_000 . '"}');
refuses($huge, 413, 'too_large', 'a body over 1 MiB');
is(body('{"id":"' . 'x' x 900_000 . '"}')->{status}, 422, 'one below it is looked at');
refuses(body('{}', headers => { 'Content-Type' => 'text/plain' }), 415, 'unsupported_media_type', 'another content type');
is(body(qq({"id":"@{[uuid()]}","name":"x"}), headers => { 'Content-Type' => 'application/json; charset=utf-8' })->{status}, 200, 'a charset is fine');

sub raw {
    my ($bytes, %how) = @_;
    my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $chat->port) or die $!;
    local $SIG{PIPE} = 'IGNORE';
    for my $piece ($how{bytewise} ? split(//, $bytes) : $bytes) { syswrite $tcp, $piece }
    shutdown $tcp, 1 if $how{half};
    close $tcp, return '' if $how{drop};
    my $in = '';
    my $select = IO::Select->new($tcp);
    while ($select->can_read(20)) { sysread $tcp, $in, 65536, length $in or last }
    return $in;
}
my $head = "POST $place HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " . $owner->token . "\r\nContent-Type: application/json\r\nConnection: close\r\n";
my $json = sub { qq({"id":"@{[uuid()]}","name":"raw"}) };
{
    my $text = $json->();
    like(raw($head . 'Content-Length: ' . length($text) . "\r\n\r\n$text", bytewise => 1), qr{^HTTP/1.1 200 }, 'a request byte by byte');
    $text = $json->();
    my $chunks = join '', map { sprintf "%x\r\n%s\r\n", length, $_ } $text =~ /(.{1,7})/gs;
    like(raw($head . "Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n"), qr{^HTTP/1.1 200 }, 'a chunked body');
    unlike(raw($head . "Content-Length: 500\r\n\r\n$text", half => 1), qr{^HTTP/1.1 200 }, 'a body that ends early');
    raw($head . "Content-Length: 500\r\n\r\n$text", drop => 1) for 1 .. 20;
    raw($head . 'Content-Length: ' . length($text) . "\r\n\r\n$text", drop => 1) for 1 .. 20;
    like(raw($head . "Content-Length: abc\r\n\r\n"), qr{^HTTP/1.1 400 }, 'a length that is none');
    my $small = Test::Chatalot::Person->new(server => $chat);
    like(raw("GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: " . 'x' x 40_000 . "\r\n\r\n"), qr{^HTTP/1.1 4\d\d }, 'huge headers');
    like(raw("GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"), qr{^HTTP/1.1 (?:200|4\d\d) }, 'GET with a body');
}
my @flood = Test::Chatalot::Person::together(map { [ $owner, GET => '/api/me' ] } 1 .. 100);
is(scalar(grep { $_->{status} == 200 } @flood), 100, 'a hundred requests at the same time are a hundred answers');
is(scalar(() = $chat->workers), 2, 'both workers are alive');
is($chat->sql("select count(*) from data.users"), 1, 'and the database is as it was');

$chat->done;
