/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow as it leaves the cache for the exporters and the live table: what was counted since its
 * last export, under one id. Times are CLOCK_MONOTONIC; plx_wall_ns() turns them into wall time.
 */
#ifndef PLX_FLOW_H
#define PLX_FLOW_H

#include <stdint.h>
#include <time.h>

#include <plx/dataplane.h>

/* IPFIX flowEndReason (136) */
enum plx_end_reason {
	PLX_END_NONE = 0, /* still in the cache */
	PLX_END_IDLE = 1,
	PLX_END_ACTIVE = 2,
	PLX_END_DETECTED = 3,
	PLX_END_FORCED = 4,
	PLX_END_RESOURCES = 5,
};

struct plx_flow {
	struct plx_flow_key key;
	struct plx_flow_stats stats; /* since the last export of this flow */
	uint64_t id;		     /* flowId (148), unique while the daemon runs, starts at 1 */
	enum plx_end_reason end_reason;
};

/* Nanoseconds to add to CLOCK_MONOTONIC to get CLOCK_REALTIME, as of now. */
static inline int64_t plx_wall_offset_ns(void)
{
	struct timespec mono, real;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	return (int64_t)(real.tv_sec - mono.tv_sec) * 1000000000 + (real.tv_nsec - mono.tv_nsec);
}

/* Name of an interface index, or NULL; the pointer is valid during the call's caller only. */
typedef const char *(*plx_ifname_fn)(void *arg, uint32_t ifindex);

#endif
