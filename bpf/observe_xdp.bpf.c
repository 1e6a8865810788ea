// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * XDP entry: ingress, one frame at a time, before an skb exists. Always XDP_PASS. Multi-buffer
 * frames (jumbo) are welcome: headers are read from the first buffer, the length is that of all.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

#include "account.h"
#include "nat.h"

struct nf_conn___plx *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple,
					__u32 size, struct ct_opts *opts,
					__u32 opts_size) __ksym __weak;

static __always_inline struct nf_conn___plx *ct_lookup(void *ctx, struct bpf_sock_tuple *tuple,
						       __u32 size, struct ct_opts *opts)
{
	return bpf_xdp_ct_lookup(ctx, tuple, size, opts, sizeof(*opts));
}

/* First among the programs of a dispatcher: what the others drop was on the wire, too. */
struct {
	__uint(priority, 1);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(plx_xdp);

SEC("xdp.frags")
int plx_xdp(struct xdp_md *ctx)
{
	const void *data = (const void *)(long)ctx->data;
	const void *end = (const void *)(long)ctx->data_end;
	__u64 length = bpf_xdp_get_buff_len(ctx);
	__u32 ifindex = ctx->ingress_ifindex;
	struct seat seat = seat_of(ifindex);
	struct packet_slot *slot = packet_get();
	struct plx_packet *p;
	struct plx_wire wire;
	enum plx_skip skip;

	if (!slot || seat.slot < 0)
		return XDP_PASS;
	slot->in = (struct plx_parse_in){.length = length, .policy = seat.policy};
	p = &slot->packet;
	skip = plx_parse(data, end, &slot->in, p);
	if (skip != PLX_PARSE_OK && plx_cut(skip, p) && length > (__u64)(end - data))
		skip = PLX_SKIP_NONLINEAR;
	plx_wire_frame(&wire, length, skip == PLX_PARSE_OK ? p->ip_octets : 0);
	if (account(&seat, ifindex, PLX_DIR_IN, skip, p, &wire))
		nat_ask(ctx, ct_lookup, seat.ctl, &slot->nat, &p->sample);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
