# Processes: started detached, known by pid and start time, waited for with deadlines.
# shellcheck shell=bash

# The start time of a pid in clock ticks since boot: with the pid it names one process for ever.
phi_start_time() {
    sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" {print $20}'
}

# phi_pid NAME: the pid of a process that we started and that still is the same one; else nothing.
phi_pid() {
    local pid started
    [ -s "$PHI_RUN/pids/$1.pid" ] && read -r pid started < "$PHI_RUN/pids/$1.pid" || return 1
    [ -n "$started" ] && [ "$(phi_start_time "$pid")" = "$started" ] || return 1
    printf '%s\n' "$pid"
}

phi_is_running() {
    phi_pid "$1" > /dev/null 2>&1
}

# phi_spawn NAME COMMAND…: in its own session, with its output in log/NAME.log.
phi_spawn() {
    local name=$1 pid
    shift
    printf -- '--- started %s\n' "$(date -u +%FT%TZ)" >> "$PHI_RUN/log/$name.log"
    setsid "$@" >> "$PHI_RUN/log/$name.log" 2>&1 < /dev/null &
    pid=$!
    printf '%s %s\n' "$pid" "$(phi_start_time "$pid")" > "$PHI_RUN/pids/$name.pid"
    disown "$pid" 2> /dev/null || true
}

# phi_wait_until SECONDS COMMAND…: asks ten times a second; false when the deadline has passed.
phi_wait_until() {
    local end=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$(date +%s%N)" -lt $end ] || return 1
        sleep 0.1
    done
}

phi_tail() {
    printf -- '--- the last lines of %s\n' "$PHI_RUN/log/$1.log" >&2
    tail -n "${2:-25}" "$PHI_RUN/log/$1.log" >&2 || true
}

# phi_wait_ready NAME SECONDS COMMAND…: as phi_wait_until, but ends at once when the process has died, also when another
# that has taken its port answers.
phi_wait_ready() {
    local name=$1 seconds=$2 end
    shift 2
    end=$(($(date +%s%N) + seconds * 1000000000))
    until phi_is_running "$name" && "$@" > /dev/null 2>&1; do
        if ! phi_is_running "$name"; then
            phi_tail "$name"
            phi_fail "$name ended before it was ready"
        fi
        if [ "$(date +%s%N)" -ge $end ]; then
            phi_tail "$name"
            phi_fail "$name was not ready within $seconds s"
        fi
        sleep 0.1
    done
}

# phi_signal NAME SIGNAL: to our process only; false when it is not running.
phi_signal() {
    local pid
    pid=$(phi_pid "$1") || return 1
    kill -s "$2" "$pid"
}

phi_is_stopped() {
    ! phi_is_running "$1"
}

# phi_await_end NAME SECONDS: after it was asked to end; says it when it has to kill.
phi_await_end() {
    local name=$1 seconds=$2
    if ! phi_wait_until "$seconds" phi_is_stopped "$name"; then
        phi_say "$name did not end within $seconds s: killed"
        phi_signal "$name" KILL || true
        phi_wait_until 5 phi_is_stopped "$name" || phi_fail "$name can't be stopped"
    fi
    rm -f "$PHI_RUN/pids/$name.pid"
}

# phi_stop NAME [SECONDS] [SIGNAL]: asks and waits.
phi_stop() {
    phi_signal "$1" "${3:-TERM}" || true
    phi_await_end "$1" "${2:-15}"
}
