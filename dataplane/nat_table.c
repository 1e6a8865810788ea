/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See nat_table.h. A connection is an entry of one array, with two nodes, one for each direction's
 * tuple. What leaves is what arrives in the other direction with its ends exchanged, so these two
 * find it by all four of its tuples. Nodes of the same tuple are a ring, whose head is in a hash of
 * chained indices: live ones first, the newest of them at the head, then ended ones, the latest of
 * them last. So each end of the ring is what a search wants, and nothing here walks a list that
 * somebody outside could make long: a host that pings with a new id each second has thousands of
 * connections of one tuple. A second hash finds a connection as conntrack tells them apart: by
 * tuple, zone and ICMP id of the original direction.
 */
#include "nat_table.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <plx/table.h>

#define NIL UINT32_MAX

#define FIRST_DUMP 2

/* So many live connections of one tuple are looked at for whether they translate it differently. */
#define AMBIGUOUS_WALK 8

enum state {
	FREE,
	LIVE,
	ENDED,	 /* an event said so */
	MISSING, /* was not in a dump, or of no packet for long */
};

/* Chains hold index + 1, so that an untouched bucket is an empty one. */
struct node {
	uint32_t chain;	     /* of a head: that of the next tuple in the bucket */
	uint32_t prev, next; /* ring of the same tuple */
};

struct entry {
	struct plx_nat_tuple tuple[2];
	struct node node[2]; /* number: index * 2 + direction */
	uint32_t chain;	     /* of the hash of connections, or next free entry */
	/* List of live ones by creation, or by when a packet told of them, or of ended ones by end
	 */
	uint32_t prev, next;
	uint32_t id;
	uint32_t seen;	/* the dump since whose begin it was last heard of */
	uint32_t event; /* same, for events only; 0: there was none yet */
	uint16_t zone[2];
	uint16_t icmp_id;
	uint8_t state; /* enum state */
	uint8_t tcp_state;
	bool seen_reply, assured, older;
	uint64_t created_ns;
	uint64_t last_ns;
	uint64_t packets[2];
	uint64_t octets[2];
};

_Static_assert(sizeof(struct entry) == 192, "an entry is three cache lines");

struct list {
	uint32_t head, tail, count;
};

struct plx_nat_table {
	struct entry *entries;
	uint32_t capacity;
	uint32_t used; /* entries ever used: the array is touched up to here */
	uint32_t free;
	uint32_t *tuples; /* buckets of heads */
	uint32_t tuple_mask;
	uint32_t *conns; /* buckets of connections */
	uint32_t conn_mask;
	uint64_t seed;
	uint64_t retention_ns;
	struct list live, ended;
	uint32_t silent;
	uint32_t dump; /* number of the last one that was begun, 1 before there was one */
	bool dumping;
	bool sweeping;
	uint32_t sweep; /* the next to look at */
	uint64_t untranslated, events, dumped, evicted, ambiguous;
	plx_nat_event_fn event;
	void *event_arg;
};

struct plx_nat_table *plx_nat_table_new(uint32_t capacity, uint64_t retention_ns)
{
	struct plx_nat_table *table = calloc(1, sizeof(*table));
	uint32_t buckets = 1024;

	if (!table)
		return NULL;
	while (buckets < capacity)
		buckets *= 2;
	table->capacity = capacity;
	table->retention_ns = retention_ns;
	table->conn_mask = buckets - 1;
	table->tuple_mask = buckets * 2 - 1;
	table->entries = plx_map_zeroed((size_t)capacity * sizeof(*table->entries));
	table->conns = plx_map_zeroed((size_t)buckets * sizeof(*table->conns));
	table->tuples = plx_map_zeroed((size_t)buckets * 2 * sizeof(*table->tuples));
	if (!table->entries || !table->conns || !table->tuples) {
		plx_nat_table_free(table);
		return NULL;
	}
	table->free = NIL;
	table->live = table->ended = (struct list){NIL, NIL, 0};
	table->dump = 1;
	table->seed = plx_hash_seed(table);
	return table;
}

void plx_nat_table_notify(struct plx_nat_table *table, plx_nat_event_fn event, void *arg)
{
	table->event = event;
	table->event_arg = arg;
}

