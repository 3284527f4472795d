#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A tracker that this kernel lacks is refused in one line that says what is missing and where it
# is, with exit code 1, and nothing is touched; a tracker that it has is the one that is used.
. "$(dirname "$0")/lib.sh"

LAUNCHER=$BUILD/bin/criu
MISSING_UFFD_WP='lacks asynchronous userfaultfd write-protect.*Linux 6\.7; arm64 6\.10'
MISSING_SOFT_DIRTY='lacks soft-dirty.*CONFIG_MEM_SOFT_DIRTY'
MISSING_BOTH="$MISSING_UFFD_WP.*soft-dirty \\(CONFIG_MEM_SOFT_DIRTY on x86\\)"

kernel_has() { "$BUILD/bin/criu-lazy-wp" check | grep -qE "^$1: +yes"; }

# Whether it sleeps or runs just now is its own affair.
snapshot() {
	cat "/proc/$DUMPEE/maps"
	find "/proc/$DUMPEE/fd" -type l -printf '%f %l\n' | sort
	grep -E '^(TracerPid|SigBlk|SigIgn|SigCgt|SigPnd|ShdPnd):' "/proc/$DUMPEE/status" | normal_status
	ls -A --ignore=log "$TMP/refused"
	"$BUILD/bin/criu-lazy-wp" status
}

# refused NAME REGEX COMMAND
refused() {
	local code=0
	mkdir -p "$TMP/refused"
	snapshot >"$TMP/before"
	"$LAUNCHER" "$3" "--lazy-wp=$1" -t "$DUMPEE" -D "$TMP/refused" -o log >"$TMP/out" 2>&1 || code=$?
	[ "$code" = 1 ] || fail "$3 --lazy-wp=$1: exit $code"
	[ "$(wc -l <"$TMP/out")" = 1 ] || fail "$3 --lazy-wp=$1: not one line: $(cat "$TMP/out")"
	grep -qE "$2" "$TMP/out" || fail "$3 --lazy-wp=$1: unclear: $(cat "$TMP/out")"
	grep -qE "$2" "$TMP/refused/log" || fail "$3 --lazy-wp=$1: the log does not say why"
	diff "$TMP/before" <(snapshot) || fail "$3 --lazy-wp=$1 has changed something"
	cat "$TMP/out"
}

# used NAME EXPECTED: --lazy-wp=NAME makes a log of that tracker
used() {
	run_criu "$LAUNCHER" pre-dump "$TMP/$1" "--lazy-wp=$1" -t "$DUMPEE"
	"$BUILD/bin/criu-lazy-wp" show "$TMP/$1/lazy-wp-$DUMPEE.img" >"$TMP/shown"
	grep -qE "^tracker: +$2" "$TMP/shown" || fail "--lazy-wp=$1 used $(grep ^tracker "$TMP/shown")"
	grep -E '^tracker' "$TMP/shown"
}

# used_or_refused NAME HAS REGEX
used_or_refused() {
	if [ "$2" = yes ]; then
		used "$1" "$1"
	else
		refused "$1" "$3" pre-dump
		refused "$1" "$3" dump
	fi
}

uffd_wp=no soft_dirty=no
! kernel_has 'asynchronous write-protect' || uffd_wp=yes
! kernel_has soft-dirty || soft_dirty=yes
start_dumpee hot 8 10
used_or_refused uffd-wp "$uffd_wp" "$MISSING_UFFD_WP"
used_or_refused soft-dirty "$soft_dirty" "$MISSING_SOFT_DIRTY"
case $uffd_wp$soft_dirty in
yes*) used auto uffd-wp ;;
noyes) used auto soft-dirty ;;
nono)
	refused auto "$MISSING_BOTH" pre-dump
	refused auto "$MISSING_BOTH" dump
	;;
esac
expect_intact ok
end_dumpee
