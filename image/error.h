/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was wrong with an image: one line for the user with the file's name, the place and the
 * reason, beside the -errno that the program decides by. A line of text only, owned by the
 * caller; it is written on failure and untouched on success. It may hold bytes from a hostile
 * file only in printable form.
 */
#ifndef LAZY_WP_IMAGE_ERROR_H
#define LAZY_WP_IMAGE_ERROR_H

struct image_error {
	char text[256];
};

/* Writes the line (error may be NULL) and returns result, so that a caller can return this. */
int image_fail(struct image_error *error, int result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
