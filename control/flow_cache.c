/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries live in one array, found through a hash of chained indices, and each is on one list: a
 * slot of a timer wheel, or the list of what is due. An entry is looked at when its slot comes up,
 * not at each packet: if its time moved on meanwhile, it is filed again. So idle flows cost nothing
 * and a packet costs one hash lookup. The rest of the key of a flow in a tunnel is in an array of
 * its own, at the same index: other flows neither touch nor pay for it. So is what left of a
 * forwarded flow. The hash is of what both sides of a flow have in common, so that each finds the
 * other.
 */
#include "flow_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <plx/table.h>

#include "sparse.h"

#define NIL UINT32_MAX

/*
 * Wheel: 2048 slots of 2^26 ns (67 ms), together 137 s. What is due later is filed in the last
 * slot and looked at then.
 */
#define WHEEL_SLOTS 2048
#define WHEEL_SHIFT 26
#define LIST_DUE    WHEEL_SLOTS
#define NR_LISTS    (WHEEL_SLOTS + 1)

#define TCP_FIN	    0x01
#define TCP_RST	    0x04
#define IPPROTO_TCP 6

/* The side of egress. */
struct egress {
	struct plx_flow_post post; /* since the last export; with entry.out */
	int64_t missing;	   /* in the intervals exported already; with entry.behind */
	uint64_t since_ns;	   /* when the first of these began */
};

/*
 * Sides of an entry. Of a flow that is not joined the only one is in, whatever its direction. An
 * entry with out alone waits for its ingress: its key has the interface where that is said to be.
 */
struct entry {
	struct plx_flow_key key;
	uint32_t chain;	     /* next in the hash chain, or next free entry */
	uint32_t prev, next; /* on its list */
	uint16_t list;
	bool closing; /* FIN or RST was seen, in this interval or before */
	bool forced;
	bool in;
	bool out;    /* egress[].post has it */
	bool behind; /* egress[].missing is not 0 */
	uint64_t id;
	struct plx_flow_stats stats;
};

struct plx_cache {
	struct plx_cache_opts opts;
	struct entry *entries;
	struct plx_sparse tunnels; /* struct plx_tunnel, with PLX_KEY_TUNNEL only */
	struct plx_sparse egress;  /* struct egress, with entry.out or entry.behind only */
	uint32_t used;		   /* entries ever used: the array is touched up to here */
	uint32_t free;		   /* list of those given back */
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint64_t seed;
	uint64_t next_id;
	uint64_t gap_ns; /* what was counted before may lack packets of one side */
	uint64_t tick;	 /* slots up to this one (time >> WHEEL_SHIFT) were looked at */
	uint32_t heads[NR_LISTS];
	uint32_t tails[NR_LISTS];
	struct plx_cache_info info;
};

struct plx_cache *plx_cache__new(const struct plx_cache_opts *opts)
{
	struct plx_cache *cache = calloc(1, sizeof(*cache));
	uint32_t buckets = 1024;

	if (!cache)
		return NULL;
	while (buckets < opts->capacity && buckets < 1U << 31)
		buckets *= 2;
	cache->opts = *opts;
	cache->bucket_mask = buckets - 1;
	cache->entries = plx_map_zeroed((size_t)opts->capacity * sizeof(*cache->entries));
	cache->buckets = plx_map_zeroed((size_t)buckets * sizeof(*cache->buckets));
	if (!cache->entries || !cache->buckets ||
	    !plx_sparse_init(&cache->tunnels, opts->capacity, sizeof(struct plx_tunnel)) ||
	    !plx_sparse_init(&cache->egress, opts->capacity, sizeof(struct egress))) {
		plx_cache__free(cache);
		return NULL;
	}
	/* Chains hold index + 1, so that an untouched bucket is an empty one. */
	cache->free = NIL;
	for (int i = 0; i < NR_LISTS; i++)
		cache->heads[i] = cache->tails[i] = NIL;
	cache->info.capacity = opts->capacity;
	cache->next_id = 1;
	cache->seed = plx_hash_seed(cache);
	return cache;
}

