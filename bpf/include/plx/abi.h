/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only types that both the kernel programs and user space see: keys, counters, control block,
 * ring records and the names of reasons. Fixed widths only; padding is named and zeroed; 64-bit
 * counters. The includer provides __u8 .. __be32 (vmlinux.h in BPF, <linux/types.h> elsewhere).
 * Read bpf/README.md first: it says who writes and who reads each of these.
 */
#ifndef PLX_ABI_H
#define PLX_ABI_H

/*
 * Limits. A power of two for the interfaces: their slot is ifindex & mask, then the next
 * PLX_IF_PROBES - 1 slots.
 */
#define PLX_MAX_IFACES	256
#define PLX_IF_PROBES	8
#define PLX_MAX_VLANS	4  /* tags walked, two recorded; deeper is skipped[vlan_depth] */
#define PLX_MAX_MPLS	10 /* labels walked, deeper is skipped[mpls_depth] */
#define PLX_MPLS_KEPT	3  /* labels recorded, from the top */
#define PLX_MAX_IP6_EXT 8  /* IPv6 extension headers walked; more is skipped[ext_depth] */
#define PLX_MAX_TUNNELS 2  /* looked into, one inside the other; more is limited[tunnel_depth] */
#define PLX_NR_BUFFERS	2  /* flow tables per address family: one filled, one drained */

/* Direction of a packet at its interface; the values of IPFIX flowDirection (61). */
#define PLX_DIR_IN  0
#define PLX_DIR_OUT 1
#define PLX_NR_DIRS 2

/*
 * Why a packet is not metered. One line each: symbol, name in the ledger. bpf/README.md explains
 * each and must change with this list.
 */
#define PLX_SKIP_REASONS(X)                                                                        \
	X(ARP, "arp")                                                                              \
	X(LLC, "llc")                                                                              \
	X(NON_IP, "non_ip")                                                                        \
	X(VLAN_DEPTH, "vlan_depth")                                                                \
	X(MPLS_DEPTH, "mpls_depth")                                                                \
	X(MPLS_PAYLOAD, "mpls_payload")                                                            \
	X(PPPOE, "pppoe")                                                                          \
	X(TRUNC_L2, "truncated_l2")                                                                \
	X(TRUNC_L3, "truncated_l3")                                                                \
	X(TRUNC_L4, "truncated_l4")                                                                \
	X(BAD_IP, "malformed_ip")                                                                  \
	X(BAD_L4, "malformed_l4")                                                                  \
	X(EXT_DEPTH, "ext_depth")                                                                  \
	X(NONLINEAR, "nonlinear")

#define PLX_SKIP_ENUM(symbol, name) PLX_SKIP_##symbol,
enum plx_skip { PLX_SKIP_REASONS(PLX_SKIP_ENUM) PLX_SKIP_MAX };
#undef PLX_SKIP_ENUM

/*
 * How a packet is metered at a limit: it is in a flow, but not in all that one could wish to know.
 * A packet can be in several of these. Same form; bpf/README.md explains each, too.
 */
#define PLX_LIMIT_REASONS(X)                                                                       \
	X(FRAGMENT, "fragment_ports")                                                              \
	X(IP_LENGTH, "ip_length")                                                                  \
	X(TUNNEL_DEPTH, "tunnel_depth")                                                            \
	X(TUNNEL_PAYLOAD, "tunnel_payload")                                                        \
	X(TUNNEL_TRUNC, "tunnel_truncated")                                                        \
	X(TUNNEL_BAD, "tunnel_malformed")                                                          \
	X(TUNNEL_FRAGMENT, "tunnel_fragment")                                                      \
	X(TUNNEL_SUPER, "tunnel_super")

#define PLX_LIMIT_ENUM(symbol, name) PLX_LIMIT_##symbol,
enum plx_limit { PLX_LIMIT_REASONS(PLX_LIMIT_ENUM) PLX_LIMIT_MAX };
#undef PLX_LIMIT_ENUM

/* Which flow a packet in a tunnel is of, for each interface (plx_control.if_tunnel). */
enum plx_policy {
	PLX_POLICY_BOTH, /* the inner one; the outer header is in its key, too, and in its record */
	PLX_POLICY_INNER, /* the inner one, as if there was no tunnel */
	PLX_POLICY_OUTER, /* that of the outer header: tunnels are not looked into */
};

/* plx_flow_key.flags */
#define PLX_KEY_DIR_OUT	 0x01 /* observed at egress */
#define PLX_KEY_IPV4	 0x02 /* addresses in word 0, words 1 to 3 are 0 */
#define PLX_KEY_FRAGMENT 0x04 /* later fragments whose first one was not seen: ports 0 */
#define PLX_KEY_TUNNEL	 0x08 /* a struct plx_tunnel belongs to the key */

