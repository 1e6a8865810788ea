/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a flow record says beyond its plain members, in one place so that IPFIX and JSON cannot
 * disagree about it.
 */
#ifndef PLX_FLOW_FIELDS_H
#define PLX_FLOW_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include "flow.h"

static inline bool plx_flow_is_ipv4(const struct plx_flow *flow)
{
	return flow->key.flags & PLX_KEY_IPV4;
}

static inline bool plx_flow_is_icmp(const struct plx_flow *flow)
{
	return flow->key.protocol == (plx_flow_is_ipv4(flow) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/*
 * Are type and code known? Not in later fragments without their first one: their 0 must not be
 * taken for an echo reply.
 */
static inline bool plx_flow_has_icmp_type(const struct plx_flow *flow)
{
	return plx_flow_is_icmp(flow) && !(flow->key.flags & PLX_KEY_FRAGMENT);
}

static inline bool plx_flow_is_out(const struct plx_flow *flow)
{
	return flow->key.flags & PLX_KEY_DIR_OUT;
}

static inline uint32_t plx_flow_ingress(const struct plx_flow *flow)
{
	return plx_flow_is_out(flow) ? flow->stats.first.ingress_ifindex : flow->key.ifindex;
}

/* 0 at ingress: the route is not known yet. */
static inline uint32_t plx_flow_egress(const struct plx_flow *flow)
{
	return plx_flow_is_out(flow) ? flow->key.ifindex : 0;
}

/* Of a vlan word; 0 when there is no tag. */
static inline uint16_t plx_vlan_id(uint16_t vlan)
{
	return vlan & PLX_VLAN_PRESENT ? vlan & 0x0fff : 0;
}

#endif
