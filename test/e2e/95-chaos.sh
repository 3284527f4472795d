#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Random fire: memory_chaos with 8 seeds that are the same each time, and 8 that are not.
# timeout: 300
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/soak" --fixed 8 --seeds 16
