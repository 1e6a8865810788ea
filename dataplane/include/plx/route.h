/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this machine would do with a packet that came in: keep it, forward it, and where to, or drop
 * it for want of a route. Asked of the kernel by rtnetlink, in the network namespace of the thread
 * that opens it. Answers are kept for a second. Never prints. Not thread safe.
 */
#ifndef PLX_ROUTE_H
#define PLX_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

struct plx_route;

enum plx_route_way {
	PLX_ROUTE_UNKNOWN, /* nobody can say: no such interface any more, or no answer */
	PLX_ROUTE_HERE,	   /* to an address of this machine, to all, or not for forwarding at all */
	PLX_ROUTE_ON,	   /* to another machine */
	PLX_ROUTE_NOWHERE, /* there is no route, or one that says so */
};

/* A packet as it is when it is routed: behind NAT of its destination, in front of that of its
 * source. */
struct plx_route_question {
	uint32_t ifindex; /* where it came in */
	uint8_t dest_mac[6];
	uint8_t version;	     /* 4 or 6 */
	const __be32 *source, *dest; /* one word, or four */
};

struct plx_route_info {
	uint64_t questions;
	uint64_t asked; /* of them not answered from what was known */
};

/* NULL: no memory, or no rtnetlink. Free with plx_route__close(), which takes NULL. */
struct plx_route *plx_route__open(void);
void plx_route__close(struct plx_route *route);

/*
 * now_ns is of CLOCK_MONOTONIC. PLX_ROUTE_HERE also if the frame was not sent to the interface's
 * own address (a mirror, a bridge), or the interface does not forward this version. With
 * PLX_ROUTE_ON *ret_ifindex is where it leaves. Routes by marks and ports are not known.
 */
enum plx_route_way plx_route__find(struct plx_route *route,
				   const struct plx_route_question *question, uint64_t now_ns,
				   uint32_t *ret_ifindex);

void plx_route__info(const struct plx_route *route, struct plx_route_info *ret_info);

#endif
