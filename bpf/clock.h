/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The time of a packet. bpf_ktime_get_ns() costs as much as finding a flow among a thousand, so it
 * is read when the jiffy changed or after PLX_CLOCK_USES packets, and kept per CPU in between:
 * wrong by at most one jiffy (1 to 10 ms), on a busy link by the time of PLX_CLOCK_USES packets.
 */
#ifndef PLX_CLOCK_H
#define PLX_CLOCK_H

#include "maps.h"

#define PLX_CLOCK_USES 32

static __always_inline __u64 clock_now(void)
{
	__u32 zero = 0;
	struct plx_cpu_clock *clock = bpf_map_lookup_elem(&cpu_clock, &zero);
	__u64 jiffies;

	if (!clock) /* cannot happen: index 0 of an array */
		return bpf_ktime_get_ns();
	jiffies = bpf_jiffies64();
	if (clock->jiffies != jiffies || ++clock->uses >= PLX_CLOCK_USES) {
		clock->jiffies = jiffies;
		clock->uses = 0;
		clock->ns = bpf_ktime_get_ns();
	}
	return clock->ns;
}

#endif
