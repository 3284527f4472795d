#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two hosts: network namespaces joined by a veth pair, and the other one cannot see this one's
# images. Pre-dumps and dump go to an unmodified `criu page-server` there, are copied together there,
# and plain CRIU restores them there; also through TLS, with CRIU's own pre-dumps.
# timeout: 240
[ -n "${LAZY_WP_TEST_NETNS-}" ] || LAZY_WP_TEST_NETNS=1 exec unshare -n "$0"
. "$(dirname "$0")/lib.sh"
. "$E2E/servers.sh"

HERE=10.77.0.1
SERVER_ADDRESS=10.77.0.2
PKI=$TMP/pki

# Its namespaces last as long as it, and it not longer than this shell.
start_other_host() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --net --mount --propagation private setpriv --pdeathsig KILL bash -c '
		mount -t tmpfs -o size=1m tmpfs "$1" && touch "$2" && exec sleep infinity' - \
		"$TMP/here" "$TMP/other-host" &
	OTHER=$!
	wait_until 10 [ -e "$TMP/other-host" ] || skip "no second network and mount namespace"
	ON_SERVER=(nsenter --target "$OTHER" --net --mount)
}

connect_hosts() {
	ip link add to-there type veth peer name to-here netns "$OTHER" || skip "no veth pair"
	on_server ip link set lo up # CRIU looks for it
	ip addr add $HERE/24 dev to-there
	ip link set to-there up
	on_server ip addr add $SERVER_ADDRESS/24 dev to-here
	on_server ip link set to-here up
}

is_restored_there() { [ "$(readlink "/proc/$DUMPEE/ns/net")" = "$(readlink "/proc/$OTHER/ns/net")" ]; }

# dump_and_restore LIMIT OPTION...: the program ends here and goes on there.
dump_and_restore() {
	local limit=$1
	shift
	iterate dump "$N" "$N" "$@"
	wait_gone
	assert_at_most "$(pages)" "$limit" "pages of the dump"
	together
	is_restored_there || fail "it runs in $(readlink "/proc/$DUMPEE/ns/net")"
	expect_intact ok
}

main_job() {
	start_dumpee hot 64 20 --rate 1000
	iterate pre-dump "" ""
	[ "$(pages)" -ge $ALL ] || fail "the first pre-dump has only $(pages) pages"
	verify
	[ -z "$(on_server ls "$TMP/here")" ] || fail "the other host sees this one's images"
	expect_small "second"
	expect_small "third"
	dump_and_restore $FEW
	[ ! -s "$TMP/warnings" ] || fail "$(cat "$TMP/warnings")"
}

launcher_there() { on_server "$LAUNCHER" "$@"; }

# What was restored there is tracked there.
iterate_there() {
	run_criu launcher_there pre-dump "$TMP/there/next" --lazy-wp -t "$DUMPEE"
	run_criu launcher_there dump "$TMP/there/last" --lazy-wp -t "$DUMPEE" --prev-images-dir ../next
	wait_gone
	assert_at_most "$(stats_of "$TMP/there/last" pages_written)" $FEW "pages of a dump there"
	run_criu criu_on_server restore "$TMP/there/last" -d
	expect_intact ok
}

# certificate NAME: signed by the test's authority. CRIU verifies the name it connects to.
certificate() {
	openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$PKI/$1.key" -out "$PKI/$1.req" 2>/dev/null
	openssl x509 -req -in "$PKI/$1.req" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo "subjectAltName=IP:$2") -out "$PKI/$1.crt" 2>/dev/null
}

make_certificates() {
	mkdir "$PKI"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$PKI/ca.key" \
		-out "$PKI/ca.crt" 2>/dev/null
	certificate here $HERE
	certificate there $SERVER_ADDRESS
	certificate stranger 10.77.0.99
}

tls_options() { echo --tls --tls-cacert "$PKI/ca.crt" --tls-cert "$PKI/$1.crt" --tls-key "$PKI/$1.key"; }

# CRIU's server compares the client's name with its own address, so it is told not to.
tls_server_options() { echo "$(tls_options "$1")" --tls-no-cn-verify; }

# CRIU's own pre-dumps leave no record here, and nobody sees what goes through TLS: each takes all.
tls_job() {
	read -ra SERVER_OPTIONS < <(tls_server_options there)
	read -ra CLIENT_OPTIONS < <(tls_options here)
	iterate pre-dump "" "" --pre-dump-mode splice
	[ "$(pages)" -ge $ALL ] || fail "the first pre-dump has only $(pages) pages"
	grep -q 'TLS handshake completed' "$TMP/there/$N/server.log" || fail "not through TLS"
	verify
	iterate pre-dump "$N" "$N" --pre-dump-mode splice
	expect_all "lazy-wp-pagemap-$DUMPEE.img is unusable"
	dump_and_restore $((2 * ALL))
	[ "$(pages)" -ge $ALL ] || fail "the dump has only $(pages) pages"
}

# A server with another's certificate gets nothing, and the program goes on. CRIU 4.2.1 itself ends by
# abort() there, without us too: it frees its session twice.
tls_stranger() {
	local code=0
	read -ra SERVER_OPTIONS < <(tls_server_options stranger)
	read -ra CLIENT_OPTIONS < <(tls_options here)
	start_server stranger
	mkdir "$TMP/here/stranger"
	"$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$TMP/here/stranger" -o pre-dump.log --page-server \
		--address $SERVER_ADDRESS --port $PORT "${CLIENT_OPTIONS[@]}" --pre-dump-mode splice \
		2>"$TMP/warnings" || code=$?
	[ "$code" = 1 ] || [ "$code" = 134 ] || fail "a stranger's certificate: exit status $code"
	grep 'name in the certificate does not match' "$TMP/here/stranger/pre-dump.log" ||
		fail "$(tail -n 5 "$TMP/here/stranger/pre-dump.log")"
	wait "$SERVER" || true
	[ -z "$(find "$TMP/there/stranger" -name 'pages-*.img' -size +0)" ] || fail "it got pages"
	expect_intact ok
}

command -v ip >/dev/null || skip "needs ip (iproute2)"
ip link set lo up || skip "no network namespace of its own"
mkdir "$TMP/here" "$TMP/there"
start_other_host
connect_hosts
main_job
iterate_there
if ! ldd "$CRIU" | grep libgnutls >/dev/null; then
	echo "TLS: this CRIU is built without it"
elif ! command -v openssl >/dev/null; then
	echo "TLS: needs openssl"
else
	end_dumpee
	make_certificates
	start_dumpee hot 64 20 --rate 1000
	tls_stranger
	tls_job
fi
end_dumpee