void plx_cache__free(struct plx_cache *cache)
{
	if (!cache)
		return;
	if (cache->entries)
		munmap(cache->entries, (size_t)cache->opts.capacity * sizeof(*cache->entries));
	plx_sparse_done(&cache->tunnels);
	plx_sparse_done(&cache->egress);
	if (cache->buckets)
		munmap(cache->buckets, ((size_t)cache->bucket_mask + 1) * sizeof(*cache->buckets));
	free(cache);
}

static const struct plx_tunnel *tunnel_of(const struct plx_cache *cache, uint32_t index)
{
	return plx_sparse_at(&cache->tunnels, index);
}

static const struct egress *egress_of(const struct plx_cache *cache, uint32_t index)
{
	return plx_sparse_at(&cache->egress, index);
}

/* What both sides of a forwarded flow have in common. */
static struct plx_flow_key common(const struct plx_flow_key *key)
{
	struct plx_flow_key part = *key;

	part.ifindex = 0;
	part.vlan = 0;
	part.flags &= ~PLX_KEY_DIR_OUT;
	return part;
}

/* tunnel is looked at only if key says that it belongs to it. */
static uint32_t hash_key(const struct plx_cache *cache, const struct plx_flow_key *key,
			 const struct plx_tunnel *tunnel)
{
	struct plx_flow_key part = common(key);
	uint64_t h = plx_hash(cache->seed, &part, sizeof(part));

	if (key->flags & PLX_KEY_TUNNEL)
		h = plx_hash(h, tunnel, sizeof(*tunnel));
	return h & cache->bucket_mask;
}

static bool same_tunnel(const struct plx_cache *cache, uint32_t index,
			const struct plx_flow_record *rec)
{
	return !(rec->key.flags & PLX_KEY_TUNNEL) ||
	       memcmp(tunnel_of(cache, index), &rec->tunnel, sizeof(rec->tunnel)) == 0;
}

/* Was rec counted where a packet left that had come in elsewhere? */
static bool is_egress(const struct plx_cache *cache, const struct plx_flow_record *rec)
{
	return cache->opts.join && rec->key.flags & PLX_KEY_DIR_OUT &&
	       rec->stats.first.ingress_ifindex;
}

/*
 * How well the entry fits rec, which has the same key but for interface, tag and direction: 0, not
 * at all; NR_FITS - 1, nothing can fit better.
 */
enum { NO_FIT, ANY_INTERFACE, SAME_INTERFACE, NR_FITS };

static int fit(const struct plx_cache *cache, uint32_t index, const struct plx_flow_record *rec)
{
	const struct entry *e = &cache->entries[index];

	if (is_egress(cache, rec)) {
		if (e->key.flags & PLX_KEY_DIR_OUT ||
		    (e->out && egress_of(cache, index)->post.ifindex != rec->key.ifindex))
			return NO_FIT;
		return e->key.ifindex == rec->stats.first.ingress_ifindex ? SAME_INTERFACE
									  : ANY_INTERFACE;
	}
	if (e->in)
		return memcmp(&e->key, &rec->key, sizeof(e->key)) == 0 ? SAME_INTERFACE : NO_FIT;
	if (rec->key.flags & PLX_KEY_DIR_OUT)
		return NO_FIT;
	return e->key.ifindex == rec->key.ifindex ? SAME_INTERFACE : ANY_INTERFACE;
}

/* The entry that rec belongs to, or NIL. */
static uint32_t find(const struct plx_cache *cache, uint32_t first,
		     const struct plx_flow_record *rec)
{
	const struct plx_flow_key part = common(&rec->key);
	uint32_t best = NIL;
	int best_fit = NO_FIT;

	for (uint32_t link = first; link && best_fit < SAME_INTERFACE;
	     link = cache->entries[link - 1].chain) {
		struct plx_flow_key other = common(&cache->entries[link - 1].key);
		int how;

		if (memcmp(&other, &part, sizeof(part)) || !same_tunnel(cache, link - 1, rec))
			continue;
		how = fit(cache, link - 1, rec);
		if (how > best_fit) {
			best = link - 1;
			best_fit = how;
		}
	}
	return best;
}

/* Nothing was counted since the last export. */
static bool is_empty(const struct plx_cache *cache, uint32_t index)
{
	const struct entry *e = &cache->entries[index];

	return !e->stats.packets && !(e->out && egress_of(cache, index)->post.packets);
}