#define PLX_VLAN_PRESENT 0x1000 /* in a vlan word: a tag is there; the low 12 bits are its id */

/*
 * Flow key as user space sees it, and the key of the IPv6 tables. ICMP and ICMPv6: source_port 0,
 * dest_port type * 256 + code (the NetFlow convention).
 */
struct plx_flow_key {
	__be32 source[4];
	__be32 dest[4];
	__be16 source_port;
	__be16 dest_port;
	__u32 ifindex; /* interface at which the packet was counted */
	__u16 vlan;    /* outer tag: PLX_VLAN_PRESENT | id, or 0 */
	__u8 protocol;
	__u8 flags; /* PLX_KEY_* */
};

/* Key of the IPv4 tables: the same words without the empty ones (a 44-byte key costs 20-55 ns). */
struct plx_flow_key4 {
	__be32 source;
	__be32 dest;
	__be16 source_port;
	__be16 dest_port;
	__u32 ifindex;
	__u16 vlan;
	__u8 protocol;
	__u8 flags;
};

/* plx_tunnel.type: what the id is of */
enum plx_tunnel_type {
	PLX_TUNNEL_NONE,
	PLX_TUNNEL_IP,	   /* IP in IP, any of the two in any: no id */
	PLX_TUNNEL_GRE,	   /* without a key: no id */
	PLX_TUNNEL_GREKEY, /* key */
	PLX_TUNNEL_NVGRE,  /* key: virtual subnet 24 bits, flow id 8 */
	PLX_TUNNEL_VXLAN,  /* VNI 24 bits; VXLAN-GPE, too */
	PLX_TUNNEL_GENEVE, /* VNI 24 bits */
	PLX_TUNNEL_GTPU,   /* TEID */
};

/*
 * The outer header of a flow in a tunnel: of the outermost one if there are two. Follows the key of
 * such a flow, and is the rest of it. Outer ports are no part of it, since senders choose the
 * source port at will.
 */
struct plx_tunnel {
	__be32 source[4]; /* IPv4: word 0, the others 0 */
	__be32 dest[4];
	__u32 id; /* see type */
	__u8 type;
	__u8 version;  /* of the outer header, 4 or 6 */
	__u8 protocol; /* of the outer header */
	__u8 reserved;
};

/*
 * What the first packet of a flow fixes; written once, before the entry is visible. In a tunnel
 * flow_label, tos and tcp_window are those of the inner headers.
 */
struct plx_flow_first {
	__u8 source_mac[6];
	__u8 dest_mac[6];
	__u32 ingress_ifindex;	  /* egress only: where it came in, 0 when generated here */
	__u32 flow_label;	  /* IPv6, 20 bits */
	__be16 outer_source_port; /* of the outer header of a tunnel */
	__be16 outer_dest_port;
	__u16 customer_vlan;	     /* inner tag: PLX_VLAN_PRESENT | id, or 0 */
	__u16 tcp_window;	     /* as in the header, not scaled */
	__u8 mpls[PLX_MPLS_KEPT][3]; /* from the top, as sent: label 20 bits, class 3, bottom 1 */
	__u8 vlan_priority;	     /* PCP of the outer tag */
	__u8 tos;		     /* type of service / traffic class */
	__u8 reserved;
};

/*
 * Counters of a flow. Several CPUs write one entry: packets, octets and frame_octets with atomic
 * adds, shape with compare-and-swap, marks and tcp_options with atomic or; last_ns is a plain store
 * (any of the racing values is right to within the race). Octets and lengths are of the outermost
 * IP header, which is what was on the wire; in a tunnel all else is of the inner headers.
 */
struct plx_flow_stats {
	__u64 packets;	    /* on the wire: segments of super-packets */
	__u64 octets;	    /* IP octets, from IP length fields */
	__u64 frame_octets; /* layer 2 without FCS */
	__u64 first_ns;	    /* CLOCK_MONOTONIC; from a capture: since 1970 */
	__u64 last_ns;
	__u64 shape; /* PLX_SHAPE_*: TTL and length bounds, TCP flags */
	__u64 marks; /* PLX_MARKS_*: OR of fragmentFlags, IPv4 options or IPv6 extension headers */
	__u64 tcp_options; /* OR of 1 << kind, kinds below 64: IPFIX tcpOptions (209) */
	struct plx_flow_first first;
};

/*
 * marks, from the low end: IPFIX fragmentFlags (197) 8 bits, DF 0x40, MF 0x20; then 32 bits of
 * IPFIX ipv4Options (208), or ipv6ExtensionHeaders (64).
 */
#define PLX_MARKS(fragment_flags, ip_options) ((__u64)(fragment_flags) | (__u64)(ip_options) << 8)
#define PLX_MARKS_FRAGMENT_FLAGS(m)	      ((__u8)(m))
#define PLX_MARKS_IP_OPTIONS(m)		      ((__u32)((m) >> 8))

