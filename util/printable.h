/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LAZY_WP_UTIL_PRINTABLE_H
#define LAZY_WP_UTIL_PRINTABLE_H

/* "?" for what is not printable ASCII: a terminal obeys what it is shown, and names are hostile. */
static inline char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

static inline void make_printable(char *text)
{
	for (; *text; text++)
		*text = printable(*text);
}

#endif
