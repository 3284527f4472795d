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

start_dumpee hot 128 100 --rate 0
without
with
end_dumpee
