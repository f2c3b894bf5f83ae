# The library that compose/up, compose/down, compose/status and the tests (through compose/ctl) share.
# shellcheck shell=bash
#
# Its parameters are environment variables, so that several suites live side by side:
#   PHI_RUN    folder of everything that belongs to one running suite     (default: run in the project)
#   PHI_BIN    folder of the programs                                      (default: build/bin)
#   PHI_PORTS  fixed = the ports of services.txt, free = any free ones     (default: fixed)
#   PHI_BROKER embedded | kafka                                            (default: embedded)
#   PHI_PROVINCE  the province's id                                        (default: 320000)
#   PHI_HOST_RUN  another suite's PHI_RUN that this province joins: its broker, database server, identity provider and
#                 unified platform serve this one too; PHI_RUN is then the folder of that id inside it
#
# In PHI_RUN: state (ports and choices), pids/, log/, env/ (one file a service), keys/ (one folder a program), pg/,
# broker/. Every process is known by its pid and its start time, so nobody else's is ever stopped.

PHI_COMPOSE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PHI_ROOT=$(dirname "$PHI_COMPOSE")
: "${PHI_RUN:=$PHI_ROOT/run}" "${PHI_BIN:=$PHI_ROOT/build/bin}" "${PHI_PORTS:=fixed}"
PHI_BEGIN=${PHI_BEGIN:-$(date +%s%N)}
: "${PHI_PROVINCE:=320000}" "${PHI_HOST_RUN:=}"
PHI_NATION=000000

for part in process build postgres keys broker services registry guest; do
    # shellcheck source=/dev/null
    . "$PHI_COMPOSE/lib/$part.sh"
done
unset part

phi_elapsed() {
    local ms=$((($(date +%s%N) - PHI_BEGIN) / 1000000))
    printf '%3d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

phi_say() {
    printf '[%s] %s\n' "$(phi_elapsed)" "$*"
}

phi_fail() {
    printf '[%s] %s\n' "$(phi_elapsed)" "$*" >&2
    exit 1
}

phi_run_dirs() {
    mkdir -p "$PHI_RUN"/{pids,log,env,keys,broker}
    PHI_RUN=$(cd "$PHI_RUN" && pwd)
    touch "$PHI_RUN/state"
}

# phi_get NAME [default]: a value of the state file. phi_set NAME VALUE: writes it.
phi_get() {
    local value
    value=$(sed -n "s/^$1=//p" "$PHI_RUN/state" 2>/dev/null | tail -1)
    printf '%s\n' "${value:-${2:-}}"
}

phi_set() {
    {
        grep -v "^$1=" "$PHI_RUN/state" || true
        printf '%s=%s\n' "$1" "$2"
    } > "$PHI_RUN/state.new"
    mv "$PHI_RUN/state.new" "$PHI_RUN/state"
}

# The rows of services.txt, without comments; of a province that joins another suite, its own, with ports + 100.
phi_services() {
    if [ -z "$PHI_HOST_RUN" ]; then
        grep -v '^#' "$PHI_COMPOSE/services.txt"
    else
        awk -v region="$PHI_PROVINCE" -v nation="$PHI_NATION" '!/^#/ && $2 != nation {
            print $1, region, $3 + 100, ($4 == "-" ? "-" : $4 + 100), $5}' "$PHI_COMPOSE/services.txt"
    fi
}

phi_service_names() {
    phi_services | awk '{print $1}'
}

# phi_service_field NAME COLUMN
phi_service_field() {
    phi_services | awk -v name="$1" -v column="$2" '$1 == name {print $column}'
}

# phi_port NAME: the port of "svc-verify", "svc-verify.rpc", "postgres", "broker", "controller", "idp".
phi_port() {
    phi_get "port.$1"
}

# Fixes every port once per suite: the known ones for services, free ones for database and broker.
phi_choose_ports() {
    local names=() name port rpc free i=0
    while read -r name _ port rpc _; do
        names+=("$name:$port")
        [ "$rpc" = - ] || names+=("$name.rpc:$rpc")
    done < <(phi_services)
    [ -n "$PHI_HOST_RUN" ] || names+=(idp:8190 postgres:free broker:free broker.sasl:free controller:free)
    mapfile -t free < <("$PHI_COMPOSE/free-ports" ${#names[@]})
    for name in "${names[@]}"; do
        port=${name#*:}
        name=${name%%:*}
        if [ "$PHI_PORTS" = free ] || [ "$port" = free ]; then
            port=${free[$i]}
        fi
        i=$((i + 1))
        # A port once chosen stays, unless the other kind is asked for while its owner is down.
        if [ -n "$(phi_port "$name")" ]; then
            [ "$(phi_get ports fixed)" != "$PHI_PORTS" ] && ! phi_is_running "${name%.*}" || continue
        fi
        phi_set "port.$name" "$port"
    done
    phi_set ports "$PHI_PORTS"
}

# Ends with a clear sentence when a port we need is held by a process that is not ours.
phi_check_ports() {
    local name port holder taken=0
    for name in $(phi_service_names) $([ -n "$PHI_HOST_RUN" ] || echo idp); do
        ! phi_is_running "$name" || continue
        for port in $(phi_port "$name") $(phi_port "$name.rpc"); do
            holder=$(ss -Hltnp "sport = :$port" | sed -n 's/.*users:((\(.*\)))$/\1/p' | head -1)
            if [ -n "$(ss -Hltn "sport = :$port")" ]; then
                printf 'port %s, needed by %s, is taken by %s\n' "$port" "$name" \
                    "${holder:-a process of another user}" >&2
                taken=1
            fi
        done
    done
    [ $taken = 0 ] || phi_fail "free these ports, or start on free ones: PHI_PORTS=free compose/up"
}