void plx_nat_table_free(struct plx_nat_table *table)
{
	if (!table)
		return;
	if (table->entries)
		munmap(table->entries, (size_t)table->capacity * sizeof(*table->entries));
	if (table->conns)
		munmap(table->conns, ((size_t)table->conn_mask + 1) * sizeof(*table->conns));
	if (table->tuples)
		munmap(table->tuples, ((size_t)table->tuple_mask + 1) * sizeof(*table->tuples));
	free(table);
}

/* The type of the answer to an ICMP type, for those that conntrack makes connections of. */
static uint8_t icmp_answer(uint8_t version, uint8_t type)
{
	if (version == 6)
		return type == 128   ? 129
		       : type == 129 ? 128
		       : type == 139 ? 140
		       : type == 140 ? 139
				     : type;
	if (type == 0 || type == 8)
		return 8 - type;
	if (type >= 13 && type <= 18) /* 13 and 14, 15 and 16, 17 and 18 */
		return type % 2 ? type + 1 : type - 1;
	return type;
}

/* The tuple of an answer to packets of this one, if nobody translates it. */
static struct plx_nat_tuple reverse(const struct plx_nat_tuple *tuple)
{
	struct plx_nat_tuple back = *tuple;

	memcpy(back.source, tuple->dest, sizeof(back.source));
	memcpy(back.dest, tuple->source, sizeof(back.dest));
	if (tuple->protocol == (tuple->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		uint16_t type_code = ntohs(tuple->dest_port);

		back.dest_port =
			htons(icmp_answer(tuple->version, type_code >> 8) << 8 | (type_code & 255));
	} else {
		back.source_port = tuple->dest_port;
		back.dest_port = tuple->source_port;
	}
	return back;
}

static bool same_tuple(const struct plx_nat_tuple *a, const struct plx_nat_tuple *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static uint64_t hash_tuple(const struct plx_nat_table *table, const struct plx_nat_tuple *tuple)
{
	return plx_hash(table->seed, tuple, sizeof(*tuple));
}

static struct entry *entry_of(const struct plx_nat_table *table, uint32_t node)
{
	return &table->entries[node / 2];
}

static struct node *node_of(const struct plx_nat_table *table, uint32_t node)
{
	return &table->entries[node / 2].node[node % 2];
}

static const struct plx_nat_tuple *tuple_of(const struct plx_nat_table *table, uint32_t node)
{
	return &table->entries[node / 2].tuple[node % 2];
}

static bool is_live(const struct plx_nat_table *table, uint32_t node)
{
	return entry_of(table, node)->state == LIVE;
}

/* Where the head of the ring of a tuple is noted, or would be. */
static uint32_t *find_ring(const struct plx_nat_table *table, const struct plx_nat_tuple *tuple)
{
	uint32_t *link = &table->tuples[hash_tuple(table, tuple) & table->tuple_mask];

	while (*link && !same_tuple(tuple_of(table, *link - 1), tuple))
		link = &node_of(table, *link - 1)->chain;
	return link;
}

static void ring_add(struct plx_nat_table *table, uint32_t node)
{
	uint32_t *link = find_ring(table, tuple_of(table, node));
	struct node *n = node_of(table, node), *head;

	if (!*link) {
		n->chain = 0;
		n->prev = n->next = node;
		*link = node + 1;
		return;
	}
	head = node_of(table, *link - 1);
	n->next = *link - 1;
	n->prev = head->prev;
	node_of(table, n->prev)->next = node;
	head->prev = node;
	if (is_live(table, node)) {
		n->chain = head->chain;
		*link = node + 1;
	}
}

static void ring_remove(struct plx_nat_table *table, uint32_t node)
{
	uint32_t *link = find_ring(table, tuple_of(table, node));
	struct node *n = node_of(table, node);

	if (n->next == node) {
		*link = n->chain;
		return;
	}
	node_of(table, n->prev)->next = n->next;
	node_of(table, n->next)->prev = n->prev;
	if (*link == node + 1) {
		node_of(table, n->next)->chain = n->chain;
		*link = n->next + 1;
	}
}

static void list_append(struct plx_nat_table *table, struct list *list, uint32_t index)
{
	struct entry *e = &table->entries[index];

	e->next = NIL;
	e->prev = list->tail;
	if (e->prev != NIL)
		table->entries[e->prev].next = index;
	else
		list->head = index;
	list->tail = index;
	list->count++;
}

static void list_remove(struct plx_nat_table *table, struct list *list, uint32_t index)
{
	struct entry *e = &table->entries[index];

	if (e->prev != NIL)
		table->entries[e->prev].next = e->next;
	else
		list->head = e->next;
	if (e->next != NIL)
		table->entries[e->next].prev = e->prev;
	else
		list->tail = e->prev;
	list->count--;
}

static uint32_t index_of(const struct plx_nat_table *table, const struct entry *e)
{
	return e - table->entries;
}

static struct list *list_of(struct plx_nat_table *table, const struct entry *e)
{
	return e->state == LIVE ? &table->live : &table->ended;
}

/* Put an entry that is in no ring and on no list where its state says that it belongs. */
static void put(struct plx_nat_table *table, struct entry *e, enum state state)
{
	uint32_t index = index_of(table, e);

	e->state = state;
	ring_add(table, index * 2 + PLX_NAT_ORIGINAL);
	ring_add(table, index * 2 + PLX_NAT_REPLY);
	list_append(table, list_of(table, e), index);
	table->silent += state == LIVE && e->event == 0;
}

static void take_out(struct plx_nat_table *table, struct entry *e)
{
	uint32_t index = index_of(table, e);

	ring_remove(table, index * 2 + PLX_NAT_ORIGINAL);
	ring_remove(table, index * 2 + PLX_NAT_REPLY);
	list_remove(table, list_of(table, e), index);
	table->silent -= e->state == LIVE && e->event == 0;
}

static uint32_t *find_bucket(const struct plx_nat_table *table, const struct plx_nat_tuple *tuple,
			     uint16_t zone, uint16_t icmp_id)
{
	uint16_t part[] = {zone, icmp_id};
	uint64_t h = plx_hash(hash_tuple(table, tuple), part, sizeof(part));

	return &table->conns[h & table->conn_mask];
}

static struct entry *find_conn(const struct plx_nat_table *table, const struct plx_nat_conn *conn)
{
	uint32_t chain = *find_bucket(table, &conn->tuple[0], conn->zone[0], conn->icmp_id);

	while (chain) {
		struct entry *e = &table->entries[chain - 1];

		if (e->zone[0] == conn->zone[0] && e->icmp_id == conn->icmp_id &&
		    same_tuple(&e->tuple[0], &conn->tuple[0]))
			return e;
		chain = e->chain;
	}
	return NULL;
}

static void forget(struct plx_nat_table *table, struct entry *e)
{
	uint32_t *link = find_bucket(table, &e->tuple[0], e->zone[0], e->icmp_id);
	uint32_t index = index_of(table, e);

	while (*link != index + 1)
		link = &table->entries[*link - 1].chain;
	*link = e->chain;
	take_out(table, e);
	e->state = FREE;
	e->chain = table->free;
	table->free = index;
}

static struct entry *take_entry(struct plx_nat_table *table)
{
	struct entry *e;

	if (table->free == NIL && table->used < table->capacity)
		return &table->entries[table->used++];
	if (table->free == NIL) {
		const struct list *list = table->ended.count ? &table->ended : &table->live;

		forget(table, &table->entries[list->head]);
		table->evicted++;
	}
	e = &table->entries[table->free];
	table->free = e->chain;
	return e;
}

/* The same connection, not another one since with the same tuple: ids may be given again. */
static bool is_same(const struct entry *e, const struct plx_nat_conn *conn)
{
	return (e->id == conn->id || !e->id || !conn->id) &&
	       same_tuple(&e->tuple[1], &conn->tuple[1]);
}

/* The mapping of the direction of a node. */
static void fill(const struct plx_nat_table *table, uint32_t node, struct plx_nat_mapping *ret)
{
	const struct entry *e = entry_of(table, node);
	enum plx_nat_dir dir = node % 2;

	*ret = (struct plx_nat_mapping){
		.before = e->tuple[dir],
		.after = reverse(&e->tuple[!dir]),
		.reply = dir == PLX_NAT_REPLY,
		.live = e->state == LIVE,
		.older = e->older,
		.seen_reply = e->seen_reply,
		.assured = e->assured,
		.tcp_state = e->tcp_state,
		.zone = e->zone[dir],
		.id = e->id,
		.created_ns = e->created_ns,
		.last_ns = e->last_ns,
		.packets = e->packets[dir],
		.octets = e->octets[dir],
	};
	if (memcmp(ret->before.source, ret->after.source, sizeof(ret->before.source)) != 0 ||
	    ret->before.source_port != ret->after.source_port)
		ret->kind |= PLX_NAT_SOURCE;
	if (memcmp(ret->before.dest, ret->after.dest, sizeof(ret->before.dest)) != 0 ||
	    ret->before.dest_port != ret->after.dest_port)
		ret->kind |= PLX_NAT_DEST;
}

/* Tell of the beginning or the end of e, which has its state before or after it. */
static void announce(struct plx_nat_table *table, const struct entry *e, bool begins,
		     uint64_t now_ns)
{
	struct plx_nat_mapping original;

	if (!table->event)
		return;
	fill(table, index_of(table, e) * 2 + PLX_NAT_ORIGINAL, &original);
	table->event(table->event_arg, begins, &original, now_ns);
}

static bool is_event(enum plx_nat_told told)
{
	return told != PLX_NAT_TOLD_DUMP && told != PLX_NAT_TOLD_PACKET;
}

/* No event and no dump told of it so far. */
static bool is_packets_only(const struct entry *e)
{
	return e->event == 0 && e->id == 0;
}

/* Enter what changes in the life of a connection. */
static void refresh(struct entry *e, const struct plx_nat_conn *conn, uint64_t now_ns)
{
	e->seen_reply = conn->seen_reply;
	e->assured = conn->assured;
	if (conn->id)
		e->id = conn->id;
	if (conn->tcp_state)
		e->tcp_state = conn->tcp_state;
	if (conn->counted) {
		memcpy(e->packets, conn->packets, sizeof(e->packets));
		memcpy(e->octets, conn->octets, sizeof(e->octets));
	}
	e->last_ns = now_ns;
}

/* A new entry, or, with e, a new life for the entry of the connection that had the tuple. */
static struct entry *start(struct plx_nat_table *table, struct entry *e,
			   const struct plx_nat_conn *conn, enum plx_nat_told told, uint64_t now_ns)
{
	bool older = told != PLX_NAT_TOLD_NEW;
	uint64_t created_ns = now_ns;
	uint32_t chain, *link;
	/* Nobody saw those of the first dump begin, nor one whose end is the first that is told. */
	bool begins = told != PLX_NAT_TOLD_END &&
		      (told != PLX_NAT_TOLD_DUMP || table->dump != FIRST_DUMP);

	if (!e) {
		e = take_entry(table);
		link = find_bucket(table, &conn->tuple[0], conn->zone[0], conn->icmp_id);
		chain = *link;
		*link = index_of(table, e) + 1;
	} else {
		if (e->state == LIVE && is_packets_only(e) && is_same(e, conn))
			begins = false; /* a packet told of it before its event was read */
		else if (e->state == LIVE)
			announce(table, e, false, now_ns);
		take_out(table, e);
		chain = e->chain;
		if (e->state == MISSING && older && is_same(e, conn))
			created_ns = e->created_ns; /* it had not ended */
	}
	*e = (struct entry){
		.tuple = {conn->tuple[0], conn->tuple[1]},
		.chain = chain,
		.id = conn->id,
		.event = is_event(told) ? table->dump : 0,
		.zone = {conn->zone[0], conn->zone[1]},
		.icmp_id = conn->icmp_id,
		.older = older,
		.created_ns = created_ns,
	};
	refresh(e, conn, now_ns);
	put(table, e, LIVE);
	if (begins)
		announce(table, e, true, now_ns);
	return e;
}

static void finish(struct plx_nat_table *table, struct entry *e, enum state state, uint64_t now_ns)
{
	if (e->state == LIVE)
		announce(table, e, false, now_ns);
	take_out(table, e);
	e->last_ns = now_ns;
	put(table, e, state);
}

/* What becomes of a connection under NAT; e is the entry of its tuple, or NULL. */
static struct entry *tell(struct plx_nat_table *table, struct entry *e, enum plx_nat_told told,
			  const struct plx_nat_conn *conn, uint64_t now_ns)
{
	bool same = e && is_same(e, conn);

	switch (told) {
	case PLX_NAT_TOLD_NEW:
		/* Sent after the end of the former one of this tuple, always: it replaces all. */
		return start(table, e, conn, told, now_ns);
	case PLX_NAT_TOLD_UPDATE:
		/* Can overtake the end of its connection: what has ended has ended. */
		if (!same || e->state == MISSING)
			return start(table, e, conn, told, now_ns);
		if (e->state == LIVE)
			refresh(e, conn, now_ns);
		return e;
	case PLX_NAT_TOLD_DUMP:
		if (!same || e->state != LIVE)
			return start(table, e, conn, told, now_ns);
		refresh(e, conn, now_ns);
		return e;
	case PLX_NAT_TOLD_END:
		/*
		 * Not of the connection that lives: it is late. The kernel sends it again when a
		 * listener that asked for this (NETLINK_BROADCAST_ERROR) had no room.
		 */
		if (e && e->state == (same ? ENDED : LIVE))
			return e;
		if (!same)
			e = start(table, e, conn, told, now_ns);
		refresh(e, conn, now_ns);
		finish(table, e, ENDED, now_ns);
		return e;
	case PLX_NAT_TOLD_PACKET:
		/* It may be read after what came later: the end, or the next one of this tuple. */
		if (e && now_ns <= e->last_ns)
			return e;
		if (!same || e->state != LIVE)
			return start(table, e, conn, told, now_ns);
		refresh(e, conn, now_ns);
		list_remove(table, &table->live, index_of(table, e));
		list_append(table, &table->live, index_of(table, e));
		return e;
	}
	return e;
}

/* Not kept; but a connection that had the tuple and was translated is gone. */
static void tell_untranslated(struct plx_nat_table *table, struct entry *e, enum plx_nat_told told,
			      uint64_t now_ns)
{
	bool dump = told == PLX_NAT_TOLD_DUMP;

	if (told != PLX_NAT_TOLD_NEW && !dump)
		return;
	if (!dump || table->dump == FIRST_DUMP)
		table->untranslated++;
	if (e && e->state == LIVE)
		announce(table, e, false, now_ns);
	if (e)
		forget(table, e);
}

void plx_nat_table_tell(struct plx_nat_table *table, enum plx_nat_told told,
			const struct plx_nat_conn *conn, uint64_t now_ns)
{
	bool event = is_event(told);
	struct plx_nat_tuple back = reverse(&conn->tuple[1]);
	struct entry *e = find_conn(table, conn);

	table->events += event;
	table->dumped += told == PLX_NAT_TOLD_DUMP;
	/* What events since the dump was asked for said of it is newer, its end above all. */
	if (told == PLX_NAT_TOLD_DUMP && e && e->event == table->dump)
		return;
	/*
	 * The tuples say whether there is a translation. The bits for it in the status do not: IPVS
	 * translates without setting them, and an ICMP id is no part of a flow's key.
	 */
	if (same_tuple(&conn->tuple[0], &back)) {
		tell_untranslated(table, e, told, now_ns);
		return;
	}
	e = tell(table, e, told, conn, now_ns);
	e->seen = table->dump;
	if (event) {
		table->silent -= e->state == LIVE && e->event == 0;
		e->event = table->dump;
	}
}

void plx_nat_table_begin(struct plx_nat_table *table)
{
	table->dump++;
	table->dumping = true;
	table->sweeping = false;
}

void plx_nat_table_end(struct plx_nat_table *table)
{
	table->dumping = false;
	table->sweeping = true;
	table->sweep = 0;
}

void plx_nat_table_abort(struct plx_nat_table *table)
{
	table->dumping = false;
}

bool plx_nat_table_sweep(struct plx_nat_table *table, uint64_t now_ns, unsigned int budget)
{
	if (!table->sweeping)
		return false;
	for (; table->sweep < table->used && budget > 0; table->sweep++, budget--) {
		struct entry *e = &table->entries[table->sweep];

		if (e->state == LIVE && e->seen != table->dump)
			finish(table, e, MISSING, now_ns);
	}
	table->sweeping = table->sweep < table->used;
	return table->sweeping;
}

bool plx_nat_table_expire(struct plx_nat_table *table, uint64_t now_ns, unsigned int budget)
{
	if (table->dumping)
		return false;
	while (table->ended.count > 0) {
		struct entry *e = &table->entries[table->ended.head];

		if (now_ns < e->last_ns || now_ns - e->last_ns < table->retention_ns)
			return false;
		if (budget-- == 0)
			return true;
		forget(table, e);
	}
	return false;
}

bool plx_nat_table_silence(struct plx_nat_table *table, uint64_t now_ns, uint64_t silence_ns,
			   unsigned int budget)
{
	while (table->live.count > 0) {
		struct entry *e = &table->entries[table->live.head];

		if (now_ns < e->last_ns || now_ns - e->last_ns < silence_ns)
			return false;
		if (budget-- == 0)
			return true;
		finish(table, e, MISSING, now_ns);
	}
	return false;
}

/* Whether the other end of two connections that share a tuple, or the zone, differs. */
static bool differs(const struct plx_nat_table *table, uint32_t a, uint32_t b)
{
	const struct entry *ea = entry_of(table, a), *eb = entry_of(table, b);

	return !same_tuple(tuple_of(table, a ^ 1), tuple_of(table, b ^ 1)) ||
	       ea->zone[a % 2] != eb->zone[b % 2];
}

/* The node of a tuple that a search wants, or NIL. */
static uint32_t find(struct plx_nat_table *table, const struct plx_nat_tuple *tuple)
{
	uint32_t head = *find_ring(table, tuple), other;

	if (!head)
		return NIL;
	head--;
	if (!is_live(table, head))
		return node_of(table, head)->prev;
	other = node_of(table, head)->next;
	for (int i = 0; i < AMBIGUOUS_WALK && other != head && is_live(table, other); i++) {
		if (differs(table, head, other)) {
			table->ambiguous++;
			break;
		}
		other = node_of(table, other)->next;
	}
	return head;
}

bool plx_nat_table_find_before(struct plx_nat_table *table, const struct plx_nat_tuple *before,
			       struct plx_nat_mapping *ret)
{
	uint32_t node = find(table, before);

	if (node != NIL)
		fill(table, node, ret);
	return node != NIL;
}

bool plx_nat_table_find_after(struct plx_nat_table *table, const struct plx_nat_tuple *after,
			      struct plx_nat_mapping *ret)
{
	struct plx_nat_tuple back = reverse(after);
	uint32_t node = find(table, &back);

	if (node != NIL)
		fill(table, node ^ 1, ret);
	return node != NIL;
}

bool plx_nat_table_next(const struct plx_nat_table *table, uint64_t *cursor,
			struct plx_nat_mapping *ret)
{
	while (*cursor < (uint64_t)table->used * 2) {
		uint32_t node = (*cursor)++;

		if (entry_of(table, node)->state != FREE) {
			fill(table, node, ret);
			return true;
		}
	}
	return false;
}

uint32_t plx_nat_table_silent(const struct plx_nat_table *table)
{
	return table->silent;
}

void plx_nat_table_info(const struct plx_nat_table *table, struct plx_nat_info *ret_info)
{
	*ret_info = (struct plx_nat_info){
		.capacity = table->capacity,
		.live = table->live.count,
		.ended = table->ended.count,
		.untranslated = table->untranslated,
		.events = table->events,
		.dumped = table->dumped,
		.evicted = table->evicted,
		.ambiguous = table->ambiguous,
		.memory_bytes = table->used * sizeof(*table->entries) +
				((uint64_t)table->conn_mask + 1) * sizeof(*table->conns) +
				((uint64_t)table->tuple_mask + 1) * sizeof(*table->tuples),
	};
}
