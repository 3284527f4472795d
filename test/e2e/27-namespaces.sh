#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A container: a tree whose first process is pid 1 of its own pid namespace, with its own mounts,
# and in the second part its own users. Two pre-dumps, dump, restore, every page as it
# was; the images have the names that the pids have inside.
. "$(dirname "$0")/lib.sh"

MIB=8

# start_container NAME FLAG...: sets DUMPEE to the pid, outside, of its first process.
start_container() {
	local name=$1 outer
	shift
	mkdir "$TMP/$name" "$TMP/$name/root"
	STATUS=$TMP/$name/root/status
	unshare --mount --pid --uts --ipc "$@" --fork --propagation private setsid \
		"$E2E/contain" "$TMP/$name/root" "$BUILD/test/programs/hot" $MIB 10 --status /status \
		</dev/null >"$TMP/$name.log" 2>&1 &
	outer=$!
	if ! wait_until 20 is_ready "$outer"; then
		cat "$TMP/$name.log"
		return 1
	fi
}

# is_ready OUTER: its child is up.
is_ready() {
	DUMPEE=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || return
	DUMPEE=${DUMPEE% }
	[ -n "$DUMPEE" ] || return
	grep -qs '^ready' "$STATUS"
}

is_gone() { [ ! -e "/proc/$DUMPEE" ]; }

# increments_are_small DIR: the program writes a tenth of its memory.
increments_are_small() {
	local first
	first=$(stats_of "$1/1" pages_written)
	[ "$first" -ge $((MIB * 256)) ] || fail "the first pre-dump has only $first pages"
	assert_at_most "$(stats_of "$1/2" pages_written)" $((first / 2)) "pages of ${1##*/}/2"
	assert_at_most "$(stats_of "$1/3" pages_written)" $((first / 2)) "pages of ${1##*/}/3"
}

container_job() {
	local dir=$TMP/$1 n parent=()
	for n in 1 2; do
		run_criu "$LAUNCHER" pre-dump "$dir/$n" --lazy-wp -t "$DUMPEE" "${parent[@]}" 2>"$TMP/warnings"
		[ ! -s "$TMP/warnings" ] || fail "$1: $(cat "$TMP/warnings")"
		[ -e "$dir/$n/lazy-wp-1.img" ] || fail "$1: no dirty log of its pid 1"
		expect_intact ok
		"$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$dir/$n" | tail -n 1
		parent=(--prev-images-dir ../1)
	done
	run_criu "$LAUNCHER" dump "$dir/3" --lazy-wp -t "$DUMPEE" --prev-images-dir ../2
	wait_until 30 is_gone || fail "the dumpee is still there"
	increments_are_small "$dir"
	mount --bind "$dir/root" "$dir/root"
	run_criu "$CRIU" restore "$dir/3" -d --root "$dir/root" --pidfile "$dir/pid"
	DUMPEE=$(cat "$dir/pid")
	expect_intact ok
	expect_intact ok
	kill -KILL "$DUMPEE"
	wait_until 30 is_gone || fail "the restored container is still there"
	umount "$dir/root"
}

# In a mount namespace of its own: what is mounted goes with it.
if [ -z "${NAMESPACES_NAMESPACE-}" ]; then
	export NAMESPACES_NAMESPACE=1
	exec unshare -m --propagation private "$0"
fi
start_container container || skip "no namespaces can be made here"
container_job container
start_container user-container --user --map-root-user || skip "no user namespaces can be made here"
container_job user-container
