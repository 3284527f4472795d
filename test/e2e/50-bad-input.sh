#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What cannot work ends with exit code 1 and one clear line, soon, with the dumpee as it was.
. "$(dirname "$0")/lib.sh"

# In a mount namespace of its own, for the small and the read-only image directory.
if [ -z "${BAD_INPUT_NAMESPACE-}" ]; then
	export BAD_INPUT_NAMESPACE=1
	exec unshare -m --propagation private "$0"
fi

LIMIT_SECONDS=3

# state_of PID: its scheduler state; any sleeping or running one is as good as the other.
is_running() { grep -qE '^State:\s+[RSDI]' "/proc/$1/status"; }

tracer_of() { sed -n 's/^TracerPid:\s*//p' "/proc/$1/status"; }

# refused NAME REGEX PID ARGUMENT...: dump and pre-dump of PID must fail with a line like REGEX.
refused() {
	local name=$1 regex=$2 pid=$3 action code tracer=''
	shift 3
	[ ! -e "/proc/$pid" ] || tracer=$(tracer_of "$pid")
	for action in pre-dump dump; do
		code=0
		timeout "$LIMIT_SECONDS" "$LAUNCHER" "$action" --lazy-wp -t "$pid" -o "$action.log" -v4 "$@" \
			>"$TMP/out" 2>&1 || code=$?
		[ "$code" = 1 ] || fail "$name: $action: exit $code: $(cat "$TMP/out")"
		[ "$(wc -l <"$TMP/out")" = 1 ] || fail "$name: $action: not one line: $(cat "$TMP/out")"
		grep -qiE "$regex" "$TMP/out" || fail "$name: $action: unclear: $(cat "$TMP/out")"
		echo "$name: $action: $(cat "$TMP/out")"
		[ -z "$tracer" ] || [ "$(tracer_of "$pid")" = "$tracer" ] || fail "$name: still traced"
		[ -z "$tracer" ] || is_running "$pid" || fail "$name: not running any more"
	done
}

images() {
	mkdir -p "$TMP/$1"
	echo "$TMP/$1"
}

first_thread() {
	local task
	for task in /proc/"$1"/task/*; do
		[ "${task##*/}" = "$1" ] || { echo "${task##*/}"; return; }
	done
}

bad_targets() {
	refused "no such pid" 'no such (process|task|pid)|not exist' 4194303 -D "$(images unknown)"
	# A container does not see the kernel's threads.
	[ "$(cat /proc/2/comm 2>/dev/null)" != kthreadd ] ||
		refused "kernel thread" 'kernel thread' 2 -D "$(images kthread)"
	refused "init" 'pid 1|init' 1 -D "$(images init)"
	refused "own parent" 'itself|ancestor|parent' $$ -D "$(images parent)"
	start_dumpee tree 2 2
	refused "thread id" 'thread' "$(first_thread "$DUMPEE")" -D "$(images thread)"
	expect_intact "done"
	end_dumpee
}

bad_directories() {
	start_dumpee hot 64 10
	refused "missing directory" 'no such (file|directory)|not exist' "$DUMPEE" -D "$TMP/missing"
	mkdir "$TMP/read-only" "$TMP/full"
	mount --bind "$TMP/read-only" "$TMP/read-only"
	mount -o remount,bind,ro "$TMP/read-only"
	refused "read-only directory" 'read-only' "$DUMPEE" -D "$TMP/read-only"
	mount -t tmpfs -o size=4m tmpfs "$TMP/full"
	refused "full directory" 'no space|full' "$DUMPEE" -D "$TMP/full"
	refused "missing parent" 'no such (file|directory)|not exist|parent' "$DUMPEE" \
		-D "$(images orphan)" --prev-images-dir ../missing
	umount "$TMP/full" "$TMP/read-only"
	expect_intact ok
	end_dumpee
}

traced_target() {
	local tracer
	start_dumpee hot 8 10
	"$BUILD/test/programs/tracer" "$DUMPEE" "$TMP/tracer-ready" &
	tracer=$!
	wait_until 10 grep -qs ready "$TMP/tracer-ready" || fail "the tracer did not start"
	refused "traced" 'traced|tracer|debugger' "$DUMPEE" -D "$(images traced)"
	for log in pre-dump dump; do
		grep -q 'Error: .* traced' "$TMP/traced/$log.log" || fail "$log.log does not say why"
	done
	[ "$(tracer_of "$DUMPEE")" = "$tracer" ] || fail "the tracer was thrown off"
	kill "$tracer"
	wait "$tracer" || true
	[ "$(tracer_of "$DUMPEE")" = 0 ] || fail "still traced"
	expect_intact ok
	end_dumpee
}

bad_targets
bad_directories
traced_target
