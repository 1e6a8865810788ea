/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a parsed packet to a sample: what it was on the wire, which flow a fragment belongs to, the
 * counters of one packet. No maps, no helpers, no clock: the programs in the kernel (account.h) and
 * the replay of captures (dataplane/replay_pcap.c) compile this same file and bring the tables.
 * Read parse.h first.
 */
#ifndef PLX_SAMPLE_H
#define PLX_SAMPLE_H

#include <plx/parse.h>

/* What a packet is on the wire, where a super-packet is many. */
struct plx_wire {
	__u32 segments;
	__u16 min_ip_length; /* metered packets only, like the next two */
	__u16 max_ip_length;
	__u64 ip_octets;    /* of all segments */
	__u64 frame_octets; /* of all segments, with their headers, without FCS */
};

PLX_INLINE __u16 plx_clamp_u16(__u64 value)
{
	return value > 0xffff ? 0xffff : value;
}

/* A packet that is one frame on the wire; ip_octets is 0 when it is not metered. */
PLX_INLINE void plx_wire_frame(struct plx_wire *wire, __u64 frame_octets, __u64 ip_octets)
{
	wire->segments = 1;
	wire->frame_octets = frame_octets;
	wire->ip_octets = ip_octets;
	wire->min_ip_length = wire->max_ip_length = plx_clamp_u16(ip_octets);
}

/*
 * A super-packet of frame octets, more than header, with a gso_size. l2: octets up to the IP
 * header; header: octets up to the payload, l2 included; both with a moved-out tag.
 */
PLX_INLINE void plx_wire_super(struct plx_wire *wire, __u32 frame, __u32 l2, __u32 header,
			       __u32 gso_size, __u32 gso_segs)
{
	__u32 payload = frame - header, segments = gso_segs, last;

	/*
	 * Packets from guests come with gso_size and without gso_segs (SKB_GSO_DODGY). SCTP has
	 * gso_size 0xffff (GSO_BY_FRAGS) and right gso_segs.
	 */
	if (segments == 0)
		segments = (payload + gso_size - 1) / gso_size;
	wire->segments = segments;
	wire->frame_octets = payload + (__u64)segments * header;
	wire->ip_octets = payload + (__u64)segments * (header - l2);
	last = payload - (segments - 1) * gso_size;
	if (last > payload || last > gso_size)
		last = payload / segments;
	wire->min_ip_length = plx_clamp_u16(last + header - l2);
	wire->max_ip_length =
		plx_clamp_u16((segments > 1 && gso_size < payload ? gso_size : last) + header - l2);
}

/* Enter a packet into a column of the ledger. */
PLX_INLINE void plx_wire_count(struct plx_tally *tally, const struct plx_wire *wire)
{
	tally->packets += wire->segments;
	tally->bytes += wire->frame_octets;
}

/* Enter a packet into the columns of all limits that it was metered at. */
PLX_INLINE void plx_limits_count(struct plx_tally limited[PLX_LIMIT_MAX],
				 const struct plx_packet *p, const struct plx_wire *wire)
{
	if (!p->limits)
		return;
	for (int i = 0; i < PLX_LIMIT_MAX; i++)
		if (p->limits & 1u << i)
			plx_wire_count(&limited[i], wire);
}

PLX_INLINE int plx_is_fragment(const struct plx_packet *p)
{
	return p->layer.first_fragment || p->layer.later_fragment;
}

/* Does anything have to be remembered of p, or known from an earlier packet? */
PLX_INLINE int plx_needs_fragments(const struct plx_packet *p)
{
	return p->fragmented && (plx_is_fragment(p) || p->outer_fragment);
}

/* The flow of p as later fragments of the same datagram need it. */
PLX_INLINE void plx_frag_flow(const struct plx_packet *p, struct plx_frag_flow *flow)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->key = p->sample.key;
	if (p->tunnels) {
		flow->tunnel = p->sample.tunnel;
		flow->outer_source_port = p->outer_source_port;
		flow->outer_dest_port = p->outer_dest_port;
	}
	flow->flow_label = p->layer.flow_label;
	flow->tos = p->layer.tos;
	flow->ttl = p->layer.ttl;
}

/*
 * Are the ports of a first fragment known? If it ends before them, all fragments of the datagram
 * are a flow of their own.
 */
PLX_INLINE int plx_frag_known(const struct plx_packet *p)
{
	return p->layer.has_ports || !plx_l4_header(p->sample.key.protocol, p->layer.version);
}

