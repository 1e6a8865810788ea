/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzer of the parser. The first four octets of the input choose what the hook knows beside the
 * packet, the rest is the packet, copied to memory of its exact size for the address sanitizer.
 * Checks what must hold of any result, and between the results under the three policies and of a
 * cut packet. The corpus is the samples of the tests: see tests/README.md. libFuzzer and AFL++
 * build this same file.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

#include <plx/sample.h>

#define IN_SIZE	    4 /* flags below; policy, GSO segments; TCI, which is gso_size and a cut, too */
#define TAGGED	    0x01
#define SUPER	    0x02
#define CAPTURE	    0x04 /* there is more of the frame than the input has */
#define NR_POLICIES (PLX_POLICY_OUTER + 1)

/* What a tunnel is, in limits: all but a length beyond the frame. */
#define TUNNEL_LIMITS (~(1u << PLX_LIMIT_IP_LENGTH | 1u << PLX_LIMIT_FRAGMENT))

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing here but what plx_parse() says that it sets. */
static void check_same(const struct plx_packet *a, const struct plx_packet *b)
{
	const struct plx_sample *x = &a->sample, *y = &b->sample;

	CHECK(memcmp(&a->layer, &b->layer, sizeof(a->layer)) == 0);
	CHECK(a->ip_octets == b->ip_octets && a->ip_offset == b->ip_offset);
	CHECK(a->header_octets == b->header_octets && a->phantom_octets == b->phantom_octets);
	CHECK(a->limits == b->limits);
	CHECK(a->tunnels == b->tunnels && a->outer_fragment == b->outer_fragment);
	CHECK(memcmp(&x->stats.first, &y->stats.first, sizeof(x->stats.first)) == 0);
	CHECK(memcmp(&x->key, &y->key, sizeof(x->key)) == 0);
	if (a->tunnels) {
		CHECK(memcmp(&x->tunnel, &y->tunnel, sizeof(x->tunnel)) == 0);
		CHECK(a->outer_source_port == b->outer_source_port);
		CHECK(a->outer_dest_port == b->outer_dest_port);
	}
	if (a->outer_fragment)
		CHECK(memcmp(&a->outer_frag, &b->outer_frag, sizeof(a->outer_frag)) == 0);
}

static void check_ports(const struct plx_packet *p)
{
	const struct plx_flow_key *key = &p->sample.key;
	const struct plx_layer *layer = &p->layer;
	const int transport = plx_l4_header(key->protocol, layer->version) > 0;
	const int tcp = key->protocol == PLX_IPPROTO_TCP;

	if (!layer->has_ports)
		CHECK(key->source_port == 0 && key->dest_port == 0);
	if (layer->later_fragment)
		CHECK(!layer->has_ports && !layer->first_fragment);
	if (layer->has_ports)
		CHECK(transport);
	else
		CHECK(plx_is_fragment(p) || !transport);
	CHECK(layer->tcp_flags < 0x1000);
	if (!layer->has_ports || !tcp)
		CHECK(!layer->tcp_flags && !layer->tcp_window && !layer->tcp_options);
	if (key->protocol == PLX_IPPROTO_ICMP || key->protocol == PLX_IPPROTO_ICMPV6)
		CHECK(key->source_port == 0);
}

static void check_offsets(const struct plx_packet *p, const struct plx_parse_in *in, size_t size)
{
	const uint32_t ip_header = p->sample.key.flags & PLX_KEY_IPV4 ? 20 : 40;
	const uint32_t outer_header = p->tunnels ? 20 : ip_header;
	/* a TCP header with options, of which the parser needs the first 20 octets */
	const uint32_t unread = 40;

	/* 4 tags, 10 labels, a PPPoE header */
	CHECK(p->ip_offset >= 14 && p->ip_offset <= 14 + 16 + 40 + 8 && p->ip_offset % 4 == 2);
	CHECK(p->header_octets >= p->ip_offset + ip_header + (p->tunnels ? 20 : 0));
	CHECK(p->header_octets < PLX_HEADERS_MAX + 60);
	CHECK(p->header_octets <= size + unread);
	CHECK(p->phantom_octets == 0 || (p->phantom_octets % 8 == 0 && in->super));
	CHECK(p->phantom_octets <= 8u + 8u * PLX_MAX_TUNNELS);
	CHECK(p->ip_octets >= outer_header || (in->super && p->ip_octets == 0));
	CHECK(p->ip_octets <= 0xffff + 40);
	if (p->ip_octets && !plx_is_fragment(p) && !p->outer_fragment)
		CHECK(p->header_octets - p->ip_offset <= p->ip_octets + unread);
	CHECK((p->limits >> PLX_LIMIT_IP_LENGTH & 1) == (p->ip_offset + p->ip_octets > in->length));
}

