# SPDX-License-Identifier: GPL-3.0-or-later
#
# A private PostgreSQL, Redis and nginx in one directory: how each is configured, started, awaited and stopped.
# Used by scripts/run (durable, for people) and t/lib/Test/Chatalot.pm (throw-away). Knows nothing of either, nor of
# what is stored in the database. Everything runs as one unprivileged user, and as that user all files in the directory
# are made, read and removed: it is the services' own, and a link that one of them left there must not lead root astray.

package Chatalot::Stack;

use strict;
use warnings;

use Cwd ();
use Errno ();
use Fcntl qw(:DEFAULT :flock);
use File::Basename qw(basename dirname);
use IO::Socket::UNIX ();
use POSIX qw(:sys_wait_h);
use Time::HiRes ();

use constant {
    SERVICE_USER    => 'chatalot',
    DATABASE        => 'chatalot',
    DATABASE_OWNER  => 'chatalot',
    DATABASE_WORKER => 'chatalot_worker',
    # sun_path holds 107 bytes; ".s.PGSQL.5432" and a slash must fit behind the directory
    SOCKET_DIR_MAX => 90,
    WORKERS        => 2,    # conf/nginx.conf
    BROTLI_MODULE  => '/usr/lib/nginx/modules/ngx_http_brotli_static_module.so',
};

my $ROOT = Cwd::abs_path(dirname(__FILE__) . '/../../..');

sub root { return $ROOT }

# The user that runs the services: undef means "as we are". Made on first use when started as root, because
# PostgreSQL refuses root and nothing here needs it.
sub service_user {
    return undef if $> != 0;
    make_service_user() if !defined getpwnam(SERVICE_USER);
    return SERVICE_USER;
}

# One at a time: useradd looks whether the name exists before it takes its lock, and of two at once the second one would
# give the user another id.
sub make_service_user {
    open my $lock, '<', '/etc/passwd' or die "/etc/passwd: $!\n";
    flock $lock, LOCK_EX or die "/etc/passwd: $!\n";
    return if defined getpwnam(SERVICE_USER);
    system('useradd', '--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent',
        '--shell', '/usr/sbin/nologin', SERVICE_USER) == 0
        or die "could not create the system user " . SERVICE_USER . "\n";
    return;
}

# Runs the code with the service user's rights on files, when we are root. What it returns or dies of is handed on.
sub as_service(&) {
    my ($code) = @_;
    my $user = service_user();
    return $code->() if !defined $user;
    my ($uid, $gid) = (getpwnam $user)[2, 3];
    my $groups = $);
    my @result;
    my $good = eval {
        $) = "$gid $gid";
        $> = $uid;
        die "cannot act as the user $user\n" if $> != $uid || (split ' ', $))[0] != $gid;
        @result = $code->();
        1;
    };
    my $error = $@;
    $> = 0;
    $) = $groups;
    die $error if !$good;
    return wantarray ? @result : $result[0];
}

# dir       where everything lives; made if missing
# durable   false: no fsync, for tests only
# trust     true: anyone who reaches the socket's directory may be any database user, for tests only
# shutdown  seconds a service may take to stop before it is killed
sub new {
    my ($class, %arg) = @_;
    my $self = bless {
        dir      => $arg{dir},
        durable  => $arg{durable} // 1,
        trust    => $arg{trust} // 0,
        shutdown => $arg{shutdown} // 10,
        user     => service_user(),
        children => {},
    }, $class;
    $self->{uid} = defined $self->{user} ? (getpwnam $self->{user})[2] : $>;
    $self->{gid} = defined $self->{user} ? (getpwnam $self->{user})[3] : (split " ", $))[0];
    $self->take_dir;
    make_dir("$self->{dir}/$_") for qw(conf log modules run secrets tmp);
    $self->{run} = $self->socket_dir;
    return $self;
}

