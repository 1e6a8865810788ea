/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Token bucket: how many records may be sent now. No clock inside, the caller says what time it is.
 * Tokens are kept in billionths so that no rate is rounded.
 */
#ifndef PLX_PACER_H
#define PLX_PACER_H

#include <stdint.h>

#define PLX_PACER_BURST_MS 5 /* what may be made up for after a late wake-up */
#define PLX_PACER_UNIT	   1000000000ull

struct plx_pacer {
	uint64_t rate;	   /* records/s, 0: unlimited */
	uint64_t capacity; /* of the bucket, in records * PLX_PACER_UNIT; below 2^50 */
	uint64_t tokens;   /* same unit */
	uint64_t last_ns;  /* tokens are as of this time */
};

/* max_cost: the most that one message costs; the bucket always has room for it. */
static inline void plx_pacer_init(struct plx_pacer *pacer, uint32_t rate, uint32_t max_cost,
				  uint64_t now_ns)
{
	uint64_t burst = (uint64_t)rate * PLX_PACER_BURST_MS / 1000;

	pacer->rate = rate;
	pacer->capacity = (burst > max_cost ? burst : max_cost) * PLX_PACER_UNIT;
	pacer->tokens = pacer->capacity;
	pacer->last_ns = now_ns;
}

/* 0 when cost records may be sent now, else the nanoseconds until they may. */
static inline uint64_t plx_pacer_delay(struct plx_pacer *pacer, uint32_t cost, uint64_t now_ns)
{
	uint64_t need = cost * PLX_PACER_UNIT;
	uint64_t elapsed_ns = now_ns - pacer->last_ns;

	if (!pacer->rate)
		return 0;
	pacer->last_ns = now_ns;
	/* The division first: the product must not overflow after a long pause. */
	if (elapsed_ns > (pacer->capacity - pacer->tokens) / pacer->rate)
		pacer->tokens = pacer->capacity;
	else
		pacer->tokens += elapsed_ns * pacer->rate;
	return pacer->tokens < need ? (need - pacer->tokens + pacer->rate - 1) / pacer->rate : 0;
}

/* They were sent. Only after plx_pacer_delay() of the same cost said 0. */
static inline void plx_pacer_take(struct plx_pacer *pacer, uint32_t cost)
{
	if (pacer->rate)
		pacer->tokens -= cost * PLX_PACER_UNIT;
}

#endif
