// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TC programs of bpf/ behind a change of tuple, and what to compare them with. bench_packet.c
 * runs these.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "account.h"
#include "bench_tuple.h"

/* Make the entries of the file ordinary functions, to be inlined below. */
static __always_inline int plx_tc_in(struct __sk_buff *skb);
static __always_inline int plx_tc_out(struct __sk_buff *skb);
#undef SEC
#define SEC(name)
#define _license unused_license
#include "observe_tc.bpf.c"
#undef _license
#undef SEC
#define SEC(name) __attribute__((section(name), used))

#define FAILED 2 /* TC_ACT_SHOT: ours never return it */

SEC("tc")
int bench_empty(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("tc")
int bench_tuple_only(struct __sk_buff *skb)
{
	if (!bench_tuple((void *)(long)skb->data, (void *)(long)skb->data_end))
		return FAILED;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int bench_parse(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct packet_slot *slot = packet_get();

	if (!slot || !bench_tuple(data, end))
		return FAILED;
	slot->in = (struct plx_parse_in){.length = end - data};
	if (plx_parse(data, end, &slot->in, &slot->packet) != PLX_PARSE_OK)
		return FAILED;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int bench_in(struct __sk_buff *skb)
{
	if (!bench_tuple((void *)(long)skb->data, (void *)(long)skb->data_end))
		return FAILED;
	return plx_tc_in(skb);
}

SEC("tc")
int bench_out(struct __sk_buff *skb)
{
	if (!bench_tuple((void *)(long)skb->data, (void *)(long)skb->data_end))
		return FAILED;
	return plx_tc_out(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
