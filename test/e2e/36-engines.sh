#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Container engines, those that are installed, each once: see scripts/engines, which has more.
# timeout: 240
. "$(dirname "$0")/lib.sh"
export BUILD
exec "$ROOT/scripts/engines" --short
