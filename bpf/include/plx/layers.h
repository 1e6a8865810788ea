/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The headers of one layer: from an Ethernet header, or from IP, to the transport header. One
 * function a header: cursor in, what follows out, bounds first. Read headers.h before, parse.h for
 * the walk.
 */
#ifndef PLX_LAYERS_H
#define PLX_LAYERS_H

#include <plx/headers.h>

PLX_INLINE int plx_is_vlan(__u16 type)
{
	return type == PLX_ETH_8021Q || type == PLX_ETH_8021AD || type == PLX_ETH_QINQ1;
}

/* The two outer tags are recorded, those of frames in tunnels are not. */
PLX_INLINE void plx_note_vlan(struct plx_packet *p, __u16 tci, int depth)
{
	if (p->tunnels)
		return;
	if (depth == 0) {
		p->sample.key.vlan = PLX_VLAN_PRESENT | (tci & 0xfff);
		p->sample.stats.first.vlan_priority = tci >> 13;
	} else if (depth == 1) {
		p->sample.stats.first.customer_vlan = PLX_VLAN_PRESENT | (tci & 0xfff);
	}
}

/* VLAN tags behind the Ethernet header; *type: the first one's EtherType, then what follows. */
PLX_INLINE enum plx_skip plx_parse_vlans(struct plx_cursor *c, struct plx_packet *p, int depth,
					 __u16 *type)
{
	for (int i = 0; i < PLX_MAX_VLANS && plx_is_vlan(*type); i++) {
		const struct plx_hdr_vlan *tag;

		if (depth == PLX_MAX_VLANS)
			return PLX_SKIP_VLAN_DEPTH;
		plx_settle(c, p);
		tag = plx_take(c, sizeof(*tag));
		if (!tag)
			return PLX_SKIP_TRUNC_L2;
		plx_note_vlan(p, plx_be16(tag->tci), depth++);
		*type = plx_be16(tag->type);
	}
	return plx_is_vlan(*type) ? PLX_SKIP_VLAN_DEPTH : PLX_PARSE_OK;
}

/* PPPoE session: *type becomes that of the PPP payload; control protocols are skipped. */
PLX_INLINE enum plx_skip plx_parse_pppoe(struct plx_cursor *c, __u16 *type)
{
	const struct plx_hdr_pppoe *pppoe = plx_take(c, sizeof(*pppoe));

	if (!pppoe)
		return PLX_SKIP_TRUNC_L2;
	if (pppoe->version_type != 0x11 || pppoe->code != 0)
		return PLX_SKIP_PPPOE;
	switch (plx_be16(pppoe->protocol)) { /* IANA PPP numbers */
	case 0x0021:
		*type = PLX_ETH_IPV4;
		return PLX_PARSE_OK;
	case 0x0057:
		*type = PLX_ETH_IPV6;
		return PLX_PARSE_OK;
	case 0x0281:
		*type = PLX_ETH_MPLS;
		return PLX_PARSE_OK;
	default:
		return PLX_SKIP_PPPOE;
	}
}

/*
 * MPLS labels. Nothing says what they carry but the first half octet of the payload: 4 and 6 are IP
 * (RFC 4928 2), all else is a pseudowire or unknown, and skipped.
 */
PLX_INLINE enum plx_skip plx_parse_mpls(struct plx_cursor *c, struct plx_packet *p, __u16 *type)
{
	const __u8 *payload;
	int bottom = 0;

	for (int i = 0; i < PLX_MAX_MPLS && !bottom; i++) {
		const struct plx_hdr_mpls *label;
		__u32 entry;

		plx_settle(c, p);
		label = plx_take(c, sizeof(*label));
		if (!label)
			return PLX_SKIP_TRUNC_L2;
		entry = plx_be32(label->entry) >> 8;
		if (i < PLX_MPLS_KEPT && !p->tunnels)
			__builtin_memcpy(p->sample.stats.first.mpls[i], label, 3);
		bottom = entry & 1;
	}
	if (!bottom)
		return PLX_SKIP_MPLS_DEPTH;
	payload = plx_peek(c, 1);
	if (!payload)
		return PLX_SKIP_TRUNC_L3;
	if (*payload >> 4 == 4)
		*type = PLX_ETH_IPV4;
	else if (*payload >> 4 == 6)
		*type = PLX_ETH_IPV6;
	else
		return PLX_SKIP_MPLS_PAYLOAD;
	return PLX_PARSE_OK;
}

