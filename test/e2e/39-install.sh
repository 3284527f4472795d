#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `make install` puts somewhere else works from there, finds its parts and the real CRIU even
# where the launcher comes first in PATH, and goes without a trace.
. "$(dirname "$0")/lib.sh"
DESTDIR=$TMP/dest
PREFIX=/opt/lazy
INSTALLED=$DESTDIR$PREFIX
unset LAZY_WP_CRIU LAZY_WP_CONFIG

# OUT: of what was built already.
make_in_tree() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$ROOT" "$1" DESTDIR="$DESTDIR" PREFIX="$PREFIX" \
		OUT="${BUILD#"$ROOT"/}"
}

contents() { (cd "$1" && find . | LC_ALL=C sort); }

expect_files() {
	local file
	for file in bin/criu-lazy-wp libexec/criu-lazy-wp/criu libexec/criu-lazy-wp/lazy-wpd \
		lib/criu-lazy-wp/lazy_wp_plugin.so share/man/man1/criu-lazy-wp.1 \
		share/man/man5/criu-lazy-wp.conf.5 share/man/man8/lazy-wpd.8 \
		share/bash-completion/completions/criu-lazy-wp \
		share/doc/criu-lazy-wp/examples/criu-lazy-wp.conf; do
		[ -f "$INSTALLED/$file" ] || fail "$file is not installed"
	done
	[ "$(cd "$DESTDIR" && find . -type f ! -path ".$PREFIX/*" | wc -l)" = 0 ] || fail "files outside of PREFIX"
	LAZY_WP_CONFIG=$INSTALLED/share/doc/criu-lazy-wp/examples/criu-lazy-wp.conf \
		"$INSTALLED/bin/criu-lazy-wp" --version
	! sed -n 's/^#\([a-z-]* =\)/\1/p' "$INSTALLED/share/doc/criu-lazy-wp/examples/criu-lazy-wp.conf" |
		grep -v '^\(tracker\|real-criu\|log-level\|idle-limit\) =' || fail "the example has unknown keys"
}

# The real one last, behind a second installation's launcher and a link to it.
search_path() {
	mkdir -p "$TMP/real" "$TMP/link"
	cp -r "$INSTALLED" "$TMP/second"
	ln -s "$CRIU" "$TMP/real/criu"
	ln -s "$INSTALLED/libexec/criu-lazy-wp/criu" "$TMP/link/criu"
	PATH=$INSTALLED/libexec/criu-lazy-wp:$TMP/link:$TMP/second/libexec/criu-lazy-wp:$TMP/real:$PATH
	local found
	found=$("$INSTALLED/bin/criu-lazy-wp" check) || fail "check: $found"
	echo "$found" | grep -F "CRIU:                          $TMP/real/criu" ||
		fail "not the real CRIU: $found"
	timeout 10 criu --version | diff - <("$CRIU" --version) || fail "the launcher does not find the real CRIU"
}

# job TOOL...: how dump and pre-dump are run
job() {
	local name=$1 first
	shift
	start_dumpee hot 64 2
	run_criu "$1" pre-dump "$TMP/$name/1" -t "$DUMPEE" "${@:2}"
	run_criu "$1" pre-dump "$TMP/$name/2" -t "$DUMPEE" --prev-images-dir ../1 "${@:2}" --pre-dump-mode splice
	[ "$(readlink "/proc/$(keeper)/exe")" = "$INSTALLED/libexec/criu-lazy-wp/lazy-wpd" ] ||
		fail "the keeper is $(readlink "/proc/$(keeper)/exe")"
	run_criu "$1" dump "$TMP/$name/3" -t "$DUMPEE" --prev-images-dir ../2 "${@:2}"
	wait_gone
	first=$(stats_of "$TMP/$name/1" pages_written)
	[ "$first" -ge 16384 ] || fail "the first pre-dump has only $first pages"
	for n in 2 3; do
		assert_at_most "$(stats_of "$TMP/$name/$n" pages_written)" $((first / 10)) "pages of $name/$n"
	done
	run_criu "$CRIU" restore "$TMP/$name/3" -d
	expect_intact ok
	end_dumpee
}

keeper() {
	"$INSTALLED/bin/criu-lazy-wp" status --json |
		python3 -c 'import json, sys
print(next(t["keeper"] for t in json.load(sys.stdin)["trees"] if t["root"] == int(sys.argv[1])))' "$DUMPEE"
}

mkdir -p "$INSTALLED/bin" "$INSTALLED/share/man/man1"
touch "$INSTALLED/bin/another" "$INSTALLED/share/man/man1/another.1"
contents "$DESTDIR" >"$TMP/before"
make_in_tree install
expect_files
search_path
job tool "$INSTALLED/bin/criu-lazy-wp"
job launcher "$INSTALLED/libexec/criu-lazy-wp/criu" --lazy-wp
make_in_tree uninstall
contents "$DESTDIR" | grep -vxFf "$TMP/before" >"$TMP/left" || true
# Directories that any program may put something into.
! grep -vE '^\./opt/lazy/(lib|libexec|share(/(doc|bash-completion(/completions)?|man/man[58]))?)$' "$TMP/left" ||
	fail "left behind"
[ -e "$INSTALLED/bin/another" ] || fail "another program's file is gone"
