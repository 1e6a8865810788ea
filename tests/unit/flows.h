/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows of known content, for the tests of what is made of them. */
#ifndef FLOWS_H
#define FLOWS_H

#include <arpa/inet.h>
#include <stdint.h>

#include "control/flow.h"

#define SECOND 1000000000ull

/* TCP at ingress of interface 7, two tags. */
static inline struct plx_flow tcp4_flow(void)
{
	return (struct plx_flow){
		.key =
			{
				.source = {htonl(0xc0000201)},
				.dest = {htonl(0xc6336402)},
				.source_port = htons(49152),
				.dest_port = htons(443),
				.ifindex = 7,
				.vlan = PLX_VLAN_PRESENT | 0x123,
				.protocol = 6,
				.flags = PLX_KEY_IPV4,
			},
		.stats =
			{
				.packets = 0x0102030405060708,
				.octets = 0x1112131415161718,
				.frame_octets = 0x2122232425262728,
				.first_ns = 4990 * SECOND + 1999999,
				.last_ns = 5000 * SECOND + 250999999,
				.shape = PLX_SHAPE(40, 1500, 0xf1b, 57, 64),
				.first =
					{
						.source_mac = {2, 0, 0, 0, 0, 1},
						.dest_mac = {2, 0, 0, 0, 0, 2},
						.ingress_ifindex =
							99, /* means nothing at ingress */
						.customer_vlan = PLX_VLAN_PRESENT | 0xffe,
						.tcp_window = 0x4142,
						.vlan_priority = 5,
						.tos = 0xb8,
					},
				.marks = PLX_MARKS(0x40, 0),
				.tcp_options = 0x800000000000011e,
			},
		.id = 0x3132333435363738,
		.end_reason = PLX_END_ACTIVE,
	};
}

static inline struct plx_flow udp4_flow(void)
{
	struct plx_flow flow = tcp4_flow();

	flow.key.protocol = 17;
	flow.stats.shape = PLX_SHAPE(40, 1500, 0, 57, 64);
	flow.stats.tcp_options = 0;
	flow.stats.first.tcp_window = 0;
	return flow;
}

/* UDP leaving by interface 70000, came in by 3, no tag. */
static inline struct plx_flow udp6_flow(void)
{
	return (struct plx_flow){
		.key =
			{
				.source = {htonl(0x20010db8), 0, 0, htonl(1)},
				.dest = {htonl(0x20010db8), 0, 0, htonl(2)},
				.source_port = htons(53),
				.dest_port = htons(5353),
				.ifindex = 70000,
				.protocol = 17,
				.flags = PLX_KEY_DIR_OUT,
			},
		.stats =
			{
				.packets = 1,
				.octets = 4294967296,
				.frame_octets = 4294967310,
				.first_ns = 5000 * SECOND,
				.last_ns = 5000 * SECOND,
				.shape = PLX_SHAPE(65535, 65535, 0, 0, 255),
				.first =
					{
						.source_mac = {2, 0, 0, 0, 0, 3},
						.dest_mac = {2, 0, 0, 0, 0, 4},
						.ingress_ifindex = 3,
						.flow_label = 0xabcde,
					},
				.marks = PLX_MARKS(0x20, 0),
			},
		.id = 2,
		.end_reason = PLX_END_IDLE,
	};
}

static inline struct plx_flow icmp4_flow(void)
{
	struct plx_flow flow = udp4_flow();

	flow.key.protocol = 1;
	flow.key.source_port = 0;
	flow.key.dest_port = htons(3 * 256 + 4);
	return flow;
}

static inline struct plx_flow icmp6_flow(void)
{
	struct plx_flow flow = udp6_flow();

	flow.key.protocol = 58;
	flow.key.source_port = 0;
	flow.key.dest_port = htons(135 * 256);
	return flow;
}

/* Seen to leave by interface 5, some of it lost. */
static inline void leave(struct plx_flow *flow)
{
	flow->post = (struct plx_flow_post){
		.packets = 0x5152535455565758,
		.octets = 0x6162636465666768,
		.frame_octets = 0x7172737475767778,
		.ifindex = 5,
	};
	flow->dropped = 0x8182838485868788;
}

/* From 203.0.113.1:40001 to 203.0.113.2:8080 behind NAT, or the same in IPv6. */
static inline void translate(struct plx_flow *flow)
{
	bool ipv4 = flow->key.flags & PLX_KEY_IPV4;

	flow->translated = true;
	flow->after = (struct plx_nat_tuple){
		.source = {htonl(0xcb007101)},
		.dest = {htonl(0xcb007102)},
		.source_port = htons(40001),
		.dest_port = htons(8080),
		.protocol = flow->key.protocol,
		.version = ipv4 ? 4 : 6,
	};
	if (!ipv4) {
		flow->after.source[0] = flow->after.dest[0] = htonl(0x20010db8);
		flow->after.source[3] = htonl(0xc);
		flow->after.dest[3] = htonl(0xd);
	}
}

/* Put flow into a tunnel from 203.0.113.1:4660 to 203.0.113.2:22136, or the same in IPv6. */
static inline void put_in_tunnel(struct plx_flow *flow, uint8_t version, uint8_t protocol,
				 uint8_t type, uint32_t id)
{
	flow->key.flags |= PLX_KEY_TUNNEL;
	flow->tunnel = (struct plx_tunnel){
		.source = {htonl(0xcb007101)},
		.dest = {htonl(0xcb007102)},
		.id = id,
		.type = type,
		.version = version,
		.protocol = protocol,
	};
	if (version == 6) {
		flow->tunnel.source[0] = flow->tunnel.dest[0] = htonl(0x20010db8);
		flow->tunnel.source[3] = htonl(0xa);
		flow->tunnel.dest[3] = htonl(0xb);
	}
	if (protocol == 17) {
		flow->stats.first.outer_source_port = htons(0x1234);
		flow->stats.first.outer_dest_port = htons(0x5678);
	}
}

/* The first packets of a TCP connection of 10.1.0.2 are masqueraded. */
static inline struct plx_nat_event nat_event4(uint64_t at_ns)
{
	return (struct plx_nat_event){
		.before = {.source = {htonl(0x0a010002)},
			   .dest = {htonl(0xc6336402)},
			   .source_port = htons(4000),
			   .dest_port = htons(443),
			   .protocol = 6,
			   .version = 4},
		.after = {.source = {htonl(0xc6336401)},
			  .dest = {htonl(0xc6336402)},
			  .source_port = htons(40001),
			  .dest_port = htons(443),
			  .protocol = 6,
			  .version = 4},
		.begins = true,
		.at_ns = at_ns,
	};
}

#endif
