#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tasks that cannot be tracked, or that CRIU cannot checkpoint at all, each for as long as it is
# so: it is said why, nothing of the task changes, and when it is over all goes as usual.
. "$(dirname "$0")/lib.sh"
[ "$(tracker_in_use)" = uffd-wp ] || skip "about descriptors that are made in tasks, which soft-dirty does not need"

# CRIU itself waits ten seconds for a task to stop.
LIMIT_SECONDS=20

# What a failed command must leave as it was. A task in vfork() is in state D by itself.
snapshot() {
	local task
	cat "/proc/$DUMPEE/maps"
	[ ! -r "/proc/$DUMPEE/fd" ] || find "/proc/$DUMPEE/fd" -type l -printf '%f %l\n' | sort
	for task in /proc/"$DUMPEE"/task/*; do
		echo "thread ${task##*/}"
		grep -E '^(State|TracerPid|SigBlk|SigIgn|SigCgt|SigPnd|ShdPnd):' "$task/status"
	done
}

# pre_dump OPTION...: its output to $TMP/out; returns its exit code.
pre_dump() {
	rm -rf "$TMP/refused"
	mkdir "$TMP/refused"
	timeout "$LIMIT_SECONDS" "$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/refused" \
		-o pre-dump.log -v4 "$@" >"$TMP/out" 2>&1
}

# refused NAME REGEX [CODE]: CRIU's own pre-dump fails with exit code 1 and a line like REGEX. So
# does the live one, or with exit code CODE: it leaves out what cannot be tracked.
refused() {
	local code=0
	snapshot >"$TMP/before"
	pre_dump --pre-dump-mode splice || code=$?
	expect_refusal "$1" "$2" 1 "$code"
	refused_live "$@"
}

refused_live() {
	local code=0
	snapshot >"$TMP/before"
	pre_dump || code=$?
	expect_refusal "$1, live" "$2" "${3-1}" "$code"
}

# expect_refusal NAME REGEX CODE ACTUAL_CODE
expect_refusal() {
	[ "$4" = "$3" ] || fail "$1: exit $4: $(cat "$TMP/out")"
	grep -qE "$2" "$TMP/out" || fail "$1: unclear: $(cat "$TMP/out")"
	wait_until 5 is_untouched || fail "$1: $(cat "$TMP/difference")"
	echo "$1: exit $4, untouched: $(cat "$TMP/out")"
}

# It need not be put back at once.
is_untouched() {
	diff <(normal_status <"$TMP/before") <(snapshot | normal_status) >"$TMP/difference"
}

# works DIR: two pre-dumps without a warning, a dump and a restore, with all bytes right.
works() {
	local dir=$TMP/$1 n parent=()
	for n in 1 2; do
		run_criu "$LAUNCHER" pre-dump "$dir/$n" --lazy-wp -t "$DUMPEE" "${parent[@]}" 2>"$TMP/warnings"
		[ ! -s "$TMP/warnings" ] || fail "$1: $(cat "$TMP/warnings")"
		expect_intact ok
		parent=(--prev-images-dir ../1)
	done
	dump_and_restore "$1"
}

# dump_and_restore DIR: on top of its pre-dump 2.
dump_and_restore() {
	run_criu "$LAUNCHER" dump "$TMP/$1/3" --lazy-wp -t "$DUMPEE" --prev-images-dir ../2
	wait_gone
	run_criu "$CRIU" restore "$TMP/$1/3" -d
	expect_intact ok
	expect_intact ok
}

in_vfork() {
	start_dumpee odd vfork
	# The second time its child, which runs in the same memory, is tracked already.
	refused vfork 'is not tracked, all its memory counts as dirty: (it did not stop in time|another userfaultfd)' 0
	kill_child "$DUMPEE"
	expect_intact ok
	works vfork
	end_dumpee
}

# kill_child PID: ends its only child.
kill_child() { kill -KILL "$(cat "/proc/$1/task/$1/children")"; }

leader_ended() {
	start_dumpee odd leader
	refused leader 'it, or its first thread, has ended'
	expect_intact ok
	end_dumpee
}

# CRIU 4.2.1 does on arm64, without a descriptor free in the task.
criu_crashes() {
	local code=0
	mkdir "$TMP/stock"
	"$CRIU" dump -t "$DUMPEE" -D "$TMP/stock" -o dump.log -R 2>/dev/null || code=$?
	[ "$code" = 139 ]
}

no_descriptor() {
	local limit
	start_dumpee hot 8 10
	limit=$(prlimit --pid "$DUMPEE" --nofile -o SOFT --noheadings | tr -d ' ')
	prlimit --pid "$DUMPEE" --nofile=3:
	if criu_crashes; then
		echo "descriptors: CRIU's own pre-dump not tested: this CRIU crashes, ours or not"
		refused_live descriptors 'counts as dirty: it has no free file descriptor' 0
	else
		refused descriptors 'counts as dirty: it has no free file descriptor' 0
	fi
	prlimit --pid "$DUMPEE" --nofile="$limit:"
	expect_intact ok
	works descriptors
	end_dumpee
}

FREEZER=/sys/fs/cgroup/freezer
GROUP=$FREEZER/lazy-wp-test-$$

# Version 1 only: stock CRIU waits for ever for a task in a frozen cgroup of version 2.
frozen() {
	if [ ! -e "$FREEZER/cgroup.procs" ] || ! mkdir "$GROUP" 2>/dev/null; then
		echo "frozen: not tested: no freezer cgroup can be made here"
		return
	fi
	trap 'leave_group; cleanup' EXIT
	start_dumpee hot 8 10
	echo "$DUMPEE" >"$GROUP/cgroup.procs"
	echo FROZEN >"$GROUP/freezer.state"
	refused frozen 'counts as dirty: it did not stop in time' 0
	leave_group
	expect_intact ok
	works frozen
	end_dumpee
}

leave_group() {
	local pid
	[ -d "$GROUP" ] || return 0
	echo THAWED >"$GROUP/freezer.state"
	while read -r pid; do
		echo "$pid" >"$FREEZER/cgroup.procs" || true
	done < <(cat "$GROUP/cgroup.procs") # read whole first: writing changes it
	rmdir "$GROUP"
}

# CRIU checkpoints 32-bit tasks where it was built for them; then they are dirty, and intact.
of_32_bits() {
	local n parent=()
	if [ "$(uname -m)" != x86_64 ] || ! "${CC:-cc}" -m32 -static -nostdlib -ffreestanding -fno-pie \
		-no-pie -fno-stack-protector -o "$TMP/32bit" -x c "$E2E/32bit.i386" 2>/dev/null; then
		echo "32 bits: not tested: no compiler for them here"
		return
	fi
	STATUS=$TMP/32bit.status
	setsid "$TMP/32bit" </dev/null >>"$STATUS" 2>/dev/null &
	DUMPEE=$!
	disown "$DUMPEE"
	wait_until 5 grep -qs '^ready' "$STATUS" || { echo "32 bits: not tested: not run here"; return; }
	for n in 1 2; do
		run_criu "$LAUNCHER" pre-dump "$TMP/bits/$n" --lazy-wp -t "$DUMPEE" "${parent[@]}" \
			2>"$TMP/warnings" || fail "32 bits: $(cat "$TMP/warnings")"
		grep -q 'counts as dirty: it runs 32-bit code' "$TMP/warnings" || fail "32 bits: not said"
		expect_intact ok
		parent=(--prev-images-dir ../1)
	done
	dump_and_restore bits
	end_dumpee
}

in_vfork
leader_ended
no_descriptor
frozen
of_32_bits
