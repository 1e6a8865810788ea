// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TC entries: ingress where XDP does not run natively, and egress. Always TC_ACT_UNSPEC, so that
 * the filters behind ours decide. An skb may be a super-packet (GRO, TSO, GSO): it is counted as
 * the segments that it is on the wire, each with headers of its own.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "account.h"
#include "nat.h"

struct nf_conn___plx *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					__u32 size, struct ct_opts *opts,
					__u32 opts_size) __ksym __weak;

static __always_inline struct nf_conn___plx *ct_lookup(void *skb, struct bpf_sock_tuple *tuple,
						       __u32 size, struct ct_opts *opts)
{
	return bpf_skb_ct_lookup(skb, tuple, size, opts, sizeof(*opts));
}

#define TC_ACT_UNSPEC (-1)
#define VLAN_HLEN     4
#define HEADERS_MAX   512 /* pulled into the linear part when headers lie outside of it */

/* What skb is on the wire. header: octets up to the payload, a moved-out tag included. */
static __always_inline void wire_of(const struct __sk_buff *skb, __u32 frame, __u32 l2,
				    __u32 header, const struct plx_packet *p, struct plx_wire *wire)
{
	__u32 gso_size = skb->gso_size;

	if (gso_size == 0 || frame <= header)
		plx_wire_frame(wire, frame, p->ip_octets ? p->ip_octets : frame - l2);
	else
		plx_wire_super(wire, frame, l2, header, gso_size, skb->gso_segs);
}

/* Parse what is in the linear part of skb. *ret_cut: there are headers outside of it. */
static __always_inline enum plx_skip parse_linear(struct __sk_buff *skb, struct packet_slot *slot,
						  bool *ret_cut)
{
	const void *data = (const void *)(long)skb->data;
	const void *end = (const void *)(long)skb->data_end;
	__u32 linear = skb->data_end - skb->data;
	enum plx_skip skip;

	/*
	 * Kept here: clang would sink the context loads below the branches and merge them into one
	 * at a variable offset, "dereference of modified ctx ptr".
	 */
	barrier_var(linear);
	/* Else it computes the addresses of a dozen members before the loop, once for all tries. */
	barrier_var(slot);
	skip = plx_parse(data, end, &slot->in, &slot->packet);
	*ret_cut = slot->in.length > linear && plx_cut(skip, &slot->packet);
	return skip;
}

static __always_inline int observe(struct __sk_buff *skb, int direction, __u32 ingress_ifindex)
{
	__u32 ifindex = skb->ifindex;
	struct seat seat = seat_of(ifindex);
	struct packet_slot *slot = packet_get();
	struct plx_wire wire = {};
	struct plx_parse_in *in;
	struct plx_packet *p;
	enum plx_skip skip;
	__u32 length, tag;
	bool cut;

	if (!slot || seat.slot < 0)
		return TC_ACT_UNSPEC;
	in = &slot->in;
	p = &slot->packet;
	length = skb->len;
	barrier_var(length);
	in->length = length;
	in->vlan_tagged = skb->vlan_present != 0;
	in->vlan_tci = skb->vlan_tci;
	in->super = skb->gso_size != 0;
	in->policy = seat.policy;
#pragma clang loop unroll(disable)
	for (int tries = 0; tries < 2; tries++) {
		skip = parse_linear(skb, slot, &cut);
		if (!cut || tries == 1 ||
		    bpf_skb_pull_data(skb, length < HEADERS_MAX ? length : HEADERS_MAX))
			break;
	}
	if (cut && skip != PLX_PARSE_OK)
		skip = PLX_SKIP_NONLINEAR;
	tag = in->vlan_tagged ? VLAN_HLEN : 0;
	if (skip == PLX_PARSE_OK) {
		p->sample.stats.first.ingress_ifindex = ingress_ifindex;
		length -= p->phantom_octets;
		wire_of(skb, length + tag, p->ip_offset + tag, p->header_octets + tag, p, &wire);
	} else {
		wire.segments = skb->gso_segs ? skb->gso_segs : 1;
		wire.frame_octets = length + tag;
	}
	if (account(&seat, ifindex, direction, skip, p, &wire))
		nat_ask(skb, ct_lookup, seat.ctl, &slot->nat, &p->sample);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int plx_tc_in(struct __sk_buff *skb)
{
	return observe(skb, PLX_DIR_IN, 0);
}

SEC("tc")
int plx_tc_out(struct __sk_buff *skb)
{
	return observe(skb, PLX_DIR_OUT, skb->ingress_ifindex);
}

char _license[] SEC("license") = "Dual BSD/GPL";
