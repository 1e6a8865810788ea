/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow as a JSON object with the names of IPFIX: the RECORD of README.md. For the JSON exporter
 * and the control socket.
 */
#ifndef PLX_FLOW_JSON_H
#define PLX_FLOW_JSON_H

#include <stdint.h>

#include "flow.h"

struct json_object;

/* The caller puts the result. ifname may be NULL. NULL: out of memory. */
struct json_object *plx_flow_json(const struct plx_flow *flow, int64_t wall_offset_ns,
				  plx_ifname_fn ifname, void *arg);

#endif
