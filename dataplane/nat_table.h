/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections under NAT that nat.c is told of, found by the tuples of their packets. Knows
 * neither netlink nor the clock. Bounded; read <plx/nat.h> first.
 */
#ifndef PLX_NAT_TABLE_H
#define PLX_NAT_TABLE_H

#include <plx/nat.h>

struct plx_nat_table;

enum plx_nat_dir { PLX_NAT_ORIGINAL, PLX_NAT_REPLY };

/* A connection as conntrack has it: for each direction, its packets as they arrive. */
struct plx_nat_conn {
	struct plx_nat_tuple tuple[2]; /* by enum plx_nat_dir */
	uint16_t zone[2];
	uint16_t icmp_id; /* of the original direction; 0 when it is not ICMP */
	uint32_t id;	  /* 0: not told */
	bool seen_reply;
	bool assured;
	bool counted;	   /* packets and octets are there */
	uint8_t tcp_state; /* 0: not told */
	uint64_t packets[2];
	uint64_t octets[2];
};

enum plx_nat_told {
	PLX_NAT_TOLD_NEW, /* by an event, as the next two */
	PLX_NAT_TOLD_UPDATE,
	PLX_NAT_TOLD_END,
	PLX_NAT_TOLD_DUMP,
	PLX_NAT_TOLD_PACKET, /* a program that saw a packet of it; knows no id */
};

/* 0 < capacity <= 2^30. NULL: no memory. Free with plx_nat_table_free(), which takes NULL. */
struct plx_nat_table *plx_nat_table_new(uint32_t capacity, uint64_t retention_ns);
/* Whom to tell when connections begin and end; read <plx/nat.h>. */
void plx_nat_table_notify(struct plx_nat_table *table, plx_nat_event_fn event, void *arg);
void plx_nat_table_free(struct plx_nat_table *table);

/* Enter what an event, a dump or a packet says. now_ns: of a packet its own time. */
void plx_nat_table_tell(struct plx_nat_table *table, enum plx_nat_told told,
			const struct plx_nat_conn *conn, uint64_t now_ns);

/*
 * A dump in four steps: _begin() before it is asked for; tell what is in it, and events meanwhile,
 * in the order in which they are read; _end() when it was complete, else _abort(); then _sweep(),
 * until it returns false, ends what was neither in the dump nor in an event since _begin(). Events
 * are newer than the dump whatever the order. Nothing expires between _begin() and _end().
 */
void plx_nat_table_begin(struct plx_nat_table *table);
void plx_nat_table_end(struct plx_nat_table *table);
void plx_nat_table_abort(struct plx_nat_table *table);
bool plx_nat_table_sweep(struct plx_nat_table *table, uint64_t now_ns, unsigned int budget);

/* Forget up to budget connections that ended long ago; true when there are more. */
bool plx_nat_table_expire(struct plx_nat_table *table, uint64_t now_ns, unsigned int budget);

/*
 * Where packets alone tell of connections nobody says when they end: up to budget of those that no
 * packet told of for silence_ns have. True when there are more.
 */
bool plx_nat_table_silence(struct plx_nat_table *table, uint64_t now_ns, uint64_t silence_ns,
			   unsigned int budget);

bool plx_nat_table_find_before(struct plx_nat_table *table, const struct plx_nat_tuple *before,
			       struct plx_nat_mapping *ret);
bool plx_nat_table_find_after(struct plx_nat_table *table, const struct plx_nat_tuple *after,
			      struct plx_nat_mapping *ret);
bool plx_nat_table_next(const struct plx_nat_table *table, uint64_t *cursor,
			struct plx_nat_mapping *ret);

/* Live connections that only a dump has ever told of: there may be no event at their end. */
uint32_t plx_nat_table_silent(const struct plx_nat_table *table);

/* Fills what the table knows of it: nothing of the socket. */
void plx_nat_table_info(const struct plx_nat_table *table, struct plx_nat_info *ret_info);

#endif
