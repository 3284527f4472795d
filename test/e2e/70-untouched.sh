#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# After any of our commands, also a failed one, the tasks are as before: descriptors, mappings,
# signal masks and handlers, job-control state, tracer. What CRIU executes sees nothing of ours.
. "$(dirname "$0")/lib.sh"

# Everything that the kernel shows of each thread and that a command of ours could disturb.
snapshot() {
	local pid task
	for pid in $(ps -o pid= -s "$DUMPEE" | sort -n); do
		echo "process $pid"
		(cd "/proc/$pid/fd" && for fd in *; do echo "$fd $(readlink "$fd")"; done)
		cat "/proc/$pid/maps"
		for task in /proc/"$pid"/task/*; do
			echo "thread ${task##*/}"
			grep -E '^(TracerPid|SigBlk|SigIgn|SigCgt|SigPnd|ShdPnd|Seccomp|NoNewPrivs):' "$task/status"
		done
	done
}

expect_untouched() {
	diff "$TMP/before" <(snapshot) >"$TMP/difference" || fail "$1 left: $(cat "$TMP/difference")"
	! grep -lE '^State:.[Tt]' /proc/"$DUMPEE"/task/*/status || fail "$1: stopped"
	echo "$1: untouched"
}

all_commands() {
	local dirs="$TMP/$1" code=0
	mkdir -p "$dirs"
	snapshot >"$TMP/before"
	run_criu "$LAUNCHER" pre-dump "$dirs/1" --lazy-wp -t "$DUMPEE"
	expect_untouched "$1: first pre-dump"
	run_criu "$LAUNCHER" pre-dump "$dirs/2" --lazy-wp -t "$DUMPEE" --prev-images-dir ../1 \
		--pre-dump-mode read
	expect_untouched "$1: pre-dump"
	"$BUILD/bin/criu-lazy-wp" status >/dev/null
	"$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$dirs/2" >/dev/null
	expect_untouched "$1: verify"
	# A dump that fails late: at its last script.
	mkdir "$dirs/failed"
	"$LAUNCHER" dump --lazy-wp -t "$DUMPEE" -D "$dirs/failed" -o dump.log -v4 \
		--prev-images-dir ../2 --action-script "$TMP/refuse" 2>"$TMP/refused" || code=$?
	[ "$code" != 0 ] || fail "the dump did not fail"
	grep -q "lazy-wp: Error: dump of $DUMPEE failed" "$TMP/refused" || fail "$(cat "$TMP/refused")"
	expect_untouched "$1: failed dump"
	run_criu "$LAUNCHER" dump "$dirs/3" --lazy-wp -t "$DUMPEE" -R
	expect_untouched "$1: dump -R"
	"$BUILD/bin/criu-lazy-wp" stop -t "$DUMPEE"
	expect_untouched "$1: stop"
}

# An action script that notes its environment and makes the dump fail.
make_script() {
	cat >"$TMP/refuse" <<-END
		#!/bin/sh
		env >>"$TMP/environment"
		[ "\$CRTOOLS_SCRIPT_ACTION" != post-dump ]
	END
	chmod +x "$TMP/refuse"
}

environment_is_clean() {
	[ -s "$TMP/environment" ] || fail "the action script was not executed"
	! grep -E '^(LD_PRELOAD|LAZY_WP_PLUGIN)=' "$TMP/environment" || fail "the plugin is inherited"
}

# What the user preloads stays, without us.
users_preload_stays() {
	local libc
	libc=$(ldd "$CRIU" | sed -n 's/.*=> \(.*libc\.so[^ ]*\) .*/\1/p')
	rm "$TMP/environment"
	mkdir "$TMP/preload"
	# The sanitizer, if this build has it, wants to be first otherwise.
	! ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$libc "$LAUNCHER" dump --lazy-wp -t "$DUMPEE" -D "$TMP/preload" -o dump.log -v4 \
		--action-script "$TMP/refuse" 2>/dev/null || fail "the dump did not fail"
	grep -qx "LD_PRELOAD=$libc" "$TMP/environment" || fail "$(grep LD_PRELOAD "$TMP/environment")"
}

# The child is bash, too, before its exec.
is_waiting() { [[ $(ps -o comm=,state= -s "$DUMPEE" | xargs) == 'bash S sleep S' ]]; }

# Two processes with a handler, an ignored signal and descriptors, who do nothing: what differs
# afterwards is ours. (A task in sigtimedwait(), for one, changes its own mask all the time.)
start_still_dumpee() {
	setsid bash -c 'trap : USR1; trap "" USR2; exec 7</etc/passwd; sleep 1000 & wait' \
		</dev/null >/dev/null 2>&1 &
	DUMPEE=$!
	disown "$DUMPEE"
	wait_until 10 is_waiting || fail "the dumpee did not start"
}

make_script
start_still_dumpee
all_commands still
environment_is_clean
users_preload_stays
end_dumpee