/* Does one side lack what the other one has of this interval? */
static bool is_lopsided(const struct plx_cache *cache, const struct entry *e)
{
	return e->stats.first_ns < cache->gap_ns;
}

/*
 * Packets that came in and did not leave so far. Of a flow that never left these are all, which may
 * have been for this machine. 0 when it is not known.
 */
static int64_t missing_of(const struct plx_cache *cache, uint32_t index)
{
	const struct entry *e = &cache->entries[index];
	const struct egress *egress = egress_of(cache, index);
	int64_t missing = e->stats.packets;

	if (!cache->opts.join || !e->in || e->key.flags & PLX_KEY_DIR_OUT || is_lopsided(cache, e))
		return 0;
	if (e->out)
		missing -= egress->post.packets;
	if (e->behind && egress->since_ns >= cache->gap_ns)
		missing += egress->missing;
	return missing;
}

/* An entry as others see it. */
static struct plx_flow flow_of(const struct plx_cache *cache, uint32_t index,
			       enum plx_end_reason reason)
{
	const struct entry *e = &cache->entries[index];
	const struct egress *egress = egress_of(cache, index);
	struct plx_flow flow = {
		.key = e->key, .stats = e->stats, .id = e->id, .end_reason = reason};
	int64_t missing = missing_of(cache, index);

	if (e->key.flags & PLX_KEY_TUNNEL)
		flow.tunnel = *tunnel_of(cache, index);
	if (e->out && e->in) {
		flow.post = egress->post;
	} else if (e->out) { /* nobody counted where it came in */
		flow.key.flags |= PLX_KEY_DIR_OUT;
		flow.key.ifindex = egress->post.ifindex;
		flow.stats.packets = egress->post.packets;
		flow.stats.octets = egress->post.octets;
		flow.stats.frame_octets = egress->post.frame_octets;
	}
	/* Before the end packets may be on their way. */
	if (missing > 0 && (reason == PLX_END_IDLE || reason == PLX_END_DETECTED) &&
	    (e->out ||
	     (cache->opts.was_to_leave && cache->opts.was_to_leave(cache->opts.arg, &flow))))
		flow.dropped = missing;
	return flow;
}

static void list_remove(struct plx_cache *cache, uint32_t index)
{
	struct entry *e = &cache->entries[index];

	if (e->prev != NIL)
		cache->entries[e->prev].next = e->next;
	else
		cache->heads[e->list] = e->next;
	if (e->next != NIL)
		cache->entries[e->next].prev = e->prev;
	else
		cache->tails[e->list] = e->prev;
}

static void list_append(struct plx_cache *cache, uint32_t index, uint16_t list)
{
	struct entry *e = &cache->entries[index];

	e->list = list;
	e->next = NIL;
	e->prev = cache->tails[list];
	if (e->prev != NIL)
		cache->entries[e->prev].next = index;
	else
		cache->heads[list] = index;
	cache->tails[list] = index;
}

/* When e is to be emitted (or forgotten), and why. */
static uint64_t deadline(const struct plx_cache *cache, uint32_t index,
			 enum plx_end_reason *ret_reason)
{
	const struct entry *e = &cache->entries[index];
	uint64_t due = e->stats.last_ns + cache->opts.inactive_ns;
	enum plx_end_reason reason = PLX_END_IDLE;

	if (e->closing && e->stats.last_ns + cache->opts.linger_ns < due) {
		due = e->stats.last_ns + cache->opts.linger_ns;
		reason = PLX_END_DETECTED;
	}
	if (!is_empty(cache, index) && e->stats.first_ns + cache->opts.active_ns < due) {
		due = e->stats.first_ns + cache->opts.active_ns;
		reason = PLX_END_ACTIVE;
	}
	if (e->forced) {
		due = 0;
		reason = PLX_END_FORCED;
	}
	*ret_reason = reason;
	return due;
}

