/* SPDX-License-Identifier: BSD-2-Clause */
/* See flow_header.h. Numbers of protocols and EtherTypes are those of the parser. */
#include "flow_header.h"

#include <arpa/inet.h>
#include <string.h>

#include <linux/types.h>
#include <plx/layers.h>

#include "flow_fields.h"

/* What a header is made of: a record, as far as it goes. */
struct source {
	const struct plx_flow *flow; /* link layer; NULL: not known */
	bool own; /* the flow's own IP header: what else the record says is of this one */
	bool fragment;
	uint8_t version;
	uint8_t protocol;
	const __be32 *from, *to;
	__be16 from_port, to_port;
};

/* An octet of which the bits unknown are not known, and those of fixed the same in all records. */
static void put(struct plx_flow_header *h, uint8_t octet, uint8_t fixed, uint8_t unknown,
		const char *name)
{
	h->octets[h->size] = octet;
	h->fixed[h->size] = fixed;
	h->unknown[h->size] = unknown;
	h->names[h->size] = unknown ? name : NULL;
	h->size++;
}

static void put_known(struct plx_flow_header *h, const void *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		put(h, ((const uint8_t *)octets)[i], 0, 0, NULL);
}

static void put_fixed(struct plx_flow_header *h, uint8_t octet)
{
	put(h, octet, 0xff, 0, NULL);
}

static void put_unknown(struct plx_flow_header *h, size_t size, const char *name)
{
	for (size_t i = 0; i < size; i++)
		put(h, 0, 0, 0xff, name);
}

/* All of an octet known, or nothing of it. */
static void put_if(struct plx_flow_header *h, bool known, uint8_t octet, const char *name)
{
	put(h, octet, 0, known ? 0 : 0xff, name);
}

static void put_type(struct plx_flow_header *h, uint16_t type)
{
	put_fixed(h, type >> 8);
	put_fixed(h, type);
}

/* EtherTypes of tags are not in a record. */
static void put_tag(struct plx_flow_header *h, uint16_t vlan, uint8_t priority, bool has_priority)
{
	put_type(h, PLX_ETH_8021Q);
	put(h, priority << 5 | (vlan >> 8 & 0x0f), 0, has_priority ? 0x10 : 0xf0,
	    has_priority ? "the DEI bit of a VLAN tag"
			 : "priority and DEI bit of an inner VLAN tag");
	put(h, vlan, 0, 0, NULL);
}

/* Labels that are known, from the top; the last one has no bottom bit if there are more. */
static int labels_of(const struct plx_flow *flow)
{
	int nr = plx_flow_mpls_labels(flow);

	return nr && !(flow->stats.first.mpls[nr - 1][2] & 1) ? PLX_MPLS_KEPT : nr;
}

/* Returns whether IP follows: not when there are more labels than the record has. */
static bool put_link_layer(struct plx_flow_header *h, const struct source *s)
{
	uint16_t type = s->version == 4 ? PLX_ETH_IPV4 : PLX_ETH_IPV6;
	const struct plx_flow_first *first;
	int labels;

	if (!s->flow) {
		put_unknown(h, 12, "MAC addresses");
		put_type(h, type);
		return true;
	}
	first = &s->flow->stats.first;
	put_known(h, first->dest_mac, 6);
	put_known(h, first->source_mac, 6);
	if (s->flow->key.vlan & PLX_VLAN_PRESENT)
		put_tag(h, s->flow->key.vlan, first->vlan_priority, true);
	if (first->customer_vlan & PLX_VLAN_PRESENT)
		put_tag(h, first->customer_vlan, 0, false);
	labels = labels_of(s->flow);
	put_type(h, labels ? PLX_ETH_MPLS : type);
	for (int i = 0; i < labels; i++) {
		put_known(h, first->mpls[i], 2);
		put(h, first->mpls[i][2], 1, 0, NULL);
		put_unknown(h, 1, "the TTL of an MPLS label");
	}
	return !labels || first->mpls[labels - 1][2] & 1;
}

/* The number of the protocol, which is fixed where it makes the shape. */
static void put_protocol(struct plx_flow_header *h, const struct source *s)
{
	if (plx_flow_header_is_shape(s->version, s->protocol)) {
		put_fixed(h, s->protocol);
	} else {
		h->protocol = h->size;
		put(h, s->protocol, 0, 0, NULL);
	}
}

/*
 * The offset of fragments: 0 where the ports are known, since later fragments are counted into the
 * flow of their first one. A flow without is of later ones only; which ones is not known, and this
 * is as if it were the last of the largest datagram.
 */
static void put_ipv4(struct plx_flow_header *h, const struct source *s)
{
	const struct plx_flow_stats *stats = s->own ? &s->flow->stats : NULL;
	uint8_t offset = s->fragment ? 0xff : 0;

	put(h, 0x45, 0xf0, 0x0f, "the length of the IP header");
	put_if(h, stats, stats ? stats->first.tos : 0, "the type of service");
	put_unknown(h, 2, "the length of a packet");
	put_unknown(h, 2, "the IP identification");
	put(h, (stats ? PLX_MARKS_FRAGMENT_FLAGS(stats->marks) & 0x60 : 0) | (offset & 0x1f), 0x1f,
	    stats ? 0x80 : 0xe0, stats ? "the reserved bit of IPv4" : "the flags of fragments");
	put_fixed(h, offset);
	put_if(h, stats, stats ? PLX_SHAPE_MIN_TTL(stats->shape) : 0, "the TTL");
	put_protocol(h, s);
	put_unknown(h, 2, "the IP checksum");
	put_known(h, s->from, 4);
	put_known(h, s->to, 4);
}

