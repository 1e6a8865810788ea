/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser: one bounds-checked walk from the Ethernet header to the transport header. Cursor
 * style, no maps, no policy, no writes to the packet. The XDP and TC programs, the unit tests and
 * the fuzzers compile this same file; the includer provides __u8 .. __be32 and <plx/abi.h> is the
 * only other thing it needs. Headers are byte structures without bit-fields, so that nothing here
 * depends on the machine's byte order but plx_be16() and plx_be32().
 */
#ifndef PLX_PARSE_H
#define PLX_PARSE_H

#include <plx/abi.h>

/* plx_parse() returns a skip reason, or this when the packet is to be metered. */
#define PLX_PARSE_OK PLX_SKIP_MAX

#ifndef PLX_INLINE
#define PLX_INLINE static inline __attribute__((always_inline))
#endif

/* Hide a value's origin from the compiler, which would drop a mask that only the verifier needs. */
#ifdef __bpf__
#define PLX_OPAQUE(x) asm volatile("" : "+r"(x))
#define PLX_FORGET()  asm volatile("" ::: "memory")
#else
#define PLX_OPAQUE(x) (void)(x)
#define PLX_FORGET()  (void)0
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define plx_be16(x) ((__u16)__builtin_bswap16(x))
#define plx_be32(x) ((__u32)__builtin_bswap32(x))
#else
#define plx_be16(x) ((__u16)(x))
#define plx_be32(x) ((__u32)(x))
#endif

/* EtherTypes (IEEE 802); below PLX_ETH_MIN the field is an 802.3 length: LLC follows. */
#define PLX_ETH_MIN    0x0600
#define PLX_ETH_IPV4   0x0800
#define PLX_ETH_ARP    0x0806
#define PLX_ETH_8021Q  0x8100
#define PLX_ETH_IPV6   0x86dd
#define PLX_ETH_MPLS   0x8847 /* RFC 3032 */
#define PLX_ETH_MPLSM  0x8848 /* multicast, or upstream-assigned labels */
#define PLX_ETH_PPPOED 0x8863 /* RFC 2516, discovery */
#define PLX_ETH_PPPOE  0x8864 /* session */
#define PLX_ETH_8021AD 0x88a8
#define PLX_ETH_QINQ1  0x9100 /* Q-in-Q before 802.1ad */

/* Protocol numbers (IANA) */
#define PLX_IPPROTO_HOPOPTS  0
#define PLX_IPPROTO_ICMP     1
#define PLX_IPPROTO_TCP	     6
#define PLX_IPPROTO_UDP	     17
#define PLX_IPPROTO_DCCP     33
#define PLX_IPPROTO_ROUTING  43
#define PLX_IPPROTO_FRAGMENT 44
#define PLX_IPPROTO_AH	     51
#define PLX_IPPROTO_ICMPV6   58
#define PLX_IPPROTO_DSTOPTS  60
#define PLX_IPPROTO_SCTP     132
#define PLX_IPPROTO_UDPLITE  136

#define PLX_OPT_JUMBO 0xc2 /* IPv6 option: jumbo payload, RFC 2675 */

/* IPFIX fragmentFlags (197) */
#define PLX_FRAG_DF 0x40
#define PLX_FRAG_MF 0x20

struct plx_hdr_eth {
	__u8 dest[6];
	__u8 source[6];
	__be16 type;
} __attribute__((packed));

struct plx_hdr_vlan {
	__be16 tci; /* priority 3, DEI 1, id 12 */
	__be16 type;
} __attribute__((packed));

struct plx_hdr_mpls { /* RFC 3032 */
	__be32 entry; /* label 20, class 3, bottom of stack 1, TTL 8 */
} __attribute__((packed));

struct plx_hdr_pppoe { /* RFC 2516, with the PPP protocol behind it */
	__u8 version_type; /* 1 and 1 */
	__u8 code;	   /* 0: session */
	__be16 session;
	__be16 length;
	__be16 protocol;
} __attribute__((packed));

struct plx_hdr_ipv4 { /* RFC 791 */
	__u8 version_ihl;
	__u8 tos;
	__be16 total_length;
	__be16 id;
	__be16 fragment; /* reserved, DF, MF, offset 13 in 8 octets */
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 dest;
} __attribute__((packed));

struct plx_hdr_ipv6 { /* RFC 8200 */
	__be32 version_class_label;
	__be16 payload_length;
	__u8 next;
	__u8 hop_limit;
	__be32 source[4];
	__be32 dest[4];
} __attribute__((packed));

