/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries live in one array, found through a hash of chained indices, and each is on one list: a
 * slot of a timer wheel, or the list of what is due. An entry is looked at when its slot comes up,
 * not at each packet: if its time moved on meanwhile, it is filed again. So idle flows cost nothing
 * and a packet costs one hash lookup. The rest of the key of a flow in a tunnel is in an array of
 * its own, at the same index: other flows neither touch nor pay for it.
 */
#include "flow_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

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

struct entry {
	struct plx_flow_key key;
	uint32_t chain;	     /* next in the hash chain, or next free entry */
	uint32_t prev, next; /* on its list */
	uint16_t list;
	bool closing; /* FIN or RST was seen, in this interval or before */
	bool forced;
	uint64_t id;
	struct plx_flow_stats stats;
};

struct plx_cache {
	struct plx_cache_opts opts;
	struct entry *entries;
	struct plx_tunnel *tunnels; /* with PLX_KEY_TUNNEL only, else not touched */
	bool *touched;		    /* by page of tunnels */
	uint64_t nr_touched;
	size_t page_size;
	uint32_t used; /* entries ever used: the array is touched up to here */
	uint32_t free; /* list of those given back */
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint64_t seed;
	uint64_t next_id;
	uint64_t tick; /* slots up to this one (time >> WHEEL_SHIFT) were looked at */
	uint32_t heads[NR_LISTS];
	uint32_t tails[NR_LISTS];
	struct plx_cache_info info;
};

/* Pages are touched as they are used, so the capacity costs address space only. */
static void *map_zeroed(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

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
	cache->entries = map_zeroed((size_t)opts->capacity * sizeof(*cache->entries));
	cache->tunnels = map_zeroed((size_t)opts->capacity * sizeof(*cache->tunnels));
	cache->page_size = sysconf(_SC_PAGESIZE);
	cache->touched = calloc(opts->capacity * sizeof(*cache->tunnels) / cache->page_size + 1,
				sizeof(*cache->touched));
	cache->buckets = map_zeroed((size_t)buckets * sizeof(*cache->buckets));
	if (!cache->entries || !cache->tunnels || !cache->touched || !cache->buckets) {
		plx_cache__free(cache);
		return NULL;
	}
	/* Chains hold index + 1, so that an untouched bucket is an empty one. */
	cache->free = NIL;
	for (int i = 0; i < NR_LISTS; i++)
		cache->heads[i] = cache->tails[i] = NIL;
	cache->info.capacity = opts->capacity;
	cache->next_id = 1;
	/* Who can choose tuples shall not be able to choose their bucket; GRND_NONBLOCK may fail.
	 */
	if (getrandom(&cache->seed, sizeof(cache->seed), GRND_NONBLOCK) < 0)
		cache->seed = (uintptr_t)cache;
	return cache;
}

void plx_cache__free(struct plx_cache *cache)
{
	if (!cache)
		return;
	if (cache->entries)
		munmap(cache->entries, (size_t)cache->opts.capacity * sizeof(*cache->entries));
	if (cache->tunnels)
		munmap(cache->tunnels, (size_t)cache->opts.capacity * sizeof(*cache->tunnels));
	free(cache->touched);
	if (cache->buckets)
		munmap(cache->buckets, ((size_t)cache->bucket_mask + 1) * sizeof(*cache->buckets));
	free(cache);
}

