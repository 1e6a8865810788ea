/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow as it leaves the cache for the exporters and the live table: what was counted since its
 * last export, under one id. Which clock its times are of, the owner of the cache knows.
 */
#ifndef PLX_FLOW_H
#define PLX_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <plx/dataplane.h>
#include <plx/nat.h>

/* IPFIX flowEndReason (136) */
enum plx_end_reason {
	PLX_END_NONE = 0, /* still in the cache */
	PLX_END_IDLE = 1,
	PLX_END_ACTIVE = 2,
	PLX_END_DETECTED = 3,
	PLX_END_FORCED = 4,
	PLX_END_RESOURCES = 5,
};

/* What left the box of a forwarded flow, as counted at egress. */
struct plx_flow_post {
	uint64_t packets; /* 0: nothing, or nobody counted it */
	uint64_t octets;
	uint64_t frame_octets;
	uint32_t ifindex; /* where it left */
};

/*
 * A flow of one side is what its interface counted. A forwarded flow that was joined is one of both
 * sides: key and stats are those of its ingress, post is what left.
 */
struct plx_flow {
	struct plx_flow_key key;
	struct plx_tunnel tunnel;    /* with PLX_KEY_TUNNEL in key.flags; else zeroed */
	struct plx_flow_stats stats; /* since the last export of this flow */
	struct plx_flow_post post;   /* same */
	uint64_t dropped;	     /* at its end: packets that came in and did not leave */
	bool translated; /* by NAT: key (in a tunnel the outer header) is the tuple before, after */
	struct plx_nat_tuple after; /* the one behind it */
	uint32_t sampling_interval; /* all counters are of 1 in so many packets, or flows; 0: 1 */
	uint64_t id;		    /* flowId (148), unique while the daemon runs, starts at 1 */
	enum plx_end_reason end_reason;
};

/* A connection under NAT began or ended: a record of the NAT event log (RFC 8158). */
struct plx_nat_event {
	struct plx_nat_tuple before; /* of the connection's first packets, as they come in */
	struct plx_nat_tuple after;  /* and as they leave */
	bool begins;
	uint64_t at_ns; /* clock of the flows */
};

/*
 * natEvent (230). IANA has session create and delete for NAT44 and NAT64, and none for IPv6 to
 * IPv6, which the translation create and delete of old stand for.
 */
static inline uint8_t plx_nat_event_number(const struct plx_nat_event *event)
{
	if (event->before.version == 6)
		return event->begins ? 1 : 2;
	return event->begins ? 4 : 5;
}

/* The clock of a flow's times: that of the kernel's programs, or that of a capture. */
enum plx_flow_clock {
	PLX_FLOW_MONOTONIC, /* CLOCK_MONOTONIC of this machine */
	PLX_FLOW_WALL,	    /* nanoseconds since 1970, by the clock of some machine */
};

static inline uint64_t plx_flow_now_ns(enum plx_flow_clock clock)
{
	struct timespec now;

	clock_gettime(clock == PLX_FLOW_WALL ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t plx_mono_ns(void)
{
	return plx_flow_now_ns(PLX_FLOW_MONOTONIC);
}

/* Nanoseconds to add to the times of flows to get nanoseconds since 1970, as of now. */
static inline int64_t plx_wall_offset_ns(enum plx_flow_clock clock)
{
	if (clock == PLX_FLOW_WALL)
		return 0;
	return (int64_t)(plx_flow_now_ns(PLX_FLOW_WALL) - plx_flow_now_ns(clock));
}

/* Name of an interface index, or NULL; the pointer is valid during the call's caller only. */
typedef const char *(*plx_ifname_fn)(void *arg, uint32_t ifindex);

#endif
