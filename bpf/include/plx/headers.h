/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parser works with: header formats and numbers, the cursor, and struct plx_packet, which
 * is its result. The includer provides __u8 .. __be32, and <plx/abi.h> is all else that is needed.
 * Headers are byte structures without bit-fields, so that nothing here depends on the machine's
 * byte order but plx_be16() and plx_be32().
 */
#ifndef PLX_HEADERS_H
#define PLX_HEADERS_H

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
#define PLX_ETH_TEB    0x6558 /* transparent Ethernet bridging: a frame follows, RFC 1701 */
#define PLX_ETH_PPPOED 0x8863 /* RFC 2516, discovery */
#define PLX_ETH_PPPOE  0x8864 /* session */
#define PLX_ETH_8021AD 0x88a8
#define PLX_ETH_QINQ1  0x9100 /* Q-in-Q before 802.1ad */

/* Protocol numbers (IANA) */
#define PLX_IPPROTO_HOPOPTS  0
#define PLX_IPPROTO_ICMP     1
#define PLX_IPPROTO_IPV4     4
#define PLX_IPPROTO_TCP	     6
#define PLX_IPPROTO_UDP	     17
#define PLX_IPPROTO_DCCP     33
#define PLX_IPPROTO_IPV6     41
#define PLX_IPPROTO_ROUTING  43
#define PLX_IPPROTO_FRAGMENT 44
#define PLX_IPPROTO_GRE	     47
#define PLX_IPPROTO_ESP	     50
#define PLX_IPPROTO_AH	     51
#define PLX_IPPROTO_ICMPV6   58
#define PLX_IPPROTO_DSTOPTS  60
#define PLX_IPPROTO_SCTP     132
#define PLX_IPPROTO_MOBILITY 135
#define PLX_IPPROTO_UDPLITE  136

#define PLX_OPT_JUMBO 0xc2 /* IPv6 option: jumbo payload, RFC 2675 */

/* IPFIX fragmentFlags (197) */
#define PLX_FRAG_DF 0x40
#define PLX_FRAG_MF 0x20

/* IPFIX ipv6ExtensionHeaders (64), bit 0 the lowest */
#define PLX_EXT_DST  (1u << 0)
#define PLX_EXT_HOP  (1u << 1)
#define PLX_EXT_FRA0 (1u << 4) /* fragment header of a first fragment, or of the whole */
#define PLX_EXT_RH   (1u << 5)
#define PLX_EXT_FRA1 (1u << 6) /* of a later fragment */
#define PLX_EXT_MOB  (1u << 12)
#define PLX_EXT_ESP  (1u << 13)
#define PLX_EXT_AH   (1u << 14)

/*
 * Headers are in the packet as they are here, and begin at even octets: all have an even length.
 * Without that word clang reads them octet by octet.
 */
#define PLX_HEADER __attribute__((packed, aligned(2)))

struct plx_hdr_word { /* of anything */
	__be32 word;
} PLX_HEADER;

struct plx_hdr_eth {
	__u8 dest[6];
	__u8 source[6];
	__be16 type;
} PLX_HEADER;

struct plx_hdr_vlan {
	__be16 tci; /* priority 3, DEI 1, id 12 */
	__be16 type;
} PLX_HEADER;

struct plx_hdr_mpls { /* RFC 3032 */
	__be32 entry; /* label 20, class 3, bottom of stack 1, TTL 8 */
} PLX_HEADER;

struct plx_hdr_pppoe {	   /* RFC 2516, with the PPP protocol behind it */
	__u8 version_type; /* 1 and 1 */
	__u8 code;	   /* 0: session */
	__be16 session;
	__be16 length;
	__be16 protocol;
} PLX_HEADER;

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
} PLX_HEADER;

struct plx_hdr_ipv6 { /* RFC 8200 */
	__be32 version_class_label;
	__be16 payload_length;
	__u8 next;
	__u8 hop_limit;
	__be32 source[4];
	__be32 dest[4];
} PLX_HEADER;

struct plx_hdr_ext { /* RFC 8200 4.3, 4.4, 4.6; AH RFC 4302 */
	__u8 next;
	__u8 length; /* 8 octets each, without the first; AH: 4 octets, without the first two */
	__u8 data[6];
} PLX_HEADER;

struct plx_hdr_ip6frag { /* RFC 8200 4.5 */
	__u8 next;
	__u8 reserved;
	__be16 fragment; /* offset 13 in 8 octets, reserved 2, M */
	__be32 id;
} PLX_HEADER;

struct plx_hdr_ports { /* the first word of TCP, UDP, UDP-Lite, DCCP and SCTP */
	__be16 source;
	__be16 dest;
} PLX_HEADER;

