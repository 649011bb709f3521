# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# How `./dev` talks: short lines, and the whole of a log only when something went wrong.

say() {
    printf '==> %s\n' "$*"
}

complain() {
    printf 'dev: %s\n' "$*" >&2
}

# run_logged LOG COMMAND…: quiet when it works; its output, all of it, when it does not.
run_logged() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1; then
        complain "failed: $*"
        cat "$log" >&2
        return 1
    fi
}
