#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Pages go to an unmodified `criu page-server`, live: one server for each iteration, the final dump
# is CRIU's own and incremental too, and plain CRIU restores from the server's directories. A server
# whose parent is another directory, or that ends in the middle, never costs a byte.
# timeout: 240
[ -n "${LAZY_WP_TEST_NETNS-}" ] || LAZY_WP_TEST_NETNS=1 exec unshare -n "$0"
. "$(dirname "$0")/lib.sh"
. "$E2E/servers.sh"

command -v ip >/dev/null || skip "needs ip (iproute2)"
ip link set lo up || skip "no network namespace of its own"

# The dump is CRIU's own, and its last pages are the server's too.
dump_and_restore() {
	iterate dump "$N" "$N"
	wait_gone
	assert_at_most "$(pages)" "${1:-$FEW}" "pages of the dump"
	[ ! -s "$TMP/warnings" ] || fail "$(cat "$TMP/warnings")"
	together
}

# CRIU would take any parent that has pages of these addresses.
dump_onto_wrong_parent() {
	expect_small "one more"
	iterate dump "$N" "$((N - 1))"
	wait_gone
	[ "$(pages)" -ge $ALL ] || fail "only $(pages) pages"
	grep -q "the page server's parent directory is not" "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	together
	expect_intact ok
}

# The parent here is right, the server's is another directory: nobody but us would see that.
wrong_parent_there() {
	iterate pre-dump "$N" "$((N - 1))"
	expect_all "the page server's parent directory is not"
	expect_small "after a wrong parent there"
	iterate pre-dump "$N" ""
	expect_all "the page server's parent directory is not"
	expect_small "after no parent there"
}

# CRIU's own pre-dump sends increments too, but leaves no mark, nor any record here.
stock_pre_dump() {
	iterate pre-dump "$N" "$N" --pre-dump-mode splice
	assert_at_most "$(pages)" $FEW "CRIU's own: pages"
	verify
	iterate pre-dump "$N" "$N"
	expect_all "lazy-wp-pagemap-$DUMPEE.img is unusable"
	expect_small "after CRIU's own"
}

# Pages here are not pages there.
mixed() {
	local old=$N
	mkdir "$TMP/here/local"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/here/local" --prev-images-dir "../$old" 2>"$TMP/warnings"
	grep -q 'are at a page server' "$TMP/warnings" || fail "$(cat "$TMP/warnings")"
	iterate pre-dump local "$old"
	expect_all "not at the page server"
	expect_small "after an iteration here"
}

has_pages() { [ -n "$(find "$TMP/there/killed" -name 'pages-*.img' -size +256k 2>/dev/null)" ]; }

# expect_failure REGEX OPTION...: exit 1 and one line.
expect_failure() {
	local regex=$1 code=0
	shift
	rm -rf "$TMP/here/failed"
	mkdir "$TMP/here/failed"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/here/failed" "$@" 2>"$TMP/errors" || code=$?
	[ "$code" = 1 ] || fail "$regex: exit status $code: $(cat "$TMP/errors")"
	[ "$(wc -l <"$TMP/errors")" = 1 ] || fail "$regex: not one line: $(cat "$TMP/errors")"
	grep -qE "$regex" "$TMP/errors" || fail "$regex: $(cat "$TMP/errors")"
	cat "$TMP/errors"
}

killed_server() {
	local client code=0
	start_server killed
	mkdir "$TMP/here/killed"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/here/killed" --page-server --address 127.0.0.1 \
		--port $PORT --bandwidth 8M 2>"$TMP/errors" &
	client=$!
	wait_until 30 has_pages || fail "no pages arrive"
	kill -KILL "$SERVER"
	wait "$client" || code=$?
	[ "$code" = 1 ] || fail "the server was killed, and the client exits with $code"
	[ "$(grep -c Error "$TMP/errors")" = 1 ] || fail "not one line: $(cat "$TMP/errors")"
	grep -E 'sending memory to the page server: (Broken pipe|Connection reset)' "$TMP/errors" ||
		fail "$(cat "$TMP/errors")"
	[ ! -e "$TMP/here/killed/inventory.img" ] || fail "it looks like an iteration"
	iterate pre-dump "$N" "$N"
	expect_all "was not completed"
	expect_small "after a killed server"
}

# Nothing was taken, so nothing is lost: the increment is small all the same.
refusals() {
	expect_failure 'port 27027: Connection refused' --page-server --address 127.0.0.1 --port $PORT
	expect_failure 'nowhere.invalid' --page-server --address nowhere.invalid --port $PORT
	expect_failure 'needs --address and --port' --page-server --port $PORT
	expect_failure "port 'x'" --page-server --address 127.0.0.1 --port x
	expect_failure 'tls.*--pre-dump-mode splice' --page-server --address 127.0.0.1 --port $PORT --tls
	expect_small "after refusals"
}

# Another process of the same pid, and another session.
new_session() {
	iterate pre-dump "$((N - 1))" "$((N - 1))"
	expect_all "only just begun"
}

# main_job CRIU: with another version at both ends.
main_job() {
	echo "# $("$1" --version | head -n 1)"
	CRIU=$1
	export LAZY_WP_CRIU=$1
	start_dumpee hot 64 20 --rate 1000
	iterate pre-dump "" ""
	[ "$(pages)" -ge $ALL ] || fail "the first pre-dump has only $(pages) pages"
	verify
	expect_small "second"
	expect_small "third"
	dump_and_restore
	expect_intact ok
}

tree_job() {
	local first
	start_dumpee tree 6 4 --rate 50
	iterate pre-dump "" ""
	first=$(pages)
	iterate pre-dump "$N" "$N"
	assert_at_most "$(pages)" $((first * 9 / 10)) "pages of the tree"
	dump_and_restore $((first * 9 / 10))
	expect_intact "done"
	end_dumpee
}

# The lengths of commands differ; the server sees nonsense, or we wait for an answer.
other_version() {
	local new=$ROOT/build/criu-4.2.1/criu old=$ROOT/build/criu-4.1.1/criu
	[ -x "$new" ] && [ -x "$old" ] || return 0
	CRIU=$old start_server other
	LAZY_WP_CRIU=$new expect_failure 'asking the page server' --page-server --address 127.0.0.1 --port $PORT
	! wait "$SERVER" || fail "the server understood it"
}

default=$CRIU
for criu in "$ROOT"/build/criu-*/criu; do
	[ "$criu" -ef "$default" ] || { main_job "$criu" && end_dumpee; }
done
main_job "$default"
new_session
expect_small "after the restore"
wrong_parent_there
dump_onto_wrong_parent
new_session
stock_pre_dump
mixed
killed_server
refusals
other_version
expect_small "after another version"
end_dumpee
tree_job