# The directory itself stands among root's: it is given to the service user once. A link there is nobody's doing but the
# caller's, who has to name the place it leads to.
sub take_dir {
    my ($self) = @_;
    my $dir = $self->{dir};
    mkdir $dir, 0700 or $!{EEXIST} or die "$dir: cannot be made: $!\n";
    my @stat = lstat $dir;
    die "$dir: is not a directory\n" if !@stat || !-d _;
    return if !defined $self->{user} || $stat[4] == $self->{uid};
    die "$dir: belongs to another user\n" if $stat[4] != 0;
    chown $self->{uid}, $self->{gid}, $dir or die "$dir: $!\n";
    return;
}

sub make_dir {
    my ($dir) = @_;
    as_service { mkdir $dir, 0700 or $!{EEXIST} or die "$dir: cannot be made: $!\n" };
    return $dir;
}

# Sockets go to run/, unless the path would be too long for one: then to a private directory in /tmp that run/tmp names.
sub socket_dir {
    my ($self) = @_;
    my $dir = "$self->{dir}/run";
    return $dir if length $dir <= SOCKET_DIR_MAX;
    my $link = "$dir/short";
    require File::Temp;
    return as_service {
        my $short = readlink $link;
        my @stat = defined $short ? lstat $short : ();
        return $short if @stat && -d _ && $stat[4] == $self->{uid} && ($stat[2] & 0777) == 0700;
        unlink $link;
        $short = File::Temp::tempdir('/tmp/chatalot-XXXXXXXX');
        symlink $short, $link or die "$link: $!\n";
        return $short;
    };
}

# --- processes -----------------------------------------------------------------------------------------------------

# The command as the service user. A service also gets a signal when we die, whatever the reason.
sub as_user {
    my ($self, %arg) = @_;
    my @setpriv = ('setpriv');
    push @setpriv, "--reuid=$self->{uid}", "--regid=$self->{gid}", '--clear-groups' if defined $self->{user};
    push @setpriv, '--ambient-caps=+net_bind_service', '--inh-caps=+net_bind_service'
        if defined $self->{user} && $arg{low_port};
    push @setpriv, "--pdeathsig=$arg{death}" if $arg{death};
    return (@setpriv == 1 ? () : (@setpriv, '--'), @{ $arg{command} });
}

# Starts a service in its own process group (a Ctrl-C at the terminal must reach only us, who stop them in order).
sub spawn {
    my ($self, $name, %arg) = @_;
    my $log = "$self->{dir}/log/$name.log";
    my $out = as_service { sysopen my $file, $log, O_WRONLY | O_CREAT | O_APPEND, 0600 or die "$log: $!\n"; $file };
    my $supervisor = $$;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP QUIT PIPE CHLD);
        chdir $self->{dir};
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $out;
        open STDERR, '>&', $out;
        $ENV{$_} = $arg{env}{$_} for keys %{ $arg{env} || {} };
        POSIX::_exit(1) if getppid() != $supervisor;
        { no warnings 'exec'; exec $self->as_user(%arg) }
        print STDERR "cannot run $arg{command}[0]: $!\n";
        POSIX::_exit(127);
    }
    $self->{children}{$name} = { pid => $pid, stop => $arg{stop}, hasten => $arg{hasten} };
    return $pid;
}

sub pid { my ($self, $name) = @_; return $self->{children}{$name} ? $self->{children}{$name}{pid} : undef }

# Takes note of a child that has ended. Returns its name, or undef for a stranger.
sub reaped {
    my ($self, $pid) = @_;
    for my $name (keys %{ $self->{children} }) {
        next if $self->{children}{$name}{pid} != $pid;
        $self->forget($name);
        return $name;
    }
    return undef;
}

sub is_alive {
    my ($self, $name) = @_;
    my $child = $self->{children}{$name} or return 0;
    return 1 if waitpid($child->{pid}, WNOHANG) == 0;
    $self->forget($name);
    return 0;
}

