#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One command: live rounds, then a dump whose freeze is short. And when the rounds cannot help, what
# was asked for happens: the dump all the same, or none, with the tree running on.
# timeout: 240
. "$(dirname "$0")/lib.sh"

OUTPUT=$TMP/output

rounds() { grep -c '^round [0-9]*: ' "$OUTPUT"; }

# dump NAME OPTION...: into $TMP/NAME, what it says to $OUTPUT.
dump() {
	local name=$1
	shift
	mkdir "$TMP/$name"
	"$LAUNCHER" dump --lazy-wp -t "$DUMPEE" -D "$TMP/$name" -o dump.log -v4 "$@" >"$OUTPUT" 2>"$TMP/warnings"
}

# The pre-dumps are ours alone: a CRIU that cannot do anything is not even asked.
without_criu() {
	printf '#!/bin/sh\nexit 42\n' >"$TMP/no-criu"
	chmod +x "$TMP/no-criu"
	mkdir -p "$TMP/live/1" "$TMP/live/2"
	export LAZY_WP_CRIU=$TMP/no-criu
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/live/1"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/live/2" --prev-images-dir ../1
	export LAZY_WP_CRIU=$CRIU
	"$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$TMP/live/2" | tail -n 1
}

one_command() {
	dump one
	cat "$OUTPUT"
	wait_gone
	[ "$(rounds)" -ge 1 ] || fail "no rounds"
	[ ! -s "$TMP/warnings" ] || fail "$(cat "$TMP/warnings")"
	# Or a restore in a user namespace could not go there.
	[ "$(stat -c %a "$TMP"/one "$TMP"/one/pre "$TMP"/one/pre/1 | uniq | wc -l)" = 1 ] || fail "$(stat -c '%a %n' "$TMP"/one/pre "$TMP"/one/pre/1)"
	assert_at_most "$(stats_of "$TMP/one" pages_written)" $(($(nr_pages 256) * BLOCKS_A_PAGE / 5)) "pages of the dump"
	run_criu "$CRIU" restore "$TMP/one" -d
	expect_intact ok
}

# Nothing is short enough for 0 ms.
max_rounds() {
	mkdir -p "$TMP/work"
	dump limited --max-downtime 0 --max-rounds 2 -R -W "$TMP/work"
	[ "$(rounds)" = 2 ] || fail "$(rounds) rounds"
	grep -qE -- '--max-rounds is reached|as fast as' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	expect_intact ok
}

stall_fails() {
	! dump stalled --max-downtime 0 --on-stall fail || fail "the dump went on"
	[ "$(wc -l <"$TMP/warnings")" = 1 ] || fail "not one line: $(cat "$TMP/warnings")"
	grep -q 'it runs on' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	cat "$TMP/warnings"
	[ ! -e "$TMP/stalled/inventory.img" ] || fail "CRIU has dumped"
	expect_intact ok
}

# Interrupted in a round or between two: what is complete says so, and the rest is built on by nobody.
interrupted() {
	local launcher last
	mkdir "$TMP/interrupted"
	env --default-signal=INT "$LAUNCHER" dump --lazy-wp -t "$DUMPEE" -D "$TMP/interrupted" -o dump.log --max-downtime 0 \
		--max-rounds 1000 --on-stall fail --bandwidth 1M >"$OUTPUT" 2>"$TMP/warnings" &
	launcher=$!
	wait_until 20 test -e "$TMP/interrupted/pre/1" || fail "no round"
	kill -INT "$launcher"
	! wait "$launcher" || fail "an interrupted dump succeeded"
	[ ! -e "$TMP/interrupted/inventory.img" ] || fail "CRIU has dumped"
	grep -q '^TracerPid:.0$' "/proc/$DUMPEE/status" || fail "traced"
	expect_intact ok
	if [ "$(tracker_in_use)" = soft-dirty ] && [ -e "$TMP/interrupted/pre/1/inventory.img" ]; then
		echo "the round by CRIU, which has no --bandwidth, was complete before the signal"
		return
	fi
	[ ! -e "$TMP/interrupted/pre/1/inventory.img" ] || fail "half a round is complete"
	last=$TMP/interrupted/after
	mkdir "$last"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$last" --prev-images-dir ../pre/1 2>"$TMP/warnings"
	grep -q 'all memory is taken' "$TMP/warnings" || fail "not said: $(cat "$TMP/warnings")"
	"$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$last" | tail -n 1
}

