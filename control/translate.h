/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What NAT does to records and flows: what was counted where packets leave gets the tuple that they
 * came in with, and a flow the one that it leaves with. Knows the mappings of <plx/nat.h> and
 * nothing of the cache.
 */
#ifndef PLX_TRANSLATE_H
#define PLX_TRANSLATE_H

#include "flow.h"

/*
 * The tuple that connection tracking and routing see of such a packet: in a tunnel that of the
 * outer header. False: it is of fragments without ports.
 */
bool plx_translate__tuple(const struct plx_flow_key *key, const struct plx_tunnel *tunnel,
			  const struct plx_flow_first *first, struct plx_nat_tuple *ret);

/*
 * Give rec the tuple of its packets before any translation, if it was counted behind it, at egress.
 * nat may be NULL.
 */
void plx_translate__back(struct plx_nat *nat, struct plx_flow_record *rec);

/* Set translated and after of flow. nat may be NULL. */
void plx_translate__flow(struct plx_nat *nat, struct plx_flow *flow);

#endif
