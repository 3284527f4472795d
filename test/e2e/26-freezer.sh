#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# CRIU freezes the whole tree by its cgroup, as engines make it do: tasks are brought under tracking
# before that, because a frozen one cannot be, so the increments stay small.
. "$(dirname "$0")/lib.sh"

MIB=64 # the group's name is the test's own: nobody else's group is touched

find_group() {
	if [ -e /sys/fs/cgroup/freezer/cgroup.procs ]; then
		HIERARCHY=/sys/fs/cgroup/freezer
	else
		HIERARCHY=/sys/fs/cgroup
	fi
	GROUP=$HIERARCHY/lazy-wp-test-$$
	mkdir "$GROUP" 2>/dev/null && { [ -e "$GROUP/freezer.state" ] || [ -e "$GROUP/cgroup.freeze" ]; }
}

group_is_gone() { [ ! -d "$GROUP" ] || rmdir "$GROUP" 2>/dev/null; }
trap 'cleanup; wait_until 10 group_is_gone || true' EXIT

# iterate NUMBER PARENT ACTION OPTION...
iterate() {
	local number=$1 parent=() action=$3
	[ -z "$2" ] || parent=(--prev-images-dir "../$2")
	shift 3
	run_criu "$LAUNCHER" "$action" "$TMP/$number" --lazy-wp -t "$DUMPEE" --freeze-cgroup "$GROUP" \
		"${parent[@]}" "$@" 2>"$TMP/warnings" || fail "$action: $(cat "$TMP/warnings")"
	[ ! -s "$TMP/warnings" ] || fail "$action: $(cat "$TMP/warnings")"
}

find_group || skip "no freezer cgroup can be made here"
start_dumpee hot $MIB 2
echo "$DUMPEE" >"$GROUP/cgroup.procs"
iterate 1 "" pre-dump --pre-dump-mode splice
iterate 2 1 pre-dump
grep -q 'freezing cgroup' "$TMP/1/pre-dump.log" || fail "CRIU has not used the freezer"
expect_intact ok
iterate 3 2 dump
grep -q 'freezing cgroup' "$TMP/3/dump.log" || fail "CRIU has not used the freezer"
wait_gone
first=$(stats_of "$TMP/1" pages_written)
[ "$first" -ge $((MIB * 256)) ] || fail "the first pre-dump has only $first pages"
for n in 2 3; do
	assert_at_most "$(stats_of "$TMP/$n" pages_written)" $((first / 20)) "pages of $n"
done
run_criu "$CRIU" restore "$TMP/3" -d
expect_intact ok
end_dumpee
