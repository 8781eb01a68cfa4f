# SPDX-License-Identifier: GPL-3.0-or-later
#
# One throw-away Chatalot for a test file: PostgreSQL, Redis and nginx with two workers and the configuration that ships,
# in a directory of its own. When it is done it asserts that nothing crashed, that the logs hold no alert and no sanitizer
# report, and that no process is left. Knows processes; people are Test::Chatalot::Person's.
#
#     my $chat = Test::Chatalot->new;
#     ... tests ...
#     $chat->done;                      # instead of done_testing
#
# Environment: CHATALOT_TEST_LEAVE=1 keeps the directory, CHATALOT_TEST_LOG=1 prints the error log at the end,
# CHATALOT_TEST_NGINX=FILE is an nginx with the module inside (the sanitizer build) in place of Debian's with ours.

package Test::Chatalot;

use strict;
use warnings;

use Carp qw(croak);
use Cwd ();
use Digest::SHA ();
use Exporter 'import';
use Fcntl qw(:DEFAULT :flock);
use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use lib Cwd::abs_path(dirname(__FILE__) . '/../../../scripts/lib');
use Chatalot::Stack;
use Test::Chatalot::Person;
use Test::Chatalot::Socket;

our @EXPORT = qw(answers refuses await);

my $ROOT = Chatalot::Stack::root();
my %open;    # instances that are not done yet

# settings  {directive => value} at http level · http, server  further configuration text
# limits 1  the request rates that ship; otherwise they are out of the way
# allow     [qr/…/, …] lines of the error log, or alerts, that this test provokes
# nginx 0   do not start nginx · edit  sub(name, text) on each file of conf/
sub new {
    my ($class, %arg) = @_;
    my $dir = File::Temp::tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1);
    my $self = bless { dir => $dir, arg => \%arg, allow => [ @{ $arg{allow} || [] } ], people => {} }, $class;
    $self->{stack} = Chatalot::Stack->new(dir => $dir, durable => 0, trust => 1, shutdown => 15);
    $self->{pid} = $$;
    $open{$dir} = $self;
    local $SIG{INT} = local $SIG{TERM} = sub { exit 1 };
    $self->{port} = free_port();
    $self->copy_cluster;
    $self->{stack}->start_postgres;
    $self->{stack}->start_redis;
    if ($arg{nginx} // 1) {
        $self->prepare_nginx;
        $self->start_nginx;
    }
    return $self;
}

sub dir   { return $_[0]{dir} }
sub port  { return $_[0]{port} }
sub stack { return $_[0]{stack} }
sub url   { return "http://localhost:$_[0]{port}" }

sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or croak "no port: $!";
    return $socket->sockport;
}

# --- database ------------------------------------------------------------------------------------------------------

# One cluster with the schema is made for each state of sql/ and copied for each test.
sub copy_cluster {
    my ($self) = @_;
    my $template = template();
    system('cp', '-a', '--reflink=auto', $template, $self->{stack}->pg_data) == 0 or croak "cannot copy $template";
    return;
}

sub template {
    my $sum = Digest::SHA->new(256);
    my @files = sort map { glob "$ROOT/sql/$_" } 'apply', '*/*.sql', '*.sql';
    $sum->addfile($_) for @files;
    my $base = "$ROOT/build/test";
    system('mkdir', '-p', $base) == 0 or croak "$base cannot be made";
    my $template = "$base/cluster-" . substr $sum->hexdigest, 0, 16;
    sysopen my $lock, "$base/lock", O_RDWR | O_CREAT or croak "$base/lock: $!";
    flock $lock, LOCK_EX or croak "$base/lock: $!";
    return $template if -d $template;
    system 'rm', '-rf', grep { $_ ne $template } glob "$base/cluster-*";
    my $work  = File::Temp::tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $stack = Chatalot::Stack->new(dir => $work, durable => 0, trust => 1);
    $stack->init_postgres;
    $stack->start_postgres;
    $stack->create_database;
    local $ENV{DATABASE_URL} = $stack->database_url(Chatalot::Stack::DATABASE_OWNER);
    my $output = `'$ROOT/sql/apply' --worker-role @{[Chatalot::Stack::DATABASE_WORKER]} 2>&1`;
    my $good = $? == 0;
    $stack->stop_all;
    croak "sql/apply failed:\n$output" if !$good;
    system('cp', '-a', $stack->pg_data, "$template.new") == 0 && rename "$template.new", $template
        or croak "$template cannot be made";
    return $template;
}

