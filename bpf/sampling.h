/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which packets are metered when not all are: 1 in N, by chance or by flow. Chosen after the
 * parser, so that what is skipped is skipped for all, and after fragments found their flow. With N
 * = 1 the verifier removes all of it. Random numbers and the seed are nothing that a sender could
 * foresee.
 */
#ifndef PLX_BPF_SAMPLING_H
#define PLX_BPF_SAMPLING_H

#include "maps.h"

const volatile __u32 sampling_interval = 1;
const volatile bool sampling_flows = false; /* whole flows rather than packets */
const volatile __u32 sampling_seed = 0;

static __always_inline __u32 sampling_mix(__u32 h, __u32 word)
{
	h = (h ^ word) * 0x9e3779b1;
	return h ^ h >> 15;
}

static __always_inline __u32 sampling_end(const __be32 address[4], __be16 port)
{
	__u32 h = sampling_mix(sampling_seed, port);

	for (int i = 0; i < 4; i++)
		h = sampling_mix(h, address[i]);
	return h;
}

/* The same for both directions of a flow, at all interfaces. */
static __always_inline __u32 sampling_hash(const struct plx_flow_key *key)
{
	__u32 h = sampling_end(key->source, key->source_port) +
		  sampling_end(key->dest, key->dest_port);

	h = sampling_mix(sampling_mix(h, key->protocol), sampling_seed);
	return sampling_mix(h, h >> 16);
}

static __always_inline bool sampling_takes(const struct plx_flow_key *key)
{
	__u32 number;

	if (sampling_interval <= 1)
		return true;
	number = sampling_flows ? sampling_hash(key) : bpf_get_prandom_u32();
	/* as good as number % interval == 0, without a division */
	return (__u64)number * sampling_interval >> 32 == 0;
}

#endif
