/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PLX_DATAPLANE_CLOCK_H
#define PLX_DATAPLANE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, the clock of the programs. */
static inline uint64_t plx_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
