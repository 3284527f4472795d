// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "cli/cli.h"
#include "util/printable.h"

void cli_print_safely(const char *text)
{
	for (; *text; text++)
		putchar(printable(*text));
}
