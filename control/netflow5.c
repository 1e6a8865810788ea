/* SPDX-License-Identifier: BSD-2-Clause */
/* See netflow5.h. */
#include "netflow5.h"

#include "flow_fields.h"
#include "put.h"

#define VERSION	      5
#define HEADER_SIZE   24
#define RECORD_SIZE   PLX_NETFLOW5_RECORD_SIZE
#define UPTIME_MS     (1ull << 31) /* of packets that have no boot of their own */
#define UPTIME_MAX_MS UINT32_MAX
#define SAMPLING_MODE 0x4000 /* packet interval, above 14 bits of N */
#define SAMPLING_MAX  0x3fff
#define NO_INTERFACE  0 /* what does not fit in 16 bits is not known */

_Static_assert(HEADER_SIZE + RECORD_SIZE == PLX_NETFLOW5_SIZE_MIN, "one record");
_Static_assert(HEADER_SIZE + PLX_NETFLOW5_RECORDS * RECORD_SIZE == PLX_NETFLOW5_SIZE_MAX, "all");

void plx_netflow5_init(struct plx_netflow5 *v5, uint32_t domain)
{
	*v5 = (struct plx_netflow5){.engine_id = (uint8_t)domain};
}

bool plx_netflow5_takes(const struct plx_flow *flow)
{
	return plx_flow_is_ipv4(flow);
}

static uint64_t wall_ms(const struct plx_netflow5 *v5, uint64_t mono_ns)
{
	int64_t ns = (int64_t)mono_ns + v5->offset_ns;

	return ns > 0 ? (uint64_t)ns / 1000000 : 0;
}

void plx_netflow5_begin(struct plx_netflow5 *v5, void *buf, size_t size, uint64_t now_ns,
			int64_t wall_offset_ns)
{
	v5->buf = buf;
	v5->size = size < PLX_NETFLOW5_SIZE_MAX ? size : PLX_NETFLOW5_SIZE_MAX;
	v5->records = 0;
	v5->offset_ns = wall_offset_ns;
	v5->now_ns = now_ns;
	v5->max_end_ms = 0;
	v5->boot_ms = (uint64_t)wall_offset_ns / 1000000;
	/* The clock of captures is no uptime, and that of the machine at most 32 bits of it. */
	v5->booted = wall_offset_ns > 0 && now_ns / 1000000 <= UPTIME_MAX_MS;
}

/* Can the packet tell of a time? */
static bool is_in_reach(const struct plx_netflow5 *v5, uint64_t ms)
{
	return ms >= v5->boot_ms && ms - v5->boot_ms <= UPTIME_MAX_MS;
}

static uint16_t interface16(uint32_t ifindex)
{
	return ifindex <= UINT16_MAX ? (uint16_t)ifindex : NO_INTERFACE;
}

static uint32_t clamp32(uint64_t count)
{
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static uint16_t sampling_of(const struct plx_flow *flow)
{
	if (flow->sampling_interval <= 1)
		return 0;
	return flow->sampling_interval < SAMPLING_MAX ? (uint16_t)flow->sampling_interval
						      : SAMPLING_MAX;
}

static void put_record(uint8_t *p, const struct plx_flow *flow, uint32_t first, uint32_t last)
{
	const struct plx_flow_stats *stats = &flow->stats;

	p = plx_put_bytes(p, flow->key.source, 4);
	p = plx_put_bytes(p, flow->key.dest, 4);
	p = plx_put_u32(p, 0); /* next hop */
	p = plx_put_u16(p, interface16(plx_flow_ingress(flow)));
	p = plx_put_u16(p, interface16(plx_flow_egress(flow)));
	p = plx_put_u32(p, clamp32(stats->packets));
	p = plx_put_u32(p, clamp32(stats->octets));
	p = plx_put_u32(p, first);
	p = plx_put_u32(p, last);
	p = plx_put_bytes(p, &flow->key.source_port, 2);
	p = plx_put_bytes(p, &flow->key.dest_port, 2); /* of ICMP type * 256 + code */
	p = plx_put_u8(p, 0);
	p = plx_put_u8(p, (uint8_t)PLX_SHAPE_TCP_FLAGS(stats->shape));
	p = plx_put_u8(p, flow->key.protocol);
	p = plx_put_u8(p, stats->first.tos);
	p = plx_put_u32(p, 0); /* AS numbers */
	plx_put_u32(p, 0);     /* prefix lengths, padding */
}

bool plx_netflow5_add(struct plx_netflow5 *v5, const struct plx_flow *flow)
{
	uint64_t last_ns = flow->stats.last_ns, first_ns = flow->stats.first_ns;
	size_t len = HEADER_SIZE + v5->records * RECORD_SIZE;
	uint64_t first_ms, last_ms;

	if (last_ns > v5->now_ns)
		last_ns = v5->now_ns;
	if (first_ns > last_ns)
		first_ns = last_ns;
	first_ms = wall_ms(v5, first_ns);
	last_ms = wall_ms(v5, last_ns);
	if (len + RECORD_SIZE > v5->size)
		return false;
	if (v5->records && (v5->sampling != sampling_of(flow) || !is_in_reach(v5, first_ms) ||
			    !is_in_reach(v5, last_ms)))
		return false;
	if (!v5->records) {
		v5->sampling = sampling_of(flow);
		if (!v5->booted)
			v5->boot_ms = last_ms > UPTIME_MS ? last_ms - UPTIME_MS : 0;
	}
	/* Of a flow that began before: this is the earliest time that can be told. */
	if (first_ms < v5->boot_ms)
		first_ms = v5->boot_ms;
	if (last_ms < first_ms)
		last_ms = first_ms;
	put_record(v5->buf + len, flow, clamp32(first_ms - v5->boot_ms),
		   clamp32(last_ms - v5->boot_ms));
	if (last_ms > v5->max_end_ms)
		v5->max_end_ms = last_ms;
	v5->records++;
	return true;
}

size_t plx_netflow5_end(struct plx_netflow5 *v5, uint64_t now_ns)
{
	uint64_t export_ms = wall_ms(v5, now_ns);
	uint8_t *p = v5->buf;

	/* Of a capture, whose clock is not ours, or of a flow that ended just now. */
	if (v5->records && (!is_in_reach(v5, export_ms) || export_ms < v5->max_end_ms))
		export_ms = v5->max_end_ms;
	if (!v5->records && !v5->booted)
		v5->boot_ms = export_ms > UPTIME_MS ? export_ms - UPTIME_MS : 0;
	p = plx_put_u16(p, VERSION);
	p = plx_put_u16(p, v5->records);
	p = plx_put_u32(p, (uint32_t)(export_ms - v5->boot_ms));
	p = plx_put_u32(p, (uint32_t)(export_ms / 1000));
	p = plx_put_u32(p, (uint32_t)(export_ms % 1000 * 1000000));
	p = plx_put_u32(p, v5->sequence);
	p = plx_put_u8(p, 0); /* engine type */
	p = plx_put_u8(p, v5->engine_id);
	plx_put_u16(p, v5->sampling ? SAMPLING_MODE | v5->sampling : 0);
	v5->sequence += v5->records;
	return HEADER_SIZE + v5->records * RECORD_SIZE;
}

void plx_netflow5_skip(struct plx_netflow5 *v5)
{
	v5->sequence++;
}
