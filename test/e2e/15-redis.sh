#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A real server, redis: three pre-dumps while it is written to, a dump and a restore by plain CRIU;
# the digest of all its keys stays what it was.
. "$(dirname "$0")/lib.sh"

REDIS=$ROOT/build/redis/redis-server
KEYS=8000 # of 4 KiB

redis() { redis-cli -s "$TMP/redis.sock" "$@"; }

answers() { [ "$(redis ping 2>/dev/null)" = PONG ]; }

# The one socket that stays is the listening one.
no_client() { [ "$(find "/proc/$DUMPEE/fd" -lname 'socket:*' | wc -l)" = 1 ]; }

# Writing its title over its environment would hide the mark that all our processes have.
start_redis() {
	setsid "$REDIS" --port 0 --unixsocket "$TMP/redis.sock" --save '' --appendonly no --dir "$TMP" \
		--enable-debug-command yes --set-proc-title no </dev/null >/dev/null 2>&1 &
	DUMPEE=$!
	disown "$DUMPEE"
	wait_until 60 answers || fail "redis-server does not answer"
	redis debug populate "$KEYS" key 4096 >/dev/null
}

# write_some FIRST: overwrites a few keys, adds one and removes one.
write_some() {
	local n
	for ((n = $1; n < $1 + 50; n++)); do
		echo "set key:$n value-$1-$n"
	done | redis >/dev/null
	redis rpush "list$1" a b c >/dev/null
	redis del "key:$(($1 + 100))" >/dev/null
}

pre_dump() {
	local parent=()
	[ "$1" = 1 ] || parent=(--prev-images-dir "../$(($1 - 1))")
	run_criu "$LAUNCHER" pre-dump "$TMP/$1" --lazy-wp -t "$DUMPEE" "${parent[@]}"
	write_some $(($1 * 1000))
}

[ -x "$REDIS" ] || skip "no redis-server: scripts/setup makes it"
start_redis
for n in 1 2 3; do
	pre_dump "$n"
done
digest=$(redis debug digest)
wait_until 30 no_client || fail "a client is still connected"
run_criu "$LAUNCHER" dump "$TMP/4" --lazy-wp -t "$DUMPEE" --prev-images-dir ../3
wait_gone
first=$(stats_of "$TMP/1" pages_written)
limit=$((first / 5))
# Which tells whole mappings that have merged with new ones.
[ "$(tracker_in_use)" != soft-dirty ] || limit=$((first / 2))
for n in 2 3 4; do
	assert_at_most "$(stats_of "$TMP/$n" pages_written)" "$limit" "pages of iteration $n"
done
run_criu "$CRIU" restore "$TMP/4" -d
wait_until 60 answers || fail "the restored server does not answer"
[ "$(redis debug digest)" = "$digest" ] || fail "the restored data differ"
echo "digest before and after: $digest"
end_dumpee
