#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A mapping of 1 TiB with ten pages in it adds ten pages to a pre-dump, and nothing to the next.
. "$(dirname "$0")/lib.sh"

# count GIB NAME: pages of two pre-dumps of the program.
count() {
	start_dumpee sparse "$1" 10
	run_criu "$LAUNCHER" pre-dump "$TMP/$2/1" --lazy-wp -t "$DUMPEE"
	run_criu "$LAUNCHER" pre-dump "$TMP/$2/2" --lazy-wp -t "$DUMPEE" --prev-images-dir ../1
	end_dumpee
}

count 0 without
count 1024 with
first=$(($(stats_of "$TMP/with/1" pages_written) - $(stats_of "$TMP/without/1" pages_written)))
# The program's own stack and data differ by a page or two from run to run.
[ "$first" -ge 8 ] || fail "the mapping adds only $first pages to the first pre-dump"
assert_at_most "$first" 12 "pages that the mapping adds"
assert_at_most "$(stats_of "$TMP/with/2" pages_written)" \
	$(($(stats_of "$TMP/without/2" pages_written) + 2)) "pages of the second pre-dump"
