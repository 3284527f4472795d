/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending pages to an unmodified `criu page-server`, which writes pagemap-ID.img and pages-N.img
 * into its own directory. One connection is one directory: the server takes one, and ends with it.
 * Commands are fixed structures in host order, answered only where said here; up to CRIU 4.1 they
 * have 24 bytes, since 4.2 they have 32, and nothing in the protocol tells which. Pages that are
 * said to be in the parent the server looks up in its parent's pagemap, if it has a parent: it ends
 * the connection if they are missing there. Whether that parent is the right one it cannot know.
 * The caller owns a client; it is used from one thread. Every error of socket calls (-ECONNRESET,
 * -EPIPE, -ETIMEDOUT after IMAGE_PAGE_CLIENT_DEADLINE_S) means that the server's directory is of no
 * use, and so does closing without image_page_client_finish(). No call raises SIGPIPE.
 */
#ifndef LAZY_WP_IMAGE_PAGE_CLIENT_H
#define LAZY_WP_IMAGE_PAGE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a command. */
#define IMAGE_PAGE_COMMAND_OLD  24
#define IMAGE_PAGE_COMMAND_WIDE 32

/* No answer, or nothing taken, for so long: the server is gone. */
#define IMAGE_PAGE_CLIENT_DEADLINE_S 30

struct image_page_client {
	int fd;
	size_t command_bytes;
};

/*
 * Connects. address is a name or number of either family; command_bytes one of the above.
 * -EADDRNOTAVAIL: the name means nothing; errors of connect(2).
 */
int image_page_client_connect(const char *address, uint16_t port, size_t command_bytes,
			      struct image_page_client *ret_client);

/* True if bytes are a command of either length that opens images or asks about the parent's. */
bool image_page_client_is_opening(const void *bytes, size_t len);

/* 1: the server's parent directory has a pagemap of id; 0: it has none, or there is no parent. */
int image_page_client_parent_has(struct image_page_client *client, uint64_t id);

/* Begins the images of id. 1: the server will look up what is in the parent; 0: it has none. */
int image_page_client_open(struct image_page_client *client, uint64_t id);

/* Adds pages to the images that were opened last, by ascending address; their bytes follow. */
int image_page_client_add(struct image_page_client *client, uint64_t id, uint64_t vaddr,
			  uint64_t nr_pages, const void *bytes);
int image_page_client_add_in_parent(struct image_page_client *client, uint64_t id, uint64_t vaddr,
				    uint64_t nr_pages);

/* Waits until the server has written everything. -EREMOTEIO: it says that it could not. */
int image_page_client_finish(struct image_page_client *client);

void image_page_client_close(struct image_page_client *client);

#endif
