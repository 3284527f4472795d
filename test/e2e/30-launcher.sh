#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Without --lazy-wp the launcher is CRIU: same arguments, output, exit code and environment.
# With it, nothing that CRIU executes inherits the preload.
. "$(dirname "$0")/lib.sh"

# Both must say and answer the same; CRIU's log lines carry times, so only stdout is compared.
same_as_criu() {
	local code_criu=0 code_launcher=0
	"$CRIU" "$@" >"$TMP/criu.out" 2>/dev/null || code_criu=$?
	"$LAUNCHER" "$@" >"$TMP/launcher.out" 2>/dev/null || code_launcher=$?
	[ "$code_criu" = "$code_launcher" ] || fail "criu $*: exit $code_launcher instead of $code_criu"
	# usage prints the program's name
	diff <(sed "s|$CRIU|criu|g" "$TMP/criu.out") <(sed "s|$LAUNCHER|criu|g" "$TMP/launcher.out") ||
		fail "criu $*: other output"
	echo "criu $*: exit $code_criu"
}

# CRIU's own help, then ours.
helps() {
	local lines
	"$CRIU" --help >"$TMP/criu.out"
	"$LAUNCHER" "$@" >"$TMP/launcher.out" || fail "criu $*: exit $?"
	lines=$(wc -l <"$TMP/criu.out")
	diff "$TMP/criu.out" <(head -n "$lines" "$TMP/launcher.out") || fail "criu $*: CRIU's own help differs"
	tail -n "+$((lines + 1))" "$TMP/launcher.out" | grep -q '^  --lazy-wp' || fail "criu $*: nothing of ours"
}

fake_criu() {
	cat >"$TMP/fake-criu" <<-'END'
		#!/bin/bash
		[ "$*" != --version ] || { echo "Version: 4.2"; exit 0; }
		{ printf '<%s>' "$@"; echo "${LD_PRELOAD-none}"; } >"$FAKE_OUTPUT"
		exit 42
	END
	chmod +x "$TMP/fake-criu"
}

# expect_arguments EXPECTED ARGUMENT...
expect_arguments() {
	local code=0 expected=$1
	shift
	LAZY_WP_CRIU=$TMP/fake-criu FAKE_OUTPUT=$TMP/fake.out "$LAUNCHER" "$@" || code=$?
	[ "$code" = 42 ] || fail "exit code 42 of CRIU became $code"
	[ "$(cat "$TMP/fake.out")" = "$expected" ] || fail "arguments: $(cat "$TMP/fake.out") not $expected"
}

passes_arguments() { expect_arguments "$(printf '<%s>' "$@")none" "$@"; }

# As CRIU's getopt_long() does.
finds_tree() {
	! "$LAUNCHER" dump --lazy-wp "$@" 2>"$TMP/errors" || fail "$*: it worked"
	grep -q 'cannot dump 999999999' "$TMP/errors" || fail "$*: $(cat "$TMP/errors")"
}

no_effect() {
	! "$LAUNCHER" "$@" --lazy-wp -t $$ 2>"$TMP/errors" || fail "$*: it worked"
	grep -q 'are for the rounds of a dump' "$TMP/errors" || fail "$*: $(cat "$TMP/errors")"
}

# What a shell leaves its programs: SIGCHLD ignored, a reader of messages that goes.
odd_signals() {
	local log=()
	start_dumpee hot 8 10
	mkdir -p "$TMP/odd/1" "$TMP/odd/2"
	# CRIU's own parasite dies of such a log, and its task with it: that has a file.
	[ "$(tracker_in_use)" = uffd-wp ] || log=(-o log)
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/odd/1" -v4 "${log[@]}" 2> >(exec 0<&-) || fail "exit $? of SIGPIPE"
	env --ignore-signal=CHLD "$BUILD/bin/criu-lazy-wp" check >"$TMP/check" || fail "$(cat "$TMP/check")"
	env --ignore-signal=CHLD "$LAUNCHER" --help | grep -q '^  --lazy-wp' || fail "no help with SIGCHLD ignored"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/odd/2" --prev-images-dir ../1 2>"$TMP/errors" || fail "$(cat "$TMP/errors")"
	[ ! -s "$TMP/errors" ] || fail "$(cat "$TMP/errors")"
	expect_intact ok
	end_dumpee
}

# $@: more options of dump. The script notes its environment for each of CRIU's actions.
scripts_see_no_preload() {
	rm -f "$TMP/environment"
	start_dumpee hot 8 10
	run_criu "$LAUNCHER" dump "$TMP/images$#" -t "$DUMPEE" -R --action-script "$TMP/action" "$@"
	grep -q '^CRTOOLS_SCRIPT_ACTION=pre-dump' "$TMP/environment" || fail "no script was run"
	! grep -E '^(LD_PRELOAD|LD_AUDIT)=' "$TMP/environment" || fail "a script inherits the preload ($*)"
	expect_intact ok
	end_dumpee
}

same_as_criu --version
same_as_criu check
same_as_criu --no-such-option
same_as_criu no-such-action
same_as_criu
same_as_criu dump -t 999999999 -D "$TMP"
helps --help
helps -h
helps dump --lazy-wp --jobs 2 --help

fake_criu
passes_arguments dump -t 1 'two words' '' --log-file=x -- --lazy
passes_arguments check --feature mem_dirty_track
# With no tracker CRIU would refuse --track-mem.
expect_arguments '<dump><-t><1>none' dump --lazy-wp=off -t 1

expect_arguments '<dump><--manage-cgroups><-t><1>none' dump --lazy-wp=off --manage-cgroups --max-down 5 -t 1
finds_tree --manage-cgroups -t 999999999
finds_tree -jt 999999999
finds_tree --tre 999999999
finds_tree --tree=999999999 --root -t
no_effect pre-dump --on-stall fail
no_effect dump --page-server --max-downtime 5
no_effect dump --page-server --max-rounds 1
finds_tree -t 999999999 --page-server --max-rounds 0

printf '#!/bin/sh\nenv >>"%s/environment"\n' "$TMP" >"$TMP/action"
chmod +x "$TMP/action"
odd_signals
scripts_see_no_preload
scripts_see_no_preload --lazy-wp
