# Building with CMake and Ninja.
# shellcheck shell=bash

# phi_build FOLDER [CMake arguments…]: quiet, unless it fails. PHI_TARGETS names the targets (default: all).
phi_build() {
    local dir=$1 log=$1/phi-build.log
    shift
    mkdir -p "$dir"
    if ! cmake -S "$PHI_ROOT" -B "$dir" -G Ninja "$@" > "$log" 2>&1; then
        tail -40 "$log" >&2
        phi_fail "configuring failed, the whole of it is in $log"
    fi
    # shellcheck disable=SC2086
    if ! ninja -C "$dir" ${PHI_TARGETS:-} > "$log" 2>&1; then
        grep -n -A 12 -m 5 -E 'FAILED|error:' "$log" >&2 || tail -40 "$log" >&2
        phi_fail "building failed, the whole of it is in $log"
    fi
}
