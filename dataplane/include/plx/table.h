/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hash tables whose keys come from the network have in common: a hash that nobody outside can
 * foresee, and arrays that cost address space only until they are used.
 */
#ifndef PLX_TABLE_H
#define PLX_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/*
 * Who can choose keys shall not be able to choose their bucket. Where the kernel has no random
 * numbers yet it is the place of the table in memory.
 */
static inline uint64_t plx_hash_seed(const void *table)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < (ssize_t)sizeof(seed))
		seed = (uintptr_t)table;
	return seed;
}

/* Multiply-xorshift over the words of part of a key, on top of h: a seed, or what came before. */
static inline uint64_t plx_hash(uint64_t h, const void *part, size_t size)
{
	const unsigned char *p = part;

	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = 0;

		memcpy(&word, p + i, size - i < 8 ? size - i : 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

/* Zeroed pages, which are there when they are touched. NULL: no memory. To be freed with munmap().
 */
static inline void *plx_map_zeroed(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

#endif