/*
 * shape: five small facts in one word, so that one load and compare tells that nothing changed.
 * From the low end: min IP length 16, max IP length 16, TCP flags 16, min TTL 8, max TTL 8.
 */
#define PLX_SHAPE(min_len, max_len, tcp_flags, min_ttl, max_ttl)                                   \
	((__u64)(min_len) | (__u64)(max_len) << 16 | (__u64)(tcp_flags) << 32 |                    \
	 (__u64)(min_ttl) << 48 | (__u64)(max_ttl) << 56)
#define PLX_SHAPE_MIN_LEN(s)   ((__u16)(s))
#define PLX_SHAPE_MAX_LEN(s)   ((__u16)((s) >> 16))
#define PLX_SHAPE_TCP_FLAGS(s) ((__u16)((s) >> 32))
#define PLX_SHAPE_MIN_TTL(s)   ((__u8)((s) >> 48))
#define PLX_SHAPE_MAX_TTL(s)   ((__u8)((s) >> 56))

/* Union of two shapes: minima, maxima, flags ORed. */
static inline __u64 plx_shape_merge(__u64 a, __u64 b)
{
	__u64 min_len = PLX_SHAPE_MIN_LEN(a) < PLX_SHAPE_MIN_LEN(b) ? PLX_SHAPE_MIN_LEN(a)
								    : PLX_SHAPE_MIN_LEN(b);
	__u64 max_len = PLX_SHAPE_MAX_LEN(a) > PLX_SHAPE_MAX_LEN(b) ? PLX_SHAPE_MAX_LEN(a)
								    : PLX_SHAPE_MAX_LEN(b);
	__u64 min_ttl = PLX_SHAPE_MIN_TTL(a) < PLX_SHAPE_MIN_TTL(b) ? PLX_SHAPE_MIN_TTL(a)
								    : PLX_SHAPE_MIN_TTL(b);
	__u64 max_ttl = PLX_SHAPE_MAX_TTL(a) > PLX_SHAPE_MAX_TTL(b) ? PLX_SHAPE_MAX_TTL(a)
								    : PLX_SHAPE_MAX_TTL(b);

	return PLX_SHAPE(min_len, max_len, PLX_SHAPE_TCP_FLAGS(a | b), min_ttl, max_ttl);
}

/*
 * One packet as a flow of its own: the record of the spill ring, up to PLX_SAMPLE_SIZE. key and
 * tunnel stand side by side, as the key of the tunnel tables.
 */
struct plx_sample {
	__u32 epoch; /* plx_control.epoch when the packet was counted */
	__u32 reserved;
	struct plx_flow_stats stats;
	struct plx_flow_key key;
	struct plx_tunnel tunnel; /* with PLX_KEY_TUNNEL only, else not set */
	__u32 reserved_end;
};

struct plx_flow_key_tunnel {
	struct plx_flow_key key;
	struct plx_tunnel tunnel;
};

#define PLX_SAMPLE_SIZE(flags)                                                                     \
	((flags)&PLX_KEY_TUNNEL ? sizeof(struct plx_sample)                                        \
				: __builtin_offsetof(struct plx_sample, tunnel))

/* Fragments: first fragment -> its flow, for the later ones. IPv4 addresses in word 0. */
struct plx_frag_key {
	__be32 source[4];
	__be32 dest[4];
	__be32 id;	  /* 16 bits in IPv4, 32 in IPv6 */
	__u8 protocol;	  /* IPv4 protocol, or next header of the IPv6 fragment header */
	__u8 version;	  /* 4 or 6 */
	__u8 tunnel_type; /* of a fragment in a tunnel: of which */
	__u8 outer_only;  /* PLX_POLICY_OUTER: the flow is another than on other interfaces */
	__u32 tunnel_id;
};

struct plx_frag_flow {
	struct plx_flow_key key;  /* without interface and direction */
	struct plx_tunnel tunnel; /* type PLX_TUNNEL_NONE: only ports and protocol count */
	__be16 outer_source_port;
	__be16 outer_dest_port;
	__u32 flow_label;
	__u8 tos;
	__u8 ttl;
	__u16 reserved;
};

/*
 * NAT. Addresses and ports as in struct plx_flow_key: protocols without ports have 0 in them, ICMP
 * and ICMPv6 have source_port 0 and dest_port type * 256 + code. It is hashed: all of it is to be
 * set.
 */
struct plx_nat_tuple {
	__be32 source[4]; /* IPv4: word 0, the others 0 */
	__be32 dest[4];
	__be16 source_port;
	__be16 dest_port;
	__u8 protocol;
	__u8 version; /* 4 or 6 */
	__u16 reserved;
};

