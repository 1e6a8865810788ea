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

/* Members of a tuple: addresses by version (IPv4, IPv6), and ports. */
struct plx_tuple_names {
	const char *source[2], *dest[2], *source_port, *dest_port;
};

/* Of packets as they arrive, and as they leave NAT. */
extern const struct plx_tuple_names plx_names_before, plx_names_after;

/* The caller puts the result. ifname may be NULL. NULL: out of memory. */
struct json_object *plx_flow_json(const struct plx_flow *flow, int64_t wall_offset_ns,
				  plx_ifname_fn ifname, void *arg);

/* A record of the NAT event log, same. */
struct json_object *plx_nat_event_json(const struct plx_nat_event *event, int64_t wall_offset_ns);

#endif
