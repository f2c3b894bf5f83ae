# A PostgreSQL cluster of the suite's own: own folder, own port, own user; no other cluster is touched.
# shellcheck shell=bash

PHI_PG_BIN=/usr/lib/postgresql/15/bin

# As root PostgreSQL runs as the system user postgres, else as who calls.
PHI_AS_POSTGRES=()
[ "$(id -u)" != 0 ] ||
    PHI_AS_POSTGRES=(setpriv --reuid postgres --regid postgres --clear-groups --inh-caps=-all)

phi_as_postgres() {
    (cd / && "${PHI_AS_POSTGRES[@]}" "$@")
}

# The folder, where the unprivileged user can reach it: in PHI_RUN if that can be, else in /var/tmp.
phi_pg_choose_dir() {
    [ -z "$(phi_get pg.dir)" ] || return 0
    local dir=$PHI_RUN/pg
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ]; then
        chown postgres:postgres "$dir"
        if ! phi_as_postgres test -w "$dir"; then
            rmdir "$dir"
            dir=$(mktemp -d /var/tmp/phi-pg-XXXXXX)
            chown postgres:postgres "$dir"
        fi
    fi
    phi_set pg.dir "$dir"
    # A socket's path holds at most 107 bytes.
    local socket=$dir/socket
    [ ${#socket} -lt 80 ] || socket=$(mktemp -d /tmp/phi-pg-XXXXXX)
    [ "$(id -u)" != 0 ] || [ ! -d "$socket" ] || chown postgres:postgres "$socket"
    phi_set pg.socket "$socket"
}

phi_pg_init() {
    local dir socket port
    phi_pg_choose_dir
    dir=$(phi_get pg.dir) socket=$(phi_get pg.socket) port=$(phi_port postgres)
    [ ! -s "$dir/data/PG_VERSION" ] || return 0
    phi_as_postgres "$PHI_PG_BIN/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 --data-checksums > "$PHI_RUN/log/initdb.log" 2>&1 ||
        { phi_tail initdb; phi_fail "initdb failed"; }
    phi_as_postgres mkdir -p -m 0700 "$socket"
    phi_as_postgres tee -a "$dir/data/postgresql.conf" > /dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$socket'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
max_wal_size = 1GB
password_encryption = 'scram-sha-256'
log_min_messages = warning
log_line_prefix = '%m %q%u@%d '
# Statements may carry sealed personal data and digests of it: they stay out of the log.
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
CONF
}

# No process of this cluster is left: all of them work in its folder.
phi_pg_is_gone() {
    local process
    for process in /proc/[0-9]*/cwd; do
        [ "$(readlink "$process" 2> /dev/null)" != "$(phi_get pg.dir)/data" ] || return 1
    done
}

# After a SIGKILL the server's children end a moment later, and its pid may stay as a zombie, which PostgreSQL takes
# for a running server: its lock file goes, once nobody works in the folder.
phi_pg_clear_lock() {
    local lock
    lock=$(phi_get pg.dir)/data/postmaster.pid
    [ -e "$lock" ] || return 0
    phi_wait_until 15 phi_pg_is_gone || phi_fail "processes of a killed PostgreSQL don't end"
    rm -f "$lock" "$(phi_get pg.socket)"/.s.PGSQL.*
}

phi_pg_start() {
    phi_pg_init
    phi_is_running postgres || phi_pg_clear_lock
    phi_is_running postgres ||
        phi_spawn postgres "${PHI_AS_POSTGRES[@]}" "$PHI_PG_BIN/postgres" -D "$(phi_get pg.dir)/data"
    phi_wait_ready postgres 30 "$PHI_PG_BIN/pg_isready" -q -U postgres -d postgres -h 127.0.0.1 -p "$(phi_port postgres)"
}

# Fast shutdown: open transactions are rolled back, what was committed is on disk.
phi_pg_stop() {
    phi_stop postgres 30 INT
}

# phi_psql DATABASE [psql arguments…]: as the superuser, through the socket.
phi_psql() {
    local database=$1
    shift
    phi_as_postgres psql -X -q -v ON_ERROR_STOP=1 -h "$(phi_get pg.socket)" -p "$(phi_port postgres)" \
        -U postgres -d "$database" "$@"
}

phi_pg_role() {
    printf '%s_%s\n' "$(phi_service_field "$1" 5)" "$(phi_service_field "$1" 2)"
}

# One database for each region; one role and one schema for each service, which may do nothing elsewhere.
phi_pg_setup() {
    local region name role schema password
    for region in $(phi_services | awk '{print $2}' | sort -u); do
        [ -n "$(phi_psql postgres -At -c "SELECT 1 FROM pg_database WHERE datname = 'phi_$region'")" ] ||
            phi_psql postgres -c "CREATE DATABASE phi_$region TEMPLATE template0" \
                -c "REVOKE ALL ON DATABASE phi_$region FROM PUBLIC"
        phi_psql "phi_$region" -c "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    done
    for name in $(phi_service_names); do
        region=$(phi_service_field "$name" 2) schema=$(phi_service_field "$name" 5)
        role=$(phi_pg_role "$name") password=$PHI_RUN/keys/$name/database-password
        mkdir -p -m 0700 "$PHI_RUN/keys/$name"
        [ -s "$password" ] || (umask 077 && head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$password")
        # The statements come through stdin, so that no password is seen in the list of processes.
        phi_psql "phi_$region" > /dev/null <<SQL
SET client_min_messages = warning;
DO \$\$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') THEN
        CREATE ROLE $role LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
END \$\$;
ALTER ROLE $role PASSWORD '$(cat "$password")';
ALTER ROLE $role SET search_path = $schema;
GRANT CONNECT ON DATABASE phi_$region TO $role;
CREATE SCHEMA IF NOT EXISTS $schema AUTHORIZATION $role;
REVOKE ALL ON SCHEMA $schema FROM PUBLIC;
SQL
    done
}

# phi_pg_conninfo NAME: without the password, which is in a file of its own.
phi_pg_conninfo() {
    printf 'host=127.0.0.1 port=%s dbname=phi_%s user=%s\n' "$(phi_port postgres)" \
        "$(phi_service_field "$1" 2)" "$(phi_pg_role "$1")"
}

# Removes the cluster's folders; it must be stopped.
phi_pg_wipe() {
    local dir
    for dir in "$(phi_get pg.dir)" "$(phi_get pg.socket)"; do
        case $dir in "$PHI_RUN"/pg* | /var/tmp/phi-pg-* | /tmp/phi-pg-*) rm -rf "$dir" ;; esac
    done
}
