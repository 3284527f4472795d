#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The core tests on an older kernel, and on another architecture's newest, in emulators. There is
# more in `make check-kernels`.
# timeout: 1800
cd "$(dirname "$0")/../.." || exit 1
if [ ! "$BUILD" -ef build ]; then
	echo "guests get the ordinary build, not $BUILD"
	exit 77
fi
exec scripts/kernels --core