no_rounds() {
	dump full --max-rounds 0 -R
	[ "$(rounds)" = 0 ] || fail "there were rounds"
	[ "$(stats_of "$TMP/full" pages_written)" -ge "$(nr_pages 256)" ] || fail "not a full dump"
}

# A parent that is good enough needs no rounds; one that has grown old gets them.
with_parent() {
	mkdir -p "$TMP/parents/1"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/parents/1"
	dump fresh-parent -R --prev-images-dir ../parents/1
	[ "$(rounds)" = 0 ] || fail "rounds for a fresh parent"
	assert_at_most "$(stats_of "$TMP/fresh-parent" pages_written)" $(($(nr_pages 256) * BLOCKS_A_PAGE / 5)) "pages of the dump"
	dump old-parent --prev-images-dir ../fresh-parent --max-downtime 0 --max-rounds 2
	# Where smaps is read slowly, it is known beforehand that rounds cannot help.
	[ "$(rounds)" = 2 ] || grep -q 'hardly any of it is for pages' "$TMP/warnings" || fail "$(rounds) rounds for an old parent"
	for round in $(seq "$(rounds)"); do
		assert_at_most "$(stats_of "$TMP/old-parent/pre/$round" pages_written)" $(($(nr_pages 256) * BLOCKS_A_PAGE / 5)) \
			"pages of round $round"
	done
	wait_gone
	run_criu "$CRIU" restore "$TMP/old-parent" -d
	expect_intact ok
}

# A program that writes hardly anything: what is left of the freeze is no copying of pages.
no_pages() {
	start_dumpee hot 16 0.01 --rate 1
	dump idle --max-downtime 0 -R
	[ "$(rounds)" = 1 ] || fail "$(rounds) rounds: $(cat "$OUTPUT")"
	grep -q 'rounds copy only those' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	dump idle-parent --max-downtime 0 -R --prev-images-dir ../idle
	[ "$(rounds)" = 0 ] || fail "$(rounds) rounds: $(cat "$OUTPUT")"
	! dump idle-fails --max-downtime 0 --on-stall fail --prev-images-dir ../idle-parent || fail "the dump went on"
	grep -q 'it runs on' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	expect_intact ok
	end_dumpee
}

# expect_refusal REGEX OPTION...
expect_refusal() {
	local regex=$1
	shift
	rm -rf "$TMP/refused"
	! dump refused "$@" || fail "$* was accepted"
	[ "$(wc -l <"$TMP/warnings")" = 1 ] || fail "$*: not one line: $(cat "$TMP/warnings")"
	grep -qE "$regex" "$TMP/warnings" || fail "$*: $(cat "$TMP/warnings")"
}

start_dumpee hot 256 2
[ "$(tracker_in_use)" = soft-dirty ] || without_criu
one_command
max_rounds
stall_fails
interrupted
no_rounds
with_parent
expect_refusal 'max-downtime' --max-downtime soon
expect_refusal 'on-stall' --on-stall=never
expect_refusal 'jobs' --jobs 0
expect_refusal 'bandwidth' --bandwidth 10X
mkdir -p "$TMP/again/pre/1"
! "$LAUNCHER" dump --lazy-wp -t "$DUMPEE" -D "$TMP/again" >"$OUTPUT" 2>"$TMP/warnings" || fail "pre/1 was reused"
grep -q 'take an empty directory' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
expect_intact ok
end_dumpee
no_pages