/* An EtherType that neither is IP nor leads to it. */
PLX_INLINE enum plx_skip plx_not_ip(__u16 type)
{
	if (type == PLX_ETH_ARP)
		return PLX_SKIP_ARP;
	if (type == PLX_ETH_PPPOED)
		return PLX_SKIP_PPPOE;
	return type < PLX_ETH_MIN ? PLX_SKIP_LLC : PLX_SKIP_NON_IP;
}

/*
 * All that may stand in front of IP: an Ethernet header if p->ethernet, tags, PPPoE, labels.
 * p->type is IPv4 or IPv6 on return. What is recorded is of the outermost frame.
 */
PLX_INLINE enum plx_skip plx_parse_l2(struct plx_cursor *c, const struct plx_parse_in *in,
				      struct plx_packet *p)
{
	enum plx_skip skip;
	__u16 type = p->type;
	int depth = 0;

	if (p->ethernet) {
		const struct plx_hdr_eth *eth = plx_take(c, sizeof(*eth));

		if (!eth)
			return PLX_SKIP_TRUNC_L2;
		type = plx_be16(eth->type);
		if (!p->tunnels) {
			struct plx_flow_first *first = &p->sample.stats.first;

			__builtin_memcpy(first->source_mac, eth->source, sizeof(eth->source));
			__builtin_memcpy(first->dest_mac, eth->dest, sizeof(eth->dest));
			if (in->vlan_tagged)
				plx_note_vlan(p, in->vlan_tci, depth++);
		}
	}
	if (type != PLX_ETH_IPV4 && type != PLX_ETH_IPV6) {
		skip = plx_parse_vlans(c, p, depth, &type);
		if (skip == PLX_PARSE_OK && type == PLX_ETH_PPPOE)
			skip = plx_parse_pppoe(c, &type);
		if (skip == PLX_PARSE_OK && (type == PLX_ETH_MPLS || type == PLX_ETH_MPLSM))
			skip = plx_parse_mpls(c, p, &type);
		plx_settle(c, p);
		if (skip != PLX_PARSE_OK)
			return skip;
		if (type != PLX_ETH_IPV4 && type != PLX_ETH_IPV6)
			return plx_not_ip(type);
	}
	p->type = type;
	return PLX_PARSE_OK;
}

/*
 * Option types of IPv4 (IANA, IP Option Numbers): a number, the low 5 bits, and above it a copied
 * bit and a class, which is 0 or 2 (measurement). Bit n of each: number n is assigned, copied, of
 * class 2.
 */
#define PLX_IPV4_OPTIONS     0x03ffffffu /* EOOL, NOP, SEC, LSR, TS, E-SEC, CIPSO, RR ... QS */
#define PLX_IPV4_COPIED	     0x01fb636cu
#define PLX_IPV4_MEASUREMENT 0x00042010u /* TS 68, FINN 205, TR 82 */
#define PLX_IPV4_EXP	     30		 /* RFC 4727: all four of class and copied bit */

/* Bit of IPFIX ipv4Options (208) for an option type: of its number, if all 8 bits are assigned. */
PLX_INLINE __u32 plx_ipv4_option(__u8 type)
{
	__u32 number = type & 0x1f;
	__u32 wrong = (type >> 7 ^ PLX_IPV4_COPIED >> number) |
		      (type >> 6 ^ PLX_IPV4_MEASUREMENT >> number) | ~(PLX_IPV4_OPTIONS >> number);

	if (number == PLX_IPV4_EXP)
		wrong = 0;
	return (type & 0x20) || (wrong & 1) ? 0 : 1u << number;
}

PLX_INLINE void plx_note_option(struct plx_packet *p, __u8 kind, int ipv4)
{
	if (ipv4)
		p->layer.ip_options |= plx_ipv4_option(kind);
	else
		p->layer.tcp_options |= kind < 64 ? 1ull << kind : 0;
}

/*
 * Options of IPv4 (RFC 791 3.1) or TCP (RFC 9293 3.1) from the cursor to the octet end, whose kinds
 * are noted as bits of IPFIX ipv4Options or tcpOptions. What does not make sense ends the walk, and
 * so does the packet's end.
 */
