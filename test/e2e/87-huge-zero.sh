#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A huge page that is in the parent, thrown away and then only read, is zero after a restore. To
# soft-dirty it looks untouched: CRIU alone takes it from the parent on Linux 6.1.
. "$(dirname "$0")/lib.sh"

is_thrown() { grep -q '^thrown' "$STATUS"; }

start_dumpee thrown
! grep -q '^ready 0$' "$STATUS" || skip "no huge pages here"
run_criu "$LAUNCHER" pre-dump "$TMP/1" --lazy-wp -t "$DUMPEE"
kill -USR2 "$DUMPEE"
wait_until 30 is_thrown || fail "the dumpee does not answer"
run_criu "$LAUNCHER" dump "$TMP/2" --lazy-wp -t "$DUMPEE" --prev-images-dir ../1
wait_gone
run_criu "$CRIU" restore "$TMP/2" -d
expect_intact ok
end_dumpee
