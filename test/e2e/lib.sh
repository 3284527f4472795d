# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the end-to-end tests share. scripts/check gives them BUILD (the build directory), CRIU
# (the real one, which the launcher also uses), TMP (a directory of their own) and
# LAZY_WP_TEST_ID (the mark of all their processes, see processes.sh).
set -Eeuo pipefail
: "${BUILD:?run tests by scripts/check}" "${CRIU:?}" "${TMP:?}" "${LAZY_WP_TEST_ID:?}"

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$E2E/../.." && pwd)
LAUNCHER=$BUILD/bin/criu
# LAZY_WP_TEST_TRACKER forces a tracker wherever a test says only --lazy-wp.
case ${LAZY_WP_TEST_TRACKER:-auto} in
auto) ;;
*) LAUNCHER=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/with-tracker ;;
esac
# shellcheck source=test/e2e/processes.sh
. "$E2E/processes.sh"
: "$LAUNCHER" "$ROOT"

cleanup() {
	local pid
	trap - ERR EXIT
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null || true
	done
	kill_marked "$LAZY_WP_TEST_ID"
}
trap cleanup EXIT
trap 'exit 143' TERM INT
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# assert_at_most NUMBER LIMIT WHAT
assert_at_most() {
	[ "$1" -le "$2" ] || fail "$3: $1, at most $2 expected"
	echo "$3: $1 (limit $2)"
}

# start_dumpee PROGRAM ARGUMENT...: runs one of test/programs in a session of its own and waits
# until it is ready. Sets DUMPEE to its pid and STATUS to its status file.
start_dumpee() {
	local program=$1
	shift
	STATUS=$TMP/$program.status
	rm -f "$STATUS"
	setsid "$BUILD/test/programs/$program" "$@" --status "$STATUS" </dev/null >/dev/null 2>&1 &
	DUMPEE=$!
	disown "$DUMPEE" # still reaped by this shell, but without a word when CRIU kills it
	wait_until 60 grep -qs '^ready' "$STATUS" || fail "$program did not start"
}

status_lines() { grep -cEs "$1" "$STATUS" || true; }

has_more_lines() { [ "$(status_lines "$1")" -gt "$2" ]; }

# expect_intact WORD: asks DUMPEE to verify its memory and waits for a new line with WORD.
expect_intact() {
	local before
	before=$(status_lines "^($1|BAD|failed)")
	kill -USR1 "$DUMPEE" || fail "the dumpee is gone"
	wait_until 60 has_more_lines "^($1|BAD|failed)" "$before" || fail "no answer from the dumpee"
	! grep -E '^(BAD|failed)' "$STATUS" || fail "memory is not intact"
	tail -n 1 "$STATUS"
}

session_is_gone() { ! ps -o pid= -s "$1" >/dev/null; }

# Waits until no task of DUMPEE's session is left, not even a zombie: restore needs the pids.
wait_gone() {
	wait_until 30 session_is_gone "$DUMPEE" || fail "the dumpee is still there"
}

end_dumpee() {
	local pid
	for pid in $(ps -o pid= -s "$DUMPEE"); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait_gone
}

# run_criu BINARY ACTION DIR ARGUMENT...: in DIR with a log of the action's name, which is shown
# when it fails.
run_criu() {
	local binary=$1 action=$2 dir=$3 code=0
	shift 3
	mkdir -p "$dir"
	"$binary" "$action" -D "$dir" -o "$action.log" -v4 "$@" || code=$?
	[ "$code" = 0 ] || grep -E 'Error|Warn|lazy-wp' "$dir/$action.log" | tail -n 40 >&2 || true
	return "$code"
}

# Of the dumpee.
keeper_pid() { "$BUILD/bin/criu-lazy-wp" status --json | sed -n 's/.*"root":'"$DUMPEE"',"keeper":\([0-9]*\).*/\1/p'; }

# What --lazy-wp means here: uffd-wp, soft-dirty or off.
tracker_in_use() {
	case ${LAZY_WP_TEST_TRACKER:-auto} in
	auto) "$BUILD/bin/criu-lazy-wp" check | sed -n 's/^tracker that auto takes: *//p' ;;
	*) echo "$LAZY_WP_TEST_TRACKER" ;;
	esac
}

# For lines of /proc/PID/status: a sleeping and a running task are as good as each other, and the
# programs unblock SIGUSR1, bit 200, while they wait.
normal_status() { sed 's/^State:\s*[RS] .*/State: active/; s/^\(SigBlk:.*\)2\(..\)$/\10\2/'; }

# nr_pages MIB: of memory
nr_pages() { echo $(($1 * 1024 * 1024 / $(getconf PAGESIZE))); }

# The tests' programs spread what they write evenly over blocks of 4 KiB: so many lie in one page.
: "${BLOCKS_A_PAGE:=$(($(getconf PAGESIZE) / 4096))}"

# tracker_of DIR: the one that the iteration in DIR was made with
tracker_of() {
	"$BUILD/bin/criu-lazy-wp" show "$1/lazy-wp-$DUMPEE.img" | sed -n 's/^tracker: *//p'
}

# stats_of DIR KEY: one number of the dump that is in DIR.
stats_of() {
	local value
	value=$("$ROOT/scripts/stats" "$1/stats-dump" | sed -n "s/^$2=//p")
	[ -n "$value" ] || fail "$1/stats-dump has no $2"
	echo "$value"
}

# disk_usage DIR: of all pages in it, in pages.
disk_usage() { echo $(($(stat -c %b "$1"/pages-*.img | paste -sd+) * 512 / 4096)); }
