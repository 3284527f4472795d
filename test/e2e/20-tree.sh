#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A tree of 20 processes with 8 threads each, with others forking, exec'ing and exiting all the
# time, is pre-dumped, dumped and restored with every page of every process as it was. An emulated
# processor has a smaller tree: CRIU has to stop all threads between two of its forks.
. "$(dirname "$0")/lib.sh"

PROCESSES=20 THREADS=8
TIMEOUT=$((10 * ${LAZY_WP_TEST_SLOWNESS:-1})) # CRIU's for a freeze is 10 s
[ "${LAZY_WP_TEST_SLOWNESS:-1}" = 1 ] || PROCESSES=6 THREADS=4

tree_job() {
	local mode=$1 ckpt=$TMP/$1 options=(--timeout "$TIMEOUT")
	echo "# pre-dump mode $mode"
	[ "$mode" = live ] || options+=(--pre-dump-mode "$mode")
	# An emulated machine would have written everything before the first pre-dump has ended.
	start_dumpee tree "$PROCESSES" "$THREADS" --rate $((50 / ${LAZY_WP_TEST_SLOWNESS:-1}))
	for n in 1 2 3; do
		parent=()
		[ "$n" = 1 ] || parent=(--prev-images-dir "../$((n - 1))")
		run_criu "$LAUNCHER" pre-dump "$ckpt/$n" --lazy-wp -t "$DUMPEE" "${options[@]}" \
			"${parent[@]}"
		expect_intact "done"
	done
	run_criu "$LAUNCHER" dump "$ckpt/4" --lazy-wp -t "$DUMPEE" --prev-images-dir ../3 --timeout "$TIMEOUT"
	wait_gone

	first=$(stats_of "$ckpt/1" pages_written)
	[ "$first" -ge "$(nr_pages $((PROCESSES * THREADS)))" ] || fail "the first pre-dump has only $first pages"
	# How much is dirty depends on the time taken; something of each parent must be reused. Soft-dirty
	# tells whole mappings where the threads' have merged with new ones.
	limit=$((first * 9 / 10))
	[ "$(tracker_in_use)" != soft-dirty ] || limit=$first
	for n in 2 3 4; do
		assert_at_most "$(stats_of "$ckpt/$n" pages_written)" "$limit" "pages of $mode/$n"
		[ "$(stats_of "$ckpt/$n" pages_skipped_parent)" -gt 0 ] || fail "nothing of the parent is used"
	done
	run_criu "$CRIU" restore "$ckpt/4" -d
	expect_intact "done"
	# The workers, the churn process and six of its children that live on.
	[ "$(tail -n 1 "$STATUS" | cut -d ' ' -f 2)" -ge $((PROCESSES + 7)) ] || fail "some processes did not answer"
	end_dumpee
}

tree_job live
tree_job splice
tree_job read