struct plx_hdr_ext { /* RFC 8200 4.3, 4.4, 4.6; AH RFC 4302 */
	__u8 next;
	__u8 length; /* 8 octets each, without the first; AH: 4 octets, without the first two */
	__u8 data[6];
} __attribute__((packed));

struct plx_hdr_ip6frag { /* RFC 8200 4.5 */
	__u8 next;
	__u8 reserved;
	__be16 fragment; /* offset 13 in 8 octets, reserved 2, M */
	__be32 id;
} __attribute__((packed));

struct plx_hdr_ports { /* the first word of TCP, UDP, UDP-Lite, DCCP and SCTP */
	__be16 source;
	__be16 dest;
} __attribute__((packed));

struct plx_hdr_tcp { /* RFC 9293, what follows the ports */
	__be32 sequence;
	__be32 acknowledgement;
	__be16 offset_flags; /* data offset 4, reserved 3, flags 9 */
} __attribute__((packed));

struct plx_hdr_icmp {
	__u8 type;
	__u8 code;
	__be16 checksum;
} __attribute__((packed));

/* Where the parser stands: an offset rather than a pointer, see plx_parse_ipv6(). */
struct plx_cursor {
	const void *data;
	const void *end;
	__u32 offset;
};

/* All headers lie in the first 4 KiB: 14 + 2 * 4 + 40 + 8 * 2048 can be more, and is then skipped.
 */
#define PLX_HEADERS_MAX 4096

/* What the hook knows beside the bytes. */
struct plx_parse_in {
	__u16 vlan_tci;	  /* tag that was moved out of the frame */
	__u8 vlan_tagged; /* there is one */
	__u8 super;	  /* a GSO super-packet: its IP length field may be 0 (BIG TCP) */
};

/*
 * The result. The parser writes what it finds to where it will be used: the key and the
 * first-packet fields of the sample; counters, times and lengths are the hook's. In the kernel this
 * lives in a per-CPU map value: the verifier then need not follow every combination of its fields.
 */
struct plx_packet {
	struct plx_sample sample;
	__be32 fragment_id;
	__u32 offset; /* of the cursor, left, next: state of the walk over IPv6 headers */
	__u32 left;
	__u32 ip_octets;     /* total length by the IP header; 0 in a BIG TCP super-packet */
	__u32 ip_offset;     /* octets in front of the IP header, a moved-out tag not counted */
	__u32 header_octets; /* up to the end of the transport header, same, without phantom ones */
	__u32 phantom_octets; /* of the headers: in the super-packet, but on no wire */
	__u16 tcp_flags;      /* 9 bits */
	__u8 next;
	__u8 version; /* 4 or 6 */
	__u8 ttl;
	__u8 first_fragment;	/* of more than one: ports are here, later ones follow */
	__u8 later_fragment;	/* offset > 0: no transport header in this packet */
	__u8 has_ports;		/* the transport header was read */
	__u8 fragment_protocol; /* IPv4 protocol, or next header of the IPv6 fragment header */
};

/* Would more bytes of the packet have helped? */
PLX_INLINE int plx_truncated(enum plx_skip skip)
{
	return skip == PLX_SKIP_TRUNC_L2 || skip == PLX_SKIP_TRUNC_L3 || skip == PLX_SKIP_TRUNC_L4;
}

/* The size octets at the cursor, or NULL when the packet ends before. size is a constant. */
PLX_INLINE const void *plx_peek(const struct plx_cursor *c, __u32 size)
{
	__u32 offset = c->offset;
	const void *p;

	if (offset >= PLX_HEADERS_MAX)
		return 0;
	PLX_OPAQUE(offset);
	p = c->data + (offset & (PLX_HEADERS_MAX - 1));
	return p + size > c->end ? 0 : p;
}

/* Same, and go past them. */
PLX_INLINE const void *plx_take(struct plx_cursor *c, __u32 size)
{
	const void *p = plx_peek(c, size);

	c->offset += size;
	return p;
}

/*
 * Take the offset through p, so that the verifier forgets how it came about and takes all ways that
 * led here for one. With what it remembers otherwise the ways through the loops below multiply: TC
 * then needs 495 thousand instructions (Linux 6.18) instead of 50.
 */
PLX_INLINE void plx_settle(struct plx_cursor *c, struct plx_packet *p)
{
	p->offset = c->offset;
	PLX_FORGET();
	c->offset = p->offset;
}

PLX_INLINE int plx_is_vlan(__u16 type)
{
	return type == PLX_ETH_8021Q || type == PLX_ETH_8021AD || type == PLX_ETH_QINQ1;
}

