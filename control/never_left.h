/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows that came in and never left: were they for this machine, or dropped on their way? Knows
 * routes, NAT and what is metered, and nothing of the cache.
 */
#ifndef PLX_NEVER_LEFT_H
#define PLX_NEVER_LEFT_H

#include <stdbool.h>

#include <plx/nat.h>
#include <plx/route.h>

#include "flow.h"

struct plx_never_left {
	struct plx_dataplane *dp;
	struct plx_route *route; /* NULL: nothing is certain */
	struct plx_nat *nat;	 /* same: without it, it may have left as another flow */
	bool all_protocols;	 /* nat has mappings of more than TCP and UDP */
};

/*
 * Was flow, counted at ingress only, to leave at an interface that is metered at egress, or had it
 * no way to go? False where that is not certain; README.md says where.
 */
bool plx_never_left__was_to_leave(const struct plx_never_left *env, const struct plx_flow *flow);

#endif
