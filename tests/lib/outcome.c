/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must come of a sample, of its beginning, under each policy: the rules of bpf/README.md on
 * the numbers that a sample gives. Knows no header formats. Read samples.h first.
 */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct sample *sample_find(const char *name)
{
	for (size_t i = 0; i < nr_samples; i++)
		if (strcmp(samples[i].name, name) == 0)
			return &samples[i];
	fprintf(stderr, "no sample %s\n", name);
	abort();
}

void sample_build(const struct sample *sample, struct packet *p)
{
	packet_clear(p);
	packet_hex(p, sample->bytes);
}

static uint16_t swap16(uint16_t host)
{
	uint8_t bytes[2] = {host >> 8, host};
	uint16_t raw;

	memcpy(&raw, bytes, sizeof(raw));
	return raw;
}

const struct sample_layer *sample_layer(const struct sample *sample, unsigned int depth)
{
	return depth ? &sample->inner[depth - 1] : &sample->outer;
}

/* Does a first fragment of this protocol have something that later ones lack: ports, or a type? */
static bool has_transport(const struct sample_layer *layer)
{
	switch (layer->protocol) {
	case 6:
	case 17:
	case 33:
	case 132:
	case 136:
		return true;
	case 1:
		return layer->version == 4;
	case 58:
		return layer->version == 6;
	default:
		return false;
	}
}

static unsigned int depth_of(const struct sample *sample)
{
	unsigned int depth = 0;

	while (depth < SAMPLE_TUNNELS && sample->inner[depth].version)
		depth++;
	return depth;
}

void sample_outcome(const struct sample *sample, const struct packet *p, size_t size, size_t length,
		    int policy, struct sample_outcome *ret_outcome)
{
	const size_t l2_octets = sample->l2_octets ? sample->l2_octets : 14;
	const struct packet_mark *mark = packet_cut(p, size);
	struct sample_outcome outcome = {.policy = policy, .verdict = sample->want};
	const struct sample_layer *layer;

	if (mark && mark->depth == 0)
		outcome.verdict = mark->cut;
	if (policy != PLX_POLICY_OUTER) {
		outcome.depth = mark && mark->depth ? mark->depth - 1 : depth_of(sample);
		outcome.limits = mark ? 1 << PLX_LIMIT_TUNNEL_TRUNC : sample->limits;
	}
	outcome.tunnel = outcome.depth > 0 && policy == PLX_POLICY_BOTH;
	if (sample->octets + l2_octets > length)
		outcome.limits |= 1 << PLX_LIMIT_IP_LENGTH;
	layer = sample_layer(sample, outcome.depth);
	outcome.without_ports =
		layer->later_fragment || (layer->first_fragment && has_transport(layer) &&
					  !packet_has_transport(p, outcome.depth));
	if (outcome.without_ports)
		outcome.limits |= 1 << PLX_LIMIT_FRAGMENT;
	outcome.tcp_options = packet_tcp_options(p, size, outcome.depth);
	*ret_outcome = outcome;
}

void sample_whole(const struct sample *sample, int policy, struct sample_outcome *ret_outcome)
{
	static struct packet p;

	sample_build(sample, &p);
	sample_outcome(sample, &p, p.size, p.size, policy, ret_outcome);
}

static void put_addresses(unsigned int version, unsigned int depth, __be32 source[4],
			  __be32 dest[4])
{
	memset(source, 0, 16);
	memset(dest, 0, 16);
	memcpy(source, version == 4 ? sample_source4[depth] : sample_source6[depth],
	       version == 4 ? 4 : 16);
	memcpy(dest, version == 4 ? sample_dest4[depth] : sample_dest6[depth],
	       version == 4 ? 4 : 16);
}

void sample_key(const struct sample *sample, const struct sample_outcome *outcome, uint32_t ifindex,
		struct plx_flow_key *ret_key)
{
	const struct sample_layer *layer = sample_layer(sample, outcome->depth);

	memset(ret_key, 0, sizeof(*ret_key));
	put_addresses(layer->version, outcome->depth, ret_key->source, ret_key->dest);
	if (layer->version == 4)
		ret_key->flags |= PLX_KEY_IPV4;
	if (outcome->tunnel)
		ret_key->flags |= PLX_KEY_TUNNEL;
	if (outcome->without_ports)
		ret_key->flags |= PLX_KEY_FRAGMENT;
	ret_key->source_port = swap16(layer->source_port);
	ret_key->dest_port = swap16(layer->dest_port);
	ret_key->ifindex = ifindex;
	ret_key->vlan = sample->vlan;
	ret_key->protocol = layer->protocol;
}

void sample_tunnel(const struct sample *sample, const struct sample_outcome *outcome,
		   struct plx_tunnel *ret_tunnel)
{
	memset(ret_tunnel, 0, sizeof(*ret_tunnel));
	if (!outcome->tunnel)
		return;
	put_addresses(sample->version, 0, ret_tunnel->source, ret_tunnel->dest);
	ret_tunnel->id = sample->tunnel_id;
	ret_tunnel->type = sample->tunnel;
	ret_tunnel->version = sample->version;
	ret_tunnel->protocol = sample->protocol;
}

void sample_first(const struct sample *sample, const struct sample_outcome *outcome,
		  struct plx_flow_first *ret_first)
{
	const struct sample_layer *layer = sample_layer(sample, outcome->depth);

	memset(ret_first, 0, sizeof(*ret_first));
	memcpy(ret_first->source_mac, sample_source_mac, sizeof(sample_source_mac));
	memcpy(ret_first->dest_mac, sample_dest_mac, sizeof(sample_dest_mac));
	ret_first->flow_label = layer->flow_label;
	if (outcome->tunnel) {
		ret_first->outer_source_port = swap16(sample->source_port);
		ret_first->outer_dest_port = swap16(sample->dest_port);
	}
	ret_first->customer_vlan = sample->customer_vlan;
	ret_first->tcp_window = layer->tcp_window;
	memcpy(ret_first->mpls, sample->mpls, sizeof(ret_first->mpls));
	ret_first->vlan_priority = sample->priority;
	ret_first->tos = layer->tos;
}

void sample_frag_key(const struct sample *sample, unsigned int depth, int policy,
		     struct plx_frag_key *ret_key)
{
	const struct sample_layer *layer = sample_layer(sample, depth);
	const uint32_t id = layer->fragment_id;
	const uint8_t raw[4] = {id >> 24, id >> 16, id >> 8, id};

	memset(ret_key, 0, sizeof(*ret_key));
	put_addresses(layer->version, depth, ret_key->source, ret_key->dest);
	if (layer->version == 4)
		memcpy(&ret_key->id, raw + 2, 2);
	else
		memcpy(&ret_key->id, raw, 4);
	ret_key->protocol = layer->fragment_protocol;
	ret_key->version = layer->version;
	ret_key->outer_only = policy == PLX_POLICY_OUTER;
	if (depth) {
		ret_key->tunnel_type = sample->tunnel;
		ret_key->tunnel_id = sample->tunnel_id;
	}
}
