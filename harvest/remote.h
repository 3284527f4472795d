/* SPDX-License-Identifier: GPL-2.0-only */
/* An iteration whose pages go to a page server: its beginning and its end there. */
#ifndef LAZY_WP_HARVEST_REMOTE_H
#define LAZY_WP_HARVEST_REMOTE_H

#include "image/page-client.h"
#include "session/session.h"

/* Before the tasks are adopted: asks for the parent's mark. Errors of the page client. */
int harvest_remote_begin(struct session *session, struct image_page_client *server);

/* When all pages have been sent: leaves this iteration's mark and waits until all is written. */
int harvest_remote_end(const struct session *session, struct image_page_client *server);

#endif