struct plx_hdr_tcp { /* RFC 9293, what follows the ports */
	__be32 sequence;
	__be32 acknowledgement;
	__be16 offset_flags; /* data offset 4, reserved 3, flags 9 */
	__be16 window;
} PLX_HEADER;

struct plx_hdr_icmp {
	__u8 type;
	__u8 code;
	__be16 checksum;
} PLX_HEADER;

/* Where the parser stands: an offset rather than a pointer, see plx_parse_ipv6(). */
struct plx_cursor {
	const void *data;
	const void *end;
	__u32 offset;
	__u32 limit; /* where headers end: that of the IP packets around, at most PLX_HEADERS_MAX */
};

/* All headers lie in the first 4 KiB; 14 + 2 * 4 + 40 + 8 * 2048 can be more: then skipped. */
#define PLX_HEADERS_MAX 4096

#define PLX_MAX_OPTIONS 40 /* octets, so no more options, in an IPv4 or TCP header */

/* What the hook knows beside the bytes. */
struct plx_parse_in {
	__u32 length;	/* octets of the whole packet, of which data to end may be the beginning */
	__u16 vlan_tci; /* tag that was moved out of the frame */
	__u8 vlan_tagged; /* there is one */
	__u8 super;	  /* a GSO super-packet: its IP length field may be 0 (BIG TCP) */
	__u8 policy;	  /* PLX_POLICY_*: which header's flow it is */
};

/* What one IP header and the transport header behind it say, beside the key. */
struct plx_layer {
	__be32 fragment_id;
	__u32 flow_label;
	__u32 ip_options; /* bits of IPFIX ipv4Options or ipv6ExtensionHeaders */
	__u16 tcp_flags;  /* 12 bits */
	__u16 tcp_window;
	__u64 tcp_options;
	__u8 version; /* 4 or 6 */
	__u8 tos;
	__u8 ttl;
	__u8 fragment_flags;
	__u8 first_fragment;	/* of more than one: ports are here, later ones follow */
	__u8 later_fragment;	/* offset > 0: no transport header in this packet */
	__u8 has_ports;		/* the transport header was read */
	__u8 fragment_protocol; /* IPv4 protocol, or next header of the IPv6 fragment header */
};

/*
 * The result. The parser writes what it finds to where it will be used: the key and the
 * first-packet fields of the sample; counters, times and lengths are the hook's. In the kernel this
 * lives in a per-CPU map value: the verifier then need not follow every combination of its fields.
 * What stands behind sample.key is set only where it says so, all else is zeroed for each packet.
 */
struct plx_packet {
	struct plx_layer layer; /* of the header that the key is of */
	__u32 offset;		/* of the cursor, left, next: state of the walk over headers */
	__u32 left;
	__u32 options_end;    /* of IPv4 or TCP */
	__u32 octets;	      /* of the IP header at hand; 0 in a BIG TCP super-packet */
	__u32 ip_octets;      /* same, of the outermost one */
	__u32 ip_offset;      /* octets in front of that, a moved-out tag not counted */
	__u32 header_octets;  /* up to the end of the last transport header, same */
	__u32 phantom_octets; /* in the super-packet, but on no wire; not in header_octets */
	__u32 payload_end;    /* of the layer, by its IP length field */
	__u32 headers_end;    /* the cursor's limit */
	__u32 limits;	      /* bits of enum plx_limit */
	__u32 tunnel_id;      /* of the tunnel header read last, and its type */
	__u8 tunnel_type;
	__u16 type;    /* EtherType of what follows */
	__u8 ethernet; /* an Ethernet header comes first */
	__u8 next;
	__u8 outer_only;     /* PLX_POLICY_OUTER */
	__u8 fragmented;     /* some header says that its packet is a fragment */
	__u8 tunnels;	     /* that the layer is inside of; sample.tunnel is set when > 0 */
	__u8 outer_fragment; /* the outermost packet is a first fragment: outer_frag is its key */
	struct plx_sample sample;

	/* The layer around the one at hand, to go back to. Set when tunnels > 0. */
	struct plx_flow_key back_key;
	struct plx_layer back;
	__u32 back_header_octets, back_phantom_octets;
	__u32 inside_offset; /* where the IP header of the one at hand begins */
	__be16 outer_source_port, outer_dest_port; /* of the outermost header, same */
	struct plx_frag_key outer_frag;
};

/* The size octets at the cursor, or NULL when the packet ends before. size is a constant. */
PLX_INLINE const void *plx_peek(const struct plx_cursor *c, __u32 size)
{
	__u32 offset = c->offset;
	const void *p;

	if (offset + size > c->limit)
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
	c->limit = p->headers_end;
}

#endif