/* What the map nat keeps of a connection, under the tuple of its original direction. */
struct plx_nat_known {
	struct plx_nat_tuple reply; /* of the answers, as they arrive */
	__u64 told_ns;		    /* when user space was told last */
};

/* How user space is told of a connection under NAT: the record of the ring nat_told. */
struct plx_nat_seen {
	struct plx_nat_tuple tuple[2]; /* original and reply, each as its packets arrive */
	__u64 ns;		       /* CLOCK_MONOTONIC of the packet that was asked for */
	__u32 status;		       /* IPS_* of connection tracking */
	__u32 reserved;
};

/* Known connections are told again after this time; user space must not forget them sooner. */
#define PLX_NAT_TELL_NS 8000000000ULL

/* Packets and the layer-2 octets (without FCS) that they had on the wire: the ledger's unit. */
struct plx_tally {
	__u64 packets;
	__u64 bytes;
};

/*
 * Ledger of one interface, direction and buffer, per CPU, written by the CPU that it belongs to;
 * totals since load. All of it is per buffer, so that the ledger of a retired epoch stands still
 * together with its flows: seen = metered + unsampled + sum of skipped, and metered = in the tables
 * + spilled + ring_full, to the packet.
 */
struct plx_if_stats {
	struct plx_tally seen;
	struct plx_tally metered;
	struct plx_tally unsampled; /* could be metered, but was not chosen */
	struct plx_tally spilled;   /* of metered: went to the ring */
	struct plx_tally ring_full; /* of metered: neither table nor ring had room */
	struct plx_tally skipped[PLX_SKIP_MAX];
	struct plx_tally limited[PLX_LIMIT_MAX]; /* of metered */
};

/* Index in the map if_stats. */
#define PLX_IF_STATS_INDEX(slot, dir, buffer)                                                      \
	(((slot)*PLX_NR_DIRS + (dir)) * PLX_NR_BUFFERS + (buffer))
#define PLX_IF_STATS_MAX (PLX_MAX_IFACES * PLX_NR_DIRS * PLX_NR_BUFFERS)

/* Kinds of flow table: by address family, and one for flows in tunnels, of both families. */
#define PLX_FAMILY_IPV4	  0
#define PLX_FAMILY_IPV6	  1
#define PLX_FAMILY_TUNNEL 2
#define PLX_NR_FAMILIES	  3

/*
 * A counter with a cache line of its own, for atomic adds: of flows created in one table since it
 * was last emptied, above all.
 */
struct plx_inserts {
	__u64 count;
	__u64 reserved[7];
};

/*
 * Control block, the one value of the map control, mapped into user space. User space writes
 * epoch, if_index and if_tunnel; the kernel writes inserts and nat_lost.
 */
struct plx_control {
	__u32 epoch; /* packets are counted into buffer epoch % PLX_NR_BUFFERS */
	__u32 reserved[15];
	struct plx_inserts inserts[PLX_NR_FAMILIES][PLX_NR_BUFFERS];
	struct plx_inserts nat_lost;	/* connections that the ring nat_told had no room for */
	__u32 if_index[PLX_MAX_IFACES]; /* slot -> ifindex, 0: free */
	__u8 if_tunnel[PLX_MAX_IFACES]; /* slot -> PLX_POLICY_* */
};

/* Clock of one CPU (bpf/clock.h). */
struct plx_cpu_clock {
	__u64 jiffies;
	__u64 ns;
	__u32 uses;
	__u32 reserved;
};

_Static_assert(sizeof(struct plx_flow_key) == 44, "key is hashed: no hidden padding");
_Static_assert(sizeof(struct plx_flow_key4) == 20, "key is hashed: no hidden padding");
_Static_assert(sizeof(struct plx_tunnel) == 40, "key is hashed: no hidden padding");
_Static_assert(sizeof(struct plx_flow_key_tunnel) == 84, "key is hashed: no hidden padding");
_Static_assert(sizeof(struct plx_flow_first) == 40, "no hidden padding");
_Static_assert(sizeof(struct plx_flow_stats) == 104, "no hidden padding");
_Static_assert(sizeof(struct plx_sample) == 200, "no hidden padding");
_Static_assert(__builtin_offsetof(struct plx_sample, tunnel) ==
		       __builtin_offsetof(struct plx_sample, key) + sizeof(struct plx_flow_key),
	       "the key of the tunnel tables");
_Static_assert(sizeof(struct plx_nat_tuple) == 40, "tuple is hashed: no hidden padding");
_Static_assert(sizeof(struct plx_nat_seen) == 96, "no hidden padding");
_Static_assert(sizeof(struct plx_frag_key) == 44, "key is hashed: no hidden padding");
_Static_assert(sizeof(struct plx_frag_flow) == 96, "no hidden padding");

#endif
