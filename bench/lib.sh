# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the benchmarks share: the end-to-end tests' functions, and a directory that goes again.
BUILD=$(realpath "${BUILD:-build}")
CRIU=$(scripts/find-criu)
TMP=$(mktemp -d "${TMPDIR:-/tmp}/lazy-wp-bench.XXXXXX")
LAZY_WP_TEST_ID=bench-$$-$RANDOM
LAZY_WP_CRIU=$CRIU
export BUILD CRIU TMP LAZY_WP_TEST_ID LAZY_WP_CRIU
# shellcheck source=test/e2e/lib.sh
. test/e2e/lib.sh
trap 'cleanup; rm -rf "$TMP"' EXIT
echo "# $("$CRIU" --version | head -n 1), kernel $(uname -r), $(nproc) cores"

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