# A service whose main process has ended has nothing more to do; what it left in its process group ends too (nginx's
# workers outlive a master that was killed).
sub forget {
    my ($self, $name) = @_;
    my $child = delete $self->{children}{$name};
    kill 'KILL', -$child->{pid};
    return;
}

# Waits for a condition of another process; there is no event to wait on, so it looks often, but never for ever.
sub await {
    my ($self, $what, $seconds, $condition, $name) = @_;
    my $end = Time::HiRes::time() + $seconds;
    while (1) {
        return 1 if $condition->();
        if (defined $name && !$self->is_alive($name)) {
            die "$what failed: $name has ended\n" . $self->log_tail($name);
        }
        die "$what took longer than $seconds s\n" . (defined $name ? $self->log_tail($name) : '')
            if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.01);
    }
}

# Stops one service: politely, then firmly, then for certain. True if it went politely.
sub stop {
    my ($self, $name, $signal) = @_;
    my $child = $self->{children}{$name} or return 1;
    my @steps = ([ $signal // $child->{stop}, $self->{shutdown} ], [ $child->{hasten}, 5 ], [ 'KILL', 5 ]);
    for my $i (0 .. $#steps) {
        my ($with, $seconds) = @{ $steps[$i] };
        kill $with, $child->{pid};
        my $gone = eval { $self->await("stopping $name", $seconds, sub { !$self->is_alive($name) }) };
        return $i == 0 if $gone;
    }
    die "$name (pid $child->{pid}) does not end\n";
}

sub stop_all {
    my ($self) = @_;
    my $polite = 1;
    for my $name (qw(nginx redis postgres)) { $polite &= $self->stop($name) ? 1 : 0 }
    my $link = "$self->{dir}/run/short";
    as_service { rmdir $self->{run} and unlink $link } if $self->{run} ne "$self->{dir}/run";
    return $polite;
}

sub log_tail {
    my ($self, $name, $lines) = @_;
    my @all = as_service { open my $in, '<', "$self->{dir}/log/$name.log" or return; <$in> };
    $lines //= 15;
    splice @all, 0, @all - $lines if @all > $lines;
    return join '', map {"    $_"} @all;
}

# --- PostgreSQL ----------------------------------------------------------------------------------------------------

sub pg_bin {
    my ($name) = @_;
    for my $dir ($ENV{CHATALOT_PG_BIN} // (), '/usr/lib/postgresql/15/bin') {
        return "$dir/$name" if -x "$dir/$name";
    }
    die "PostgreSQL 15 is not installed ($name is missing)\n";
}

sub pg_data { return $_[0]{dir} . '/postgres' }

sub database_url {
    my ($self, $role) = @_;
    return sprintf 'host=%s dbname=%s user=%s', $self->{run}, DATABASE, $role // DATABASE_WORKER;
}

sub has_cluster { return -e pg_data($_[0]) . '/PG_VERSION' }

# A half-made cluster (an interrupted first start) is made in another directory and renamed when it is whole.
sub init_postgres {
    my ($self) = @_;
    my $new = "$self->{dir}/postgres.new";
    $self->remove($new);
    make_dir($new);
    my @command = (
        pg_bin('initdb'), '--pgdata', $new, '--username', DATABASE_OWNER, '--encoding', 'UTF8', '--locale', 'C.UTF-8',
        '--auth-local', ($self->{trust} ? 'trust' : 'peer'), '--auth-host', 'reject',
        $self->{durable} ? '--data-checksums' : '--no-sync'
    );
    my $log = "$self->{dir}/log/initdb.log";
    $self->run_logged($log, @command) or die "initdb failed\n" . $self->log_tail('initdb');
    if (!$self->{trust}) {
        append("$new/pg_hba.conf", 'w', "local all all peer map=chatalot\n");
        my @names = ((getpwuid $self->{uid})[0], defined $self->{user} ? 'root' : ());
        append("$new/pg_ident.conf", 'w',
            join '', map { my $os = $_; map {"chatalot \"$os\" $_\n"} DATABASE_OWNER, DATABASE_WORKER } @names);
    }
    as_service { rename $new, $self->pg_data or die "$new: cannot be renamed: $!\n" };
    return;
}

sub run_logged {
    my ($self, $log, @command) = @_;
    my $out = as_service { unlink $log; open my $file, '>', $log or die "$log: $!\n"; $file };
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $out;
        open STDERR, '>&', \*STDOUT;
        chdir $self->{dir};
        { no warnings 'exec'; exec $self->as_user(command => \@command) }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return $? == 0;
}

sub start_postgres {
    my ($self) = @_;
    my %set = (
        listen_addresses          => '',
        unix_socket_directories   => $self->{run},
        unix_socket_permissions   => '0700',
        port                      => 5432,
        max_connections           => 100,
        log_timezone              => 'UTC',
        timezone                  => 'UTC',
        # statements carry no values, but the details of an error may
        log_error_verbosity       => 'terse',
        # each refusal of a rule is an ERROR, and anybody may have thousands made: nginx's log has those that matter
        log_min_messages          => 'log',
        log_checkpoints           => 'off',
        log_line_prefix           => '%m [%p] ',
    );
    if (!$self->{durable}) {
        # a crash of the server must lose nothing in tests either, only one of the machine may
        @set{qw(fsync full_page_writes)} = ('off') x 2;
        @set{qw(shared_buffers unix_socket_permissions)} = ('16MB', '0777');
    }
    my @command = (pg_bin('postgres'), '-D', $self->pg_data, map { ('-c', "$_=$set{$_}") } sort keys %set);
    # a predecessor that was killed may still be shutting down and hold the directory
    my $end = Time::HiRes::time() + 15;
    while (1) {
        $self->spawn('postgres', command => \@command, stop => 'INT', hasten => 'QUIT', death => 'INT');
        my $up = eval { $self->await('starting PostgreSQL', 60, sub { $self->postgres_ready }, 'postgres') };
        return if $up;
        die $@ if $@ !~ /lock file "postmaster\.pid" already exists/ || Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.2);
    }
}

# The last line of postmaster.pid is the postmaster's state; it is "ready" once connections are accepted.
sub postgres_ready {
    my ($self) = @_;
    my @line = as_service { open my $in, '<', $self->pg_data . '/postmaster.pid' or return; <$in> };
    return @line >= 8 && $line[0] == ($self->pid('postgres') // 0) && $line[7] =~ /^ready/;
}

# Runs one statement as the owner and returns what psql prints, one row a line, columns joined by a tab.
sub sql {
    my ($self, $statement, %arg) = @_;
    my @command = ('psql', '-X', '-q', '-A', '-t', '-F', "\t", '-v', 'ON_ERROR_STOP=1',
        '-d', $arg{conninfo} // ($self->database_url(DATABASE_OWNER) . ($arg{dbname} ? " dbname=$arg{dbname}" : '')),
        '-c', $statement);
    open my $in, '-|', @command or die "psql: $!\n";
    my $out = join '', <$in>;
    close $in or die "psql failed for: $statement\n";
    chomp $out;
    return $out;
}

# The database itself and the workers' login role; the schema is sql/apply's.
sub create_database {
    my ($self) = @_;
    return if $self->sql("select 1 from pg_database where datname = '" . DATABASE . "'", dbname => 'postgres') eq '1';
    $self->sql('create database ' . DATABASE, dbname => 'postgres');
    return;
}

# --- Redis ---------------------------------------------------------------------------------------------------------

sub redis_socket { return $_[0]{run} . '/redis.sock' }

# Only publish and subscribe are used, so nothing is kept on disk.
sub start_redis {
    my ($self) = @_;
    as_service { unlink $self->redis_socket };
    my @command = (
        'redis-server', '--port', '0', '--unixsocket', $self->redis_socket, '--unixsocketperm', '700',
        '--dir', "$self->{dir}/tmp", '--save', '', '--appendonly', 'no', '--daemonize', 'no', '--loglevel', 'notice'
    );
    $self->spawn('redis', command => \@command, stop => 'TERM', hasten => 'TERM', death => 'TERM');
    $self->await('starting Redis', 15, sub { $self->redis_ready }, 'redis');
    return;
}

sub redis_ready {
    my ($self) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $self->redis_socket) or return 0;
    print {$socket} "PING\r\n";
    my $answer = <$socket>;
    return defined $answer && $answer =~ /^\+PONG/;
}

# --- secrets -------------------------------------------------------------------------------------------------------

sub random_bytes {
    my ($n) = @_;
    open my $in, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    my $bytes = '';
    while (length $bytes < $n) {
        sysread($in, $bytes, $n - length $bytes, length $bytes) or die "/dev/urandom: $!\n";
    }
    return $bytes;
}

# 32 random bytes as base64 in a file that only the service user may read. Kept once made.
sub secret_file {
    my ($self, $name) = @_;
    my $file = "$self->{dir}/secrets/$name";
    require MIME::Base64;
    return as_service {
        return $file if -s $file;
        unlink "$file.new";
        sysopen my $out, "$file.new", O_WRONLY | O_CREAT | O_EXCL, 0400 or die "$file: $!\n";
        print {$out} MIME::Base64::encode_base64(random_bytes(32), ''), "\n";
        close $out or die "$file: $!\n";
        rename "$file.new", $file or die "$file: $!\n";
        return $file;
    };
}

# --- nginx ---------------------------------------------------------------------------------------------------------

sub append {
    my ($file, $mode, $text) = @_;
    as_service {
        open my $out, ($mode eq 'w' ? '>' : '>>'), $file or die "$file: $!\n";
        print {$out} $text;
        close $out or die "$file: $!\n";
    };
    return;
}

sub remove {
    my ($self, $path) = @_;
    system($self->as_user(command => [ 'rm', '-rf', '--', $path ])) == 0 or die "$path: cannot be removed\n";
    return;
}

# A copy of a file or tree of ours: read with our rights, written with the service user's. Always a new file under the same
# name, never a write into one that a running nginx has mapped.
sub copy_in {
    my ($self, $from, $to) = @_;
    my $new = "$to.new";
    $self->remove($new);
    make_dir($new);
    my @read = ('tar', '-C', dirname($from), '-cf', '-', '--', basename($from));
    open my $tar, '-|', @read or die "tar: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<&', $tar;
        { no warnings 'exec'; exec $self->as_user(command => [ 'tar', '-C', $new, '--no-same-owner', '-xf', '-' ]) }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $written = $? == 0;
    close $tar and $written or die "$from cannot be copied to $to\n";
    $self->remove($to);
    as_service { rename "$new/" . basename($from), $to or die "$to: $!\n"; rmdir $new };
    return;
}

# A value as one quoted word of an nginx configuration.
sub quoted {
    my ($value) = @_;
    die "a setting may not hold line breaks or control characters\n" if $value =~ /[\x00-\x1f\x7f]/;
    $value =~ s/([\\"])/\\$1/g;
    return "\"$value\"";
}

# Puts conf/ beside the generated settings.conf (http level) and listen.conf (server level), and the module and the
# built client where the service user can read them, which it could not in, say, /root.
#   settings  text at http level · listen  text of listen directives · module  file or undef · www  directory or undef
#   edit      sub(name, text) returning the text to use for a file of conf/
sub prepare_nginx {
    my ($self, %arg) = @_;
    my $conf = "$self->{dir}/conf";
    for my $file (glob "$ROOT/conf/*.conf") {
        (my $name = $file) =~ s{.*/}{};
        open my $in, '<', $file or die "$file: $!\n";
        my $text = do { local $/; <$in> };
        $text = $arg{edit}->($name, $text) if $arg{edit};
        append("$conf/$name", 'w', $text);
    }
    append("$conf/settings.conf", 'w', $arg{settings});
    append("$conf/listen.conf", 'w', $arg{listen});
    append("$conf/module.conf", 'w', '');
    my @copy;
    if ($arg{module}) {
        append("$conf/module.conf", 'w', "load_module modules/chatalot.so;\n");
        # Debian's, like the nginx that takes modules; without it browsers get the client packed with gzip, a tenth larger
        if (-e BROTLI_MODULE) {
            append("$conf/module.conf", 'a', 'load_module ' . BROTLI_MODULE . ";\n");
            append("$conf/listen.conf", 'a', "brotli_static on;\n");
        }
        push @copy, [ $arg{module}, "$self->{dir}/modules/chatalot.so" ];
    }
    push @copy, [ $arg{www}, "$self->{dir}/www" ] if $arg{www};
    $self->copy_in(@$_) for @copy;
    return;
}

sub nginx_command {
    my ($self, @more) = @_;
    return ($self->{nginx} // 'nginx', '-p', "$self->{dir}/", '-e', "$self->{dir}/log/error.log",
        '-c', "$self->{dir}/conf/nginx.conf", @more);
}

# What "nginx -t" says: (true if the configuration is good, its output).
sub test_nginx {
    my ($self) = @_;
    my $good = $self->run_logged("$self->{dir}/log/nginx-t.log", $self->nginx_command('-t', '-q'));
    return ($good, $self->log_tail('nginx-t', 40));
}

# under  a command before it, which watches over it
sub start_nginx {
    my ($self, %arg) = @_;
    $self->{nginx} = $arg{binary} if $arg{binary};
    as_service { unlink "$self->{dir}/run/nginx.pid" };
    $self->{log_before} = -s "$self->{dir}/log/error.log" // 0;
    $self->spawn('nginx',
        command => [ @{ $arg{under} || [] }, $self->nginx_command('-g', 'daemon off;') ],
        stop => 'QUIT', hasten => 'TERM', death => 'TERM', low_port => $arg{low_port}, env => $arg{env});
    $self->await('starting nginx', 30, sub { -s "$self->{dir}/run/nginx.pid" }, 'nginx');
    return;
}

# Pids of the workers that accept connections, in order; under valgrind, where titles are not seen, also of those that are
# starting or ending.
sub workers {
    my ($self) = @_;
    my $master = $self->pid('nginx') or return ();
    my @pid;
    for my $file (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $file or next;
        my $line = <$in> // next;
        my ($pid, $rest) = $line =~ /^(\d+) \(.*\) (.*)$/ or next;
        my ($state, $parent) = split ' ', $rest;
        next if $parent != $master || $state eq 'Z';
        push @pid, $pid if command_line($pid) !~ /^nginx: (?:master|worker process is|cache)/;
    }
    return sort { $a <=> $b } @pid;
}

sub command_line {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/cmdline" or return '';
    my $line = do { local $/; <$in> } // '';
    $line =~ tr/\0/ /;
    return $line;
}

# Whether each worker has its own connections to the database and to Redis: a good answer over HTTP speaks for one of them
# only, and may come from the same one each time. Needs an error log at "notice".
sub is_connected {
    my ($self) = @_;
    my @worker = $self->workers;
    return 0 if @worker < WORKERS;
    open my $in, '<', "$self->{dir}/log/error.log" or return 0;
    seek $in, $self->{log_before}, 0;
    my %last;
    while (<$in>) { $last{"$1 $2"} = $3 if /\] (\d+)#\d+: .*chatalot: (the database|Redis) is (there|away)$/ }
    for my $pid (@worker) {
        return 0 if grep { ($last{"$pid $_"} // 'away') eq 'away' } 'the database', 'Redis';
    }
    return 1;
}

1;