/* Without extension headers, but that of a fragment, which tells that there are no ports. */
static void put_ipv6(struct plx_flow_header *h, const struct source *s)
{
	const struct plx_flow_stats *stats = s->own ? &s->flow->stats : NULL;
	uint8_t tos = stats ? stats->first.tos : 0, hidden = stats ? 0 : 0xff;
	uint32_t label = stats ? stats->first.flow_label : 0;

	put(h, 0x60 | tos >> 4, 0xf0, hidden & 0x0f, "the traffic class");
	put(h, tos << 4 | (label >> 16 & 0x0f), 0, hidden, "traffic class and flow label");
	put_if(h, stats, label >> 8, "the flow label");
	put_if(h, stats, label, "the flow label");
	put_unknown(h, 2, "the length of a packet");
	if (s->fragment)
		put_fixed(h, PLX_IPPROTO_FRAGMENT);
	else
		put_protocol(h, s);
	put_if(h, stats, stats ? PLX_SHAPE_MIN_TTL(stats->shape) : 0, "the hop limit");
	put_known(h, s->from, 16);
	put_known(h, s->to, 16);
	if (!s->fragment)
		return;
	put_known(h, &s->protocol, 1);
	put_unknown(h, 7, "what is in a fragment header");
}

static void put_tcp(struct plx_flow_header *h, const struct source *s)
{
	const struct plx_flow_stats *stats = s->own ? &s->flow->stats : NULL;
	uint16_t flags = stats ? PLX_SHAPE_TCP_FLAGS(stats->shape) : 0;

	put_unknown(h, 8, "TCP sequence numbers");
	put(h, flags >> 8 & 0x0f, 0, stats ? 0xf0 : 0xff, "the length of the TCP header");
	put_if(h, stats, flags, "TCP flags");
	put_if(h, stats, stats ? stats->first.tcp_window >> 8 : 0, "the TCP window");
	put_if(h, stats, stats ? stats->first.tcp_window : 0, "the TCP window");
	put_unknown(h, 4, "TCP checksum and urgent pointer");
}

static bool is_icmp(const struct source *s)
{
	return s->protocol == (s->version == 4 ? PLX_IPPROTO_ICMP : PLX_IPPROTO_ICMPV6);
}

static void put_transport(struct plx_flow_header *h, const struct source *s)
{
	uint32_t size = plx_l4_header(s->protocol, s->version);

	if (!size || s->fragment)
		return;
	if (is_icmp(s)) { /* type and code are where others have the port */
		put_known(h, &s->to_port, 2);
		put_unknown(h, 2, "the ICMP checksum");
		return;
	}
	put_known(h, &s->from_port, 2);
	put_known(h, &s->to_port, 2);
	if (s->protocol == PLX_IPPROTO_TCP)
		put_tcp(h, s);
	else
		put_unknown(h, size - 4, "what stands behind the ports");
}

static void build(const struct source *s, struct plx_flow_header *ret)
{
	bool has_ip;

	ret->size = ret->protocol = 0;
	has_ip = put_link_layer(ret, s);
	ret->ip = ret->size;
	ret->beyond = has_ip ? "what follows the headers" : "MPLS labels below the third";
	if (!has_ip)
		return;
	if (s->version == 4)
		put_ipv4(ret, s);
	else
		put_ipv6(ret, s);
	put_transport(ret, s);
}

static struct source source_of(const struct plx_flow *flow)
{
	const struct plx_flow_key *key = &flow->key;

	return (struct source){
		.flow = flow,
		.own = true,
		.fragment = key->flags & PLX_KEY_FRAGMENT,
		.version = key->flags & PLX_KEY_IPV4 ? 4 : 6,
		.protocol = key->protocol,
		.from = key->source,
		.to = key->dest,
		.from_port = key->source_port,
		.to_port = key->dest_port,
	};
}

void plx_flow_header__before(const struct plx_flow *flow, struct plx_flow_header *ret)
{
	struct source source = source_of(flow);

	build(&source, ret);
}

void plx_flow_header__after(const struct plx_flow *flow, struct plx_flow_header *ret)
{
	struct source source = source_of(flow);

	source.from = flow->after.source;
	source.to = flow->after.dest;
	if (plx_flow_has_nat_ports(flow)) {
		source.from_port = flow->after.source_port;
		source.to_port = flow->after.dest_port;
	}
	build(&source, ret);
}

void plx_flow_header__outer(const struct plx_flow *flow, struct plx_flow_header *ret)
{
	const struct plx_tunnel *tunnel = &flow->tunnel;
	struct source source = {
		.flow = flow,
		.version = tunnel->version,
		.protocol = tunnel->protocol,
		.from = tunnel->source,
		.to = tunnel->dest,
		.from_port = flow->stats.first.outer_source_port,
		.to_port = flow->stats.first.outer_dest_port,
	};

	build(&source, ret);
}

void plx_flow_header__tuple(const struct plx_nat_tuple *tuple, struct plx_flow_header *ret)
{
	struct source source = {
		.version = tuple->version,
		.protocol = tuple->protocol,
		.from = tuple->source,
		.to = tuple->dest,
		.from_port = tuple->source_port,
		.to_port = tuple->dest_port,
	};

	build(&source, ret);
}

bool plx_flow_header_is_shape(uint8_t version, uint8_t protocol)
{
	/* The parser walks over these: none is the protocol of an IPv6 flow. */
	return plx_l4_header(protocol, version) || (version == 6 && plx_ext_bit(protocol));
}
