/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a flow record says beyond its plain members, in one place so that IPFIX and JSON cannot
 * disagree about it.
 */
#ifndef PLX_FLOW_FIELDS_H
#define PLX_FLOW_FIELDS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/* Has the flow a TCP header? Not in later fragments without their first one. */
static inline bool plx_flow_has_tcp_header(const struct plx_flow *flow)
{
	return flow->key.protocol == IPPROTO_TCP && !(flow->key.flags & PLX_KEY_FRAGMENT);
}

static inline bool plx_flow_is_out(const struct plx_flow *flow)
{
	return flow->key.flags & PLX_KEY_DIR_OUT;
}

static inline uint32_t plx_flow_ingress(const struct plx_flow *flow)
{
	return plx_flow_is_out(flow) ? flow->stats.first.ingress_ifindex : flow->key.ifindex;
}

/* 0 at ingress, unless it was seen to leave: the route is not known yet. */
static inline uint32_t plx_flow_egress(const struct plx_flow *flow)
{
	return plx_flow_is_out(flow) ? flow->key.ifindex : flow->post.ifindex;
}

/* Was it seen to leave at another interface? */
static inline bool plx_flow_is_joined(const struct plx_flow *flow)
{
	return flow->post.ifindex != 0;
}

/* Is it known how NAT changed the outer header of its tunnel? */
static inline bool plx_flow_is_outer_translated(const struct plx_flow *flow)
{
	return flow->translated && flow->key.flags & PLX_KEY_TUNNEL &&
	       flow->after.version == flow->tunnel.version;
}

/*
 * Is it known how NAT changed it? Not in a tunnel, where it is the outer header that NAT works on,
 * and not from one family to the other.
 */
static inline bool plx_flow_is_translated(const struct plx_flow *flow)
{
	return flow->translated && !(flow->key.flags & PLX_KEY_TUNNEL) &&
	       flow->after.version == (plx_flow_is_ipv4(flow) ? 4 : 6);
}

static inline bool plx_protocol_has_ports(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return true;
	}
	return false;
}

/* And has it ports that NAT could change? */
static inline bool plx_flow_has_nat_ports(const struct plx_flow *flow)
{
	return plx_flow_is_translated(flow) && !(flow->key.flags & PLX_KEY_FRAGMENT) &&
	       plx_protocol_has_ports(flow->key.protocol);
}

/* Of a vlan word; 0 when there is no tag. */
static inline uint16_t plx_vlan_id(uint16_t vlan)
{
	return vlan & PLX_VLAN_PRESENT ? vlan & 0x0fff : 0;
}

static inline bool plx_flow_has_mpls(const struct plx_flow *flow)
{
	static const uint8_t none[PLX_MPLS_KEPT][3];

	return memcmp(flow->stats.first.mpls, none, sizeof(none)) != 0;
}

/* Labels known, from the top. One that is all 0 is there if another is below it. */
static inline int plx_flow_mpls_labels(const struct plx_flow *flow)
{
	const uint8_t(*labels)[3] = flow->stats.first.mpls;
	int nr = PLX_MPLS_KEPT;

	while (nr && !(labels[nr - 1][0] | labels[nr - 1][1] | labels[nr - 1][2]))
		nr--;
	return nr;
}

/* ipv4Options or ipv6ExtensionHeaders, 0: none */
static inline uint32_t plx_flow_ip_options(const struct plx_flow *flow)
{
	return PLX_MARKS_IP_OPTIONS(flow->stats.marks);
}

static inline bool plx_flow_has_tunnel(const struct plx_flow *flow)
{
	return flow->key.flags & PLX_KEY_TUNNEL;
}

/* The next ones are of flows with a tunnel only: it is all zero in others. */
static inline bool plx_flow_has_segment(const struct plx_flow *flow)
{
	return flow->tunnel.type == PLX_TUNNEL_VXLAN || flow->tunnel.type == PLX_TUNNEL_NVGRE ||
	       flow->tunnel.type == PLX_TUNNEL_GENEVE;
}

/*
 * layer2SegmentId (351): 24 bits, and the kind in the first octet, of which VXLAN and NVGRE are all
 * that IANA has. Geneve's is 0, "reserved".
 */
static inline uint64_t plx_flow_segment(const struct plx_flow *flow)
{
	if (flow->tunnel.type == PLX_TUNNEL_VXLAN)
		return 1ull << 56 | flow->tunnel.id;
	if (flow->tunnel.type == PLX_TUNNEL_NVGRE)
		return 2ull << 56 | flow->tunnel.id >> 8;
	return flow->tunnel.id;
}

static inline bool plx_flow_has_gre_key(const struct plx_flow *flow)
{
	return flow->tunnel.type == PLX_TUNNEL_GREKEY || flow->tunnel.type == PLX_TUNNEL_NVGRE;
}

static inline bool plx_flow_has_teid(const struct plx_flow *flow)
{
	return flow->tunnel.type == PLX_TUNNEL_GTPU;
}

#endif
