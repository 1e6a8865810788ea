/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The headers that a packet of a flow, or of a NAT mapping, would have: what pcap filters are run
 * over. A record does not have all that a header has, so each bit is told apart: fixed, which means
 * that all headers of this shape have it, known, or unknown. A shape is what decides which header
 * stands where: version, protocol, tags, labels, and whether the ports are there.
 */
#ifndef PLX_FLOW_HEADER_H
#define PLX_FLOW_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

#define PLX_FLOW_HEADER_MAX 128 /* Ethernet, two tags, three labels, IPv6, TCP: 94 */

struct plx_flow_header {
	uint8_t octets[PLX_FLOW_HEADER_MAX]; /* 0 where unknown, but the length of IPv4 */
	uint8_t fixed[PLX_FLOW_HEADER_MAX];
	uint8_t unknown[PLX_FLOW_HEADER_MAX];
	const char *names[PLX_FLOW_HEADER_MAX]; /* what is unknown of an octet, or NULL */
	const char *beyond;			/* what stands behind the last octet */
	size_t size;
	size_t ip;	 /* where the header of IP begins; its length is that without options */
	size_t protocol; /* where its number stands if it is none that makes a shape; else 0 */
};

/* As the packets came in, or as they were seen where they are known at one side only. */
void plx_flow_header__before(const struct plx_flow *flow, struct plx_flow_header *ret);
/* As they left NAT; of a flow that plx_flow_is_translated(). */
void plx_flow_header__after(const struct plx_flow *flow, struct plx_flow_header *ret);
/* Of a flow with PLX_KEY_TUNNEL: with the outer header in the place of the inner one. */
void plx_flow_header__outer(const struct plx_flow *flow, struct plx_flow_header *ret);
/* Of one end of a NAT mapping. */
void plx_flow_header__tuple(const struct plx_nat_tuple *tuple, struct plx_flow_header *ret);

/* Does protocol make a shape, or is it none that the IP header of a record has? */
bool plx_flow_header_is_shape(uint8_t version, uint8_t protocol);

#endif
