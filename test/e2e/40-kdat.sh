#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# CRIU keeps what it learnt of the kernel in /run (when that is a tmpfs). A plain CRIU must never
# read there that soft-dirty works because we answered for it, nor we its no.
. "$(dirname "$0")/lib.sh"

if [ -z "${KDAT_NAMESPACE-}" ]; then
	export KDAT_NAMESPACE=1
	exec unshare -m --propagation private "$0"
fi

plain_says_no() {
	! "$CRIU" check --feature mem_dirty_track >/dev/null 2>&1 ||
		fail "$1: plain CRIU believes in soft-dirty"
}

wrapped_says_yes() {
	"$LAUNCHER" check --feature mem_dirty_track --lazy-wp >"$TMP/out" 2>&1 ||
		fail "$1: refused with the plugin: $(cat "$TMP/out")"
}

new_run() {
	umount /run 2>/dev/null || true
	mount -t tmpfs tmpfs /run
}

mount -t tmpfs tmpfs /run
! "$CRIU" check --feature mem_dirty_track >/dev/null 2>&1 || skip "this kernel has soft-dirty"
[ -e /run/criu.kdat ] || fail "CRIU keeps no cache, nothing is tested"
for _ in 1 2; do
	wrapped_says_yes "plain, wrapped"
	plain_says_no "plain, wrapped, plain"
done

new_run
for _ in 1 2; do
	wrapped_says_yes "wrapped"
	plain_says_no "wrapped, plain"
done
echo "caches: $(find /run -name '*kdat*' | tr '\n' ' ')"