static void check_key(const struct plx_packet *p, const struct plx_parse_in *in)
{
	const struct plx_flow_key *key = &p->sample.key;
	const struct plx_flow_first *first = &p->sample.stats.first;
	const struct plx_layer *layer = &p->layer;

	CHECK(layer->version == 4 || layer->version == 6);
	CHECK(key->flags == (layer->version == 4 ? PLX_KEY_IPV4 : 0));
	for (int i = 1; i < 4 && layer->version == 4; i++)
		CHECK(key->source[i] == 0 && key->dest[i] == 0);
	CHECK(key->ifindex == 0);
	CHECK(key->vlan == 0 || (key->vlan & 0xf000) == PLX_VLAN_PRESENT);
	CHECK(first->customer_vlan == 0 || (first->customer_vlan & 0xf000) == PLX_VLAN_PRESENT);
	CHECK(!first->customer_vlan || key->vlan);
	CHECK(first->vlan_priority < 8);
	CHECK(layer->flow_label < 1 << 20);
	if (in->vlan_tagged)
		CHECK(key->vlan == (PLX_VLAN_PRESENT | (in->vlan_tci & 0xfff)));
	CHECK((layer->fragment_flags & ~(PLX_FRAG_DF | PLX_FRAG_MF)) == 0);
}

static int is_tunnel_port(__be16 port)
{
	switch (plx_be16(port)) {
	case PLX_PORT_GTPU:
	case PLX_PORT_VXLAN:
	case PLX_PORT_VXLAN_OLD:
	case PLX_PORT_VXLAN_GPE:
	case PLX_PORT_GENEVE:
		return 1;
	default:
		return 0;
	}
}

static void check_tunnel(const struct plx_packet *p)
{
	const struct plx_tunnel *tunnel = &p->sample.tunnel;

	CHECK(tunnel->version == 4 || tunnel->version == 6);
	for (int i = 1; i < 4 && tunnel->version == 4; i++)
		CHECK(tunnel->source[i] == 0 && tunnel->dest[i] == 0);
	CHECK(tunnel->reserved == 0);
	switch (tunnel->type) {
	case PLX_TUNNEL_IP:
		CHECK(tunnel->protocol == PLX_IPPROTO_IPV4 || tunnel->protocol == PLX_IPPROTO_IPV6);
		CHECK(tunnel->id == 0);
		break;
	case PLX_TUNNEL_GRE:
		CHECK(tunnel->protocol == PLX_IPPROTO_GRE && tunnel->id == 0);
		break;
	case PLX_TUNNEL_GREKEY:
	case PLX_TUNNEL_NVGRE:
		CHECK(tunnel->protocol == PLX_IPPROTO_GRE);
		break;
	case PLX_TUNNEL_VXLAN:
	case PLX_TUNNEL_GENEVE:
		CHECK(tunnel->id < 1 << 24);
		/* fall through */
	case PLX_TUNNEL_GTPU:
		CHECK(tunnel->protocol == PLX_IPPROTO_UDP);
		CHECK(is_tunnel_port(p->outer_dest_port));
		break;
	default:
		CHECK(!"a known type");
	}
	if (tunnel->protocol != PLX_IPPROTO_UDP)
		CHECK(p->outer_source_port == 0 && p->outer_dest_port == 0);
	if (p->outer_fragment) {
		const struct plx_frag_key *key = &p->outer_frag;

		CHECK(memcmp(key->source, tunnel->source, sizeof(key->source)) == 0);
		CHECK(memcmp(key->dest, tunnel->dest, sizeof(key->dest)) == 0);
		CHECK(key->version == tunnel->version);
		CHECK(key->tunnel_type == PLX_TUNNEL_NONE && key->tunnel_id == 0);
	}
}

