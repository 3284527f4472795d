# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the tests with page servers share, after lib.sh: iterations numbered 1, 2, …, each to a server
# of its own; what stays here is in $TMP/here/N, what the server has in $TMP/there/N. Servers listen
# at SERVER_ADDRESS and run as ON_SERVER says.

ALL=16384 # pages of the arena of `hot 64`
FEW=$((ALL / 4)) # it rewrites a fifth of them, on a slow machine all of these
PORT=27027
SERVER_ADDRESS=127.0.0.1
ON_SERVER=() # a command in front of all that runs on the server's side
SERVER_OPTIONS=()
CLIENT_OPTIONS=()
N=0 # the newest iteration

on_server() { "${ON_SERVER[@]}" "$@"; }
criu_on_server() { on_server "$CRIU" "$@"; }

is_listening() { [ -n "$(on_server ss -Hltn "sport = :$PORT" 2>/dev/null)" ]; }

# start_server DIR [PARENT]: into $TMP/there/DIR. Sets SERVER.
start_server() {
	local parent=()
	[ -z "${2-}" ] || parent=(--prev-images-dir "../$2")
	mkdir -p "$TMP/there/$1"
	"${ON_SERVER[@]}" "$CRIU" page-server -D "$TMP/there/$1" -o server.log -v4 --address "$SERVER_ADDRESS" \
		--port $PORT "${parent[@]}" "${SERVER_OPTIONS[@]}" &
	SERVER=$!
	wait_until 10 is_listening || fail "the page server does not start: $(tail -n 12 "$TMP/there/$1/server.log")"
}

end_server() { wait "$SERVER" || fail "the page server failed: $(tail -n 3 "$TMP/there/$1/server.log")"; }

# iterate ACTION PARENT SERVER_PARENT OPTION...: the next iteration; "" is no parent. stderr goes to
# $TMP/warnings.
iterate() {
	local action=$1 parent=() there=()
	[ -z "$2" ] || parent=(--prev-images-dir "../$2")
	[ -z "$3" ] || there=("$3")
	shift 3
	N=$((N + 1))
	start_server "$N" "${there[@]}"
	run_criu "$LAUNCHER" "$action" "$TMP/here/$N" --lazy-wp -t "$DUMPEE" "${parent[@]}" --page-server \
		--address "$SERVER_ADDRESS" --port $PORT "${CLIENT_OPTIONS[@]}" "$@" 2>"$TMP/warnings" ||
		fail "$action: $(cat "$TMP/warnings"; tail -n 5 "$TMP/there/$N/server.log")"
	end_server "$N"
}

pages() { stats_of "$TMP/here/$N" pages_written; }

# What the server has is what the program has, for all that it did not write since.
verify() {
	cp "$TMP/here/$N"/lazy-wp-[0-9]*.img "$TMP/here/$N/inventory.img" "$TMP/there/$N"
	"$BUILD/bin/criu-lazy-wp" verify -t "$DUMPEE" -D "$TMP/there/$N" | tail -n 1
}

# expect_all REASON: the last iteration took all memory, and said so.
expect_all() {
	[ "$(pages)" -ge "$ALL" ] || fail "$1: only $(pages) pages"
	grep -qE "all memory is taken: .*$1" "$TMP/warnings" || fail "$1: $(cat "$TMP/warnings")"
	cat "$TMP/warnings"
	verify
}

# expect_small WHAT: one more pre-dump, which is an increment.
expect_small() {
	iterate pre-dump "$N" "$N"
	assert_at_most "$(pages)" $FEW "$1: pages"
	[ ! -s "$TMP/warnings" ] || fail "$1: $(cat "$TMP/warnings")"
	[ ! -e "$TMP/here/$N/pages-1.img" ] || fail "pages stayed here"
	verify
}

# What is here and what is there is a checkpoint, which CRIU restores on the server's side.
together() {
	find "$TMP/here/$N" -type f -exec cp -t "$TMP/there/$N" {} +
	run_criu criu_on_server restore "$TMP/there/$N" -d
}
