/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Find or create a flow and count a packet into it: flow_count() is the whole interface, and the
 * only place that knows how flows are stored. Today: one LRU hash map per kind and buffer, then
 * the spill ring. Read <plx/abi.h> for the structures and maps.h for the maps.
 */
#ifndef PLX_FLOW_TABLE_H
#define PLX_FLOW_TABLE_H

#include "maps.h"

#define PLX_SHAPE_TRIES 16 /* compare-and-swap attempts; each failure is another CPU's success */

enum flow_home { FLOW_KNOWN, FLOW_NEW, FLOW_SPILLED, FLOW_RING_FULL };

/* Add a packet, or a super-packet's segments, to an entry that other CPUs may write too. */
static __always_inline void flow_add(struct plx_flow_stats *flow, const struct plx_flow_stats *add)
{
	__u64 shape, merged;

	__sync_fetch_and_add(&flow->packets, add->packets);
	__sync_fetch_and_add(&flow->octets, add->octets);
	__sync_fetch_and_add(&flow->frame_octets, add->frame_octets);
	if (flow->last_ns < add->last_ns)
		flow->last_ns = add->last_ns;
	shape = *(volatile __u64 *)&flow->shape;
	for (int i = 0; i < PLX_SHAPE_TRIES; i++) {
		__u64 seen;

		merged = plx_shape_merge(shape, add->shape);
		if (merged == shape)
			break;
		seen = __sync_val_compare_and_swap(&flow->shape, shape, merged);
		if (seen == shape)
			break;
		shape = seen;
	}
	if (add->marks & ~flow->marks)
		__sync_fetch_and_or(&flow->marks, add->marks);
	if (add->tcp_options & ~flow->tcp_options)
		__sync_fetch_and_or(&flow->tcp_options, add->tcp_options);
}

static __always_inline enum flow_home flow_spill(struct plx_sample *sample)
{
	long err;

	/* Two calls, since the verifier wants to see constants. */
	if (sample->key.flags & PLX_KEY_TUNNEL)
		err = bpf_ringbuf_output(&spill, sample, PLX_SAMPLE_SIZE(PLX_KEY_TUNNEL), 0);
	else
		err = bpf_ringbuf_output(&spill, sample, PLX_SAMPLE_SIZE(0), 0);
	return err ? FLOW_RING_FULL : FLOW_SPILLED;
}

/*
 * Count sample, one packet's counters and the first-packet fields should it turn out to be the
 * first, into the flow of its key in the tables of its epoch. Tells where the packet went.
 */
static __always_inline enum flow_home flow_count(struct plx_control *ctl, struct plx_sample *sample)
{
	__u32 buffer = sample->epoch % PLX_NR_BUFFERS;
	/* Its address goes to helpers, after which the verifier knows no bounds of it. */
	__u32 slot = buffer;
	const struct plx_flow_key *key = &sample->key;
	struct plx_flow_stats *flow;
	struct plx_inserts *inserts;
	struct plx_flow_key4 key4;
	const void *table_key;
	__u64 limit = flows_limit;
	void *table;

	if (key->flags & PLX_KEY_TUNNEL) {
		table_key = key; /* and the tunnel behind it: struct plx_flow_key_tunnel */
		table = bpf_map_lookup_elem(&flows_tunnel, &slot);
		inserts = &ctl->inserts[PLX_FAMILY_TUNNEL][buffer];
		limit = tunnels_limit;
	} else if (key->flags & PLX_KEY_IPV4) {
		key4.source = key->source[0];
		key4.dest = key->dest[0];
		key4.source_port = key->source_port;
		key4.dest_port = key->dest_port;
		key4.ifindex = key->ifindex;
		key4.vlan = key->vlan;
		key4.protocol = key->protocol;
		key4.flags = key->flags;
		table_key = &key4;
		table = bpf_map_lookup_elem(&flows4, &slot);
		inserts = &ctl->inserts[PLX_FAMILY_IPV4][buffer];
	} else {
		table_key = key;
		table = bpf_map_lookup_elem(&flows6, &slot);
		inserts = &ctl->inserts[PLX_FAMILY_IPV6][buffer];
	}
	if (!table)
		return flow_spill(sample);
	flow = bpf_map_lookup_elem(table, table_key);
	if (!flow) {
		/*
		 * Nothing is deleted or evicted from an active table below the limit, so a lost
		 * race for the insert (-EEXIST) finds the winner's entry, and an entry found stays.
		 */
		if (*(volatile __u64 *)&inserts->count >= limit)
			return flow_spill(sample);
		if (bpf_map_update_elem(table, table_key, &sample->stats, BPF_NOEXIST) == 0) {
			__sync_fetch_and_add(&inserts->count, 1);
			return FLOW_NEW;
		}
		flow = bpf_map_lookup_elem(table, table_key);
		if (!flow)
			return flow_spill(sample);
	}
	flow_add(flow, &sample->stats);
	return FLOW_KNOWN;
}

#endif