PLX_INLINE void plx_parse_options(struct plx_cursor *c, struct plx_packet *p, __u32 end, int ipv4)
{
	p->options_end = end;
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < PLX_MAX_OPTIONS; i++) {
		const __u8 *option;
		__u32 size = 1;
		__u8 kind;

		plx_settle(c, p);
		if (c->offset >= p->options_end)
			break;
		option = plx_peek(c, 1);
		if (!option)
			break;
		kind = option[0];
		if (kind > 1) { /* end of the list, and no operation, have no length */
			option = plx_peek(c, 2);
			if (!option)
				break;
			size = option[1];
			if (size < 2 || c->offset + size > p->options_end)
				break;
		}
		plx_note_option(p, kind, ipv4);
		if (kind == 0)
			break;
		c->offset += size;
	}
}

/* IPv4; p->left is what the IP length leaves for the transport. */
PLX_INLINE enum plx_skip plx_parse_ipv4(struct plx_cursor *c, const struct plx_parse_in *in,
					struct plx_packet *p)
{
	const struct plx_hdr_ipv4 *ip = plx_take(c, sizeof(*ip));
	struct plx_flow_key *key = &p->sample.key;
	struct plx_layer *layer = &p->layer;
	__u32 header, fragment, octets;

	if (!ip)
		return PLX_SKIP_TRUNC_L3;
	header = (ip->version_ihl & 0xf) * 4;
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip))
		return PLX_SKIP_BAD_IP;
	octets = plx_be16(ip->total_length);
	fragment = plx_be16(ip->fragment);
	layer->version = 4;
	layer->tos = ip->tos;
	layer->ttl = ip->ttl;
	layer->fragment_flags = (fragment >> 8) & (PLX_FRAG_DF | PLX_FRAG_MF);
	if (fragment & 0x3fff) {
		p->fragmented = 1;
		layer->later_fragment = (fragment & 0x1fff) != 0;
		layer->first_fragment = !layer->later_fragment;
		layer->fragment_id = ip->id;
		layer->fragment_protocol = ip->protocol;
	}
	key->source[0] = ip->source;
	key->dest[0] = ip->dest;
	key->protocol = ip->protocol;
	key->flags = PLX_KEY_IPV4;
	if (header > sizeof(*ip)) {
		plx_parse_options(c, p, c->offset + header - sizeof(*ip), 1);
		PLX_FORGET();
		c->offset = p->options_end;
		if (!plx_peek(c, 0))
			return PLX_SKIP_TRUNC_L3;
	}
	if (octets >= header)
		p->left = octets - header;
	else if (in->super && octets == 0)
		p->left = 0xffff;
	else
		return PLX_SKIP_BAD_IP;
	p->octets = octets;
	return PLX_PARSE_OK;
}

/* Bit of IPFIX ipv6ExtensionHeaders (64) for a header that is walked; 0: none of these. */
PLX_INLINE __u32 plx_ext_bit(__u8 type)
{
	switch (type) {
	case PLX_IPPROTO_HOPOPTS:
		return PLX_EXT_HOP;
	case PLX_IPPROTO_ROUTING:
		return PLX_EXT_RH;
	case PLX_IPPROTO_FRAGMENT:
		return PLX_EXT_FRA0;
	case PLX_IPPROTO_AH:
		return PLX_EXT_AH;
	case PLX_IPPROTO_DSTOPTS:
		return PLX_EXT_DST;
	default:
		return 0;
	}
}

/*
 * One extension header: *next is its type on entry, the type of what follows on return. Returns
 * its size in octets, 0 when *next is no extension header, or -(skip reason) - 1.
 */
