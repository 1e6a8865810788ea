/* SPDX-License-Identifier: BSD-2-Clause */
/* See never_left.h. */
#include "never_left.h"

#include <string.h>

#include "flow_fields.h"

static bool counts_egress(const struct plx_dataplane *dp, uint32_t ifindex)
{
	int index = plx_dataplane__iface_index(dp, ifindex);
	const struct plx_iface_info *info = index < 0 ? NULL : plx_dataplane__iface(dp, index);

	return info && info->present && strcmp(info->hook_out, "none") != 0;
}

bool plx_never_left__dropped(struct plx_route *route, const struct plx_dataplane *dp,
			     const struct plx_flow *flow)
{
	struct plx_route_question question = {
		.ifindex = flow->key.ifindex,
		.version = plx_flow_is_ipv4(flow) ? 4 : 6,
		.source = flow->key.source,
		.dest = plx_flow_is_translated(flow) ? flow->after.dest : flow->key.dest,
	};
	uint32_t out;

	if (plx_flow_has_tunnel(flow)) {
		question.version = flow->tunnel.version;
		question.source = flow->tunnel.source;
		question.dest =
			plx_flow_is_outer_translated(flow) ? flow->after.dest : flow->tunnel.dest;
	}
	memcpy(question.dest_mac, flow->stats.first.dest_mac, sizeof(question.dest_mac));
	switch (plx_route__find(route, &question, plx_mono_ns(), &out)) {
	case PLX_ROUTE_ON:
		return counts_egress(dp, out);
	case PLX_ROUTE_NOWHERE:
		return true;
	default:
		return false;
	}
}
