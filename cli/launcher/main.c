// SPDX-License-Identifier: GPL-2.0-only
/* `criu`: a drop-in for CRIU that knows one option more, --lazy-wp. */
#include "cli/common/launch.h"

int main(int argc, char **argv)
{
	return cli_launch(argc, argv, false);
}
