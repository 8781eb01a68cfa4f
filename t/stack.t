#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Root starts the services in a directory that is the services' own. Whatever a service leaves there, links above all,
# root neither writes, reads, removes nor gives away anything outside; and what anybody can have logged stays small.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../scripts/lib";

use Chatalot::Stack;
use File::Temp qw(tempdir);
use Test::Chatalot;
use Test::More;

plan skip_all => 'only root has rights to lose' if $> != 0;

my $outside = tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $inside  = tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $stack   = Chatalot::Stack->new(dir => $inside, durable => 0, trust => 1);

sub contents { my ($file) = @_; open my $in, '<', $file or return "$!"; local $/; return <$in> }

# A file of root's, and in its place inside a link to it that the service made.
sub trap {
    my ($name) = @_;
    (my $victim = "$outside/$name") =~ s{/(?=[^/]*$)}{-};
    open my $out, '>', $victim or die "$victim: $!";
    print {$out} "root's";
    close $out;
    chmod 0600, $victim;
    Chatalot::Stack::as_service { unlink "$inside/$name"; symlink $victim, "$inside/$name" or die "$name: $!" };
    return $victim;
}

sub untouched {
    my ($victim, $name) = @_;
    my @stat = stat $victim;
    is(join(' ', contents($victim), @stat[ 4, 5 ]), "root's 0 0", $name);
    return;
}

is((stat "$inside/log")[4], (getpwnam Chatalot::Stack::SERVICE_USER)[2], 'the directory is the services\' own');

my $victim = trap('log/some.log');
eval { $stack->spawn('some', command => ['true'], stop => 'TERM', hasten => 'TERM') };
like($@, qr/Permission denied/, 'a log that leads outside is not opened');
untouched($victim, 'nor written or given away');
is($stack->log_tail('some'), '', 'nor shown');

$victim = trap('log/nginx-t.log');
$stack->run_logged("$inside/log/nginx-t.log", 'true');
untouched($victim, 'nor that of a command');

$victim = trap('conf/settings.conf');
eval { $stack->prepare_nginx(settings => '', listen => '') };
like($@, qr/Permission denied/, 'a configuration that leads outside is not written');
untouched($victim, 'nor given away');
unlink "$inside/conf/settings.conf";

$victim = trap('secrets/key.new');
$stack->secret_file('key');
untouched($victim, 'nor is a secret written elsewhere');

mkdir "$outside/tree", 0700 or die $!;
Chatalot::Stack::as_service { rmdir "$inside/tmp"; symlink "$outside/tree", "$inside/tmp" or die $! };
Chatalot::Stack->new(dir => $inside, durable => 0, trust => 1);
is((stat "$outside/tree")[4], 0, 'a directory that leads outside is not given away');

open my $out, '>', "$outside/tree/module.so" or die $!;
print {$out} 'module';
close $out;
chmod 0600, "$outside/tree/module.so";
$victim = trap('modules/chatalot.so');
$stack->prepare_nginx(settings => '', listen => '', module => "$outside/tree/module.so", www => "$outside/tree");
untouched($victim, 'a module that led outside is replaced');
is(Chatalot::Stack::as_service { contents("$inside/modules/chatalot.so") }, 'module', 'by one the service can read');
is(Chatalot::Stack::as_service { contents("$inside/www/module.so") }, 'module', 'and so are trees');
is($>, 0, 'we are root again');

symlink "$outside/tree", "$outside/link" or die $!;
ok(!eval { Chatalot::Stack->new(dir => "$outside/link"); 1 }, 'a link is not taken for the directory');
is((stat "$outside/tree")[4], 0, 'and where it leads stays ours');

# --- what is logged -------------------------------------------------------------------------------------------------

my $chat = Test::Chatalot->new;
my $log  = $chat->dir . '/log/postgres.log';
my $size = -s $log;
is($chat->nobody->post('/api/auth/refresh', { refresh_token => 'A' x 43, next_token => 'B' x 42 . 'A' })->{status}, 401, 'a refusal')
    for 1 .. 3;
is(-s $log, $size, 'leaves nothing in the database\'s log');
like(contents($log), qr/ready to accept connections/, 'which has what happens to the server itself');
$chat->done;
