#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An ordinary user's own programs: with no capability at all live pre-dumps, with CRIU's
# CAP_CHECKPOINT_RESTORE everything. What cannot be done is one line and exit status 1, and nothing
# is left stopped.
# timeout: 240
. "$(dirname "$0")/lib.sh"

UID_HERE=12345 # of nobody: it has no entry anywhere
TOOLS=$TMP/tools
WORK=$TMP/work
RUN=$TMP/run
ALL=8192 # pages of the arena of `hot 32`
FEW=$((ALL / 8))
CAPABILITY=+checkpoint_restore

# as CAPABILITIES COMMAND...: "" is none.
as() {
	local capabilities=${1:--all}
	shift
	setpriv --reuid $UID_HERE --regid $UID_HERE --clear-groups --inh-caps="$capabilities" \
		--ambient-caps="$capabilities" "$@"
}

# What the user can read, wherever the build is.
copy_tools() {
	mkdir -p "$TOOLS/criu" "$TOOLS/bin" "$TOOLS/plugin" "$WORK" "$RUN"
	cp "$BUILD"/bin/* "$TOOLS/bin"
	cp "$BUILD/plugin/lazy_wp_plugin.so" "$TOOLS/plugin"
	cp "$CRIU" "$TOOLS/criu/criu"
	cp "$BUILD/test/programs/hot" "$TOOLS/hot"
	chown $UID_HERE "$TMP" "$WORK" "$RUN"
	chmod 711 "$TMP"
	chmod 700 "$RUN"
	chmod 1777 "$WORK"
	CRIU=$TOOLS/criu/criu
	LAUNCHER=$TOOLS/bin/criu
	export LAZY_WP_CRIU=$CRIU XDG_RUNTIME_DIR=$RUN
	unset LAZY_WP_RUNDIR
}

# start_users_dumpee COMMAND...: of hot, by the user, without capabilities.
start_users_dumpee() {
	STATUS=$WORK/hot.status
	rm -f "$STATUS"
	"$@" setsid "$TOOLS/hot" 32 10 --rate 1000 --status "$STATUS" </dev/null >/dev/null 2>&1 &
	DUMPEE=$!
	disown "$DUMPEE"
	wait_until 60 grep -qs '^ready' "$STATUS" || fail "hot did not start"
	DUMPEE=$(sed -n 's/^ready //p' "$STATUS")
}

pages() { stats_of "$WORK/$1" pages_written; }

# users_criu CAPABILITIES ACTION DIR OPTION...
users_criu() {
	local capabilities=$1 action=$2 dir=$WORK/$3 code=0
	shift 3
	as '' mkdir "$dir"
	as "$capabilities" "$LAUNCHER" "$action" -D "$dir" -o log -v4 -t "$DUMPEE" "$@" 2>"$TMP/errors" || code=$?
	[ "$code" = 0 ] || { cat "$TMP/errors"; grep -aE 'Error|lazy-wp' "$dir/log" | tail -n 20; }
	return "$code"
}

verify() { as "$1" "$TOOLS/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$WORK/$2" | tail -n 1; }

expect_small() {
	[ ! -s "$TMP/errors" ] || fail "$1: $(cat "$TMP/errors")"
	assert_at_most "$(pages "$1")" $FEW "pages of $1"
}

# Whoever drops capabilities from its bounding set needs CAP_SETPCAP, and CRIU drops all that the
# program does not have there, also those that nobody here has.
capabilities_of_restore() {
	local all
	all=$(printf '%016x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1)))
	grep -q "^CapBnd:.*$all" /proc/self/status || echo -n "+setpcap,"
	echo "$CAPABILITY"
}

restore() {
	as "$(capabilities_of_restore)" "$CRIU" restore --unprivileged -D "$WORK/$1" -o restore.log -v4 -d ||
		fail "$(grep -a Error "$WORK/$1/restore.log")"
	expect_intact ok
}

can_dump_at_all() {
	as '' mkdir "$WORK/stock"
	as $CAPABILITY "$CRIU" dump --unprivileged -t "$DUMPEE" -D "$WORK/stock" -o log -v4 -R ||
		skip "plain CRIU cannot dump as an ordinary user here: $(grep -a Error "$WORK/stock/log" | head -n 1)"
}

# With CAP_CHECKPOINT_RESTORE: live, CRIU's own, and dumps with and without rounds before.
everything() {
	users_criu '' pre-dump 1 --lazy-wp --unprivileged
	[ "$(pages 1)" -ge $ALL ] || fail "the first pre-dump has only $(pages 1) pages"
	users_criu $CAPABILITY pre-dump 2 --lazy-wp --unprivileged --prev-images-dir ../1
	expect_small 2
	verify $CAPABILITY 2
	users_criu $CAPABILITY pre-dump 3 --lazy-wp --unprivileged --prev-images-dir ../2 --pre-dump-mode splice
	expect_small 3
	verify $CAPABILITY 3
	users_criu $CAPABILITY dump 4 --lazy-wp --unprivileged --prev-images-dir ../3
	wait_gone
	expect_small 4
	restore 4
	users_criu $CAPABILITY dump 5 --lazy-wp --unprivileged
	wait_gone
	expect_small 5
	restore 5
}

is_running() { grep -q '^State:.[RS]' "/proc/$DUMPEE/status" && grep -q '^TracerPid:.0$' "/proc/$DUMPEE/status"; }

# refused REGEX CAPABILITIES ACTION OPTION...: exit status 1 and one line.
refused() {
	local regex=$1 capabilities=$2 action=$3 code=0
	shift 3
	rm -rf "$WORK/refused"
	as '' mkdir "$WORK/refused"
	as "$capabilities" "$LAUNCHER" "$action" -D "$WORK/refused" --lazy-wp -t "$DUMPEE" "$@" >"$TMP/said" \
		2>"$TMP/errors" || code=$?
	[ "$code" = 1 ] || fail "$regex: exit status $code: $(cat "$TMP/errors")"
	[ "$(cat "$TMP/said" "$TMP/errors" | wc -l)" = 1 ] || fail "$regex: not one line: $(cat "$TMP/said" "$TMP/errors")"
	grep -E "$regex" "$TMP/errors" || fail "$regex: $(cat "$TMP/errors")"
	wait_until 5 is_running || fail "$regex: the program does not run any more"
	[ ! -e "$WORK/refused/inventory.img" ] || fail "$regex: it looks like a checkpoint"
}

# checks CAPABILITIES: what `check` says of them, on a kernel where root can do everything.
checks() { { as "$1" "$TOOLS/bin/criu-lazy-wp" check || true; } | tail -n 1; }

# The live pre-dump is not CRIU's, all else is.
no_capability() {
	checks $CAPABILITY | grep 'work here' || fail "check with $CAPABILITY"
	checks '' | grep 'do not work here' || fail "check without capabilities"
	users_criu '' pre-dump bare1 --lazy-wp
	users_criu '' pre-dump bare2 --lazy-wp --prev-images-dir ../bare1
	expect_small bare2
	refused 'CRIU needs root or CAP_CHECKPOINT_RESTORE' '' dump --unprivileged
	refused 'CRIU needs root or CAP_CHECKPOINT_RESTORE' '' pre-dump --unprivileged --pre-dump-mode splice
	refused 'wants its option --unprivileged' $CAPABILITY dump
	users_criu '' pre-dump bare3 --lazy-wp --prev-images-dir ../bare2
	expect_small bare3
	verify '' bare3
	expect_intact ok
}

# The loader ignores LD_PRELOAD then, and CRIU would go on without us.
capabilities_of_file() {
	if ! command -v setcap >/dev/null || ! setcap cap_checkpoint_restore+eip "$CRIU"; then
		echo "no file capabilities here"
		return
	fi
	refused 'has rights of its own' '' dump --unprivileged
	setcap -r "$CRIU"
}

run_directories() {
	XDG_RUNTIME_DIR=$TMP/nowhere refused 'set XDG_RUNTIME_DIR' '' pre-dump
	XDG_RUNTIME_DIR='' refused 'set XDG_RUNTIME_DIR' '' pre-dump
	mkdir -m 1777 "$TMP/for-all"
	XDG_RUNTIME_DIR=$TMP/for-all refused 'set XDG_RUNTIME_DIR' '' pre-dump
	XDG_RUNTIME_DIR=/run refused 'set XDG_RUNTIME_DIR' '' pre-dump
	XDG_RUNTIME_DIR=$TMP/nowhere as '' "$TOOLS/bin/criu-lazy-wp" status | grep 'no tracked trees'
	as '' "$TOOLS/bin/criu-lazy-wp" status | grep "$DUMPEE" || fail "status does not know the tree"
	as '' "$TOOLS/bin/criu-lazy-wp" stop -t "$DUMPEE"
}

# The files of /proc/PID are that user's, so CAP_SYS_PTRACE is not enough.
another_users() {
	local capabilities=+sys_ptrace,+dac_read_search
	end_dumpee
	start_users_dumpee setpriv --reuid 23456 --regid 23456 --clear-groups
	refused 'no access to process' '' pre-dump
	refused 'no access to process' $CAPABILITY pre-dump
	refused 'no access to process' $CAPABILITY dump --unprivileged
	refused 'no access to process' +sys_ptrace pre-dump
	users_criu $capabilities pre-dump other1 --lazy-wp
	users_criu $capabilities pre-dump other2 --lazy-wp --prev-images-dir ../other1
	expect_small other2
	verify $capabilities,$CAPABILITY other2
	as '' "$TOOLS/bin/criu-lazy-wp" stop -t "$DUMPEE"
}

[ "$(id -u)" = 0 ] || skip "needs root, to become another user"
command -v setpriv >/dev/null || skip "needs setpriv"
copy_tools
as $CAPABILITY true || skip "CAP_CHECKPOINT_RESTORE is not to be had"
start_users_dumpee as ''
can_dump_at_all
everything
no_capability
capabilities_of_file
run_directories
another_users
end_dumpee
