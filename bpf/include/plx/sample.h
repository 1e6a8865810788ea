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

PLX_INLINE int plx_is_fragment(const struct plx_packet *p)
{
	return p->first_fragment || p->later_fragment;
}

/* The datagram that a fragment is of. */
PLX_INLINE void plx_frag_key(const struct plx_packet *p, struct plx_frag_key *key)
{
	__builtin_memcpy(key->source, p->sample.key.source, sizeof(key->source));
	__builtin_memcpy(key->dest, p->sample.key.dest, sizeof(key->dest));
	key->id = p->fragment_id;
	key->protocol = p->fragment_protocol;
	key->version = p->version;
	key->reserved = 0;
}

/*
 * What a first fragment tells the later ones, into *ports. Returns 0 when it ends before its ports:
 * then all fragments of the datagram are a flow of their own.
 */
PLX_INLINE int plx_frag_first(const struct plx_packet *p, struct plx_frag_ports *ports)
{
	const struct plx_flow_key *key = &p->sample.key;

	if (!p->has_ports && plx_l4_header(key->protocol, p->version))
		return 0;
	ports->source_port = key->source_port;
	ports->dest_port = key->dest_port;
	ports->protocol = key->protocol;
	return 1;
}

/* Give a later fragment the flow of its first one. */
PLX_INLINE void plx_frag_later(struct plx_packet *p, const struct plx_frag_ports *ports)
{
	p->sample.key.source_port = ports->source_port;
	p->sample.key.dest_port = ports->dest_port;
	p->sample.key.protocol = ports->protocol;
}

/*
 * Complete the sample: what the parser cannot know. attributed: the packet is no fragment, or one
 * whose ports are known.
 */
PLX_INLINE void plx_sample_fill(struct plx_packet *p, const struct plx_wire *wire, __u32 ifindex,
				int direction, int attributed, __u64 now_ns)
{
	struct plx_flow_stats *stats = &p->sample.stats;
	struct plx_flow_key *key = &p->sample.key;

	key->ifindex = ifindex;
	if (direction == PLX_DIR_OUT)
		key->flags |= PLX_KEY_DIR_OUT;
	if (!attributed)
		key->flags |= PLX_KEY_FRAGMENT;
	stats->packets = wire->segments;
	stats->octets = wire->ip_octets;
	stats->frame_octets = wire->frame_octets;
	stats->first_ns = now_ns;
	stats->last_ns = now_ns;
	stats->shape =
		PLX_SHAPE(wire->min_ip_length, wire->max_ip_length, p->tcp_flags, p->ttl, p->ttl);
}

#endif
