#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# CRIU, the keeper and the dumpee are killed at every step of an iteration, calls fail at every step,
# the disk is full or broken, memory is short: see scripts/faults. And an ordinary build has none
# of the points.
# timeout: 400
. "$(dirname "$0")/lib.sh"
FAULTS=$ROOT/build/fault

! grep -l LAZY_WP_FAULT "$BUILD"/bin/* "$BUILD"/plugin/*.so || fail "fault points in an ordinary build"
[ -x "$FAULTS/bin/criu" ] || skip "no build with fault points: make FAULTS=1"
grep -q LAZY_WP_FAULT "$FAULTS"/plugin/*.so || fail "no fault points in $FAULTS"
"$ROOT/scripts/faults"
