/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel's connection tracking translates: for each direction of a connection under NAT,
 * the tuple of its packets as they arrive and as they leave. Told by ctnetlink, one dump, then
 * events, and by the programs of the dataplane, which ask for the connections of new flows; either
 * is enough. Knows nothing of flows. Never prints. Not thread safe: one thread owns a struct
 * plx_nat. Functions return 0 or a negative errno; plx_nat__error() has one line on the last
 * failure. README.md says what is promised and what is not.
 */
#ifndef PLX_NAT_H
#define PLX_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include <plx/abi.h>

struct plx_nat;

/* plx_nat_mapping.kind: what of the packets of this direction is translated, address or port */
#define PLX_NAT_SOURCE 0x01
#define PLX_NAT_DEST   0x02

/* One direction of a connection. */
struct plx_nat_mapping {
	struct plx_nat_tuple before; /* as a packet arrives, before any translation */
	struct plx_nat_tuple after;  /* as it leaves, after all of it */
	bool reply;		     /* false: the direction of the connection's first packet */
	bool live;	     /* false: the connection has ended and is about to be forgotten */
	bool older;	     /* than created_ns: it was not seen when it came up */
	bool seen_reply;     /* packets went in both directions */
	bool assured;	     /* what conntrack calls so: not dropped early */
	uint8_t kind;	     /* PLX_NAT_* */
	uint8_t tcp_state;   /* plx_nat_tcp_state_name(); 0 when it is not TCP */
	uint16_t zone;	     /* conntrack zone of this direction */
	uint32_t id;	     /* of the connection, given by the kernel; may be given again */
	uint64_t created_ns; /* CLOCK_MONOTONIC, when we were told */
	uint64_t last_ns;    /* of what was last told; when it has ended, of its end */
	uint64_t packets;    /* of this direction, where net.netfilter.nf_conntrack_acct is */
	uint64_t octets;     /* 1, as of its end or of the last dump; else 0 */
};

/*
 * A connection under NAT begins or has ended; original is the mapping of its original direction,
 * at_ns CLOCK_MONOTONIC when we were told. Of those in the first dump only the end is told; of
 * those that an overrun hid from us neither, or both late.
 */
typedef void (*plx_nat_event_fn)(void *arg, bool begins, const struct plx_nat_mapping *original,
				 uint64_t at_ns);

struct plx_nat_opts {
	uint32_t capacity;     /* connections, those that have ended included; at most 2^30 */
	uint64_t retention_ns; /* for so long a connection that has ended can be found */
	bool ctnetlink;	       /* listen to it; if not, plx_nat__seen() has to tell, and the next */
	uint32_t buffer_bytes; /* two are not used: room for what nobody has read yet, 640 an event
				*/
	uint64_t resync_ns;    /* between dumps, as long as there is what only a dump can tell */
	plx_nat_event_fn event; /* called while reading, and by plx_nat__seen(); may be NULL */
	void *arg;
};

struct plx_nat_info {
	uint32_t capacity;
	uint32_t live;	/* connections */
	uint32_t ended; /* connections that have ended and are still kept */
	bool synced;	/* the table was complete, and no event was lost since */
	bool silent; /* there are no events, only dumps: net.netfilter.nf_conntrack_events is 0 */
	uint64_t
		untranslated; /* new connections without translation, and those of the first dump */
	uint64_t events;      /* of all connections, translated or not */
	uint64_t dumped;      /* connections that were in a dump, in each again */
	uint64_t overruns;    /* times that events were lost, because nobody read */
	uint64_t resyncs;     /* dumps completed after the first one */
	uint64_t evicted;     /* connections forgotten early for want of room, ended ones first */
	uint64_t ambiguous;   /* found, one of several live ones with another translation or zone */
	uint64_t unreadable;  /* messages that are not as they should be */
	uint64_t seen;	      /* times that a packet told of a connection */
	uint64_t memory_bytes; /* of the table, as far as it is used */
};

/*
 * Begin to listen in the network namespace of the calling thread, and ask for the connections that
 * are there; they are read with the events, so plx_nat_info.synced is false at first. This needs
 * CAP_NET_ADMIN, now and at each dump. -EOPNOTSUPP when the kernel has no ctnetlink, -EINVAL for
 * options out of range. On failure ret_err has one line. Close with plx_nat__close().
 */
int plx_nat__open(const struct plx_nat_opts *opts, struct plx_nat **ret_nat, char *ret_err,
		  size_t err_size);
void plx_nat__close(struct plx_nat *nat); /* NULL is allowed */

/* One line on the last failure of plx_nat__read(); never NULL. */
const char *plx_nat__error(const struct plx_nat *nat);

/*
 * A program saw a packet of a connection under NAT. Without ctnetlink this is all that is known of
 * it: it counts as ended when no packet has told of it for plx_nat_opts.retention_ns.
 */
void plx_nat__seen(struct plx_nat *nat, const struct plx_nat_seen *seen);

/* File descriptor that polls readable when there is something to read; -1 without ctnetlink. */
int plx_nat__fd(const struct plx_nat *nat);

/*
 * Read some thousand messages at most, forget what has ended long ago, begin a dump that is due. To
 * be called when the descriptor is readable, and once a second or so in any case. Never blocks.
 * Returns 1 when there is more to do at once, 0 when not. A negative errno is what became of a dump
 * or of the socket; a dump is tried again after a second, and events are read all the same.
 */
int plx_nat__read(struct plx_nat *nat);

/*
 * Find the mapping of a packet as it arrives, or as it leaves. O(1). Of several, in zones or of
 * ICMP echoes that differ in their id only, it is the live one created last; if there is none, the
 * one that ended last. Returns whether there is one; *ret is written only then.
 */
bool plx_nat__find_before(struct plx_nat *nat, const struct plx_nat_tuple *before,
			  struct plx_nat_mapping *ret);
bool plx_nat__find_after(struct plx_nat *nat, const struct plx_nat_tuple *after,
			 struct plx_nat_mapping *ret);

/*
 * All mappings, two for each connection, in no order: *cursor is 0 at first, and false is returned
 * at the end. Reading in between is allowed; what comes and goes meanwhile may be missed.
 */
bool plx_nat__next(const struct plx_nat *nat, uint64_t *cursor, struct plx_nat_mapping *ret);

void plx_nat__info(const struct plx_nat *nat, struct plx_nat_info *ret_info);

/* Name of a TCP state as conntrack(8) prints it; "" for 0, "?" for one that is not known. */
const char *plx_nat_tcp_state_name(uint8_t state);

#endif
