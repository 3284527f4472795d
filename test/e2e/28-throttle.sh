#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A program that writes memory faster than it is copied: rounds alone end by the stall rule, and
# with throttle they make the freeze short. Whoever is killed meanwhile, the program runs on as before.
# timeout: 240
. "$(dirname "$0")/lib.sh"

OUTPUT=$TMP/output

# dump NAME OPTION...: into $TMP/NAME, what it says to $OUTPUT and $TMP/warnings.
dump() {
	local name=$1
	shift
	mkdir "$TMP/$name"
	"$LAUNCHER" dump --lazy-wp -t "$DUMPEE" -D "$TMP/$name" -o dump.log -v4 "$@" >"$OUTPUT" 2>"$TMP/warnings"
}

without() {
	dump without --bandwidth 100M --on-stall fail && fail "the rounds have converged by themselves"
	grep -q 'as fast as it is copied' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	cat "$OUTPUT" "$TMP/warnings"
	expect_intact ok
}

with() {
	dump with --bandwidth 100M --on-stall throttle
	cat "$OUTPUT"
	wait_gone
	[ ! -s "$TMP/warnings" ] || fail "$(cat "$TMP/warnings")"
	tail -n 1 "$OUTPUT" | grep -q 'held for' || fail "the tree was not slowed"
	echo "frozen $(stats_of "$TMP/with" frozen_time) us, $(stats_of "$TMP/with" pages_written) pages"
	run_criu "$CRIU" restore "$TMP/with" -d
	expect_intact ok
}

status_of() { sed -n "s/^$1:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$DUMPEE/status"; }

# Rewrites in a second, by the program's own count.
rewrites() { tail -n 1 "$STATUS" | cut -d ' ' -f 3; }
rate() {
	local before
	expect_intact ok >"$TMP/answer"
	before=$(rewrites)
	sleep 1
	expect_intact ok >"$TMP/answer"
	echo $(($(rewrites) - before))
}

# Longer than a period of throttling nobody traces it, and it is not stopped.
expect_untraced() {
	local now
	for _ in $(seq 15); do
		now=$(status_of TracerPid)$(status_of State)
		[[ $now == 0[RS] ]] || fail "TracerPid and State: $now"
		sleep 0.01
	done
}

expect_full_speed() {
	local now
	now=$(rate)
	echo "$now pages a second, $FREELY before"
	# A tenth, because the machine may be busy: that nobody holds it has been seen already.
	[ "$now" -ge $((FREELY / 10)) ] || fail "the program is slow"
}

# Until the fifth round copies: each has a helper of its own.
dump_in_background() {
	dump "$1" --bandwidth 100M --on-stall throttle &
	DUMP=$!
	wait_until 60 [ -e "$TMP/$1/pre/5/pages-1.img" ] || fail "no fifth round"
	LAUNCHED=$(ps -o pid= --ppid "$DUMP" | xargs)
	HELPER=
	wait_until 20 find_helper || fail "no helper"
}

# The launcher's only child in a session of its own that is not the keeper.
find_helper() {
	HELPER=$(ps -o pid=,comm= --ppid "$LAUNCHED" | sed -n 's/ criu$//p' | xargs)
	[ -n "$HELPER" ]
}

is_gone() { ! ps -o pid= -p "$1" >/dev/null; }

launcher_killed() {
	dump_in_background launcher-killed
	kill -KILL "$LAUNCHED"
	wait "$DUMP" && fail "it was not killed"
	wait_until 10 is_gone "$HELPER" || fail "the helper lives"
	expect_untraced
	expect_full_speed
}

# As by Ctrl-Z: the rest of the rounds may never come.
launcher_stopped() {
	dump_in_background launcher-stopped
	kill -STOP "$LAUNCHED"
	sleep 0.2
	expect_untraced
	expect_full_speed
	[ -e "/proc/$HELPER" ] || fail "the helper has ended"
	kill -KILL "$LAUNCHED"
	wait "$DUMP" && fail "it was not killed"
	wait_until 10 is_gone "$HELPER" || fail "the helper lives"
}

is_dead() { grep -q '^State:[[:space:]]Z' "/proc/$1/status"; }

# The rounds go on, with another.
helper_killed() {
	dump_in_background helper-killed
	kill -KILL "$HELPER"
	wait_until 5 is_dead "$HELPER" || fail "the helper lives"
	[ "$(status_of TracerPid)" = 0 ] || fail "traced by $(status_of TracerPid)"
	[ ! -e "$TMP/helper-killed/pre/6" ] || fail "too late: this was round 6"
	wait "$DUMP" || fail "$(cat "$TMP/warnings")"
	cat "$OUTPUT"
	wait_gone
	run_criu "$CRIU" restore "$TMP/helper-killed" -d
	expect_intact ok
}

start_dumpee hot 128 100 --rate 0
FREELY=$(rate)
without
launcher_killed
launcher_stopped
helper_killed
with
end_dumpee
