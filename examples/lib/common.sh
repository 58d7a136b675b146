# What the examples share; sourced by their `run`. Builds Tandem, starts programs, and ends on the way out those that it started.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/tandem-example.XXXXXX")
started=()

finish() {
    local status=$?
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait || true
    if [ "$status" -eq 0 ]; then
        rm -rf "$work"
    else
        echo "FAILED; what the programs wrote is in $work" >&2
    fi
}
trap finish EXIT

# fail WORDS...: says why, and ends.
fail() {
    echo "$*" >&2
    exit 1
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

# start NAME COMMAND...: in the background, its output in $work/NAME.log; its process id is in $last.
start() {
    local name=$1
    shift
    (cd "$work" && exec "$@") >"$work/$name.log" 2>&1 </dev/null &
    last=$!
    started+=("$last")
}

# start_tandem CONFIG: builds it, starts it, and waits until it listens; its process id is in $tandem.
start_tandem() {
    make --no-print-directory --directory "$root" stage-build >"$work/build.log" 2>&1 || { cat "$work/build.log"; fail "Tandem cannot be built"; }
    local binary=${CARGO_TARGET_DIR:-$root/target}/debug/tandem
    start tandem "$binary" serve --config "$1"
    tandem=$last
    wait_for 10 grep -q '^tandem ready' "$work/tandem.log"
    grep '^tandem ready' "$work/tandem.log"
}

# stop_tandem: SIGTERM, which lets calls end. It ends at once when none is left.
stop_tandem() {
    kill -TERM "$tandem"
    wait "$tandem" || fail "tandem ended with $?"
    if grep -E 'ERROR|panicked' "$work/tandem.log"; then
        fail "the log has errors"
    fi
}