/* The two outer tags are recorded. */
PLX_INLINE void plx_note_vlan(struct plx_packet *p, __u16 tci, int depth)
{
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
		if (i < PLX_MPLS_KEPT)
			p->sample.stats.first.mpls[i] = entry;
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

/* Ethernet and all that may stand between it and IP; ret_type is IPv4 or IPv6, host order. */
PLX_INLINE enum plx_skip plx_parse_l2(struct plx_cursor *c, const struct plx_parse_in *in,
				      struct plx_packet *p, __u16 *ret_type)
{
	const struct plx_hdr_eth *eth = plx_take(c, sizeof(*eth));
	struct plx_flow_first *first = &p->sample.stats.first;
	enum plx_skip skip = PLX_PARSE_OK;
	__u16 type;

	if (!eth)
		return PLX_SKIP_TRUNC_L2;
	__builtin_memcpy(first->source_mac, eth->source, sizeof(first->source_mac));
	__builtin_memcpy(first->dest_mac, eth->dest, sizeof(first->dest_mac));
	type = plx_be16(eth->type);
	if (in->vlan_tagged)
		plx_note_vlan(p, in->vlan_tci, 0);
	if (type != PLX_ETH_IPV4 && type != PLX_ETH_IPV6) {
		skip = plx_parse_vlans(c, p, in->vlan_tagged ? 1 : 0, &type);
		if (skip == PLX_PARSE_OK && type == PLX_ETH_PPPOE)
			skip = plx_parse_pppoe(c, &type);
		if (skip == PLX_PARSE_OK && (type == PLX_ETH_MPLS || type == PLX_ETH_MPLSM))
			skip = plx_parse_mpls(c, p, &type);
		plx_settle(c, p);
	}
	p->ip_offset = c->offset;
	*ret_type = type;
	if (skip != PLX_PARSE_OK || type == PLX_ETH_IPV4 || type == PLX_ETH_IPV6)
		return skip;
	if (type == PLX_ETH_ARP)
		return PLX_SKIP_ARP;
	if (type == PLX_ETH_PPPOED)
		return PLX_SKIP_PPPOE;
	return type < PLX_ETH_MIN ? PLX_SKIP_LLC : PLX_SKIP_NON_IP;
}

/* IPv4; ret_left is what the IP length leaves for the transport. */
PLX_INLINE enum plx_skip plx_parse_ipv4(struct plx_cursor *c, const struct plx_parse_in *in,
					struct plx_packet *p, __u32 *ret_left)
{
	const struct plx_hdr_ipv4 *ip = plx_take(c, sizeof(*ip));
	struct plx_flow_key *key = &p->sample.key;
	__u32 header, fragment, octets;

	if (!ip)
		return PLX_SKIP_TRUNC_L3;
	header = (ip->version_ihl & 0xf) * 4;
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip))
		return PLX_SKIP_BAD_IP;
	c->offset += header - sizeof(*ip);
	if (!plx_peek(c, 0))
		return PLX_SKIP_TRUNC_L3;
	octets = plx_be16(ip->total_length);
	if (octets >= header)
		*ret_left = octets - header;
	else if (in->super && octets == 0)
		*ret_left = 0xffff;
	else
		return PLX_SKIP_BAD_IP;
	p->ip_octets = octets;
	p->version = 4;
	key->source[0] = ip->source;
	key->dest[0] = ip->dest;
	key->protocol = ip->protocol;
	key->flags = PLX_KEY_IPV4;
	p->sample.stats.first.tos = ip->tos;
	p->ttl = ip->ttl;
	p->header_octets = p->ip_offset + header;
	fragment = plx_be16(ip->fragment);
	p->sample.stats.fragment_flags = (fragment >> 8) & (PLX_FRAG_DF | PLX_FRAG_MF);
	p->later_fragment = (fragment & 0x1fff) != 0;
	p->first_fragment = !p->later_fragment && (fragment & 0x2000);
	p->fragment_id = ip->id;
	p->fragment_protocol = ip->protocol;
	return PLX_PARSE_OK;
}

/*
 * One extension header: *next is its type on entry, the type of what follows on return. Returns
 * its size in octets, 0 when *next is no extension header, or -(skip reason) - 1.
 */