PLX_INLINE int plx_parse_ext(struct plx_cursor *c, struct plx_packet *p, __u32 left, __u8 *next)
{
	const struct plx_hdr_ip6frag *frag;
	const struct plx_hdr_ext *ext;
	struct plx_layer *layer = &p->layer;
	__u32 size, fragment, bit;
	__u8 type = *next;

	bit = plx_ext_bit(type);
	if (!bit)
		return 0;
	if (left < sizeof(*ext))
		return -PLX_SKIP_BAD_IP - 1;
	/* All of them are at least this long, and begin with the next type. */
	ext = plx_take(c, sizeof(*ext));
	if (!ext)
		return -PLX_SKIP_TRUNC_L3 - 1;
	*next = ext->next;
	if (type == PLX_IPPROTO_FRAGMENT) {
		frag = (const void *)ext;
		fragment = plx_be16(frag->fragment);
		p->fragmented = 1;
		layer->later_fragment = (fragment & 0xfff8) != 0;
		layer->first_fragment = !layer->later_fragment && (fragment & 1);
		layer->fragment_flags = fragment & 1 ? PLX_FRAG_MF : 0;
		layer->fragment_id = frag->id;
		layer->fragment_protocol = frag->next;
		layer->ip_options |= layer->later_fragment ? PLX_EXT_FRA1 : PLX_EXT_FRA0;
		return sizeof(*frag);
	}
	layer->ip_options |= bit;
	size = type == PLX_IPPROTO_AH ? (ext->length + 2) * 4 : (ext->length + 1) * 8;
	if (size > left)
		return -PLX_SKIP_BAD_IP - 1;
	c->offset += size - sizeof(*ext);
	if (!plx_peek(c, 0))
		return -PLX_SKIP_TRUNC_L3 - 1;
	return size;
}

/*
 * IPv6 and its extension headers up to the first that is not one (RFC 8200 4). What the walk
 * carries from header to header is kept in p and read back at each step: the verifier then knows
 * nothing of it and takes all ways that led here for one. With registers it remembers the ranges of
 * each way, and needs over a million instructions (Linux 6.18).
 */
PLX_INLINE enum plx_skip plx_parse_ipv6(struct plx_cursor *c, const struct plx_parse_in *in,
					struct plx_packet *p)
{
	const struct plx_hdr_ipv6 *ip = plx_take(c, sizeof(*ip));
	struct plx_flow_key *key = &p->sample.key;
	struct plx_layer *layer = &p->layer;
	__u32 word;

	if (!ip)
		return PLX_SKIP_TRUNC_L3;
	word = plx_be32(ip->version_class_label);
	if (word >> 28 != 6)
		return PLX_SKIP_BAD_IP;
	layer->version = 6;
	layer->tos = word >> 20;
	layer->flow_label = word & 0xfffff;
	layer->ttl = ip->hop_limit;
	__builtin_memcpy(key->source, ip->source, sizeof(key->source));
	__builtin_memcpy(key->dest, ip->dest, sizeof(key->dest));
	p->left = plx_be16(ip->payload_length);
	p->next = ip->next;
	p->octets = p->left + sizeof(*ip);
	if (in->super && p->left == 0) {
		const struct plx_hdr_ext *ext = plx_peek(c, sizeof(*ext));

		p->octets = 0;
		p->left = 0xffff;
		/*
		 * BIG TCP: more than 64 KiB, so the kernel adds a hop-by-hop header with the jumbo
		 * payload option, and removes it before the segments leave.
		 */
		if (ext && ip->next == PLX_IPPROTO_HOPOPTS && ext->length == 0 &&
		    ext->data[0] == PLX_OPT_JUMBO && ext->data[1] == 4) {
			p->phantom_octets += sizeof(*ext);
			p->next = ext->next;
			c->offset += sizeof(*ext);
		}
	}
	p->offset = c->offset;
	for (int i = 0; i <= PLX_MAX_IP6_EXT; i++) {
		__u8 next;
		int size;

		PLX_FORGET();
		c->offset = p->offset;
		next = p->next;
		size = layer->later_fragment ? 0 : plx_parse_ext(c, p, p->left, &next);
		if (size < 0)
			return -size - 1;
		if (size == 0) {
			key->protocol = next;
			if (next == PLX_IPPROTO_ESP && !layer->later_fragment)
				layer->ip_options |= PLX_EXT_ESP;
			if (next == PLX_IPPROTO_MOBILITY && !layer->later_fragment)
				layer->ip_options |= PLX_EXT_MOB;
			return PLX_PARSE_OK;
		}
		p->left -= size;
		p->next = next;
		p->offset = c->offset;
	}
	return PLX_SKIP_EXT_DEPTH;
}

