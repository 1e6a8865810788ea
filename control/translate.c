/* SPDX-License-Identifier: BSD-2-Clause */
/* See translate.h. */
#include "translate.h"

#include <string.h>

/*
 * The tuple of a key. False: it is not one that connection tracking sees, but inside of a tunnel,
 * or that of fragments without ports.
 */
static bool tuple_of(const struct plx_flow_key *key, struct plx_nat_tuple *ret)
{
	if (key->flags & (PLX_KEY_TUNNEL | PLX_KEY_FRAGMENT))
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
	struct plx_nat_tuple after;

	if (!nat || !(rec->key.flags & PLX_KEY_DIR_OUT) || !tuple_of(&rec->key, &after) ||
	    !plx_nat__find_after(nat, &after, &mapping))
		return;
	memcpy(rec->key.source, mapping.before.source, sizeof(rec->key.source));
	memcpy(rec->key.dest, mapping.before.dest, sizeof(rec->key.dest));
	rec->key.source_port = mapping.before.source_port;
	rec->key.dest_port = mapping.before.dest_port;
}

void plx_translate__flow(struct plx_nat *nat, struct plx_flow *flow)
{
	struct plx_nat_mapping mapping;
	struct plx_nat_tuple before;

	flow->translated = nat && tuple_of(&flow->key, &before) &&
			   plx_nat__find_before(nat, &before, &mapping);
	if (flow->translated)
		flow->after = mapping.after;
}