PLX_INLINE int plx_parse_ext(struct plx_cursor *c, struct plx_packet *p, __u32 left, __u8 *next)
{
	const struct plx_hdr_ip6frag *frag;
	const struct plx_hdr_ext *ext;
	__u32 size, fragment;
	__u8 type = *next;

	if (type != PLX_IPPROTO_HOPOPTS && type != PLX_IPPROTO_ROUTING &&
	    type != PLX_IPPROTO_DSTOPTS && type != PLX_IPPROTO_AH && type != PLX_IPPROTO_FRAGMENT)
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
		p->later_fragment = (fragment & 0xfff8) != 0;
		p->first_fragment = !p->later_fragment && (fragment & 1);
		p->sample.stats.fragment_flags = fragment & 1 ? PLX_FRAG_MF : 0;
		p->fragment_id = frag->id;
		p->fragment_protocol = frag->next;
		return sizeof(*frag);
	}
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
					struct plx_packet *p, __u32 *ret_left)
{
	const struct plx_hdr_ipv6 *ip = plx_take(c, sizeof(*ip));
	struct plx_flow_key *key = &p->sample.key;
	__u32 word;

	if (!ip)
		return PLX_SKIP_TRUNC_L3;
	word = plx_be32(ip->version_class_label);
	if (word >> 28 != 6)
		return PLX_SKIP_BAD_IP;
	p->version = 6;
	p->sample.stats.first.tos = word >> 20;
	p->sample.stats.first.flow_label = word & 0xfffff;
	p->ttl = ip->hop_limit;
	__builtin_memcpy(key->source, ip->source, sizeof(key->source));
	__builtin_memcpy(key->dest, ip->dest, sizeof(key->dest));
	p->left = plx_be16(ip->payload_length);
	p->ip_octets = p->left + sizeof(*ip);
	if (in->super && p->left == 0) {
		const struct plx_hdr_ext *ext = plx_peek(c, sizeof(*ext));

		p->ip_octets = 0;
		p->left = 0xffff;
		/*
		 * BIG TCP: more than 64 KiB, so the kernel adds a hop-by-hop header with the jumbo
		 * payload option, and removes it before the segments leave.
		 */
		if (ext && ip->next == PLX_IPPROTO_HOPOPTS && ext->length == 0 &&
		    ext->data[0] == PLX_OPT_JUMBO && ext->data[1] == 4)
			p->phantom_octets = sizeof(*ext);
	}
	p->next = ip->next;
	p->offset = c->offset;
	for (int i = 0; i <= PLX_MAX_IP6_EXT; i++) {
		__u8 next;
		int size;

		PLX_FORGET();
		c->offset = p->offset;
		next = p->next;
		size = p->later_fragment ? 0 : plx_parse_ext(c, p, p->left, &next);
		if (size < 0)
			return -size - 1;
		if (size == 0) {
			key->protocol = next;
			p->header_octets = p->offset - p->phantom_octets;
			*ret_left = p->left;
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

/* Transport header. left: octets that the IP length grants it. */
PLX_INLINE enum plx_skip plx_parse_l4(struct plx_cursor *c, struct plx_packet *p, __u32 left)
{
	struct plx_flow_key *key = &p->sample.key;
	__u8 protocol = key->protocol;
	__u32 need = plx_l4_header(protocol, p->version);
	const struct plx_hdr_ports *ports;
	const struct plx_hdr_tcp *tcp;
	__u32 header;

	if (need == 0 || p->later_fragment)
		return PLX_PARSE_OK;
	/* A first fragment may end inside its transport header; the ports are then enough. */
	if (left < need && !(p->first_fragment && left >= sizeof(*ports)))
		return p->first_fragment ? PLX_PARSE_OK : PLX_SKIP_BAD_L4;
	ports = plx_take(c, sizeof(*ports));
	if (!ports)
		return PLX_SKIP_TRUNC_L4;
	p->has_ports = 1;
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
		if (header < need || (header > left && !p->first_fragment))
			return PLX_SKIP_BAD_L4;
		p->tcp_flags = plx_be16(tcp->offset_flags) & 0x1ff;
	}
	p->header_octets += header;
	return PLX_PARSE_OK;
}

/*
 * Parse the frame from data to end (a wire image but for a tag moved out, see in). Returns
 * PLX_PARSE_OK and fills p, or the reason why the packet is not metered. p is zeroed first.
 */
PLX_INLINE enum plx_skip plx_parse(const void *data, const void *end, const struct plx_parse_in *in,
				   struct plx_packet *p)
{
	struct plx_cursor c = {data, end, 0};
	enum plx_skip skip;
	__u32 left = 0;
	__u16 type = 0;

	__builtin_memset(p, 0, sizeof(*p));
	skip = plx_parse_l2(&c, in, p, &type);
	if (skip != PLX_PARSE_OK)
		return skip;
	if (type == PLX_ETH_IPV4)
		skip = plx_parse_ipv4(&c, in, p, &left);
	else
		skip = plx_parse_ipv6(&c, in, p, &left);
	if (skip != PLX_PARSE_OK)
		return skip;
	return plx_parse_l4(&c, p, left);
}

#endif
