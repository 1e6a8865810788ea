/* SPDX-License-Identifier: BSD-2-Clause */
/* See never_left.h. */
#include "never_left.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "flow_fields.h"
#include "translate.h"

/* Under NAT an error goes with the connection that it is of, which is not in its tuple. */
static bool is_icmp_error(const struct plx_flow *flow)
{
	uint8_t type = ntohs(flow->key.dest_port) >> 8;

	if (!plx_flow_is_icmp(flow) || plx_flow_has_tunnel(flow))
		return false;
	if (plx_flow_is_ipv4(flow))
		return type != ICMP_ECHO && type != ICMP_ECHOREPLY;
	return type != ICMP6_ECHO_REQUEST && type != ICMP6_ECHO_REPLY;
}

static bool knows_protocol(const struct plx_never_left *env, const struct plx_flow *flow)
{
	if (env->all_protocols)
		return true;
	return !plx_flow_has_tunnel(flow) &&
	       (flow->key.protocol == IPPROTO_TCP || flow->key.protocol == IPPROTO_UDP);
}

static bool counts_egress(const struct plx_dataplane *dp, uint32_t ifindex)
{
	int index = plx_dataplane__iface_index(dp, ifindex);
	const struct plx_iface_info *info = index < 0 ? NULL : plx_dataplane__iface(dp, index);

	return info && info->present && strcmp(info->hook_out, "none") != 0;
}

/* As it is routed: behind NAT of its destination, before that of its source. */
static bool routed(struct plx_nat *nat, const struct plx_flow *flow, struct plx_route_packet *ret)
{
	const struct plx_flow_first *first = &flow->stats.first;
	struct plx_nat_mapping mapping;
	struct plx_nat_tuple tuple;

	if (!plx_translate__tuple(&flow->key, &flow->tunnel, first, &tuple))
		return false;
	*ret = (struct plx_route_packet){
		.source_port = tuple.source_port,
		.ifindex = flow->key.ifindex,
		.protocol = tuple.protocol,
		.tos = plx_flow_has_tunnel(flow) ? 0 : first->tos, /* not kept of outer headers */
		.version = tuple.version,
	};
	memcpy(ret->source, tuple.source, sizeof(ret->source));
	memcpy(ret->dest_mac, first->dest_mac, sizeof(ret->dest_mac));
	if (plx_nat__find_before(nat, &tuple, &mapping))
		tuple = mapping.after;
	ret->dest_port = tuple.dest_port;
	memcpy(ret->dest, tuple.dest, sizeof(ret->dest));
	return tuple.version == ret->version;
}

bool plx_never_left__was_to_leave(const struct plx_never_left *env, const struct plx_flow *flow)
{
	struct plx_route_packet packet;
	uint32_t ifindex;

	/* Tagged packets are of another interface than the one that they came in at. */
	if (!env->nat || !env->route || flow->key.vlan || is_icmp_error(flow) ||
	    !knows_protocol(env, flow) || !routed(env->nat, flow, &packet))
		return false;
	switch (plx_route__way(env->route, &packet, &ifindex)) {
	case PLX_ROUTE_OUT:
		return counts_egress(env->dp, ifindex);
	case PLX_ROUTE_NOWHERE:
		return true;
	default:
		return false;
	}
}
