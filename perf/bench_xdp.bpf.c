// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The XDP program of bpf/ behind a change of tuple, and what to compare it with. bench_packet.c
 * and bench_live.c run these.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

#include "account.h"
#include "bench_tuple.h"

/* Make the entry of the file an ordinary function, to be inlined below. */
static __always_inline int plx_xdp(struct xdp_md *ctx);
#undef SEC
#define SEC(name)
#undef XDP_RUN_CONFIG
#define XDP_RUN_CONFIG(name) unused_run_config
#define _license	     unused_license
#include "observe_xdp.bpf.c"
#undef _license
#undef SEC
#define SEC(name) __attribute__((section(name), used))

SEC("xdp.frags")
int bench_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_tuple_only(struct xdp_md *ctx)
{
	if (!bench_tuple((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		return XDP_ABORTED;
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct packet_slot *slot = packet_get();

	if (!slot || !bench_tuple(data, end))
		return XDP_ABORTED;
	slot->in = (struct plx_parse_in){.length = end - data};
	if (plx_parse(data, end, &slot->in, &slot->packet) != PLX_PARSE_OK)
		return XDP_ABORTED;
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_in(struct xdp_md *ctx)
{
	if (!bench_tuple((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		return XDP_ABORTED;
	return plx_xdp(ctx);
}

/* For bench_live: the meter on real frames, without the network stack behind it. */
SEC("xdp.frags")
int bench_drop(struct xdp_md *ctx)
{
	plx_xdp(ctx);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
