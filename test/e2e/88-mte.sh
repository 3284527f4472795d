#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Memory with tags (PROT_MTE, arm64): its bytes are tracked, copied and restored like any other's. The
# tags themselves CRIU leaves out, as it does without us; the restored program is not checked any more.
. "$(dirname "$0")/lib.sh"

grep -qsw mte /proc/cpuinfo || skip "no processor with memory tags"
start_dumpee hot 16 10 --rate 200 --mte
ALL=$(nr_pages 16)
parent=()
for n in 1 2 3; do
	run_criu "$LAUNCHER" pre-dump "$TMP/$n" --lazy-wp -t "$DUMPEE" "${parent[@]}"
	"$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$TMP/$n"
	expect_intact ok
	[ "$n" = 1 ] || assert_at_most "$(stats_of "$TMP/$n" pages_written)" $((ALL / 2)) "pages of $n"
	parent=(--prev-images-dir "../$n")
done
run_criu "$LAUNCHER" dump "$TMP/4" --lazy-wp -t "$DUMPEE" "${parent[@]}"
wait_gone
run_criu "$CRIU" restore "$TMP/4" -d
expect_intact ok
end_dumpee