# One statement as the owner of the schema.
sub sql { my ($self, $statement) = @_; return $self->{stack}->sql($statement) }

sub owner_url { return $_[0]{stack}->database_url(Chatalot::Stack::DATABASE_OWNER) }

# A new setup link's token, or undef when there is an owner.
sub setup_token {
    my ($self) = @_;
    local $ENV{DATABASE_URL} = $self->owner_url;
    my $link = `'$ROOT/scripts/setup-link' http://localhost 2>/dev/null`;
    return undef if $? >> 8 == 3;
    return $1 if $? == 0 && $link =~ m{/setup#([A-Za-z0-9_-]{43})$};
    croak "scripts/setup-link failed: $link";
}

# how: "fast" ends sessions and writes out; "immediate" is a crash
sub stop_postgres  { my ($self, $how) = @_; return $self->{stack}->stop('postgres', ($how // 'fast') eq 'fast' ? 'INT' : 'QUIT') }
sub start_postgres { return $_[0]{stack}->start_postgres }
sub stop_redis     { my ($self, $signal) = @_; return $self->{stack}->stop('redis', $signal // 'TERM') }
sub start_redis    { return $_[0]{stack}->start_redis }

# --- nginx ---------------------------------------------------------------------------------------------------------

sub prepare_nginx {
    my ($self) = @_;
    my ($arg, $stack) = @{$self}{qw(arg stack)};
    my $own = $ENV{CHATALOT_TEST_NGINX};
    my %setting = (
        chatalot_database   => Chatalot::Stack::quoted($stack->database_url),
        chatalot_redis      => 'unix:' . $stack->redis_socket,
        chatalot_jwt_key    => $stack->secret_file('jwt.key'),
        chatalot_secret_key => $stack->secret_file('secret.key'),
        %{ $arg->{settings} || {} },
    );
    my $edit = sub {
        my ($name, $text) = @_;
        $text =~ s/rate=\d+r\/s/rate=100000r\/s/g if !$arg->{limits};
        if ($name eq 'nginx.conf') {
            my $level = $ENV{CHATALOT_TEST_DEBUG} ? 'debug' : 'info';
            $text =~ s/^error_log .*$/error_log log\/error.log $level;/m or croak "conf/nginx.conf has no error_log";
        }
        return $arg->{edit} ? $arg->{edit}->($name, $text) : $text;
    };
    my $module = "$ROOT/build/dynamic/ngx_http_chatalot_module.so";
    $stack->prepare_nginx(
        settings => join('', map {"$_ $setting{$_};\n"} grep { defined $setting{$_} } sort keys %setting) . ($arg->{http} // ''),
        listen   => "listen 127.0.0.1:$self->{port};\n" . ($arg->{server} // ''),
        module   => $own ? undef : $module,
        www      => $self->www,
        edit     => $edit,
    );
    if ($own) {
        system('cp', $own, "$self->{dir}/tmp/nginx") == 0 or croak "$own cannot be copied";
        chmod 0755, "$self->{dir}/tmp/nginx";
        $stack->{nginx} = "$self->{dir}/tmp/nginx";
    }
    return;
}

# The built client if it is there; a test of the server alone does not need one.
sub www { return -e "$ROOT/html/build/index.html" ? "$ROOT/html/build" : undef }

sub sanitizer_env {
    my ($self) = @_;
    my $log = "log_path=$self->{dir}/log/sanitizer";
    my $symbolizer = '/usr/bin/llvm-symbolizer-14';
    return {
        ASAN_OPTIONS  => "$log:abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1:handle_abort=1",
        UBSAN_OPTIONS => "$log:print_stacktrace=1",
        LSAN_OPTIONS  => "suppressions=$self->{dir}/conf/lsan.supp:print_suppressions=0",
    };
}

sub start_nginx {
    my ($self) = @_;
    my $env = {};
    if ($ENV{CHATALOT_TEST_NGINX}) {
        system 'cp', "$ROOT/t/lib/lsan.supp", "$self->{dir}/conf/lsan.supp";
        chmod 0644, "$self->{dir}/conf/lsan.supp";
        $env = $self->sanitizer_env;
    }
    $self->{stack}->start_nginx(env => $env);
    await('the server is healthy', sub { $self->is_healthy }, 30) if $self->{arg}{healthy} // 1;
    return;
}

sub is_healthy {
    my ($self) = @_;
    return 0 if !$self->{stack}->is_connected;
    my $answer = $self->nobody->get('/api/health');
    return $answer->{status} == 200 && $answer->{json}{status} eq 'ok';
}

sub stop_nginx { my ($self, $signal) = @_; return $self->{stack}->stop('nginx', $signal) }
sub master     { return $_[0]{stack}->pid('nginx') }
sub workers    { return $_[0]{stack}->workers }

# New workers have taken over; the old ones may still be ending ("all" waits for that too).
sub reload {
    my ($self, $all) = @_;
    my %old = map { $_ => 1 } $self->workers;
    kill 'HUP', $self->master;
    await('new workers', sub { my @now = $self->workers; @now == 2 && !grep { $old{$_} } @now });
    await('old workers gone', sub { !grep { -e "/proc/$_" } keys %old }, 30) if $all;
    return;
}

# Has the workers write what they have gathered for the access log: by giving them a new one.
sub flush_logs {
    my ($self) = @_;
    my $log = $self->dir . '/log/access.log';
    my $old = "$log." . ++$self->{flushed};
    rename $log, $old or croak "$log: $!";
    kill 'USR1', $self->master;
    await('the log is reopened', sub {
        !grep { my $pid = $_; grep { (readlink // '') eq $old } glob "/proc/$pid/fd/*" } $self->workers, $self->master;
    });
    return;
}

# Kills one worker the hard way and waits for its successor.
sub kill_worker {
    my ($self, $pid) = @_;
    push @{ $self->{allow} }, qr/worker process $pid exited on signal 9/;
    kill 'KILL', $pid or croak "no worker $pid";
    await('a new worker', sub { my @now = $self->workers; @now == 2 && !grep { $_ == $pid } @now });
    return;
}

# The pid of the worker at the other end of a TCP connection of ours.
sub worker_of {
    my ($self, $socket) = @_;
    my $tcp  = ref $socket && $socket->can('tcp') ? $socket->tcp : $socket;
    my $peer = sprintf '%04X', $tcp->sockport;
    my $here = sprintf '%04X', $self->{port};
    my $inode;
    await('the connection is accepted', sub {
        open my $in, '<', '/proc/net/tcp' or croak "/proc/net/tcp: $!";
        while (my $line = <$in>) {
            my @field = split ' ', $line;
            next if @field < 10 || $field[1] !~ /:$here$/ || $field[2] !~ /:$peer$/;
            $inode = $field[9];
        }
        return $inode;
    });
    for my $pid ($self->workers) {
        for my $fd (glob "/proc/$pid/fd/*") {
            return $pid if (readlink($fd) // '') eq "socket:[$inode]";
        }
    }
    return undef;
}

sub error_log {
    my ($self) = @_;
    open my $in, '<', "$self->{dir}/log/error.log" or return '';
    local $/;
    return <$in> // '';
}

# --- people --------------------------------------------------------------------------------------------------------

sub nobody { my ($self) = @_; return Test::Chatalot::Person->new(server => $self) }

# The instance's owner, registered with a setup link at first use.
sub owner {
    my ($self) = @_;
    return $self->{people}{owner} //= do {
        my $owner = Test::Chatalot::Person->new(server => $self, name => 'owner');
        my $answer = $owner->register(setup_token => $self->setup_token);
        croak "the owner cannot register: $answer->{status} $answer->{body}" if $answer->{status} != 200;
        $owner;
    };
}

# A community of the owner's (or of "by"'s): the COMMUNITY of docs/api.md.
sub community {
    my ($self, %arg) = @_;
    my $by = $arg{by} // $self->owner;
    return $by->must(POST => '/api/communities', { id => $by->uuid, name => $arg{name} // 'A place' });
}

# A new person who joins by an invite to the community. Names must differ within a test.
sub member {
    my ($self, $name, $community, %arg) = @_;
    my $by = $arg{by} // $self->owner;
    my $invite = $by->must(POST => "/api/communities/$community->{id}/invites", {});
    my $person = Test::Chatalot::Person->new(server => $self, name => $name);
    my $answer = $person->register(invite => $invite->{code});
    croak "$name cannot register: $answer->{status} $answer->{body}" if $answer->{status} != 200;
    return $person;
}

# An authenticated socket of the person; "worker" insists on that pid.
sub socket {
    my ($self, $person, %arg) = @_;
    for my $try (1 .. 200) {
        my $socket = Test::Chatalot::Socket->new(port => $self->{port}, %{ $arg{options} || {} });
        if ($arg{worker} && ($self->worker_of($socket) // 0) != $arg{worker}) {
            push @{ my $rejected = $arg{rejected} //= [] }, $socket;    # kept open, or the same worker may take the next
            next;
        }
        croak "no websocket: status " . $socket->status if $socket->status != 101;
        $socket->authenticate($person->token) or croak "not authenticated: close code " . $socket->closed;
        return $socket;
    }
    croak "worker $arg{worker} accepts no connection";
}

# --- assertions ----------------------------------------------------------------------------------------------------

# Waits until the function is true; dies when it does not become so.
sub await {
    my ($what, $condition, $seconds) = @_;
    my $end = Time::HiRes::time() + ($seconds // 15);
    until (my $value = $condition->()) {
        croak "waited in vain: $what" if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.02);
    }
    return 1;
}

# The answer has that status; returns its JSON.
sub answers {
    my ($answer, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($answer->{status}, $status, $name) or diag $answer->{body};
    return $answer->{json};
}

# The answer is an error of that status and code (and about that field) in the one form all errors have.
sub refuses {
    my ($answer, $status, $code, $name, $field) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $error = ref $answer->{json} eq 'HASH' && $answer->{json}{error} || {};
    my $got = join ' ', $answer->{status}, $error->{code} // '-', defined $field ? $error->{field} // '-' : ();
    my $expected = join ' ', $status, $code, $field // ();
    my $shaped = ($error->{message} // '') ne '' && ($error->{request_id} // '') ne '';
    return pass($name) if $got eq $expected && $shaped;
    fail($name);
    diag "expected $expected with message and request_id\n     got $got: $answer->{body}";
    return 0;
}

# Stops everything and asserts that it was in order.
sub done {
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    subtest 'teardown' => sub {
        my @alive = map { $self->{stack}->is_alive($_) ? () : $_ } grep { $self->{stack}->pid($_) } qw(nginx redis postgres);
        is_deeply(\@alive, [], 'every service still ran');
        ok($self->{stack}->stop_all, 'every service ended when asked to');
        my @lines = $self->bad_lines;
        is(scalar @lines, 0, 'no alert in the error log') or diag join '', @lines[0 .. ($#lines > 20 ? 20 : $#lines)];
        my @reports = glob "$self->{dir}/log/sanitizer*";
        is(scalar @reports, 0, 'no sanitizer report') or diag map { head_of($_) } @reports;
        is_deeply([ $self->leftovers ], [], 'no process is left');
    };
    $self->close;
    done_testing();
    return;
}

# Lines at alert or worse, crashes and sanitizer output, except what the test announced.
sub bad_lines {
    my ($self) = @_;
    my @bad;
    for my $file ("$self->{dir}/log/error.log", "$self->{dir}/log/nginx.log") {
        open my $in, '<', $file or next;
        while (my $line = <$in>) {
            next if $line !~ /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:|exited on signal|Assertion .* failed/;
            next if grep { $line =~ $_ } @{ $self->{allow} };
            push @bad, $line;
        }
    }
    return @bad;
}

sub head_of {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    my @lines;
    while (<$in>) { push @lines, $_; last if @lines == 40 }
    return @lines;
}

# Processes that still work in our directory.
sub leftovers {
    my ($self) = @_;
    my @left;
    for my $link (glob '/proc/[0-9]*/cwd') {
        my $to = readlink $link or next;
        next if $to !~ m{^\Q$self->{dir}\E(?:/|$)};
        my ($pid) = $link =~ /(\d+)/;
        push @left, "$pid " . Chatalot::Stack::command_line($pid);
    }
    return @left;
}

sub close {
    my ($self) = @_;
    delete $open{ $self->{dir} } or return;
    eval { $self->{stack}->stop_all } or diag $@;
    diag $self->error_log if $ENV{CHATALOT_TEST_LOG};
    if ($ENV{CHATALOT_TEST_LEAVE}) { diag "kept: $self->{dir}" }
    else                           { system 'rm', '-rf', $self->{dir} }
    return;
}

END {
    my $status = $?;
    for my $self (values %open) { $self->close if $self->{pid} == $$ }
    $? = $status;
}

1;
