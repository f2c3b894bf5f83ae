# The parts of tests/run beside each other: what computes and what waits share two cores well.
# shellcheck shell=bash
#
# Each part is a tests/run of its own; its output goes to $build/log/PART.log and is printed whole when it ends.

: "${root:?} ${build:?}" # and `rest`, the arguments after --
LANE_PIDS=()

# One part after the other, all of them whatever becomes of one: lane NICENESS PART…
lane() {
    local niceness=$1 part began log status
    shift
    for part in "$@"; do
        began=$SECONDS log=$build/log/$part.log status=passed
        phi_say "=== $part: begun; its output comes when it ends, meanwhile in $log"
        : > "$build/log/$part.running"
        nice -n "$niceness" "$root/tests/run" --inside "$part" -- "${rest[@]}" > "$log" 2>&1 || status=FAILED
        rm -f "$build/log/$part.running"
        {
            flock 9
            cat "$log"
            phi_say "=== $part: $status in $((SECONDS - began)) s"
            printf '%s %s %s s\n' "$part" "$status" "$((SECONDS - began))" >> "$build/log/summary"
        } 9> "$build/log/.print"
    done
}

# What the running parts said last, each minute.
lanes_watch() {
    local running part
    while sleep 60; do
        for running in "$build"/log/*.running; do
            [ -e "$running" ] || continue
            part=$(basename "$running" .running)
            phi_say "$part: $(tail -n 1 "$build/log/$part.log" | cut -c 1-120)"
        done
    done
}

lanes_stop() {
    trap - INT TERM
    local pid
    for pid in "${LANE_PIDS[@]}"; do
        kill -TERM -- "-$pid" 2> /dev/null || true
    done
    exit 130
}

# lanes PART…: what waits for brokers, databases and clocks in one lane, what computes in the other, which yields to it.
lanes_run() {
    local part waiting=() computing=() waiter
    for part in "$@"; do
        case $part in
        e2e | chaos | mutants | asan-e2e) waiting+=("$part") ;;
        *) computing+=("$part") ;;
        esac
    done
    rm -rf "$build/log"
    mkdir -p "$build/log"
    set -m # each lane a process group, so that it can be stopped as one
    lane 0 "${waiting[@]}" &
    LANE_PIDS+=($!)
    lane 10 "${computing[@]}" &
    LANE_PIDS+=($!)
    lanes_watch &
    waiter=$!
    LANE_PIDS+=("$waiter")
    set +m
    trap lanes_stop INT TERM
    wait "${LANE_PIDS[0]}" "${LANE_PIDS[1]}" || true
    kill -TERM -- "-$waiter" 2> /dev/null || true
    wait "$waiter" 2> /dev/null || true
}

# lanes_summary PARTS: the last lines of the run; 1 when one of so many parts failed or never ended.
lanes_summary() {
    local line
    touch "$build/log/summary"
    line=$(awk '{printf "%s%s %s %s s", sep, $1, $2, $3; sep = ", "}' "$build/log/summary")
    phi_say "=== $line"
    awk -v parts="$1" '$2 == "passed" {passed++}
        END {printf "parts: %d passed, %d failed\n", passed, parts - passed; exit passed != parts}' "$build/log/summary"
}
