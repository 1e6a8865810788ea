/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For the programs of bench_packet: give the packet at hand the tuple of another flow. Included
 * with the real headers of bpf/, so that what is measured is what runs.
 */
#ifndef BENCH_TUPLE_H
#define BENCH_TUPLE_H

/* Set before load: the verifier then knows the offset, and the program is the one of this case. */
const volatile __u32 bench_flows = 1;
const volatile __u32 bench_source_at = 26; /* low 32 bits of the source address */

__u64 bench_count;
__u64 bench_in_turn; /* each flow in turn rather than by chance */

/* Spreads bits (murmur3's finalizer). */
static __always_inline __u64 bench_mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/* False: the packet is too short, which the caller has to rule out. */
static __always_inline bool bench_tuple(void *data, void *end)
{
	__u64 n = bench_count++;
	__u32 flow;

	if (data + bench_source_at + sizeof(flow) > end)
		return false;
	flow = bench_in_turn ? n % bench_flows : ((bench_mix(n) >> 32) * bench_flows) >> 32;
	*(__u32 *)(data + bench_source_at) = flow;
	return true;
}

#endif
