/* SPDX-License-Identifier: BSD-2-Clause */
/* See translate.h. */
#include "translate.h"

#include <netinet/in.h>
#include <string.h>

/* In a tunnel connection tracking sees the outer header. */
static struct plx_nat_tuple outer_tuple(const struct plx_tunnel *tunnel,
					const struct plx_flow_first *first)
{
	struct plx_nat_tuple tuple = {.protocol = tunnel->protocol, .version = tunnel->version};

	memcpy(tuple.source, tunnel->source, sizeof(tuple.source));
	memcpy(tuple.dest, tunnel->dest, sizeof(tuple.dest));
	if (tunnel->protocol == IPPROTO_UDP) { /* no other one that carries tunnels has ports */
		tuple.source_port = first->outer_source_port;
		tuple.dest_port = first->outer_dest_port;
	}
	return tuple;
}

bool plx_translate__tuple(const struct plx_flow_key *key, const struct plx_tunnel *tunnel,
			  const struct plx_flow_first *first, struct plx_nat_tuple *ret)
{
	if (key->flags & PLX_KEY_TUNNEL) {
		*ret = outer_tuple(tunnel, first);
		return true;
	}
	if (key->flags & PLX_KEY_FRAGMENT)
		return false;
	*ret = (struct plx_nat_tuple){
		.source_port = key->source_port,
		.dest_port = key->dest_port,
		.protocol = key->protocol,
		.version = key->flags & PLX_KEY_IPV4 ? 4 : 6,
	};
	memcpy(ret->source, key->source, sizeof(ret->source));
	memcpy(ret->dest, key->dest, sizeof(ret->dest));
	return true;
}

void plx_translate__back(struct plx_nat *nat, struct plx_flow_record *rec)
{
	struct plx_nat_mapping mapping;
	struct plx_nat_tuple after, *before = &mapping.before;

	if (!nat || !(rec->key.flags & PLX_KEY_DIR_OUT) ||
	    !plx_translate__tuple(&rec->key, &rec->tunnel, &rec->stats.first, &after) ||
	    !plx_nat__find_after(nat, &after, &mapping))
		return;
	if (rec->key.flags & PLX_KEY_TUNNEL) {
		memcpy(rec->tunnel.source, before->source, sizeof(rec->tunnel.source));
		memcpy(rec->tunnel.dest, before->dest, sizeof(rec->tunnel.dest));
		rec->stats.first.outer_source_port = before->source_port;
		rec->stats.first.outer_dest_port = before->dest_port;
		return;
	}
	memcpy(rec->key.source, before->source, sizeof(rec->key.source));
	memcpy(rec->key.dest, before->dest, sizeof(rec->key.dest));
	rec->key.source_port = before->source_port;
	rec->key.dest_port = before->dest_port;
}

void plx_translate__flow(struct plx_nat *nat, struct plx_flow *flow)
{
	struct plx_nat_mapping mapping;
	struct plx_nat_tuple before;

	flow->translated =
		nat &&
		plx_translate__tuple(&flow->key, &flow->tunnel, &flow->stats.first, &before) &&
		plx_nat__find_before(nat, &before, &mapping);
	if (flow->translated)
		flow->after = mapping.after;
}
