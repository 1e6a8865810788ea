/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel does with a packet that comes in: keep it, send it on, and where, or drop it for
 * want of a way. Asked for by rtnetlink, with answers kept for a moment. Knows nothing of flows; it
 * needs no dataplane and no BPF. Never prints, never waits. Not thread safe: one
 * thread owns a struct plx_route. README.md says what it cannot know.
 */
#ifndef PLX_ROUTE_H
#define PLX_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

struct plx_route;

/*
 * A packet as routing sees it: its destination is the one behind NAT, its source that before. It is
 * hashed: all of it is to be set.
 */
struct plx_route_packet {
	__be32 source[4]; /* IPv4: word 0, the others 0 */
	__be32 dest[4];
	__be16 source_port;
	__be16 dest_port;
	uint32_t ifindex; /* where it comes in */
	uint8_t dest_mac[6];
	uint8_t protocol;
	uint8_t tos;
	uint8_t version; /* 4 or 6 */
	uint8_t reserved[3];
};

_Static_assert(sizeof(struct plx_route_packet) == 52, "struct plx_route_packet has padding");

enum plx_route_way {
	PLX_ROUTE_UNKNOWN, /* not for IP of this machine, or what it becomes is not to be known */
	PLX_ROUTE_HERE,	   /* ends on this machine, by its address or since this is no router */
	PLX_ROUTE_OUT,	   /* leaves at another interface */
	PLX_ROUTE_NOWHERE, /* is dropped: no route, one that prohibits, a source that cannot be */
};

/*
 * Begin in the network namespace of the calling thread. 0 or a negative errno; on failure ret_err
 * has one line. Close with plx_route__close().
 */
int plx_route__open(struct plx_route **ret_route, char *ret_err, size_t err_size);
void plx_route__close(struct plx_route *route); /* NULL is allowed */

/*
 * By rules, routes and addresses as they were within the last second. With PLX_ROUTE_OUT
 * *ret_ifindex is where it leaves.
 */
enum plx_route_way plx_route__way(struct plx_route *route, const struct plx_route_packet *packet,
				  uint32_t *ret_ifindex);

#endif
