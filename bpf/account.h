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
#include "sampling.h"

/* The interface of a packet: its slot, or -1 when it is not (or no longer) ours, and its policy. */
struct seat {
	struct plx_control *ctl;
	int slot;
	__u8 policy;
};

static __always_inline struct seat seat_of(__u32 ifindex)
{
	struct seat seat = {.slot = -1};
	__u32 zero = 0;

	seat.ctl = bpf_map_lookup_elem(&control, &zero);
	if (!seat.ctl)
		return seat;
	for (__u32 i = 0; i < PLX_IF_PROBES; i++) {
		__u32 slot = (ifindex + i) & (PLX_MAX_IFACES - 1);

		if (seat.ctl->if_index[slot] != ifindex)
			continue;
		seat.slot = slot;
		seat.policy = seat.ctl->if_tunnel[slot];
		break;
	}
	return seat;
}

static __always_inline const struct plx_frag_flow *find_fragment(void *table,
								 const struct plx_frag_key *key)
{
	return bpf_map_lookup_elem(table, key);
}

/* A full map is not a failure: it is an LRU, the oldest datagram goes. */
static __always_inline void put_fragment(void *table, const struct plx_frag_key *key,
					 const struct plx_frag_flow *flow)
{
	bpf_map_update_elem(table, key, flow, BPF_ANY);
}

/* The per-CPU packet to parse into; NULL cannot happen, but the verifier wants it asked. */
static __always_inline struct packet_slot *packet_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&packet, &zero);
}

/*
 * Enter one packet into the books of (seat, direction). skip is what the parser said; p has the
 * parser's result and an ingress_ifindex when that is PLX_PARSE_OK. True: a flow begins with it.
 */
static __always_inline bool account(const struct seat *seat, __u32 ifindex, int direction,
				    enum plx_skip skip, struct plx_packet *p,
				    const struct plx_wire *wire)
{
	struct plx_if_stats *books;
	enum flow_home home;
	__u32 index, epoch;
	bool attributed;

	/* Read once: the books and the table of this packet must be those of one epoch. */
	epoch = *(volatile __u32 *)&seat->ctl->epoch;
	index = PLX_IF_STATS_INDEX(seat->slot, direction, epoch % PLX_NR_BUFFERS);
	books = bpf_map_lookup_elem(&if_stats, &index);
	if (!books)
		return false;
	plx_wire_count(&books->seen, wire);
	if (skip != PLX_PARSE_OK) {
		if (skip < PLX_SKIP_MAX)
			plx_wire_count(&books->skipped[skip], wire);
		return false;
	}
	p->sample.epoch = epoch;
	attributed = !plx_needs_fragments(p) ||
		     plx_fragment_flow(p, &fragments, find_fragment, put_fragment);
	plx_sample_fill(p, wire, ifindex, direction, seat->policy, attributed, clock_now());
	if (!sampling_takes(&p->sample.key)) {
		plx_wire_count(&books->unsampled, wire);
		return false;
	}
	plx_wire_count(&books->metered, wire);
	plx_limits_count(books->limited, p, wire);
	home = flow_count(seat->ctl, &p->sample);
	if (home == FLOW_SPILLED)
		plx_wire_count(&books->spilled, wire);
	else if (home == FLOW_RING_FULL)
		plx_wire_count(&books->ring_full, wire);
	return home != FLOW_KNOWN;
}

#endif
