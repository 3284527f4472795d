#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An iteration builds on the one before it or takes everything, and says why: a wrong parent, a
# parent of another session, a killed keeper, a killed iteration, damaged logs and pagemaps, exec.
# After each the increments are small again, and in the end every byte is right.
# timeout: 240
. "$(dirname "$0")/lib.sh"

ALL=$(nr_pages 64)  # pages of the dumpee's arena
FEW=$((ALL * BLOCKS_A_PAGE / 10))
N=0        # the newest iteration

# pre_dump [PARENT]: takes the next iteration; stderr goes to $TMP/warnings.
pre_dump() {
	local parent=()
	[ $# = 0 ] || parent=(--prev-images-dir "../$1")
	N=$((N + 1))
	run_criu "$LAUNCHER" pre-dump "$TMP/$N" --lazy-wp -t "$DUMPEE" "${parent[@]}" 2>"$TMP/warnings"
}

pages() { stats_of "$TMP/$N" pages_written; }

expect_small() {
	pre_dump "$N"
	assert_at_most "$(pages)" "$FEW" "$1: pages"
	[ ! -s "$TMP/warnings" ] || fail "$1: $(cat "$TMP/warnings")"
}

# expect_all REGEX PARENT: all memory is taken, for that reason.
expect_all() {
	pre_dump "$2"
	[ "$(pages)" -ge "$ALL" ] || fail "$1: only $(pages) pages"
	grep -qE "all memory is taken: .*$1" "$TMP/warnings" || fail "$1: $(cat "$TMP/warnings")"
	cat "$TMP/warnings"
}

# The next increment is small again, and every page that the tracker calls clean is.
expect_recovery() {
	expect_small "the next one"
	"$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$TMP/$N" | tail -n 1
}

# refused COMMAND REGEX ARGUMENT...: in one line, and nothing is touched
refused() {
	local command=$1 regex=$2
	shift 2
	! "$LAUNCHER" "$command" --lazy-wp -t "$DUMPEE" "$@" 2>"$TMP/warnings" || fail "$command $* is done"
	[ "$(grep -cE "$regex" "$TMP/warnings") $(grep -c . "$TMP/warnings")" = '1 1' ] ||
		fail "$command $*: $(cat "$TMP/warnings")"
}

# Chains that CRIU cannot follow, or that the iteration itself would destroy.
broken_chains() {
	local newest=$N
	sums >"$TMP/before"
	refused pre-dump 'is the images directory' -D "$TMP/$N" --prev-images-dir "../$N"
	refused pre-dump 'is the images directory' -D "$TMP/$((N - 1))" --prev-images-dir "../$N"
	refused dump 'is the images directory' -D "$TMP/$((N - 1))" --prev-images-dir "../$N"
	sums | diff "$TMP/before" - || fail "the chain was written to"
	mv "$TMP/$((N - 1))" "$TMP/gone"
	mkdir "$TMP/broken"
	refused pre-dump 'parent directory 2 of the chain' -D "$TMP/broken" --prev-images-dir "../$N"
	refused dump 'parent directory 2 of the chain' -D "$TMP/broken" --prev-images-dir "../$N"
	refused dump 'parent directory 2 of the chain' -D "$TMP/broken" --prev-images-dir "../$N" --max-rounds 0
	expect_intact ok
	mv "$TMP/gone" "$TMP/$((N - 1))"
	[ "$N" = "$newest" ]
	expect_recovery
}
sums() { sha256sum "$TMP/$N"/*.img "$TMP/$((N - 1))"/*.img && readlink "$TMP/$N/parent"; }

keeper_is_gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status"; }

wrong_parents() {
	expect_all "iteration $((N - 1)), the last one was $N" $((N - 1))
	expect_recovery
	"$BUILD/bin/criu-lazy-wp" stop -t "$DUMPEE"
	! grep -q '^VmFlags:.* uw' "/proc/$DUMPEE/smaps" || fail "still registered after stop"
	expect_all "only just begun" "$N"
	expect_recovery
	cp -r "$TMP/$N" "$TMP/copy"
	"$BUILD/bin/criu-lazy-wp" stop -t "$DUMPEE"
	pre_dump
	expect_all "another session" copy
	expect_recovery
}

killed_keeper() {
	local keeper
	keeper=$(keeper_pid)
	kill -KILL "$keeper"
	wait_until 10 keeper_is_gone "$keeper" || fail "the keeper does not end"
	expect_all "only just begun" "$N"
	expect_recovery
}

has_pages() { [ -s "$TMP/$1/pages-1.img" ]; }

# The task runs again while CRIU writes what it has spliced: killed then, its pages are lost.
killed_iteration() {
	local before=$N criu
	mkdir "$TMP/killed"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/killed" -o pre-dump.log -v4 &
	criu=$!
	wait_until 30 has_pages killed || fail "no pages were written"
	kill -KILL "$criu"
	! wait "$criu" || fail "it had ended already"
	grep -qE '^State:.[RSD]' "/proc/$DUMPEE/status" || fail "the dumpee is left stopped"
	grep -q '^TracerPid:.0$' "/proc/$DUMPEE/status" || fail "the dumpee is left traced"
	expect_all "was not completed" "$before"
	expect_recovery
}

two_at_once() {
	local criu output code=0
	mkdir "$TMP/first" "$TMP/second"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/first" -o pre-dump.log -v4 &
	criu=$!
	wait_until 30 has_pages first || fail "no pages were written"
	kill -STOP "$criu"
	output=$("$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/second" -o pre-dump.log -v4 2>&1) ||
		code=$?
	kill -CONT "$criu"
	wait "$criu" || fail "the first iteration failed"
	[ "$code" = 1 ] || fail "the second exited with $code"
	grep -q "by process $criu is running" <<<"$output" || fail "unclear: $output"
	echo "$output"
}

damaged_parents() {
	rm "$TMP/$N/lazy-wp-$DUMPEE.img"
	expect_all "has no lazy-wp-$DUMPEE.img" "$N"
	expect_recovery
	printf 'x' | dd of="$TMP/$N/lazy-wp-$DUMPEE.img" bs=1 seek=9 conv=notrunc status=none
	expect_all "." "$N"
	expect_recovery
	truncate -s -4096 "$TMP/$N/pages-1.img"
	expect_all "pagemap-$DUMPEE.img is unusable" "$N"
	expect_small "the next one" # the cut one stays in the chain, of which verify complains
}

# The dumpee becomes another program between two iterations.
executed() {
	STATUS=$TMP/executed.status
	mkfifo "$TMP/go"
	# shellcheck disable=SC2016 # the new shell expands it
	setsid bash -c 'read -r _ <>"$1"; exec "$2" 64 2 --status "$3"' _ "$TMP/go" \
		"$BUILD/test/programs/hot" "$STATUS" </dev/null >/dev/null 2>&1 &
	DUMPEE=$!
	disown "$DUMPEE"
	N=100
	pre_dump
	pre_dump "$N"
	echo >"$TMP/go"
	wait_until 60 grep -qs '^ready' "$STATUS" || fail "the program was not executed"
	if [ "$(tracker_of "$TMP/$N")" = soft-dirty ]; then # which need not know: new memory is dirty
		pre_dump "$N"
		[ "$(pages)" -ge "$ALL" ] || fail "executed: only $(pages) pages"
	else
		expect_all "executed another program" "$N"
	fi
	expect_recovery
	final_dump
}

final_dump() {
	run_criu "$LAUNCHER" dump "$TMP/final-$N" --lazy-wp -t "$DUMPEE" --prev-images-dir "../$N"
	wait_gone
	assert_at_most "$(stats_of "$TMP/final-$N" pages_written)" "$FEW" "pages of the dump"
	run_criu "$CRIU" restore "$TMP/final-$N" -d
	expect_intact ok
	end_dumpee
}

start_dumpee hot 64 2
pre_dump
expect_small "first increment"
broken_chains
wrong_parents
killed_keeper
killed_iteration
two_at_once
expect_all "the last one was" "$N"
expect_recovery
damaged_parents
final_dump
executed
