// SPDX-License-Identifier: GPL-2.0-only
#include "image/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "util/printable.h"

int image_fail(struct image_error *error, int result, const char *format, ...)
{
	va_list args;

	if (!error)
		return result;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	make_printable(error->text);
	return result;
}
