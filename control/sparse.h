/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An array for what few entries of the flow cache have: its pages are touched as they are used, so
 * the capacity costs address space only, and what was touched is known.
 */
#ifndef PLX_SPARSE_H
#define PLX_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <plx/table.h>

struct plx_sparse {
	char *data;
	size_t size; /* of an element */
	size_t bytes;
	size_t page_size;
	bool *touched; /* by page */
	uint64_t nr_touched;
};

static inline void plx_sparse_done(struct plx_sparse *array)
{
	if (array->data)
		munmap(array->data, array->bytes);
	free(array->touched);
	*array = (struct plx_sparse){};
}

/* False: no memory. */
static inline bool plx_sparse_init(struct plx_sparse *array, size_t capacity, size_t size)
{
	array->size = size;
	array->bytes = capacity * size;
	array->page_size = sysconf(_SC_PAGESIZE);
	array->data = plx_map_zeroed(array->bytes);
	array->touched = calloc(array->bytes / array->page_size + 1, sizeof(*array->touched));
	return array->data && array->touched;
}

/* An element to read, zeroed if it was never touched. */
static inline const void *plx_sparse_at(const struct plx_sparse *array, size_t index)
{
	return array->data + index * array->size;
}

/* An element to write. */
static inline void *plx_sparse_touch(struct plx_sparse *array, size_t index)
{
	size_t first = index * array->size, last = first + array->size - 1;

	for (size_t page = first / array->page_size; page <= last / array->page_size; page++) {
		array->nr_touched += !array->touched[page];
		array->touched[page] = true;
	}
	return array->data + first;
}

static inline uint64_t plx_sparse_memory(const struct plx_sparse *array)
{
	return array->nr_touched * array->page_size;
}

#endif
