/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetFlow v5 encoder: packets of up to 30 records of 48 octets. The format is fixed: IPv4 only,
 * counters and times of 32 bits, interfaces of 16, nothing of VLAN, MAC addresses, NAT or tunnels.
 * Order of calls as in ipfix.h.
 *
 * Times are milliseconds since boot, which is what the header says it is: in the first 49.7 days
 * that of the machine, then, and always of captures, one 24.8 days before the packet, so that no
 * time in it wraps, which collectors read in different ways.
 */
#ifndef PLX_NETFLOW5_H
#define PLX_NETFLOW5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

#define PLX_NETFLOW5_RECORDS	 30
#define PLX_NETFLOW5_RECORD_SIZE 48
#define PLX_NETFLOW5_SIZE_MIN	 72   /* header and one record */
#define PLX_NETFLOW5_SIZE_MAX	 1464 /* no packet is larger */

struct plx_netflow5 {
	uint8_t engine_id;
	uint32_t sequence; /* records before the packet */

	/* The packet between begin and end */
	uint8_t *buf;
	size_t size;
	uint16_t records;
	uint16_t sampling;   /* 1 in so many packets, or flows; of all records in it */
	int64_t offset_ns;   /* clock of the flows to wall clock */
	uint64_t now_ns;     /* no flow ends later than this */
	uint64_t boot_ms;    /* since 1970 */
	bool booted;	     /* it is set */
	uint64_t max_end_ms; /* latest flow end, since 1970 */
};

void plx_netflow5_init(struct plx_netflow5 *v5, uint32_t domain);

/* Can the flow be told? Others must not be added. */
bool plx_netflow5_takes(const struct plx_flow *flow);

void plx_netflow5_begin(struct plx_netflow5 *v5, void *buf, size_t size, uint64_t now_ns,
			int64_t wall_offset_ns);

/* False: no room, end the packet and begin the next one; there it fits. */
bool plx_netflow5_add(struct plx_netflow5 *v5, const struct plx_flow *flow);

/* Complete the packet; returns its size. */
size_t plx_netflow5_end(struct plx_netflow5 *v5, uint64_t now_ns);

/* A record was lost before it got into a packet: let the collector see the gap. */
void plx_netflow5_skip(struct plx_netflow5 *v5);

#endif