/* Put an entry that is on no list where its time will come up. */
static void file(struct plx_cache *cache, uint32_t index)
{
	enum plx_end_reason reason;
	uint64_t due = deadline(cache, index, &reason);
	/* One slot later: a slot is looked at when its time has begun, the entry must be due. */
	uint64_t tick = (due >> WHEEL_SHIFT) + 1;

	if (tick <= cache->tick)
		tick = cache->tick + 1;
	if (tick >= cache->tick + WHEEL_SLOTS)
		tick = cache->tick + WHEEL_SLOTS - 1;
	list_append(cache, index, tick % WHEEL_SLOTS);
}

static void release(struct plx_cache *cache, uint32_t index)
{
	struct entry *e = &cache->entries[index];
	uint32_t *link = &cache->buckets[hash_key(cache, &e->key, tunnel_of(cache, index))];

	while (*link != index + 1)
		link = &cache->entries[*link - 1].chain;
	*link = e->chain;
	list_remove(cache, index);
	e->chain = cache->free;
	cache->free = index;
	cache->info.flows--;
}

/* A new interval, after the last one was exported. */
static void begin_interval(struct plx_cache *cache, uint32_t index)
{
	struct entry *e = &cache->entries[index];
	int64_t missing = missing_of(cache, index);

	if (e->out || missing || e->behind) {
		struct egress *egress = plx_sparse_touch(&cache->egress, index);

		if (!e->behind || egress->since_ns < cache->gap_ns)
			egress->since_ns = e->stats.first_ns;
		egress->missing = missing;
		egress->post.packets = egress->post.octets = egress->post.frame_octets = 0;
		e->behind = missing != 0;
	}
	/* It may never leave again where it did. */
	if (e->in && is_lopsided(cache, e))
		e->out = false;
	e->stats.packets = e->stats.octets = e->stats.frame_octets = 0;
}

/* Offer e. On success it is gone, or, when cut by the active timeout, begins a new interval. */
static bool emit(struct plx_cache *cache, uint32_t index, enum plx_end_reason reason)
{
	struct plx_flow flow = flow_of(cache, index, reason);

	/* What was lost on the way may come to light after the last packet that was counted. */
	if (!is_empty(cache, index) || flow.dropped) {
		if (!cache->opts.emit(cache->opts.arg, &flow))
			return false;
		if (reason == PLX_END_RESOURCES || reason == PLX_END_FORCED)
			cache->info.forced++;
		else
			cache->info.expired++;
	}
	if (reason == PLX_END_ACTIVE) {
		begin_interval(cache, index);
		list_remove(cache, index);
		file(cache, index);
	} else {
		release(cache, index);
	}
	return true;
}

/* Room for one more: a free entry, or that of the flow nearest to its timeout. */
static uint32_t take_entry(struct plx_cache *cache)
{
	uint32_t index = cache->free;

	if (index == NIL && cache->used < cache->opts.capacity)
		return cache->used++;
	if (index == NIL) {
		uint32_t victim = cache->heads[LIST_DUE];

		for (uint64_t i = 1; victim == NIL && i <= WHEEL_SLOTS; i++)
			victim = cache->heads[(cache->tick + i) % WHEEL_SLOTS];
		if (victim == NIL || !emit(cache, victim, PLX_END_RESOURCES))
			return NIL;
		index = cache->free;
	}
	cache->free = cache->entries[index].chain;
	return index;
}

/* Times of both sides, and what all packets of a side have said. */
static void merge_shape(struct plx_flow_stats *stats, const struct plx_flow_stats *add)
{
	stats->shape = plx_shape_merge(stats->shape, add->shape);
	stats->marks |= add->marks;
	stats->tcp_options |= add->tcp_options;
}

static void set_shape(struct plx_flow_stats *stats, const struct plx_flow_stats *add)
{
	stats->shape = add->shape;
	stats->marks = add->marks;
	stats->tcp_options = add->tcp_options;
}

static void merge_times(struct plx_flow_stats *stats, const struct plx_flow_stats *add, bool begins)
{
	if (begins || add->first_ns < stats->first_ns)
		stats->first_ns = add->first_ns;
	if (begins || add->last_ns > stats->last_ns)
		stats->last_ns = add->last_ns;
}