/*
 * Give a later fragment the flow of its first one. Of a tunnel the later ones have the outer header
 * only; what the inner one said is taken over, since it is one and the same inner packet.
 */
PLX_INLINE void plx_frag_later(struct plx_packet *p, const struct plx_frag_flow *flow)
{
	struct plx_flow_key *key = &p->sample.key;
	__u16 vlan = key->vlan;

	if (p->tunnels || flow->tunnel.type == PLX_TUNNEL_NONE) {
		key->source_port = flow->key.source_port;
		key->dest_port = flow->key.dest_port;
		key->protocol = flow->key.protocol;
		return;
	}
	*key = flow->key;
	key->vlan = vlan;
	p->sample.tunnel = flow->tunnel;
	p->outer_source_port = flow->outer_source_port;
	p->outer_dest_port = flow->outer_dest_port;
	p->tunnels = 1;
	__builtin_memset(&p->layer, 0, sizeof(p->layer));
	p->layer.flow_label = flow->flow_label;
	p->layer.tos = flow->tos;
	p->layer.ttl = flow->ttl;
}

/* The table of first fragments: the kernel's map, or a replay's. find: NULL when not there. */
typedef const struct plx_frag_flow *(*plx_frag_find_fn)(void *table,
							const struct plx_frag_key *key);
typedef void (*plx_frag_put_fn)(void *table, const struct plx_frag_key *key,
				const struct plx_frag_flow *flow);

/*
 * Give a later fragment its flow, and remember that of a first one; in a tunnel both the packet
 * inside and the one around it can be fragments. Returns 0 when the ports are not known: then the
 * fragments are a flow of their own. find and put are inlined.
 */
PLX_INLINE int plx_fragment_flow(struct plx_packet *p, void *table, plx_frag_find_fn find,
				 plx_frag_put_fn put)
{
	const struct plx_frag_flow *found;
	struct plx_frag_flow flow;
	struct plx_frag_key key;
	int known = 1;

	if (plx_is_fragment(p)) {
		plx_frag_key(p, &key);
		if (p->layer.first_fragment) {
			known = plx_frag_known(p);
			plx_frag_flow(p, &flow);
			if (known)
				put(table, &key, &flow);
		} else {
			found = find(table, &key);
			known = found != 0;
			if (found)
				plx_frag_later(p, found);
		}
	}
	if (p->outer_fragment && known) {
		plx_frag_flow(p, &flow);
		put(table, &p->outer_frag, &flow);
	}
	return known;
}

/*
 * Complete the sample: what the parser cannot know. attributed: the packet is no fragment, or one
 * whose ports are known.
 */
PLX_INLINE void plx_sample_fill(struct plx_packet *p, const struct plx_wire *wire, __u32 ifindex,
				int direction, int policy, int attributed, __u64 now_ns)
{
	struct plx_flow_stats *stats = &p->sample.stats;
	struct plx_flow_first *first = &stats->first;
	const struct plx_layer *layer = &p->layer;
	struct plx_flow_key *key = &p->sample.key;

	key->ifindex = ifindex;
	if (direction == PLX_DIR_OUT)
		key->flags |= PLX_KEY_DIR_OUT;
	if (!attributed) {
		key->flags |= PLX_KEY_FRAGMENT;
		plx_limit(p, PLX_LIMIT_FRAGMENT);
	}
	/* Tunnels are nothing that anybody missed. */
	if (p->limits && policy == PLX_POLICY_OUTER)
		p->limits &= 1u << PLX_LIMIT_FRAGMENT | 1u << PLX_LIMIT_IP_LENGTH;
	if (p->tunnels && policy == PLX_POLICY_BOTH) {
		key->flags |= PLX_KEY_TUNNEL;
		first->outer_source_port = p->outer_source_port;
		first->outer_dest_port = p->outer_dest_port;
	}
	stats->packets = wire->segments;
	stats->octets = wire->ip_octets;
	stats->frame_octets = wire->frame_octets;
	stats->first_ns = now_ns;
	stats->last_ns = now_ns;
	stats->shape = PLX_SHAPE(wire->min_ip_length, wire->max_ip_length, layer->tcp_flags,
				 layer->ttl, layer->ttl);
	stats->marks = PLX_MARKS(layer->fragment_flags, layer->ip_options);
	stats->tcp_options = layer->tcp_options;
	first->flow_label = layer->flow_label;
	first->tcp_window = layer->tcp_window;
	first->tos = layer->tos;
}

#endif
