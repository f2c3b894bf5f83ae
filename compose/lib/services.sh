# The services: their environment, start, readiness, end.
# shellcheck shell=bash

phi_curve_public() {
    cat "$PHI_RUN/keys/public/$1.curve.pub" 2>/dev/null || true
}

# phi_data_variable NAME FOLDER VARIABLE: the data by which the program decides, of its region; a province without a
# file of its own here takes the first one's under its own name.
phi_data_variable() {
    local region file=$PHI_ROOT/$1/$2
    region=$(phi_service_field "$1" 2)
    if [ -f "$file/$region.json" ]; then
        printf '%s=%s\n' "$3" "$file/$region.json"
    elif [ -f "$file/320000.json" ]; then
        sed "s/320000/$region/g" "$file/320000.json" > "$PHI_RUN/$1.$2.json"
        chmod 0644 "$PHI_RUN/$1.$2.json"
        printf '%s=%s\n' "$3" "$PHI_RUN/$1.$2.json"
    fi
}

# phi_environment NAME: everything the program reads, NAME=value a line. Extra lines, for all services or for
# one, come from $PHI_RUN/env/all.extra and $PHI_RUN/env/NAME.extra.
phi_environment() {
    local name=$1 region
    region=$(phi_service_field "$name" 2)
    cat <<ENV
PHI_REGION=$region
PHI_HTTP_ADDRESS=127.0.0.1
PHI_HTTP_PORT=$(phi_port "$name")
PHI_DATABASE=$(phi_pg_conninfo "$name")
PHI_DATABASE_PASSWORD_FILE=$PHI_RUN/keys/$name/database-password
PHI_SCHEMA=$(phi_service_field "$name" 5)
PHI_LOG_FORMAT=logfmt
PHI_DEV_HTTP_JWKS=true
ENV
    phi_bus_environment "$name"
    phi_key_environment "$name"
    # What a program decides by is data that stands beside it, one file a region.
    phi_data_variable "$name" policy PHI_POLICY_FILE
    phi_data_variable "$name" rules PHI_RULES_FILE
    phi_data_variable "$name" rhythms PHI_RHYTHMS_FILE
    phi_data_variable "$name" control PHI_CONTROL_FILE
    [ "$name" != svc-platform ] || printf 'PHI_PLATFORMS_FILE=%s\nPHI_CA_FILE=%s\n' "$PHI_RUN/platforms.json" \
        "$PHI_RUN/keys/public/ca.pem"
    [ "$name" != svc-directory ] || printf 'PHI_NOTICE_APPS=citizen-app\nPHI_OPEN_PROJECTS=dev-study\n'
    [ "$name" != svc-directory ] || [ ! -f "$PHI_RUN/keys/public/svc-declare.places.pub" ] ||
        printf 'PHI_PLACES_PUBLIC_FILE=%s\n' "$PHI_RUN/keys/public/svc-declare.places.pub"
    # Started as root, a service gives that up once its keys are read.
    [ "$(id -u)" != 0 ] || printf 'PHI_USER=nobody\n'
    [ "$(phi_service_field "$name" 4)" = - ] ||
        printf 'PHI_RPC_BIND=tcp://127.0.0.1:%s\n' "$(phi_port "$name.rpc")"
    [ "$name" = svc-platform ] || cat <<ENV
PHI_VERIFY_RPC=tcp://127.0.0.1:$(phi_port svc-verify.rpc)
PHI_VERIFY_RPC_PUBLIC=$(phi_curve_public svc-verify)
PHI_PLATFORM_RPC=tcp://127.0.0.1:$(phi_port svc-platform.rpc)
PHI_PLATFORM_RPC_PUBLIC=$(phi_curve_public svc-platform)
ENV
    cat "$PHI_RUN/env/all.extra" "$PHI_RUN/env/$name.extra" 2>/dev/null || true
}

# phi_environment_write NAME: env/NAME.env, to be sourced by a shell; later lines win.
phi_environment_write() {
    local name=$1 line
    (
        umask 077
        while IFS= read -r line; do
            printf "%s='%s'\n" "${line%%=*}" "${line#*=}"
        done < <(phi_environment "$name") > "$PHI_RUN/env/$name.env"
    )
}

phi_ready_url() {
    printf 'http://127.0.0.1:%s/readyz\n' "$(phi_port "$1")"
}

# phi_service_start NAME: starts it (not waiting). phi_service_wait NAME: until /readyz says 200.
phi_service_start() {
    local name=$1
    phi_is_running "$name" && return 0
    phi_environment_write "$name"
    (
        # Only what its file says, and no variable of the caller's.
        for variable in $(compgen -e | grep '^PHI_'); do
            case $variable in PHI_RUN | PHI_BIN | PHI_BEGIN) ;; *) unset "$variable" ;; esac
        done
        set -a
        # shellcheck source=/dev/null
        . "$PHI_RUN/env/$name.env"
        phi_spawn "$name" "$PHI_BIN/$name"
    )
}

phi_service_wait() {
    phi_wait_ready "$1" "${2:-30}" curl -fsS -m 2 -o /dev/null "$(phi_ready_url "$1")"
}

phi_service_stop() {
    phi_stop "$1" "${2:-20}"
}

phi_idp_start() {
    phi_is_running idp ||
        phi_spawn idp "$PHI_COMPOSE/dev-idp" --port "$(phi_port idp)" --dir "$PHI_RUN/keys/dev-idp"
    phi_wait_ready idp 15 curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$(phi_port idp)/healthz"
}

phi_issuer() {
    printf 'http://127.0.0.1:%s/%s\n' "$(phi_port idp)" "$1"
}

# Everything that may run, in the order in which it is stopped.
phi_stop_order() {
    phi_service_names | tac
    [ -n "$PHI_HOST_RUN" ] || printf '%s\n' idp broker postgres
}

phi_stop_all() {
    local name
    phi_guests_stop
    for name in $(phi_service_names | tac) idp; do
        phi_signal "$name" TERM || true
    done
    # A second TERM would make a service leave at once.
    for name in $(phi_service_names | tac) idp; do
        phi_await_end "$name" 20
    done
    [ -n "$PHI_HOST_RUN" ] || { phi_broker_stop && phi_pg_stop; }
}
