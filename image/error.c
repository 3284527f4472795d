// SPDX-License-Identifier: GPL-2.0-only
#include "image/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int image_fail(struct image_error *error, int result, const char *format, ...)
{
	va_list args;

	if (!error)
		return result;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	for (char *c = error->text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return result;
}