static void check_limits(const struct plx_packet *p, const struct plx_parse_in *in)
{
	const uint32_t limits = p->limits & TUNNEL_LIMITS;

	CHECK(p->limits < 1u << PLX_LIMIT_MAX);
	CHECK((p->limits & 1u << PLX_LIMIT_FRAGMENT) == 0); /* the hook's */
	CHECK((limits & (limits - 1)) == 0);		    /* the walk ends at the first */
	if (in->policy == PLX_POLICY_OUTER) {
		CHECK(!limits || in->super); /* they are not of the layer at hand */
		return;
	}
	if (limits & 1u << PLX_LIMIT_TUNNEL_FRAGMENT)
		CHECK(p->layer.first_fragment && p->tunnels);
	if (limits & 1u << PLX_LIMIT_TUNNEL_SUPER)
		CHECK(in->super);
	if (limits && p->sample.key.protocol == PLX_IPPROTO_UDP)
		CHECK(is_tunnel_port(p->sample.key.dest_port));
	if (limits)
		CHECK(plx_may_carry(p->sample.key.protocol) && !p->layer.later_fragment);
}

/* As a hook completes it. */
static void check_sample(const struct plx_packet *parsed, const struct plx_parse_in *in)
{
	struct plx_packet p = *parsed;
	const struct plx_flow_first *first = &p.sample.stats.first;
	const int both = p.tunnels && in->policy == PLX_POLICY_BOTH;
	struct plx_wire wire;

	plx_wire_frame(&wire, in->length, p.ip_octets);
	plx_sample_fill(&p, &wire, 1, PLX_DIR_OUT, in->policy, 1, 5);
	CHECK(p.sample.key.flags ==
	      (parsed->sample.key.flags | PLX_KEY_DIR_OUT | (both ? PLX_KEY_TUNNEL : 0)));
	CHECK(first->outer_source_port == (both ? p.outer_source_port : 0));
	CHECK(first->outer_dest_port == (both ? p.outer_dest_port : 0));
	CHECK(p.limits ==
	      (in->policy == PLX_POLICY_OUTER ? parsed->limits & ~TUNNEL_LIMITS : parsed->limits));
	CHECK(PLX_MARKS_IP_OPTIONS(p.sample.stats.marks) == p.layer.ip_options);
	CHECK(PLX_MARKS_FRAGMENT_FLAGS(p.sample.stats.marks) == p.layer.fragment_flags);
}

/* Segments: whatever the skb says, what they are together is more than the super-packet. */
static void check_super(const struct plx_packet *p, const struct plx_parse_in *in,
			uint16_t gso_size, uint8_t gso_segs)
{
	const uint32_t frame = in->length - p->phantom_octets;
	const uint32_t payload = frame - p->header_octets;
	struct plx_wire wire;

	if (!in->super || gso_size == 0 || frame > in->length || frame <= p->header_octets)
		return;
	plx_wire_super(&wire, frame, p->ip_offset, p->header_octets, gso_size, gso_segs);
	CHECK(wire.segments == (gso_segs ? gso_segs : (payload + gso_size - 1) / gso_size));
	CHECK(wire.frame_octets == payload + (uint64_t)wire.segments * p->header_octets);
	CHECK(wire.frame_octets - wire.ip_octets == (uint64_t)wire.segments * p->ip_offset);
	if (!gso_segs)
		CHECK(wire.min_ip_length <= wire.max_ip_length);
}

static void check_result(const struct plx_packet *p, const struct plx_parse_in *in, size_t size)
{
	check_ports(p);
	check_offsets(p, in, size);
	check_key(p, in);
	check_limits(p, in);
	CHECK(p->tunnels <= PLX_MAX_TUNNELS);
	if (p->tunnels)
		check_tunnel(p);
	else
		CHECK(!p->outer_fragment);
	check_sample(p, in);
}

/*
 * Whose flow it is differs between policies, and nothing else: the inner header is the same whether
 * or not the outer one is kept, and the outer flow is that of the outer header in the other two.
 */
