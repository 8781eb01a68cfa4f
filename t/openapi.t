#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The OpenAPI document against docs/api.md and against what the routes really do.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use B ();
use Test::Chatalot;
use Test::Chatalot::Keys qw(uuid);
use Test::More;

my $chat   = Test::Chatalot->new;
my $nobody = $chat->nobody;
my $owner  = $chat->owner;
my $api    = answers($nobody->get('/api/openapi.json'), 200, 'the document');
like($api->{openapi}, qr/^3\.1\./, 'is OpenAPI 3.1');

my %operation;
for my $path (sort keys %{ $api->{paths} }) {
    for my $method (sort keys %{ $api->{paths}{$path} }) {
        next if $method !~ /^(?:get|post|put|patch|delete)$/;
        $operation{ uc($method) . " $path" } = $api->{paths}{$path}{$method};
    }
}

my %documented;
open my $docs, '<', "$FindBin::Bin/../docs/api.md" or die $!;
while (<$docs>) {
    $documented{"$1 $2"} = $3 if /^\| (GET|POST|PUT|PATCH|DELETE) (\/api\/[^ ?|]+)[^|]*\| *([-ERU])/;
}
is_deeply([ sort keys %operation ], [ sort keys %documented ], 'its routes are those of docs/api.md');

for my $name (sort keys %operation) {
    my ($method, $path) = split ' ', $name;
    my $operation = $operation{$name};
    my @in_path = $path =~ /\{(\w+)\}/g;
    my @declared = map { $_->{name} } grep { $_->{in} eq 'path' } @{ $operation->{parameters} || [] };
    is_deeply([ sort @declared ], [ sort @in_path ], "$name declares the parameters of its path");
    ok(length($operation->{summary} // '') > 5, "$name says what it does");

    # who may use it: as documented, as declared, and as it is
    my $open = $documented{$name} eq '-';
    my $declared = exists $operation->{security} ? !@{ $operation->{security} } : !@{ $api->{security} || [] };
    is($declared ? 1 : 0, $open ? 1 : 0, "$name declares who may use it");
    (my $real = $path) =~ s/\{(\w+)\}/$1 eq 'code' ? '000000000000' : uuid()/ge;
    my $answer = $nobody->request($method, $real, $method =~ /^P/ ? {} : undef);
    is($answer->{status} == 401 ? 0 : 1, $open ? 1 : 0, "$name asks for a token or not, as declared") or diag $answer->{body};

    # an unknown member is refused by every route that takes a body
    next if $method ne 'POST' || $documented{$name} =~ /[ER]/;
    my $odd = $owner->request($method, $real, { surprise => 1 });
    is($odd->{status}, 422, "$name refuses what it does not declare") or diag $odd->{body};
}

# a reply has the members that its schema names
sub resolve {
    my ($schema) = @_;
    while (ref $schema eq 'HASH' && $schema->{'$ref'}) {
        my $at = $api;
        $at = $at->{$_} for grep { $_ ne '#' } split m{/}, $schema->{'$ref'};
        $schema = $at;
    }
    return $schema;
}

sub matches {
    my ($value, $schema, $at) = @_;
    $schema = resolve($schema);
    return () if ref $schema ne 'HASH';
    for my $choice (qw(anyOf oneOf)) {
        next if !$schema->{$choice};
        my @tries = map { [ matches($value, $_, $at) ] } @{ $schema->{$choice} };
        return grep(!@$_, @tries) ? () : @{ $tries[0] };
    }
    my @type = map { ref ? @$_ : $_ } grep {defined} $schema->{type};
    return () if !defined $value && (grep { $_ eq 'null' } @type);
    my @bad;
    if (ref $value eq 'HASH' && $schema->{properties}) {
        push @bad, "$at.$_ is not declared" for grep { !$schema->{properties}{$_} } sort keys %$value;
        push @bad, "$at.$_ is missing" for grep { !exists $value->{$_} } @{ $schema->{required} || [] };
        push @bad, map { matches($value->{$_}, $schema->{properties}{$_}, "$at.$_") } grep { $schema->{properties}{$_} } sort keys %$value;
    }
    elsif (ref $value eq 'ARRAY' && $schema->{items}) {
        push @bad, map { matches($value->[$_], $schema->{items}, "$at\[$_]") } 0 .. $#$value;
    }
    elsif (@type) {
        my $is = kind_of($value);
        push @bad, "$at is $is, not @type" if !grep { $_ eq $is || $_ eq 'number' && $is eq 'integer' } @type;
    }
    return @bad;
}

sub kind_of {
    my ($value) = @_;
    return 'null' if !defined $value;
    return 'boolean' if JSON::PP::is_bool($value);
    return ref $value eq 'HASH' ? 'object' : 'array' if ref $value;
    return B::svref_2object(\$value)->FLAGS & B::SVp_POK() ? 'string' : $value =~ /^-?\d+$/ ? 'integer' : 'number';
}

my $home = $chat->community;
my $anna = $chat->member('anna', $home);
my $id   = $home->{id};
my $channel = $home->{groups}[0]{channels}[0]{id};
my $code = $owner->must(POST => "/api/communities/$id/invites", {})->{code};
my $dm   = uuid();
$chat->sql("insert into data.reports (id, channel_id, community_id, entry_id, seq, sender, sender_device, reporter, payload, sent_at) "
    . "values (gen_random_uuid(), '$channel', '$id', gen_random_uuid(), 1, '@{[ $anna->id ]}', '@{[ $anna->device ]}', '@{[ $owner->id ]}', 'x', now())");
my @claim = (id => uuid(), claim => 'A' x 43);
my $approval = $nobody->must(POST => '/api/approvals', { @claim, commitment => 'A' x 43, name => 'New' })->{code};
for my $case (
    [ 'POST /api/approvals', undef, { @claim, commitment => 'A' x 43, name => 'New' } ], [ 'POST /api/approvals/poll', undef, {@claim} ],
    [ 'GET /api/approvals/{code}', "/api/approvals/$approval" ],
    [ 'POST /api/approvals/{code}/answer', "/api/approvals/$approval/answer", { key => 'A' x 43 } ],
    [ 'POST /api/approvals/reveal', undef, { @claim, key => 'A' x 43, nonce => 'A' x 22 } ],
    [ 'GET /api/approvals/{code}', "/api/approvals/$approval" ], [ 'POST /api/approvals/poll', undef, {@claim} ],
    [ 'POST /api/approvals/{code}/approve', "/api/approvals/$approval/approve", { sealed => 'AAAA' } ],
    [ 'POST /api/approvals/poll', undef, {@claim} ], [ 'DELETE /api/approvals/{code}', "/api/approvals/$approval" ],
    [ 'POST /api/approvals/cancel', undef, {@claim} ],
    [ 'PATCH /api/devices/{device}', '/api/devices/' . $owner->device, { name => 'Desk' } ],
    [ 'PATCH /api/channels/{channel}', "/api/channels/$channel", { history => 'all' } ], [ 'GET /api/reports' ],
    [ 'GET /api/health' ], [ 'GET /api/auth/config' ], [ 'POST /api/auth/prelogin', undef, { username => 'anna' } ],
    [ 'GET /api/me' ], [ 'GET /api/devices' ], [ 'GET /api/users/{user}/devices', '/api/users/' . $anna->id . '/devices' ],
    [ 'GET /api/prekeys' ], [ 'POST /api/prekeys', undef, { one_time_prekeys => $owner->keys->one_time_prekeys(50, 1) } ],
    [ 'POST /api/prekeys/claim', undef, { devices => [ $anna->device ] } ], [ 'GET /api/inbox' ], [ 'GET /api/communities' ],
    [ 'GET /api/communities/{community}', "/api/communities/$id" ],
    [ 'GET /api/communities/{community}/members', "/api/communities/$id/members" ],
    [ 'POST /api/communities/{community}/invites', "/api/communities/$id/invites", {} ],
    [ 'GET /api/invites/{code}', "/api/invites/$code" ], [ 'POST /api/dms', undef, { id => $dm, user => $anna->id } ],
    [ 'GET /api/dms' ], [ 'GET /api/channels/{channel}/roster', "/api/channels/$channel/roster" ],
    [ 'GET /api/channels/{channel}/entries', "/api/channels/$channel/entries" ], [ 'GET /api/backup' ],
    [ 'POST /api/backup', undef, { items => [ { id => uuid(), data => 'AAAA' } ] } ],
) {
    my ($name, $real, $body) = @$case;
    my ($method, $path) = split ' ', $name;
    my $answer = $owner->request($method, $real // $path, $body);
    my $schema = $operation{$name}{responses}{200}{content}{'application/json'}{schema};
    my @bad = $answer->{status} == 200 && $schema ? matches($answer->{json}, $schema, 'reply') : ("status $answer->{status} or no schema: $answer->{body}");
    is(scalar @bad, 0, "$name answers as its schema says") or diag join "\n", @bad;
}

$chat->done;