/* rec is of the side that gives the entry its key. */
static void merge_in(struct plx_cache *cache, uint32_t index, const struct plx_flow_record *rec)
{
	const struct plx_flow_stats *add = &rec->stats;
	struct entry *e = &cache->entries[index];
	struct plx_flow_stats *stats = &e->stats;
	bool begins = is_empty(cache, index);

	if (!e->in) { /* so far only egress was there */
		e->in = true;
		e->key = rec->key;
		stats->first = add->first;
		set_shape(stats, add);
	} else if (!stats->packets) { /* a new interval after an active timeout */
		set_shape(stats, add);
	} else {
		/* spilled packets may overtake the table's records */
		if (add->first_ns < stats->first_ns)
			stats->first = add->first;
		merge_shape(stats, add);
	}
	merge_times(stats, add, begins);
	stats->packets += add->packets;
	stats->octets += add->octets;
	stats->frame_octets += add->frame_octets;
}

static void merge_out(struct plx_cache *cache, uint32_t index, const struct plx_flow_record *rec)
{
	const struct plx_flow_stats *add = &rec->stats;
	struct entry *e = &cache->entries[index];
	struct egress *egress = plx_sparse_touch(&cache->egress, index);
	bool begins = is_empty(cache, index);

	if (!e->out) {
		e->out = true;
		egress->post = (struct plx_flow_post){.ifindex = rec->key.ifindex};
	}
	if (!e->in) {
		if (begins)
			set_shape(&e->stats, add);
		else
			merge_shape(&e->stats, add);
	}
	merge_times(&e->stats, add, begins);
	egress->post.packets += add->packets;
	egress->post.octets += add->octets;
	egress->post.frame_octets += add->frame_octets;
}

/* A new entry for rec, or NIL. */
static uint32_t begin(struct plx_cache *cache, const struct plx_flow_record *rec)
{
	uint32_t index = take_entry(cache), *bucket;
	struct entry *e;

	if (index == NIL)
		return NIL;
	e = &cache->entries[index];
	e->key = rec->key;
	e->stats = rec->stats;
	e->stats.packets = e->stats.octets = e->stats.frame_octets = 0;
	e->closing = e->forced = e->in = e->out = e->behind = false;
	e->id = cache->next_id++;
	if (is_egress(cache, rec)) {
		e->key.flags &= ~PLX_KEY_DIR_OUT;
		e->key.ifindex = rec->stats.first.ingress_ifindex;
		e->key.vlan = 0;
	}
	if (rec->key.flags & PLX_KEY_TUNNEL)
		*(struct plx_tunnel *)plx_sparse_touch(&cache->tunnels, index) = rec->tunnel;
	/* take_entry() may have changed the chain, so its head is read only now */
	bucket = &cache->buckets[hash_key(cache, &e->key, &rec->tunnel)];
	e->chain = *bucket;
	*bucket = index + 1;
	cache->info.flows++;
	return index;
}

int plx_cache__add(struct plx_cache *cache, const struct plx_flow_record *rec)
{
	bool closes = rec->key.protocol == IPPROTO_TCP &&
		      PLX_SHAPE_TCP_FLAGS(rec->stats.shape) & (TCP_FIN | TCP_RST);
	uint32_t index = find(cache, cache->buckets[hash_key(cache, &rec->key, &rec->tunnel)], rec);
	bool is_new = index == NIL;
	struct entry *e;

	if (is_new)
		index = begin(cache, rec);
	if (index == NIL)
		return -ENOSPC;
	e = &cache->entries[index];
	if (is_egress(cache, rec))
		merge_out(cache, index, rec);
	else
		merge_in(cache, index, rec);
	if (is_new) {
		e->closing = closes;
		file(cache, index);
	} else if (closes && !e->closing) {
		/* the one way in which a flow's time comes sooner than filed */
		e->closing = true;
		if (e->list != LIST_DUE) {
			list_remove(cache, index);
			file(cache, index);
		}
	}
	return 0;
}

void plx_cache__gap(struct plx_cache *cache, uint64_t now_ns)
{
	cache->gap_ns = now_ns;
}

