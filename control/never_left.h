/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of a flow that came in and was not seen to leave: was it dropped? It was, if it was to be
 * forwarded and its way leads out of an interface that is metered, or nowhere.
 */
#ifndef PLX_NEVER_LEFT_H
#define PLX_NEVER_LEFT_H

#include <plx/route.h>

#include "flow.h"

/*
 * flow has its translation already (translate.h). True: its packets are lost on this machine.
 * False: they were for it, or for nobody, or left where nobody counts, or nobody can say.
 */
bool plx_never_left__dropped(struct plx_route *route, const struct plx_dataplane *dp,
			     const struct plx_flow *flow);

#endif
