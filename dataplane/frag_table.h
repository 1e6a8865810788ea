/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First fragments of a replayed capture: what the map `fragments` is to the programs. Bounded; when
 * it is full the datagram that was entered first is forgotten.
 */
#ifndef PLX_FRAG_TABLE_H
#define PLX_FRAG_TABLE_H

#include <stdint.h>

#include <linux/types.h>

#include <plx/abi.h>

struct plx_frag_table;

/* NULL when there is no memory; capacity > 0. Free with plx_frag_table_free(), which takes NULL. */
struct plx_frag_table *plx_frag_table_new(uint32_t capacity);
void plx_frag_table_free(struct plx_frag_table *table);

/* Enter, or replace, the flow of a datagram. */
void plx_frag_table_put(struct plx_frag_table *table, const struct plx_frag_key *key,
			const struct plx_frag_flow *flow);

/* NULL when its first fragment was not seen, or is forgotten. */
const struct plx_frag_flow *plx_frag_table_find(const struct plx_frag_table *table,
						const struct plx_frag_key *key);

#endif
