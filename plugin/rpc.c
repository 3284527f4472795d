// SPDX-License-Identifier: GPL-2.0-only
#include "plugin/rpc.h"

#include <stdlib.h>

#include "rpc.pb-c.h"

static const char *what_of(const LwpRpcRequest *request)
{
	switch (request->type) {
	case PLUGIN_RPC_PRE_DUMP:
	case PLUGIN_RPC_SINGLE_PRE_DUMP:
		return "pre-dump";
	case PLUGIN_RPC_DUMP:
		return request->opts && request->opts->track_mem ? "dump" : NULL;
	default:
		return NULL;
	}
}

bool plugin_rpc_parse(const uint8_t *packet, size_t len, struct plugin_request *ret_request)
{
	LwpRpcRequest *request = lwp_rpc_request__unpack(NULL, len, packet);
	bool begins = request && request->type != PLUGIN_RPC_NOTIFY;

	if (begins)
		*ret_request = (struct plugin_request){
			.tracks = what_of(request) || request->type == PLUGIN_RPC_FEATURE_CHECK,
			.what = what_of(request),
			.root = request->opts ? request->opts->pid : 0,
		};
	lwp_rpc_request__free_unpacked(request, NULL);
	return begins;
}

bool plugin_rpc_is_dump_success(const uint8_t *packet, size_t len)
{
	LwpRpcResponse *response = lwp_rpc_response__unpack(NULL, len, packet);
	bool success = response && response->type == PLUGIN_RPC_DUMP && response->success;

	lwp_rpc_response__free_unpacked(response, NULL);
	return success;
}

size_t plugin_rpc_as_failure(const uint8_t *packet, size_t len, uint8_t **ret_packet)
{
	LwpRpcResponse *response = lwp_rpc_response__unpack(NULL, len, packet);
	uint8_t *failure = NULL;
	size_t size = 0;

	if (response) {
		response->success = false;
		failure = malloc(lwp_rpc_response__get_packed_size(response));
	}
	if (failure) {
		size = lwp_rpc_response__pack(response, failure);
		*ret_packet = failure;
	}
	lwp_rpc_response__free_unpacked(response, NULL);
	return size;
}
