/* SPDX-License-Identifier: GPL-2.0-only */
/* The one piece of JSON that printf() has not. */
#ifndef LAZY_WP_UTIL_JSON_H
#define LAZY_WP_UTIL_JSON_H

#include <stdio.h>

/* Prints text as a JSON string with its quotes. What is not printable ASCII is escaped, byte by byte. */
void json_print_string(FILE *file, const char *text);

#endif
