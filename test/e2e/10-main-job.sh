#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Three pre-dumps and a dump of a program that rewrites 2 % of its 256 MiB: the increments are
# small, and plain CRIU restores it with every page as it was.
. "$(dirname "$0")/lib.sh"

# Our statistics say what CRIU's do, and the pages that CRIU was not told of are counted in both.
check_stats() {
	local dir=$1
	"$BUILD/bin/criu-lazy-wp" show "$dir/lazy-wp-stats.json" | python3 -c '
import json, sys
stats = json.load(sys.stdin)
hidden = sum(task["pages"]["hidden"] for task in stats["tasks"])
print(stats["pages_written"], stats["pages_in_parent"], hidden)' >"$TMP/stats"
	read -r written in_parent hidden <"$TMP/stats"
	[ "$written $in_parent" = "$(stats_of "$dir" pages_written) $(stats_of "$dir" pages_skipped_parent)" ] ||
		fail "statistics of $dir: $(cat "$TMP/stats")"
	echo "$dir: $written written, $in_parent in the parent, $hidden of them hidden"
}

# Only write-protection proves pages clean before CRIU asks, and only by a fast path that is exact
# (track/quick.h).
can_hide() {
	[ "$(tracker_in_use)" = uffd-wp ] && [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -n 1)" = 6.15 ]
}

# A restore in a user namespace reads them as another user. CRIU's own are readable for all.
images_are_readable() {
	local hidden
	hidden=$(find "$1" \( -name '*.img' -o -name stats-dump \) ! -perm -044 ! -type l)
	[ -z "$hidden" ] || fail "not readable as CRIU's own are: $hidden"
}

main_job() {
	local mode=$1 ckpt=$TMP/$1 options=() first
	echo "# pre-dump mode $mode"
	[ "$mode" = live ] || options=(--pre-dump-mode "$mode")
	start_dumpee hot 256 2
	for n in 1 2 3; do
		parent=()
		[ "$n" = 1 ] || parent=(--prev-images-dir "../$((n - 1))")
		run_criu "$LAUNCHER" pre-dump "$ckpt/$n" --lazy-wp -t "$DUMPEE" "${options[@]}" \
			"${parent[@]}"
		expect_intact ok
	done
	run_criu "$LAUNCHER" dump "$ckpt/4" --lazy-wp -t "$DUMPEE" --prev-images-dir ../3
	wait_gone
	[ "$(tracker_of "$ckpt/4")" = "$(tracker_in_use)" ] || fail "tracked by $(tracker_of "$ckpt/4")"

	first=$(stats_of "$ckpt/1" pages_written)
	[ "$first" -ge "$(nr_pages 256)" ] || fail "the first pre-dump has only $first pages"
	for n in 2 3 4; do
		assert_at_most "$(stats_of "$ckpt/$n" pages_written)" $((first * BLOCKS_A_PAGE / 20)) "pages of $mode/$n"
	done
	stats_of "$ckpt/1" shpages_written >/dev/null # who reads CRIU's statistics expects all of them
	images_are_readable "$ckpt"
	check_stats "$ckpt/3"
	check_stats "$ckpt/4"
	! can_hide || [ "$hidden" -ge $(($(nr_pages 256) / 2)) ] || fail "CRIU was told of nearly every page"
	run_criu "$CRIU" restore "$ckpt/4" -d
	expect_intact ok
	end_dumpee
}

umask 022
main_job live
main_job splice
# With larger pages CRIU's read mode asks process_vm_readv() for more pieces than IOV_MAX.
[ "$BLOCKS_A_PAGE" -gt 1 ] || main_job read
