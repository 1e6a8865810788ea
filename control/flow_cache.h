/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow cache: merge what the kernel counted per epoch into flows, and let them go by timeout.
 * Bounded: an entry for each flow, at most capacity of them. A flow is known by its key, and in a
 * tunnel (PLX_KEY_TUNNEL) by key and struct plx_tunnel together. Nothing here knows of exporters or
 * sockets; a flow that is due is offered to the emit callback, which may refuse it for now.
 */
#ifndef PLX_FLOW_CACHE_H
#define PLX_FLOW_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

struct plx_cache;

/* Take flow (valid during the call): true. Or false: no room now, offer it again later. */
typedef bool (*plx_emit_fn)(void *arg, const struct plx_flow *flow);

/* Was flow, which came in and never left, to leave? Else it ended on this machine, or who knows. */
typedef bool (*plx_was_to_leave_fn)(void *arg, const struct plx_flow *flow);

struct plx_cache_opts {
	uint32_t capacity; /* flows */
	uint64_t active_ns;
	uint64_t inactive_ns;
	uint64_t linger_ns; /* after FIN or RST */
	bool join;	    /* both sides of a forwarded flow are one flow */
	plx_emit_fn emit;
	plx_was_to_leave_fn was_to_leave; /* asked with join, at a flow's end; NULL: no */
	void *arg;
};

struct plx_cache_info {
	uint32_t flows;
	uint32_t capacity;
	uint64_t expired;      /* flows emitted because a timeout or the end of TCP was reached */
	uint64_t forced;       /* emitted early for lack of room, or by a flush */
	uint64_t memory_bytes; /* touched so far; never given back */
};

/* NULL when there is no memory. Free with plx_cache__free(). */
struct plx_cache *plx_cache__new(const struct plx_cache_opts *opts);
void plx_cache__free(struct plx_cache *cache);

/*
 * Merge rec into its flow, or begin one. With join, what was counted at egress and came in at
 * another interface is of the flow of its ingress: the one at that interface, or, if nothing is
 * counted there (a bridge, a VLAN device), of the same 5-tuple anywhere. Its tuple has to be that
 * before any translation, as it was at ingress. The two sides may come in any order. When the cache
 * is full the flow nearest to its timeout is emitted first; -ENOSPC when nobody takes that one: rec
 * was not merged then.
 */
int plx_cache__add(struct plx_cache *cache, const struct plx_flow_record *rec);

/*
 * What was counted until now_ns (CLOCK_MONOTONIC) may lack packets of one side of a flow, since an
 * interface was not metered, or for another reason: nothing is told as dropped in an interval of a
 * flow that began before.
 */
void plx_cache__gap(struct plx_cache *cache, uint64_t now_ns);

/*
 * Emit what is due at now_ns (CLOCK_MONOTONIC), at most budget flows. Returns true when more is
 * due: the budget was used up, or emit refused.
 */
bool plx_cache__expire(struct plx_cache *cache, uint64_t now_ns, uint32_t budget);

/* Make all flows due, with flowEndReason forced. Returns how many; __expire() emits them. */
uint32_t plx_cache__flush(struct plx_cache *cache);

void plx_cache__info(const struct plx_cache *cache, struct plx_cache_info *ret_info);

/* Key to sort by, larger first. */
typedef uint64_t (*plx_sort_fn)(const struct plx_flow *flow);

/* Which flows; it may add to flow, a copy, what the cache does not know. */
typedef bool (*plx_match_fn)(void *arg, struct plx_flow *flow);

struct plx_cache_query {
	plx_sort_fn sort;
	plx_match_fn match; /* NULL: all */
	void *arg;
};

/*
 * The nr largest flows of a query, largest first, into flows (room for nr). Returns how many were
 * stored; *ret_matched, unless NULL, is how many there are. Scans all flows; flows without packets
 * since their last export are left out.
 */
size_t plx_cache__top(const struct plx_cache *cache, const struct plx_cache_query *query,
		      struct plx_flow *flows, size_t nr, uint64_t *ret_matched);

#endif
