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
#define PLX_MAX_VLANS	4     /* tags walked, two recorded; deeper is skipped[vlan_depth] */
#define PLX_MAX_MPLS	10    /* labels walked, deeper is skipped[mpls_depth] */
#define PLX_MPLS_KEPT	3     /* labels recorded, from the top */
#define PLX_MAX_IP6_EXT 8     /* IPv6 extension headers walked; more is skipped[ext_depth] */
#define PLX_NR_BUFFERS	2     /* flow tables per address family: one filled, one drained */

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

/* plx_flow_key.flags */
#define PLX_KEY_DIR_OUT	 0x01 /* observed at egress */
#define PLX_KEY_IPV4	 0x02 /* addresses in word 0, words 1 to 3 are 0 */
#define PLX_KEY_FRAGMENT 0x04 /* later fragments whose first one was not seen: ports 0 */

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

/* What the first packet of a flow fixes; written once, before the entry is visible. */
struct plx_flow_first {
	__u8 source_mac[6];
	__u8 dest_mac[6];
	__u32 ingress_ifindex; /* egress only: where it came in, 0 when generated here */
	__u32 flow_label;      /* IPv6, 20 bits */
	__u32 mpls[PLX_MPLS_KEPT]; /* from the top: label 20 bits, class 3, bottom 1 */
	__u16 customer_vlan;	   /* inner tag: PLX_VLAN_PRESENT | id, or 0 */
	__u8 vlan_priority;    /* PCP of the outer tag */
	__u8 tos;	       /* type of service / traffic class */
};

/*
 * Counters of a flow. Several CPUs write one entry: packets, octets and frame_octets with atomic
 * adds, shape with compare-and-swap, fragment_flags with atomic or; last_ns is a plain store (any
 * of the racing values is right to within the race).
 */
struct plx_flow_stats {
	__u64 packets;	    /* on the wire: segments of super-packets */
	__u64 octets;	    /* IP octets, from IP length fields */
	__u64 frame_octets; /* layer 2 without FCS */
	__u64 first_ns;	    /* CLOCK_MONOTONIC; from a capture: since 1970 */
	__u64 last_ns;
	__u64 shape; /* PLX_SHAPE_*: TTL and length bounds, TCP flags */
	struct plx_flow_first first;
	__u32 fragment_flags; /* OR of IPFIX fragmentFlags (197): DF 0x40, MF 0x20 */
};

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

/* One packet as a flow of its own: the record of the spill ring. */
struct plx_sample {
	__u32 epoch; /* plx_control.epoch when the packet was counted */
	struct plx_flow_key key;
	struct plx_flow_stats stats;
};

/* Fragments: first fragment -> ports, for the later ones. IPv4 addresses in word 0. */
struct plx_frag_key {
	__be32 source[4];
	__be32 dest[4];
	__be32 id;     /* 16 bits in IPv4, 32 in IPv6 */
	__u8 protocol; /* IPv4 protocol, or next header of the IPv6 fragment header */
	__u8 version;  /* 4 or 6 */
	__u16 reserved;
};

struct plx_frag_ports {
	__be16 source_port;
	__be16 dest_port;
	__u8 protocol; /* after all extension headers */
	__u8 reserved[3];
};

/* Packets and the layer-2 octets (without FCS) that they had on the wire: the ledger's unit. */
struct plx_tally {
	__u64 packets;
	__u64 bytes;
};

/*
 * Ledger of one interface, direction and buffer, per CPU, written by the CPU that it belongs to;
 * totals since load. All of it is per buffer, so that the ledger of a retired epoch stands still
 * together with its flows: seen = metered + sum of skipped, and metered = in the tables + spilled +
 * ring_full, to the packet.
 */
struct plx_if_stats {
	struct plx_tally seen;
	struct plx_tally metered;
	struct plx_tally spilled;   /* of metered: went to the ring */
	struct plx_tally ring_full; /* of metered: neither table nor ring had room */
	struct plx_tally skipped[PLX_SKIP_MAX];
};

/* Index in the map if_stats. */
#define PLX_IF_STATS_INDEX(slot, dir, buffer)                                                      \
	(((slot)*PLX_NR_DIRS + (dir)) * PLX_NR_BUFFERS + (buffer))
#define PLX_IF_STATS_MAX (PLX_MAX_IFACES * PLX_NR_DIRS * PLX_NR_BUFFERS)

#define PLX_FAMILY_IPV4 0
#define PLX_FAMILY_IPV6 1
#define PLX_NR_FAMILIES 2

/* Flows created in one table since it was last emptied; atomic adds. A cache line of its own. */
struct plx_inserts {
	__u64 count;
	__u64 reserved[7];
};

/*
 * Control block, the one value of the map control, mapped into user space. User space writes
 * epoch and if_index; the kernel writes inserts.
 */
struct plx_control {
	__u32 epoch; /* packets are counted into buffer epoch % PLX_NR_BUFFERS */
	__u32 reserved[15];
	struct plx_inserts inserts[PLX_NR_FAMILIES][PLX_NR_BUFFERS];
	__u32 if_index[PLX_MAX_IFACES]; /* slot -> ifindex, 0: free */
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
_Static_assert(sizeof(struct plx_flow_first) == 36, "no hidden padding");
_Static_assert(sizeof(struct plx_flow_stats) == 88, "no hidden padding");
_Static_assert(sizeof(struct plx_sample) == 136, "no hidden padding");
_Static_assert(sizeof(struct plx_frag_key) == 40, "key is hashed: no hidden padding");
_Static_assert(sizeof(struct plx_frag_ports) == 8, "no hidden padding");

#endif
