#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The configuration file: what it sets, that options win, and what a wrong one does.
. "$(dirname "$0")/lib.sh"
export LAZY_WP_CONFIG=$TMP/config
RUN=/run/criu-lazy-wp

configure() { printf '%s\n' "$@" >"$LAZY_WP_CONFIG"; }

# wrong REGEX ARGUMENT...: exit status 1 and one line.
wrong() {
	local regex=$1 code=0
	shift
	"$LAUNCHER" "$@" >"$TMP/out" 2>&1 || code=$?
	[ "$code" = 1 ] || fail "$*: exit $code: $(cat "$TMP/out")"
	[ "$(wc -l <"$TMP/out")" = 1 ] || fail "$*: not one line: $(cat "$TMP/out")"
	grep -qE "$regex" "$TMP/out" || fail "$*: $(cat "$TMP/out")"
	cat "$TMP/out"
}

wrong_ones() {
	local code=0
	configure 'tracker = auto' 'traker = off'
	wrong "^Error: $LAZY_WP_CONFIG:2: there is no key 'traker'" check --lazy-wp
	wrong "^Error: $LAZY_WP_CONFIG:2: " --version
	# A server's descriptors are not ours to write to.
	"$LAUNCHER" swrk 3 >"$TMP/out" 2>&1 3<&- || code=$?
	[ "$code" = 1 ] || fail "swrk with a wrong configuration: exit $code"
	[ ! -s "$TMP/out" ] || fail "swrk prints: $(cat "$TMP/out")"
	configure "real-criu = $TMP/nothing"
	wrong "$TMP/nothing is not an executable CRIU" check --lazy-wp --real-criu "$TMP/nothing"
	LAZY_WP_CRIU='' wrong "$TMP/nothing is not an executable CRIU" check --lazy-wp
	configure
	wrong "^Error: --idle-limit '-1'" check --lazy-wp --idle-limit=-1
	LAZY_WP_CONFIG=$TMP/nowhere wrong "^Error: $TMP/nowhere: No such file" check --lazy-wp
}

has_tracking() { "$LAUNCHER" check --feature mem_dirty_track "$@" >/dev/null 2>&1; }

trackers() {
	! "$CRIU" check --feature mem_dirty_track >/dev/null 2>&1 || return 0
	configure 'tracker = off'
	! has_tracking --lazy-wp || fail "tracker = off tracks"
	has_tracking --lazy-wp=auto || fail "--lazy-wp=auto does not win over the file"
	configure
	has_tracking --lazy-wp || fail "an empty configuration is not the default"
}

real_criu() {
	configure "real-criu = $CRIU"
	(unset LAZY_WP_CRIU && "$LAUNCHER" --version >/dev/null) || fail "real-criu is not used"
	configure "real-criu = $TMP/nothing"
	"$LAUNCHER" --version >/dev/null || fail "LAZY_WP_CRIU does not win over the file"
	LAZY_WP_CRIU=$TMP/nothing "$LAUNCHER" check --lazy-wp --real-criu "$CRIU" >/dev/null 2>&1 ||
		fail "--real-criu does not win over LAZY_WP_CRIU"
}

# pre_dump NUMBER PARENT OPTION...: what it says is in $TMP/warnings.
pre_dump() {
	local number=$1 parent=()
	[ -z "$2" ] || parent=(--prev-images-dir "../$2")
	shift 2
	run_criu "$LAUNCHER" pre-dump "$TMP/$number" --lazy-wp -t "$DUMPEE" "${parent[@]}" "$@" 2>"$TMP/warnings" ||
		fail "pre-dump: $(cat "$TMP/warnings")"
}

# By its socket: to ask it would be a request.
keeper_is_gone() { ! compgen -G "$RUN/*-$DUMPEE-*.sock" >/dev/null; }

# Nor do questions make a tree less idle.
asks_all_the_time() { while sleep 0.3; do "$BUILD/bin/criu-lazy-wp" status >/dev/null; done; }

# The keeper ends by itself, and with it all that was known; of what is warned of, as much as wanted.
limits() {
	configure 'idle-limit = 2' 'log-level = error'
	start_dumpee hot 8 10
	pre_dump 1 ""
	! keeper_is_gone || fail "no keeper in $RUN"
	asks_all_the_time &
	local asker=$!
	wait_until 10 keeper_is_gone || fail "a keeper outlives idle-limit"
	kill "$asker"
	pre_dump 2 1
	[ ! -s "$TMP/warnings" ] || fail "log-level = error, and yet: $(cat "$TMP/warnings")"
	pre_dump 3 2 --idle-limit 60 --pre-dump-mode splice
	wait_until 10 keeper_is_gone || fail "the keeper of the file's limit outlives it"
	pre_dump 4 3 --idle-limit 60 --log-level=warn --pre-dump-mode splice
	grep -q 'all memory is taken: tracking has only just begun' "$TMP/warnings" ||
		fail "--log-level=warn does not win over the file"
	! wait_until 4 keeper_is_gone || fail "--idle-limit 60 does not win over the file"
	expect_intact ok
	end_dumpee
}

# It is told that there is a keeper, of which nothing is known.
stopped_keeper() {
	local keeper
	configure
	start_dumpee hot 8 10
	pre_dump stopped ""
	keeper=$(keeper_pid)
	kill -STOP "$keeper"
	! "$BUILD/bin/criu-lazy-wp" status >"$TMP/status" 2>"$TMP/warnings" || fail "status is content"
	kill -CONT "$keeper"
	[ ! -s "$TMP/status" ] || fail "$(cat "$TMP/status")"
	grep -q 'does not answer' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	expect_intact ok
	end_dumpee
}

wrong_ones
trackers
real_criu
stopped_keeper
limits
