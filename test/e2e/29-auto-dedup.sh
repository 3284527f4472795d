#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# --auto-dedup: what an iteration has written needs no place in its parents any more. But only what
# is committed counts, and a directory that is no parent of this iteration is not touched.
# timeout: 240
. "$(dirname "$0")/lib.sh"

CHAIN=$TMP/chain

# pre_dump NAME PARENT OPTION...
pre_dump() {
	local name=$1 parent=$2
	shift 2
	mkdir "$CHAIN/$name"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$CHAIN/$name" --prev-images-dir "../$parent" "$@" \
		2>"$TMP/warnings"
}

verify() { "$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$CHAIN/$1" | tail -n 1; }

sums() { sha256sum "$1"/*.img; }

rewrites() { expect_intact ok | awk '{ print $3 }'; }

has_rewritten() { [ "$(rewrites)" -ge "$1" ]; }

# Until nearly all of the hot pages have been written once more: 4 random writes for each.
wait_rewritten() {
	local now
	now=$(rewrites)
	wait_until 60 has_rewritten $((now + 4 * 3277)) || fail "the dumpee does not write"
}

# Of the last one: what it wrote is in it only, wherever that was before.
punched() {
	local first second before
	pre_dump 2 1 --auto-dedup
	first=$(disk_usage "$CHAIN/1")
	second=$(stats_of "$CHAIN/2" pages_written)
	before=$(stats_of "$CHAIN/1" pages_written)
	assert_at_most "$first" $((before - second + second / 20 + 64)) "pages left in 1, of $before"
	verify 2
	wait_rewritten
	pre_dump 3 2 --auto-dedup
	assert_at_most "$(disk_usage "$CHAIN/2")" $((second - second / 2)) "pages left in 2, of $second"
	[ "$(disk_usage "$CHAIN/1")" -ge $((32768 / 2)) ] || fail "too much is gone"
	verify 3
	pre_dump 4 3
	verify 4
}

# By a commit that fails, and by a death in the middle.
uncommitted() {
	local parent
	parent=$(sums "$CHAIN/4")
	pre_dump 5 4 --auto-dedup --bandwidth 2M &
	wait_until 20 [ -s "$CHAIN/5/pages-1.img" ] || fail "nothing is copied"
	kill -KILL "$(keeper_pid)"
	wait "$!" || fail "$(cat "$TMP/warnings")"
	grep 'cannot be built upon' "$TMP/warnings" || fail "it was committed: $(cat "$TMP/warnings")"
	[ "$parent" = "$(sums "$CHAIN/4")" ] || fail "the parent of an uncommitted iteration was punched"
}

killed() {
	local parent pid
	pre_dump 6 5
	pre_dump 7 6
	parent=$(sums "$CHAIN/6")$(sums "$CHAIN/7")
	pre_dump 8 7 --auto-dedup --bandwidth 2M &
	wait_until 20 [ -s "$CHAIN/8/pages-1.img" ] || fail "nothing is copied"
	pid=$(ps -o pid=,comm= --ppid "$!" | sed -n 's/ criu$//p' | xargs)
	kill -KILL "$pid"
	wait "$!" && fail "it was not killed"
	[ "$parent" = "$(sums "$CHAIN/6")$(sums "$CHAIN/7")" ] || fail "a killed iteration has punched"
}

# The iteration takes everything, and the directory is somebody's checkpoint.
wrong_parent() {
	local parent
	pre_dump 9 7
	pre_dump 10 9
	parent=$(sums "$CHAIN/7")$(sums "$CHAIN/9")
	pre_dump 11 9 --auto-dedup
	grep 'the parent directory is iteration' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	[ "$parent" = "$(sums "$CHAIN/7")$(sums "$CHAIN/9")" ] || fail "a wrong parent was punched"
	verify 11
}

usage_of_parents() { echo $(($(disk_usage "$CHAIN/11") + $(disk_usage "$CHAIN/12"))); }

# CRIU punches by itself; what it was not told of stays where it is.
dump() {
	local before
	pre_dump 12 11 --auto-dedup
	before=$(usage_of_parents)
	mkdir "$CHAIN/13"
	run_criu "$LAUNCHER" dump "$CHAIN/13" --lazy-wp -t "$DUMPEE" --prev-images-dir ../12 --max-rounds 0 --auto-dedup
	wait_gone
	assert_at_most "$(stats_of "$CHAIN/13" pages_written)" 16000 "pages of the dump"
	[ "$(usage_of_parents)" -lt "$before" ] || fail "CRIU has punched nothing"
	run_criu "$CRIU" restore "$CHAIN/13" -d
	expect_intact ok
}

rounds() {
	mkdir "$TMP/rounds"
	run_criu "$LAUNCHER" dump "$TMP/rounds" --lazy-wp -t "$DUMPEE" --max-downtime 0 --max-rounds 3 --auto-dedup
	wait_gone
	[ "$(disk_usage "$TMP/rounds/pre/1")" -lt "$(stats_of "$TMP/rounds/pre/1" pages_written)" ] ||
		fail "the rounds have punched nothing"
	run_criu "$CRIU" restore "$TMP/rounds" -d
	expect_intact ok
}

start_dumpee hot 128 10
mkdir -p "$CHAIN/1"
"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$CHAIN/1"
punched
uncommitted
killed
wrong_parent
dump
rounds
! "$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP" --auto-dedup --page-server --address 127.0.0.1 --port 9 2>"$TMP/warnings" ||
	fail "--auto-dedup with a page server"
grep "the page server's" "$TMP/warnings"
end_dumpee
