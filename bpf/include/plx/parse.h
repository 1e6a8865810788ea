/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser: one bounds-checked walk from the Ethernet header to the transport header, and on
 * through tunnels to the one inside. Cursor style, no maps, no policy but that of the interface, no
 * writes to the packet. The XDP and TC programs, the replay of captures, the unit tests and the
 * fuzzers compile this same file. headers.h has what it works with, layers.h and tunnel.h the
 * headers themselves.
 */
#ifndef PLX_PARSE_H
#define PLX_PARSE_H

#include <plx/tunnel.h>

PLX_INLINE void plx_limit(struct plx_packet *p, enum plx_limit limit)
{
	p->limits |= 1u << limit;
}

/* Why the flow is that of the header around, when one inside of a tunnel has this skip reason. */
PLX_INLINE enum plx_limit plx_limit_of(enum plx_skip skip)
{
	switch (skip) {
	case PLX_SKIP_TRUNC_L2:
	case PLX_SKIP_TRUNC_L3:
	case PLX_SKIP_TRUNC_L4:
		return PLX_LIMIT_TUNNEL_TRUNC;
	case PLX_SKIP_BAD_IP:
	case PLX_SKIP_BAD_L4:
		return PLX_LIMIT_TUNNEL_BAD;
	case PLX_SKIP_VLAN_DEPTH:
	case PLX_SKIP_MPLS_DEPTH:
	case PLX_SKIP_EXT_DEPTH:
		return PLX_LIMIT_TUNNEL_DEPTH;
	default: /* ARP, LLC, a pseudowire, ...: no IP */
		return PLX_LIMIT_TUNNEL_PAYLOAD;
	}
}

/* Would more bytes of the packet have helped? skip is what plx_parse() said of p. */
PLX_INLINE int plx_cut(enum plx_skip skip, const struct plx_packet *p)
{
	if (skip == PLX_PARSE_OK)
		return p->limits >> PLX_LIMIT_TUNNEL_TRUNC & 1;
	return skip == PLX_SKIP_TRUNC_L2 || skip == PLX_SKIP_TRUNC_L3 || skip == PLX_SKIP_TRUNC_L4;
}

/* Does the walk go into tunnels? For super-packets always: their segments have all headers. */
PLX_INLINE int plx_looks_into(const struct plx_parse_in *in)
{
	return in->policy != PLX_POLICY_OUTER || in->super;
}

/* The datagram that a fragment is of. */
PLX_INLINE void plx_frag_key(const struct plx_packet *p, struct plx_frag_key *key)
{
	__builtin_memcpy(key->source, p->sample.key.source, sizeof(key->source));
	__builtin_memcpy(key->dest, p->sample.key.dest, sizeof(key->dest));
	key->id = p->layer.fragment_id;
	key->protocol = p->layer.fragment_protocol;
	key->version = p->layer.version;
	key->tunnel_type = p->tunnels ? p->sample.tunnel.type : PLX_TUNNEL_NONE;
	key->outer_only = p->outer_only;
	key->tunnel_id = p->tunnels ? p->sample.tunnel.id : 0;
}

/* The layer at hand becomes the one to go back to, and the outer one if it is the first. */
PLX_INLINE void plx_enter(struct plx_packet *p, const struct plx_parse_in *in)
{
	struct plx_flow_key *key = &p->sample.key;
	__u16 vlan = key->vlan;

	/* Where only the outer header counts, it is what to go back to in the end. */
	if (!p->tunnels || in->policy != PLX_POLICY_OUTER) {
		p->back_key = *key;
		p->back = p->layer;
	}
	if (!p->tunnels) {
		struct plx_tunnel *outer = &p->sample.tunnel;

		__builtin_memcpy(outer->source, key->source, sizeof(outer->source));
		__builtin_memcpy(outer->dest, key->dest, sizeof(outer->dest));
		outer->id = p->tunnel_id;
		outer->type = p->tunnel_type;
		outer->version = p->layer.version;
		outer->protocol = key->protocol;
		outer->reserved = 0;
		p->outer_source_port = key->source_port;
		p->outer_dest_port = key->dest_port;
		p->outer_fragment = p->layer.first_fragment;
		plx_frag_key(p, &p->outer_frag);
	}
	p->tunnels++;
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memset(&p->layer, 0, sizeof(p->layer));
	key->vlan = vlan;
}

