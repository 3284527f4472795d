#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `criu swrk`, as container engines and libcriu run it: no command line, no environment, perhaps
# no standard descriptors; all that the launcher adds is found in the requests.
. "$(dirname "$0")/lib.sh"
RPC=$E2E/rpc
MIB=64

# CRIU's cache in a /run of our own shows which answers it took for the kernel's.
if [ -z "${RPC_NAMESPACE-}" ]; then
	export RPC_NAMESPACE=1
	exec unshare -m --propagation private "$0"
fi
mount -t tmpfs tmpfs /run
[ -x /usr/bin/python3 ] || skip "no python3 here for the client"

# engine BINARY [--closed] STEP...: with the environment that an engine leaves, and to CRIU's
# answers; the exit status is CRIU's, which after a pre-dump waits for more and does not count.
engine() { env -i PATH="$PATH" LAZY_WP_CRIU="$CRIU" "$RPC" "$@"; }

expect() {
	local wanted=$1 found
	shift
	found=$(engine "$@") || true
	[ "$found" = "$wanted" ] || fail "rpc $*: '$found' in the place of '$wanted'"
	echo "answers: ${found//$'\n'/, }"
}

plain_says_no() { expect 'features no' "$CRIU" features; }

features() {
	! "$CRIU" check --feature mem_dirty_track >/dev/null 2>&1 || skip "this kernel has soft-dirty"
	plain_says_no
	rm -f /run/criu.kdat
	expect 'features yes' "$LAUNCHER" features
	[ ! -e /run/criu.kdat ] || fail "what we answer is kept for the plain CRIU"
	expect 'features yes' "$LAUNCHER" --closed features
	expect $'version yes\nfeatures yes\nfeatures yes' "$LAUNCHER" version features features
	echo 'tracker = off' >"$TMP/config"
	LAUNCHER_OFF=$(LAZY_WP_CONFIG=$TMP/config LAZY_WP_CRIU=$CRIU "$RPC" "$LAUNCHER" features) || true
	[ "$LAUNCHER_OFF" = "features no" ] || fail "tracker = off: $LAUNCHER_OFF"
}

# CRIU's statistics of a connection are one sum.
pages_of() { echo $(($(cat "$TMP/$1"/pages-*.img | wc -c) / 4096)); }

increments_are_small() {
	local first
	first=$(pages_of "$1/1")
	[ "$first" -ge $((MIB * 256)) ] || fail "$1: the first pre-dump has only $first pages"
	shift
	for dir in "$@"; do
		assert_at_most "$(pages_of "$dir")" $((first / 20)) "pages of $dir"
	done
}

# A client as runc: each step is a CRIU of its own. $1: name, then options of rpc.
one_by_one() {
	local name=$1
	shift
	mkdir -p "$TMP/$name"/{1,2,3}
	start_dumpee hot $MIB 2
	expect 'pre-dump yes' "$LAUNCHER" "$@" "pre-dump:$DUMPEE:$TMP/$name/1"
	expect 'single-pre-dump yes' "$LAUNCHER" "$@" "single-pre-dump:$DUMPEE:$TMP/$name/2:../1"
	expect_intact ok
	expect 'dump yes' "$LAUNCHER" "$@" "dump:$DUMPEE:$TMP/$name/3:../2"
	[ "$("$BUILD/bin/criu-lazy-wp" show --json "$TMP/$name/3/lazy-wp-$DUMPEE.img" | grep -c full_reason)" = 0 ] ||
		fail "$name: the dump is not incremental"
	increments_are_small "$name" "$name/2" "$name/3"
	restores_from "$name/3"
}

# A client as libcriu's criu_dump_iters().
one_connection() {
	mkdir -p "$TMP/loop"/{1,2,3}
	start_dumpee hot $MIB 2
	expect $'pre-dump yes\npre-dump yes\ndump yes' "$LAUNCHER" "pre-dump:$DUMPEE:$TMP/loop/1" \
		"pre-dump:$DUMPEE:$TMP/loop/2:../1" "dump:$DUMPEE:$TMP/loop/3:../2"
	increments_are_small loop loop/2 loop/3
	restores_from loop/3
}

# The dumps here leave the program running: it is verified, ended, and comes back by our CRIU.
restores_from() {
	expect_intact ok
	end_dumpee
	expect "pid $DUMPEE"$'\nrestore yes' "$LAUNCHER" --closed "restore:$DUMPEE:$TMP/$1"
	expect_intact ok
	end_dumpee
}

# What does not ask for tracking is CRIU's alone, with its cache.
plain_dump() {
	rm -f /run/criu.kdat
	mkdir -p "$TMP/plain"
	start_dumpee hot 8 10
	expect 'plain-dump yes' "$LAUNCHER" "plain-dump:$DUMPEE:$TMP/plain"
	[ ! -e "$TMP/plain/lazy-wp-$DUMPEE.img" ] || fail "a dump without tracking was tracked"
	[ -e /run/criu.kdat ] || fail "a plain dump does without CRIU's cache"
	plain_says_no
	! "$BUILD/bin/criu-lazy-wp" status | grep -w "$DUMPEE" || fail "a plain dump starts a keeper"
	end_dumpee
}

is_socket() { [ -S "$1" ]; }

# `criu service` forks for each client. What it serves is about pids, as it needs no descriptors.
service() {
	local server
	(cd "$TMP" && exec "$LAUNCHER" service --address "$TMP/service" -o "$TMP/service.log" -v4) &
	server=$!
	wait_until 10 is_socket "$TMP/service" || fail "criu service does not listen: $(cat "$TMP/service.log")"
	served 'features yes' features
	mkdir -p "$TMP/service-images"/{1,2}
	start_dumpee hot $MIB 2
	served 'pre-dump yes' "pre-dump:$DUMPEE:$TMP/service-images/1"
	expect_intact ok
	served 'dump yes' "dump:$DUMPEE:$TMP/service-images/2:../1"
	increments_are_small service-images service-images/2
	end_dumpee
	kill "$server"
	wait "$server" || true
}

served() {
	local wanted=$1 found
	shift
	found=$("$RPC" --connect "$TMP/service" "$@") || fail "no answer of the service to $*"
	[ "$found" = "$wanted" ] || fail "service $*: '$found' in the place of '$wanted'"
	echo "service: $found"
}

# A request without a pid is about who sends it.
own_process() {
	mkdir -p "$TMP/self"
	expect 'single-pre-dump yes' "$LAUNCHER" "single-pre-dump:self:$TMP/self"
	ls "$TMP"/self/lazy-wp-*.img >/dev/null || fail "a client that dumps itself is not tracked"
}

# Images that the disk lost are no success: not to a client that never looks at exit codes either.
lost_images() {
	local faults=$ROOT/build/fault/bin/criu code=0 found
	[ -x "$faults" ] || { echo "lost images: not tested: no build with fault points"; return; }
	mkdir -p "$TMP/lost"/{1,2}
	start_dumpee hot 8 10
	expect 'pre-dump no' "$faults" --fault sync-before "pre-dump:$DUMPEE:$TMP/lost/1"
	found=$(engine "$faults" --fault sync-before "dump:$DUMPEE:$TMP/lost/2") || code=$?
	[ "$found" = "dump no" ] || fail "images are lost, and the answer is '$found'"
	[ "$code" = 1 ] || fail "images are lost, and the exit status is $code"
	expect_intact ok
	end_dumpee
}

features
one_by_one open
one_by_one closed --closed
one_connection
plain_dump
own_process
service
lost_images
