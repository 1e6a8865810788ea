// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes frames: BPF_PROG_TEST_RUN with live frames runs flowgen for each one. Frames that the
 * device refuses (a full veth ring) are made again, so that every index is sent exactly once: the
 * kernel sends a bulk in order and up to its first failure, so what was refused is always the end
 * of what was made, and the tracepoint fires before the next frame is made.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "flowgen.h"

#define LATE_NS	 10000000
#define SPIN_MAX (1 << 20) /* bounds the wait for one frame to some 40 ms */

const volatile struct flowgen_config cfg = {};
struct flowgen_counts counts = {};

/* Spreads bits (murmur3's finalizer). */
static __always_inline __u64 mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static long spin(__u32 i, __u64 *until)
{
	return bpf_ktime_get_ns() >= *until;
}

static __always_inline void wait_turn(void)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 until = counts.next_ns;

	if (now < until)
		bpf_loop(SPIN_MAX, spin, &until, 0);
	else if (until == 0 || now - until > LATE_NS) {
		/* Not to be made up for by a burst. */
		counts.late += until != 0;
		counts.next_ns = now;
	}
	counts.next_ns += cfg.gap_ns;
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("xdp")
int flowgen(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 n = counts.sent + counts.pending;
	__u32 index, source, port, sum;
	__u16 check;

	if (data + cfg.header_size > end)
		return XDP_ABORTED;
	if (cfg.gap_ns)
		wait_turn();
	index = cfg.random ? ((mix(n) >> 32) * cfg.flows) >> 32 : n % cfg.flows;
	source = __builtin_bswap32(cfg.source_base + index % FLOWGEN_ADDRESSES);
	port = __builtin_bswap16(FLOWGEN_PORT_MIN + index / FLOWGEN_ADDRESSES);

	/* All of it: frames are recycled, and the receiver may have written to this one. */
	for (__u32 i = 0; i < FLOWGEN_HEADER_MAX / 4; i++)
		if (i * 4 < cfg.header_size)
			((__u32 *)data)[i] = cfg.header[i];
	*(__u32 *)(data + cfg.source_at) = source;
	*(__u16 *)(data + cfg.ports_at) = port;
	sum = (source & 0xffff) + (source >> 16);
	if (cfg.ip_check_at)
		*(__u16 *)(data + cfg.ip_check_at) = fold(cfg.ip_sum + sum);
	check = fold(cfg.l4_sum + sum + port);
	*(__u16 *)(data + cfg.l4_check_at) = cfg.udp && check == 0 ? 0xffff : check;

	if (n == 0)
		counts.first_ns = bpf_ktime_get_ns();
	counts.pending++;
	return bpf_redirect(cfg.ifindex, 0);
}

/*
 * Is this about our frames? The generator runs with softirqs off, so between its first frame and
 * its flush nobody else sends on this CPU.
 */
static __always_inline bool ours(void)
{
	return counts.pending > 0 && bpf_get_smp_processor_id() == cfg.cpu;
}

/* The device took the first sent frames of a bulk, and not the drops behind them. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(flowgen_sent, const struct net_device *from, const struct net_device *to, int sent,
	     int drops, int err)
{
	if (!ours())
		return 0;
	counts.sent += sent;
	counts.refused += drops;
	counts.pending -= sent + drops;
	counts.last_ns = bpf_ktime_get_ns();
	return 0;
}

/* The frame just made did not even get into a bulk: the device or its peer went away. */
SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(flowgen_failed, const struct net_device *from)
{
	if (!ours())
		return 0;
	counts.refused++;
	counts.pending--;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