/* Multiply-xorshift over the words of a part of the key, 48 octets at most. */
static inline uint64_t mix(uint64_t h, const void *part, size_t size)
{
	uint64_t words[6] = {};

	memcpy(words, part, size);
	for (size_t i = 0; i < (size + 7) / 8; i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

/* tunnel is looked at only if key says that it belongs to it. */
static uint32_t hash_key(const struct plx_cache *cache, const struct plx_flow_key *key,
			 const struct plx_tunnel *tunnel)
{
	uint64_t h = mix(cache->seed, key, sizeof(*key));

	if (key->flags & PLX_KEY_TUNNEL)
		h = mix(h, tunnel, sizeof(*tunnel));
	return h & cache->bucket_mask;
}

static bool is_flow_of(const struct plx_cache *cache, uint32_t index,
		       const struct plx_flow_record *rec)
{
	const struct plx_flow_key *key = &cache->entries[index].key;

	return memcmp(key, &rec->key, sizeof(*key)) == 0 &&
	       (!(key->flags & PLX_KEY_TUNNEL) ||
		memcmp(&cache->tunnels[index], &rec->tunnel, sizeof(rec->tunnel)) == 0);
}

static void set_tunnel(struct plx_cache *cache, uint32_t index, const struct plx_tunnel *tunnel)
{
	size_t first = index * sizeof(*tunnel), last = first + sizeof(*tunnel) - 1;

	cache->tunnels[index] = *tunnel;
	for (size_t page = first / cache->page_size; page <= last / cache->page_size; page++) {
		cache->nr_touched += !cache->touched[page];
		cache->touched[page] = true;
	}
}

/* An entry as others see it. */
static struct plx_flow flow_of(const struct plx_cache *cache, uint32_t index,
			       enum plx_end_reason reason)
{
	const struct entry *e = &cache->entries[index];
	struct plx_flow flow = {
		.key = e->key, .stats = e->stats, .id = e->id, .end_reason = reason};

	if (e->key.flags & PLX_KEY_TUNNEL)
		flow.tunnel = cache->tunnels[index];
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
static uint64_t deadline(const struct plx_cache *cache, const struct entry *e,
			 enum plx_end_reason *ret_reason)
{
	uint64_t due = e->stats.last_ns + cache->opts.inactive_ns;
	enum plx_end_reason reason = PLX_END_IDLE;

	if (e->closing && e->stats.last_ns + cache->opts.linger_ns < due) {
		due = e->stats.last_ns + cache->opts.linger_ns;
		reason = PLX_END_DETECTED;
	}
	if (e->stats.packets && e->stats.first_ns + cache->opts.active_ns < due) {
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
	uint64_t due = deadline(cache, &cache->entries[index], &reason);
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
	uint32_t *link = &cache->buckets[hash_key(cache, &e->key, &cache->tunnels[index])];

	while (*link != index + 1)
		link = &cache->entries[*link - 1].chain;
	*link = e->chain;
	list_remove(cache, index);
	e->chain = cache->free;
	cache->free = index;
	cache->info.flows--;
}

/* Offer e. On success it is gone, or, when cut by the active timeout, begins a new interval. */
static bool emit(struct plx_cache *cache, uint32_t index, enum plx_end_reason reason)
{
	struct entry *e = &cache->entries[index];

	if (e->stats.packets) {
		struct plx_flow flow = flow_of(cache, index, reason);

		if (!cache->opts.emit(cache->opts.arg, &flow))
			return false;
		if (reason == PLX_END_RESOURCES || reason == PLX_END_FORCED)
			cache->info.forced++;
		else
			cache->info.expired++;
	}
	if (reason == PLX_END_ACTIVE) {
		e->stats.packets = e->stats.octets = e->stats.frame_octets = 0;
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

static void merge(struct entry *e, const struct plx_flow_stats *add)
{
	struct plx_flow_stats *stats = &e->stats;

	if (stats->packets == 0) { /* a new interval after an active timeout */
		struct plx_flow_first first = stats->first;

		*stats = *add;
		stats->first = first;
		return;
	}
	stats->packets += add->packets;
	stats->octets += add->octets;
	stats->frame_octets += add->frame_octets;
	if (add->first_ns < stats->first_ns) {
		/* spilled packets may overtake the table's records */
		stats->first_ns = add->first_ns;
		stats->first = add->first;
	}
	if (add->last_ns > stats->last_ns)
		stats->last_ns = add->last_ns;
	stats->shape = plx_shape_merge(stats->shape, add->shape);
	stats->marks |= add->marks;
	stats->tcp_options |= add->tcp_options;
}

int plx_cache__add(struct plx_cache *cache, const struct plx_flow_record *rec)
{
	uint32_t *bucket = &cache->buckets[hash_key(cache, &rec->key, &rec->tunnel)];
	bool closes = rec->key.protocol == IPPROTO_TCP &&
		      PLX_SHAPE_TCP_FLAGS(rec->stats.shape) & (TCP_FIN | TCP_RST);
	struct entry *e;
	uint32_t index;

	for (index = *bucket; index; index = e->chain) {
		e = &cache->entries[index - 1];
		if (is_flow_of(cache, index - 1, rec)) {
			merge(e, &rec->stats);
			if (closes && !e->closing) {
				/* the one way in which a flow's time comes sooner than filed */
				e->closing = true;
				if (e->list != LIST_DUE) {
					list_remove(cache, index - 1);
					file(cache, index - 1);
				}
			}
			return 0;
		}
	}
	index = take_entry(cache);
	if (index == NIL)
		return -ENOSPC;
	e = &cache->entries[index];
	e->key = rec->key;
	if (rec->key.flags & PLX_KEY_TUNNEL)
		set_tunnel(cache, index, &rec->tunnel);
	e->stats = rec->stats;
	e->closing = closes;
	e->forced = false;
	e->id = cache->next_id++;
	/* take_entry() may have changed the chain, so read its head only now */
	e->chain = *bucket;
	*bucket = index + 1;
	cache->info.flows++;
	file(cache, index);
	return 0;
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

		if (deadline(cache, &cache->entries[index], &reason) > now_ns) {
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
			count += !e->forced && e->stats.packets;
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
				 cache->nr_touched * cache->page_size;
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

size_t plx_cache__top(const struct plx_cache *cache, plx_sort_fn sort, struct plx_flow *flows,
		      size_t nr)
{
	struct ranked *heap = calloc(nr ? nr : 1, sizeof(*heap));
	size_t count = 0;

	if (!heap)
		return 0;
	for (int list = 0; list < NR_LISTS; list++)
		for (uint32_t i = cache->heads[list]; i != NIL; i = cache->entries[i].next) {
			const struct entry *e = &cache->entries[i];
			struct plx_flow flow;
			uint64_t key;

			if (e->stats.packets == 0 || nr == 0)
				continue;
			flow = flow_of(cache, i, PLX_END_NONE);
			key = sort(&flow);
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
	return count;
}