/* The flow is that of the layer around the one at hand. */
PLX_INLINE void plx_go_back(struct plx_packet *p)
{
	p->sample.key = p->back_key;
	p->layer = p->back;
	p->tunnels--;
	if (!p->tunnels)
		p->outer_fragment = 0;
}

/*
 * A layer inside of a tunnel. Returns whether it is good; if not, the one around it is at hand
 * again. What is needed behind the walk is kept in p, for the same reason as in plx_settle().
 */
PLX_INLINE int plx_parse_inside(struct plx_cursor *c, const struct plx_parse_in *in,
				struct plx_packet *p)
{
	enum plx_skip skip;

	p->back_header_octets = p->header_octets;
	p->back_phantom_octets = p->phantom_octets;
	skip = plx_parse_l2(c, in, p);
	p->inside_offset = c->offset;
	if (skip == PLX_PARSE_OK)
		skip = plx_parse_ip(c, in, p);
	if (skip != PLX_PARSE_OK)
		plx_limit(p, plx_limit_of(skip));
	else if (in->super && p->octets && p->inside_offset + p->octets < in->length)
		/* not one packet cut into segments, but many packets of a tunnel in user space */
		plx_limit(p, PLX_LIMIT_TUNNEL_SUPER);
	else
		return 1;
	p->header_octets = p->back_header_octets;
	p->phantom_octets = p->back_phantom_octets;
	plx_go_back(p);
	return 0;
}

/* From the outermost layer, which is at hand, into tunnels as far as they go. */
PLX_INLINE void plx_parse_tunnels(struct plx_cursor *c, const struct plx_parse_in *in,
				  struct plx_packet *p)
{
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i <= PLX_MAX_TUNNELS; i++) {
		int found;

		plx_settle(c, p);
		if (p->layer.later_fragment)
			break;
		p->tunnel_id = 0;
		found = plx_parse_tunnel(c, p);
		if (found == PLX_ENTER_NONE)
			break;
		if (found != PLX_ENTER) {
			plx_limit(p, found - PLX_ENTER_LIMIT);
			break;
		}
		if (p->tunnels && p->layer.first_fragment) {
			plx_limit(p, PLX_LIMIT_TUNNEL_FRAGMENT);
			break;
		}
		if (p->tunnels == PLX_MAX_TUNNELS) {
			plx_limit(p, PLX_LIMIT_TUNNEL_DEPTH);
			break;
		}
		plx_enter(p, in);
		if (!plx_parse_inside(c, in, p))
			break;
	}
	if (in->policy == PLX_POLICY_OUTER && p->tunnels) {
		p->tunnels = 1;
		plx_go_back(p);
	}
}

/* Zero all but what is set at will, and the sample's counters, which plx_sample_fill() sets. */
PLX_INLINE void plx_clear(struct plx_packet *p)
{
	const __u32 first = __builtin_offsetof(struct plx_packet, sample.stats.first);

	__builtin_memset(p, 0, __builtin_offsetof(struct plx_packet, sample));
	/* clang stores single octets where it does not know better */
	__builtin_memset(__builtin_assume_aligned((char *)p + first, 8), 0,
			 __builtin_offsetof(struct plx_packet, sample.tunnel) - first);
}

/*
 * Parse the frame from data to end (a wire image but for a tag moved out, see in). Returns
 * PLX_PARSE_OK and fills p, or the reason why the packet is not metered.
 */
PLX_INLINE enum plx_skip plx_parse(const void *data, const void *end, const struct plx_parse_in *in,
				   struct plx_packet *p)
{
	struct plx_cursor c = {data, end, 0, PLX_HEADERS_MAX};
	enum plx_skip skip;

	plx_clear(p);
	p->ethernet = 1;
	p->headers_end = PLX_HEADERS_MAX;
	p->outer_only = in->policy == PLX_POLICY_OUTER;
	skip = plx_parse_l2(&c, in, p);
	if (skip != PLX_PARSE_OK)
		return skip;
	p->ip_offset = c.offset;
	skip = plx_parse_ip(&c, in, p);
	if (skip != PLX_PARSE_OK)
		return skip;
	p->ip_octets = p->octets;
	if (p->ip_offset + p->ip_octets > in->length)
		plx_limit(p, PLX_LIMIT_IP_LENGTH);
	if (plx_may_carry(p->sample.key.protocol) && plx_looks_into(in))
		plx_parse_tunnels(&c, in, p);
	return PLX_PARSE_OK;
}

#endif
