// SPDX-License-Identifier: GPL-2.0-only
#include "harvest/remote.h"

int harvest_remote_begin(struct session *session, struct image_page_client *server)
{
	uint64_t mark = session_parent_mark(session);
	/* Without a parent too: a server that does not understand us must show before the take. */
	int ret = image_page_client_parent_has(server, mark ? mark : session_mark(session));

	if (ret < 0)
		return ret;
	session_set_remote(session);
	if (ret && mark)
		session_prove_parent(session);
	return 0;
}

int harvest_remote_end(const struct session *session, struct image_page_client *server)
{
	int ret = image_page_client_open(server, session_mark(session));

	return ret < 0 ? ret : image_page_client_finish(server);
}
