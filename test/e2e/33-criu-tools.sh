#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# CRIU's other commands take our images for its own: a chain of live pre-dumps and a dump is restored
# with memory on demand (`criu lazy-pages`), thinned out by `criu dedup`, and read by crit.
# timeout: 240
. "$(dirname "$0")/lib.sh"

CHAIN=$TMP/chain
ALL=16384 # pages of the arena of `hot 64`

# make_chain WORD OPTION...: of DUMPEE, which answers with WORD: two live pre-dumps and a dump.
make_chain() {
	local word=$1
	shift
	rm -rf "$CHAIN"
	mkdir "$CHAIN"
	run_criu "$LAUNCHER" pre-dump "$CHAIN/1" --lazy-wp -t "$DUMPEE"
	expect_intact "$word"
	run_criu "$LAUNCHER" pre-dump "$CHAIN/2" --lazy-wp -t "$DUMPEE" --prev-images-dir ../1
	expect_intact "$word"
	run_criu "$LAUNCHER" dump "$CHAIN/3" --lazy-wp -t "$DUMPEE" --prev-images-dir ../2 "$@"
}

waits_for_restore() { [ -S "$CHAIN/3/lazy-pages.socket" ]; }

# The daemon hands out what the program touches, then the rest, and ends.
restore_lazily() {
	local pages
	"$CRIU" lazy-pages -D "$CHAIN/3" -o lazy-pages.log -v4 &
	DAEMON=$!
	wait_until 20 waits_for_restore || fail "$(tail -n 5 "$CHAIN/3/lazy-pages.log")"
	run_criu "$CRIU" restore "$CHAIN/3" --lazy-pages -d
	pages=$(awk '/nr_lazy:/ { n += $NF } END { print n }' "$CHAIN/3/restore.log")
	[ "$pages" -gt 0 ] || fail "no page was left to the daemon"
	echo "$pages pages on demand"
}

end_daemon() { wait "$DAEMON" || fail "lazy-pages: $(tail -n 5 "$CHAIN/3/lazy-pages.log")"; }

lazy_pages() {
	start_dumpee hot 64 20
	make_chain ok
	wait_gone
	restore_lazily
	expect_intact ok
	end_daemon
	expect_intact ok
	make_chain ok
	wait_gone
	run_criu "$CRIU" restore "$CHAIN/3" -d
	expect_intact ok
	end_dumpee
}

lazy_tree() {
	start_dumpee tree 6 4 --rate 50
	make_chain "done"
	wait_gone
	restore_lazily
	expect_intact "done"
	end_daemon
	expect_intact "done"
	end_dumpee
}

verify() { "$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$CHAIN/3" | tail -n 1; }

# What a later directory has anew is punched out of the earlier ones.
dedup() {
	local before n
	start_dumpee hot 64 50
	make_chain ok --leave-running
	verify
	before=$(disk_usage "$CHAIN/1")
	for n in 2 3; do
		"$CRIU" dedup -D "$CHAIN/$n" -o dedup.log -v4 || fail "$(tail -n 5 "$CHAIN/$n/dedup.log")"
	done
	assert_at_most "$(disk_usage "$CHAIN/1")" $((before - ALL / 10)) "pages left in 1, of $before"
	verify
	end_dumpee
	run_criu "$CRIU" restore "$CHAIN/3" -d
	expect_intact ok
	end_dumpee
}

find_crit() {
	CRIT=$(dirname "$CRIU")/crit
	[ -x "$CRIT" ] || CRIT=$(command -v crit)
}

reads_image() {
	"$CRIT" show "$1" >"$TMP/shown" || fail "crit show $1"
	grep -q '"magic"' "$TMP/shown" || fail "crit shows nothing of $1: $(cat "$TMP/shown")"
}

# What crit reads of an image that we have written is all that is in it. The 64-bit number of pages
# in a pagemap, beside the old one, is of CRIU 4.2.
understands_image() {
	! "$CRIU" --version | grep -q '^Version: 4\.[01]' || return 0
	"$CRIT" decode -i "$1" | "$CRIT" encode -o "$TMP/encoded" || fail "crit decode or encode $1"
	cmp "$1" "$TMP/encoded" || fail "$1 is not what crit understands of it"
}

# Pages have no messages.
crit_reads_all() {
	local image number=0
	for image in "$CHAIN"/[123]/*.img "$CHAIN"/[123]/stats-*; do
		case ${image##*/} in lazy-wp-* | pages-*) continue ;; esac
		reads_image "$image"
		case ${image#"$CHAIN"} in /[12]/* | */pagemap-*) understands_image "$image" ;; esac
		number=$((number + 1))
	done
	[ "$number" -gt 15 ] || fail "only $number images"
	echo "crit reads $number images"
}

# Not of the tree: crit 4.2.1 looks for the memory of zombies.
crit_explores() {
	local what
	for what in ps rss mems; do
		"$CRIT" x "$CHAIN/3" $what >"$TMP/explored" || fail "crit x $what"
		grep -q "$DUMPEE" "$TMP/explored" || fail "crit x $what: $(cat "$TMP/explored")"
	done
}

crit() {
	find_crit || { echo "no crit: scripts/setup builds one"; return; }
	start_dumpee tree 6 4 --rate 50
	make_chain "done"
	wait_gone
	crit_reads_all
	start_dumpee hot 16 10
	make_chain ok
	wait_gone
	crit_reads_all
	crit_explores
}

lazy_pages
lazy_tree
dedup
crit
