/* SPDX-License-Identifier: BSD-2-Clause */
/* See frag_table.h: a ring of entries, found through a hash of chained indices. */
#include "frag_table.h"

#include <stdlib.h>
#include <string.h>

#include <plx/table.h>

#define NIL UINT32_MAX

struct entry {
	struct plx_frag_key key;
	struct plx_frag_flow flow;
	uint32_t chain; /* next in the bucket */
};

struct plx_frag_table {
	struct entry *entries;
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t capacity;
	uint32_t used;
	uint32_t oldest; /* the next to go, once all are used */
	uint64_t seed;
};

struct plx_frag_table *plx_frag_table_new(uint32_t capacity)
{
	struct plx_frag_table *table = calloc(1, sizeof(*table));
	uint32_t buckets = 64;

	if (!table)
		return NULL;
	while (buckets < capacity && buckets < 1U << 31)
		buckets *= 2;
	table->capacity = capacity;
	table->bucket_mask = buckets - 1;
	table->entries = calloc(capacity, sizeof(*table->entries));
	table->buckets = malloc((size_t)buckets * sizeof(*table->buckets));
	if (!table->entries || !table->buckets) {
		plx_frag_table_free(table);
		return NULL;
	}
	memset(table->buckets, 0xff, (size_t)buckets * sizeof(*table->buckets));
	table->seed = plx_hash_seed(table);
	return table;
}

void plx_frag_table_free(struct plx_frag_table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table->buckets);
	free(table);
}

static uint32_t *bucket_of(const struct plx_frag_table *table, const struct plx_frag_key *key)
{
	return &table->buckets[plx_hash(table->seed, key, sizeof(*key)) & table->bucket_mask];
}

static struct entry *find(const struct plx_frag_table *table, const struct plx_frag_key *key)
{
	for (uint32_t i = *bucket_of(table, key); i != NIL; i = table->entries[i].chain)
		if (memcmp(&table->entries[i].key, key, sizeof(*key)) == 0)
			return &table->entries[i];
	return NULL;
}

static uint32_t take_entry(struct plx_frag_table *table)
{
	uint32_t index, *link;

	if (table->used < table->capacity)
		return table->used++;
	index = table->oldest++;
	if (table->oldest == table->capacity)
		table->oldest = 0;
	link = bucket_of(table, &table->entries[index].key);
	while (*link != index)
		link = &table->entries[*link].chain;
	*link = table->entries[index].chain;
	return index;
}

void plx_frag_table_put(struct plx_frag_table *table, const struct plx_frag_key *key,
			const struct plx_frag_flow *flow)
{
	struct entry *e = find(table, key);
	uint32_t index, *bucket;

	if (!e) {
		index = take_entry(table);
		bucket = bucket_of(table, key);
		e = &table->entries[index];
		e->key = *key;
		e->chain = *bucket;
		*bucket = index;
	}
	e->flow = *flow;
}

const struct plx_frag_flow *plx_frag_table_find(const struct plx_frag_table *table,
						const struct plx_frag_key *key)
{
	const struct entry *e = find(table, key);

	return e ? &e->flow : NULL;
}
