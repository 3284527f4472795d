# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Which processes are ours: those with LAZY_WP_TEST_ID=ID in their environment, as the kernel
# keeps it. It is inherited over fork, exec, setsid, dump and restore; nobody else has it.

# marked_processes ID: pids outside of the caller's session, one a line. Zombies have none.
marked_processes() {
	local file pid session
	session=$(ps -o sid= -p $$)
	env -u LAZY_WP_TEST_ID grep -slzxF "LAZY_WP_TEST_ID=$1" /proc/[0-9]*/environ |
	while read -r file; do
		pid=${file#/proc/}
		pid=${pid%/environ}
		[ "$(ps -o sid= -p "$pid" || echo "$session")" = "$session" ] || echo "$pid"
	done
}

kill_marked() {
	local pid
	for pid in $(marked_processes "$1"); do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# wait_until SECONDS COMMAND...: until COMMAND succeeds; fails when the time is over. Nothing
# tells a shell of a file's new line or of another's child that is reaped, so it looks. On a slow
# machine LAZY_WP_TEST_SLOWNESS makes it wait longer.
wait_until() {
	local end=$((SECONDS + $1 * ${LAZY_WP_TEST_SLOWNESS:-1}))
	shift
	until "$@"; do
		[ "$SECONDS" -le "$end" ] || return 1
		sleep 0.02
	done
}

# Descriptors of a caller (make's job server) would be open in every dumpee, and CRIU refuses
# pipes whose other end it cannot see.
close_inherited() {
	local fd
	for fd in /proc/"$$"/fd/*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || [ "$fd" = 255 ] || eval "exec $fd>&-"
	done
}