static void check_policies(const struct plx_packet *both, const struct plx_packet *inner,
			   const struct plx_packet *outer, const struct plx_parse_in *in)
{
	const struct plx_flow_key *key = &outer->sample.key;
	const struct plx_tunnel *tunnel = &both->sample.tunnel;

	check_same(both, inner);
	CHECK(outer->tunnels == 0);
	CHECK(outer->ip_octets == both->ip_octets && outer->ip_offset == both->ip_offset);
	CHECK(memcmp(&outer->sample.stats.first, &both->sample.stats.first,
		     sizeof(outer->sample.stats.first)) == 0);
	if (in->super) {
		CHECK(outer->header_octets == both->header_octets);
		CHECK(outer->phantom_octets == both->phantom_octets);
	}
	CHECK(key->vlan == both->sample.key.vlan);
	if (!both->tunnels) {
		CHECK(memcmp(key, &both->sample.key, sizeof(*key)) == 0);
		CHECK(memcmp(&outer->layer, &both->layer, sizeof(outer->layer)) == 0);
		return;
	}
	CHECK(memcmp(key->source, tunnel->source, sizeof(key->source)) == 0);
	CHECK(memcmp(key->dest, tunnel->dest, sizeof(key->dest)) == 0);
	CHECK(key->source_port == both->outer_source_port);
	CHECK(key->dest_port == both->outer_dest_port);
	CHECK(key->protocol == tunnel->protocol && outer->layer.version == tunnel->version);
	CHECK(outer->layer.first_fragment == both->outer_fragment);
}

/*
 * Of a packet that was cut plx_cut() must say so where more of it would have given another flow:
 * the programs then fetch more.
 */
static void check_cut(enum plx_skip whole_skip, const struct plx_packet *whole,
		      enum plx_skip cut_skip, const struct plx_packet *cut)
{
	struct plx_packet p = *whole;

	if (plx_cut(cut_skip, cut))
		return;
	CHECK(cut_skip == whole_skip);
	if (whole_skip != PLX_PARSE_OK)
		return;
	/* options of TCP are read as far as they are there */
	CHECK((cut->layer.tcp_options & ~whole->layer.tcp_options) == 0);
	p.layer.tcp_options = cut->layer.tcp_options;
	check_same(&p, cut);
}

/* In memory of exactly that size; the result must not depend on what was in p before. */
static enum plx_skip parse(const uint8_t *data, size_t size, const struct plx_parse_in *in,
			   struct plx_packet *p)
{
	struct plx_packet again;
	uint8_t *copy = malloc(size + !size);
	enum plx_skip skip;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	memset(p, 0x00, sizeof(*p));
	memset(&again, 0xff, sizeof(again));
	skip = plx_parse(copy, copy + size, in, p);
	CHECK(plx_parse(copy, copy + size, in, &again) == skip);
	CHECK(memcmp(copy, data, size) == 0);
	free(copy);
	CHECK(skip <= PLX_SKIP_MAX && skip != PLX_SKIP_NONLINEAR);
	if (skip == PLX_PARSE_OK) {
		check_same(p, &again);
		check_result(p, in, size);
	}
	return skip;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plx_packet p[NR_POLICIES], cut;
	enum plx_skip skip[NR_POLICIES], cut_skip;
	struct plx_parse_in in = {};
	uint8_t gso_segs, policy;
	uint16_t tci;

	if (size < IN_SIZE)
		return 0;
	tci = data[2] << 8 | data[3];
	policy = data[1] % NR_POLICIES;
	gso_segs = data[1] / NR_POLICIES;
	in.length = size - IN_SIZE + (data[0] & CAPTURE ? tci : 0);
	in.vlan_tagged = data[0] & TAGGED ? 1 : 0;
	in.super = data[0] & SUPER ? 1 : 0;
	in.vlan_tci = tci;
	data += IN_SIZE;
	size -= IN_SIZE;
	for (int i = 0; i < NR_POLICIES; i++) {
		in.policy = i;
		skip[i] = parse(data, size, &in, &p[i]);
	}
	CHECK(skip[PLX_POLICY_INNER] == skip[PLX_POLICY_BOTH]);
	CHECK(skip[PLX_POLICY_OUTER] == skip[PLX_POLICY_BOTH]);
	in.policy = policy;
	cut_skip = parse(data, tci % (size + 1), &in, &cut);
	check_cut(skip[policy], &p[policy], cut_skip, &cut);
	if (skip[policy] != PLX_PARSE_OK)
		return 0;
	check_policies(&p[PLX_POLICY_BOTH], &p[PLX_POLICY_INNER], &p[PLX_POLICY_OUTER], &in);
	check_super(&p[policy], &in, tci, gso_segs);
	return 0;
}
