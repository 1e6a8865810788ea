/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a parsed packet to the ledger and the flow tables; the same for all hooks. A hook gives what
 * the packet was on the wire, <plx/sample.h> makes a sample of it, and every packet ends in exactly
 * one of the ledger's columns. Read <plx/sample.h> and flow_table.h first.
 */
#ifndef PLX_ACCOUNT_H
#define PLX_ACCOUNT_H

#include <plx/sample.h>

#include "clock.h"
#include "flow_table.h"

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

/*
 * Give a later fragment its flow's ports, and remember them from a first one. Returns false when
 * the ports are not known: then the fragments are a flow of their own.
 */
static __always_inline bool fragment_ports(struct plx_packet *p)
{
	struct plx_frag_ports *found, ports = {};
	struct plx_frag_key key;

	plx_frag_key(p, &key);
	if (p->first_fragment) {
		if (!plx_frag_first(p, &ports))
			return false;
		/* full is not a failure: the map is an LRU, the oldest datagram goes */
		bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
		return true;
	}
	found = bpf_map_lookup_elem(&fragments, &key);
	if (!found)
		return false;
	plx_frag_later(p, found);
	return true;
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
				    struct plx_packet *p, const struct plx_wire *wire)
{
	struct plx_if_stats *books;
	struct plx_control *ctl;
	__u32 zero = 0, index, epoch;
	bool attributed;
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
	plx_wire_count(&books->seen, wire);
	if (skip != PLX_PARSE_OK) {
		if (skip < PLX_SKIP_MAX)
			plx_wire_count(&books->skipped[skip], wire);
		return;
	}
	p->sample.epoch = epoch;
	attributed = !plx_is_fragment(p) || fragment_ports(p);
	plx_sample_fill(p, wire, ifindex, direction, attributed, clock_now());
	plx_wire_count(&books->metered, wire);
	switch (flow_count(ctl, &p->sample)) {
	case FLOW_IN_TABLE:
		break;
	case FLOW_SPILLED:
		plx_wire_count(&books->spilled, wire);
		break;
	case FLOW_RING_FULL:
		plx_wire_count(&books->ring_full, wire);
		break;
	}
}

#endif