/* Smallest header of a protocol that has ports or type and code; 0 for all others. */
PLX_INLINE __u32 plx_l4_header(__u8 protocol, __u8 version)
{
	switch (protocol) {
	case PLX_IPPROTO_TCP:
		return 20;
	case PLX_IPPROTO_UDP:
	case PLX_IPPROTO_UDPLITE:
		return 8;
	case PLX_IPPROTO_SCTP:
	case PLX_IPPROTO_DCCP:
		return 12;
	case PLX_IPPROTO_ICMP:
		return version == 4 ? sizeof(struct plx_hdr_icmp) : 0;
	case PLX_IPPROTO_ICMPV6:
		return version == 6 ? sizeof(struct plx_hdr_icmp) : 0;
	default:
		return 0;
	}
}

/*
 * TCP options, cursor behind the first 20 octets. Nearly all segments have timestamps and nothing
 * else, in the layout of RFC 7323 appendix A; these cost one comparison.
 */
PLX_INLINE void plx_parse_tcp_options(struct plx_cursor *c, struct plx_packet *p, __u32 octets)
{
	const struct plx_hdr_word *first = plx_peek(c, 12);

	if (octets == 12 && first && first->word == plx_be32(0x0101080a))
		p->layer.tcp_options = 1 << 1 | 1 << 8;
	else
		plx_parse_options(c, p, c->offset + octets, 0);
}

/*
 * Transport header. p->left: octets that the IP length grants it. Leaves the cursor behind the
 * fixed part of the header; p->header_octets covers options, too.
 */
PLX_INLINE enum plx_skip plx_parse_l4(struct plx_cursor *c, struct plx_packet *p)
{
	struct plx_flow_key *key = &p->sample.key;
	struct plx_layer *layer = &p->layer;
	__u8 protocol = key->protocol;
	__u32 need = plx_l4_header(protocol, layer->version);
	__u32 left = p->left;
	const struct plx_hdr_ports *ports;
	const struct plx_hdr_tcp *tcp;
	__u32 header;

	if (need == 0 || layer->later_fragment)
		return PLX_PARSE_OK;
	/* A first fragment may end inside its transport header; the ports are then enough. */
	if (left < need && !(layer->first_fragment && left >= sizeof(*ports)))
		return layer->first_fragment ? PLX_PARSE_OK : PLX_SKIP_BAD_L4;
	ports = plx_take(c, sizeof(*ports));
	if (!ports)
		return PLX_SKIP_TRUNC_L4;
	layer->has_ports = 1;
	if (protocol == PLX_IPPROTO_ICMP || protocol == PLX_IPPROTO_ICMPV6) {
		/* type and code stand where others have the source port */
		key->dest_port = ports->source;
		p->header_octets += 8;
		return PLX_PARSE_OK;
	}
	key->source_port = ports->source;
	key->dest_port = ports->dest;
	if (left < need)
		return PLX_PARSE_OK;
	tcp = plx_peek(c, sizeof(*tcp));
	c->offset += need - sizeof(*ports);
	if (!plx_peek(c, 0))
		return PLX_SKIP_TRUNC_L4;
	header = need;
	if (protocol == PLX_IPPROTO_TCP) {
		if (!tcp) /* cannot be: the whole header was checked */
			return PLX_SKIP_TRUNC_L4;
		header = plx_be16(tcp->offset_flags) >> 12 << 2;
		if (header < need || (header > left && !layer->first_fragment))
			return PLX_SKIP_BAD_L4;
		layer->tcp_flags = plx_be16(tcp->offset_flags) & 0xfff;
		layer->tcp_window = plx_be16(tcp->window);
		if (header > need)
			plx_parse_tcp_options(c, p, header - need);
	}
	p->header_octets += header;
	return PLX_PARSE_OK;
}

/* One IP header and what it carries. p->octets: by its length, 0 in a BIG TCP super-packet. */
PLX_INLINE enum plx_skip plx_parse_ip(struct plx_cursor *c, const struct plx_parse_in *in,
				      struct plx_packet *p)
{
	enum plx_skip skip;

	if (p->type == PLX_ETH_IPV4)
		skip = plx_parse_ipv4(c, in, p);
	else
		skip = plx_parse_ipv6(c, in, p);
	if (skip != PLX_PARSE_OK)
		return skip;
	p->payload_end = c->offset + p->left;
	/* What follows is padding, whatever it looks like. */
	if (p->payload_end < p->headers_end)
		p->headers_end = p->payload_end;
	plx_settle(c, p);
	p->header_octets = c->offset - p->phantom_octets;
	return plx_parse_l4(c, p);
}

#endif
