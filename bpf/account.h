/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a parsed packet to the ledger and the flow tables; the same for all hooks. A hook gives what
 * the packet was on the wire (struct wire), and every packet ends in exactly one of the ledger's
 * columns. Read <plx/parse.h> and flow_table.h first.
 */
#ifndef PLX_ACCOUNT_H
#define PLX_ACCOUNT_H

#include <plx/parse.h>

#include "clock.h"
#include "flow_table.h"

/* What a packet is on the wire, where a super-packet is many. */
struct wire {
	__u32 segments;
	__u32 segment_payload; /* of all but the last segment; 0 when there is only one */
	__u64 frame_octets;    /* of all segments, with their headers, without FCS */
	__u64 ip_octets;       /* of all segments; metered packets only */
	__u16 min_ip_length;
	__u16 max_ip_length;
};

static __always_inline __u16 clamp_u16(__u64 value)
{
	return value > 0xffff ? 0xffff : value;
}

/* Slot of an interface, or -1 when it is not (or no longer) ours. */
static __always_inline int iface_slot(const struct plx_control *ctl, __u32 ifindex)
{
	for (__u32 i = 0; i < PLX_IF_PROBES; i++) {
		__u32 slot = (ifindex + i) & (PLX_MAX_IFACES - 1);

		if (ctl->if_index[slot] == ifindex)
			return slot;
	}
	return -1;
}

static __always_inline void tally_add(struct plx_tally *tally, const struct wire *wire)
{
	tally->packets += wire->segments;
	tally->bytes += wire->frame_octets;
}

/*
 * Give a later fragment its flow's ports, and remember them from a first one. Returns false when
 * the first fragment was not seen: then the fragments are a flow of their own.
 */
static __always_inline bool fragment_ports(struct plx_packet *p)
{
	struct plx_flow_key *flow = &p->sample.key;
	struct plx_frag_ports *found, ports = {};
	struct plx_frag_key key;

	__builtin_memcpy(key.source, flow->source, sizeof(key.source));
	__builtin_memcpy(key.dest, flow->dest, sizeof(key.dest));
	key.id = p->fragment_id;
	key.protocol = p->fragment_protocol;
	key.version = p->version;
	key.reserved = 0;
	if (p->first_fragment) {
		if (!p->has_ports && plx_l4_header(flow->protocol, p->version))
			return false;
		ports.source_port = flow->source_port;
		ports.dest_port = flow->dest_port;
		ports.protocol = flow->protocol;
		/* full is not a failure: the map is an LRU, the oldest datagram goes */
		bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
		return true;
	}
	found = bpf_map_lookup_elem(&fragments, &key);
	if (!found)
		return false;
	flow->source_port = found->source_port;
	flow->dest_port = found->dest_port;
	flow->protocol = found->protocol;
	return true;
}

/* Complete the sample: what the parser cannot know. */
static __always_inline void fill_sample(struct plx_packet *p, const struct wire *wire,
					__u32 ifindex, int direction)
{
	struct plx_flow_stats *stats = &p->sample.stats;
	struct plx_flow_key *key = &p->sample.key;

	key->ifindex = ifindex;
	if (direction == PLX_DIR_OUT)
		key->flags |= PLX_KEY_DIR_OUT;
	if ((p->first_fragment || p->later_fragment) && !fragment_ports(p))
		key->flags |= PLX_KEY_FRAGMENT;
	stats->packets = wire->segments;
	stats->octets = wire->ip_octets;
	stats->frame_octets = wire->frame_octets;
	stats->first_ns = clock_now();
	stats->last_ns = stats->first_ns;
	stats->shape =
		PLX_SHAPE(wire->min_ip_length, wire->max_ip_length, p->tcp_flags, p->ttl, p->ttl);
}

/* The per-CPU packet to parse into; NULL cannot happen, but the verifier wants it asked. */
static __always_inline struct plx_packet *packet_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&packet, &zero);
}

/*
 * Enter one packet into the books of (ifindex, direction). skip is what the parser said; p has the
 * parser's result and an ingress_ifindex when that is PLX_PARSE_OK.
 */
static __always_inline void account(__u32 ifindex, int direction, enum plx_skip skip,
				    struct plx_packet *p, const struct wire *wire)
{
	struct plx_if_stats *books;
	struct plx_control *ctl;
	__u32 zero = 0, index, epoch;
	int slot;

	ctl = bpf_map_lookup_elem(&control, &zero);
	if (!ctl)
		return;
	slot = iface_slot(ctl, ifindex);
	if (slot < 0)
		return;
	/* Read once: the books and the table of this packet must be those of one epoch. */
	epoch = *(volatile __u32 *)&ctl->epoch;
	index = PLX_IF_STATS_INDEX(slot, direction, epoch % PLX_NR_BUFFERS);
	books = bpf_map_lookup_elem(&if_stats, &index);
	if (!books)
		return;
	tally_add(&books->seen, wire);
	if (skip != PLX_PARSE_OK) {
		if (skip < PLX_SKIP_MAX)
			tally_add(&books->skipped[skip], wire);
		return;
	}
	p->sample.epoch = epoch;
	fill_sample(p, wire, ifindex, direction);
	tally_add(&books->metered, wire);
	switch (flow_count(ctl, &p->sample)) {
	case FLOW_IN_TABLE:
		break;
	case FLOW_SPILLED:
		tally_add(&books->spilled, wire);
		break;
	case FLOW_RING_FULL:
		tally_add(&books->ring_full, wire);
		break;
	}
}

#endif