/* Move what was filed for the slots that have come up to the end of the due list. */
static void turn(struct plx_cache *cache, uint64_t now_ns)
{
	uint64_t now = now_ns >> WHEEL_SHIFT;

	/* After a long pause every slot once is enough. */
	if (now > cache->tick + WHEEL_SLOTS)
		cache->tick = now - WHEEL_SLOTS;
	while (cache->tick < now) {
		uint32_t slot = ++cache->tick % WHEEL_SLOTS;

		while (cache->heads[slot] != NIL) {
			uint32_t index = cache->heads[slot];

			list_remove(cache, index);
			list_append(cache, index, LIST_DUE);
		}
	}
}

bool plx_cache__expire(struct plx_cache *cache, uint64_t now_ns, uint32_t budget)
{
	turn(cache, now_ns);
	while (cache->heads[LIST_DUE] != NIL) {
		uint32_t index = cache->heads[LIST_DUE];
		enum plx_end_reason reason;

		if (deadline(cache, index, &reason) > now_ns) {
			list_remove(cache, index);
			file(cache, index);
			continue;
		}
		if (budget-- == 0 || !emit(cache, index, reason))
			return true;
	}
	return false;
}

uint32_t plx_cache__flush(struct plx_cache *cache)
{
	uint32_t count = 0;

	for (int list = 0; list < NR_LISTS; list++)
		for (uint32_t i = cache->heads[list], next; i != NIL; i = next) {
			struct entry *e = &cache->entries[i];

			next = e->next;
			/* the due list comes last, with those that were moved there just now */
			count += !e->forced && !is_empty(cache, i);
			e->forced = true;
			if (list != LIST_DUE) {
				list_remove(cache, i);
				list_append(cache, i, LIST_DUE);
			}
		}
	return count;
}

void plx_cache__info(const struct plx_cache *cache, struct plx_cache_info *ret_info)
{
	*ret_info = cache->info;
	ret_info->memory_bytes = (uint64_t)cache->used * sizeof(struct entry) +
				 ((uint64_t)cache->bucket_mask + 1) * sizeof(uint32_t) +
				 plx_sparse_memory(&cache->tunnels) +
				 plx_sparse_memory(&cache->egress);
}

struct ranked {
	uint64_t key;
	uint32_t index;
};

/* Restore a min-heap of nr elements whose element i may be too large. */
static void sift_down(struct ranked *heap, size_t nr, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		if (left < nr && heap[left].key < heap[least].key)
			least = left;
		if (left + 1 < nr && heap[left + 1].key < heap[least].key)
			least = left + 1;
		if (least == i)
			return;
		struct ranked swap = heap[i];

		heap[i] = heap[least];
		heap[least] = swap;
		i = least;
	}
}

static int larger_first(const void *a, const void *b)
{
	uint64_t ka = ((const struct ranked *)a)->key, kb = ((const struct ranked *)b)->key;

	return (ka < kb) - (ka > kb);
}

size_t plx_cache__top(const struct plx_cache *cache, const struct plx_cache_query *query,
		      struct plx_flow *flows, size_t nr, uint64_t *ret_matched)
{
	struct ranked *heap = calloc(nr ? nr : 1, sizeof(*heap));
	uint64_t matched = 0;
	size_t count = 0;

	if (ret_matched)
		*ret_matched = 0;
	if (!heap)
		return 0;
	for (int list = 0; list < NR_LISTS; list++)
		for (uint32_t i = cache->heads[list]; i != NIL; i = cache->entries[i].next) {
			struct plx_flow flow;
			uint64_t key;

			if (is_empty(cache, i) || nr == 0)
				continue;
			flow = flow_of(cache, i, PLX_END_NONE);
			if (query->match && !query->match(query->arg, &flow))
				continue;
			matched++;
			key = query->sort(&flow);
			if (count < nr) {
				heap[count++] = (struct ranked){key, i};
				if (count == nr)
					for (size_t k = nr / 2 + 1; k-- > 0;)
						sift_down(heap, nr, k);
			} else if (key > heap[0].key) {
				heap[0] = (struct ranked){key, i};
				sift_down(heap, nr, 0);
			}
		}
	qsort(heap, count, sizeof(*heap), larger_first);
	for (size_t k = 0; k < count; k++)
		flows[k] = flow_of(cache, heap[k].index, PLX_END_NONE);
	free(heap);
	if (ret_matched)
		*ret_matched = matched;
	return count;
}
