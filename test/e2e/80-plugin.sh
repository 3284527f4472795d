#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The plugin inside CRIU: it exports only what it must, is inert where it is not wanted, gets on
# with a plugin that ends the hook chain, and works in every CRIU that was built here, also where
# CRIU reads pagemap entries in the place of PAGEMAP_SCAN.
# timeout: 240
. "$(dirname "$0")/lib.sh"
PLUGIN=$BUILD/plugin/lazy_wp_plugin.so

exports() {
	local expected='CR_PLUGIN_DESC __open64_2 __openat64_2 __pread64_chk __read_chk __recv_chk ioctl open64 openat64 pread64 ptrace read recv send write'
	local found
	found=$(nm -D --defined-only "$PLUGIN" | awk '{ print $3 }' | LC_ALL=C sort | xargs)
	[ "$found" = "$expected" ] || fail "exported: $found"
	readelf -d "$PLUGIN" | grep -qE 'BIND_NOW|FLAGS.*NOW' || fail "not linked with -z now"
}

# main_job NAME [VARIABLE=VALUE...]: two pre-dumps, a dump, a restore, with small increments.
main_job() {
	local name=$1 first
	shift
	start_dumpee hot 64 2
	env "$@" "$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$(images "$name/1")" -o log -v4
	env "$@" "$LAUNCHER" pre-dump --lazy-wp -t "$DUMPEE" -D "$(images "$name/2")" -o log -v4 \
		--prev-images-dir ../1
	env "$@" "$LAUNCHER" dump --lazy-wp -t "$DUMPEE" -D "$(images "$name/3")" -o log -v4 \
		--prev-images-dir ../2
	wait_gone
	first=$(stats_of "$TMP/$name/1" pages_written)
	[ "$first" -ge 16384 ] || fail "$name: the first pre-dump has only $first pages"
	for n in 2 3; do
		assert_at_most "$(stats_of "$TMP/$name/$n" pages_written)" $((first / 20)) "$name/$n: pages"
	done
	run_criu "$CRIU" restore "$TMP/$name/3" -d
	expect_intact ok
	end_dumpee
}

images() {
	mkdir -p "$TMP/$1"
	echo "$TMP/$1"
}

# A plugin that answers 0, which ends CRIU's chain of hooks.
make_other_plugin() {
	cat >"$TMP/other.c" <<-'END'
		#include <criu-plugin.h>
		static int pause(int pid) { (void)pid; return 0; }
		cr_plugin_desc_t CR_PLUGIN_DESC = {
			.name = "other", .version = CRIU_PLUGIN_VERSION,
			.max_hooks = CR_PLUGIN_HOOK__PAUSE_DEVICES + 1,
			.hooks = { [CR_PLUGIN_HOOK__PAUSE_DEVICES] = (void *)pause },
		};
	END
	gcc -shared -fPIC -o "$TMP/other.so" "$TMP/other.c" -idirafter "$ROOT/build/criu/include"
}

# plugin_directory NAME OUR_FILE OTHER_FILE
plugin_directory() {
	mkdir "$TMP/$1"
	cp "$PLUGIN" "$TMP/$1/$2"
	cp "$TMP/other.so" "$TMP/$1/$3"
	echo "$TMP/$1"
}

inert() {
	start_dumpee hot 16 10
	CRIU_LIBS_DIR=$1 run_criu "$CRIU" dump "$(images inert)" -t "$DUMPEE"
	grep -q 'Plugin "lazy_wp_plugin"' "$TMP/inert/dump.log" || fail "the plugin was not loaded"
	! grep -q 'lazy-wp:' "$TMP/inert/dump.log" || fail "it is not inert"
	wait_gone
	run_criu "$CRIU" restore "$TMP/inert" -d
	expect_intact ok
	end_dumpee
}

exports
make_other_plugin
before=$(plugin_directory before aaa.so other.so)
after=$(plugin_directory after zzz.so other.so)
inert "$before"
main_job plugin-first "CRIU_LIBS_DIR=$before"
main_job plugin-last "CRIU_LIBS_DIR=$after"
for criu in "$ROOT"/build/criu-*/criu; do
	version=$(basename "$(dirname "$criu")")
	fault=$(sed -n 's/.*FI_DONT_USE_PAGEMAP_SCAN = \([0-9]*\).*/\1/p' \
		"$(dirname "$criu")/src/criu/include/fault-injection.h")
	main_job "$version" "LAZY_WP_CRIU=$criu"
	[ -z "$fault" ] || main_job "$version-pread" "LAZY_WP_CRIU=$criu" "CRIU_FAULT=$fault"
done
