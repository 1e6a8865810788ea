/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * End epochs and empty tables. Flip the epoch, wait until no program can still write the retired
 * buffer, then read and delete it in batches: no race, no iteration over a live table. The wait is
 * the kernel's own: updating a map-in-map slot returns only after an RCU grace period
 * (maybe_wait_bpf_programs(), Linux 4.20 and later), and XDP and TC programs run inside an RCU
 * read-side section.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/observe_tc.skel.h"

#define BATCH	    8192  /* records read at once: some 4 ms */
#define SPILL_BATCH 16384 /* spilled packets delivered before the caller's loop gets its turn */

/* ring_buffer__consume() stops at a negative return, having consumed the record. */
#define STOP_CONSUMING (-EINTR)

static void deliver(struct plx_dataplane *dp, const struct plx_flow_record *rec, bool ring,
		    bool early)
{
	plx_ledger_delivered(dp, rec, ring, early);
	dp->opts.record(dp->opts.arg, rec);
}

static int on_spill(void *arg, void *data, size_t size)
{
	struct plx_dataplane *dp = arg;
	const struct plx_sample *sample = data;
	struct plx_flow_record rec;

	if (size < PLX_SAMPLE_SIZE(0) || size < PLX_SAMPLE_SIZE(sample->key.flags))
		return 0; /* cannot be: the programs reserve exactly this */
	rec.key = sample->key;
	if (sample->key.flags & PLX_KEY_TUNNEL)
		rec.tunnel = sample->tunnel;
	else
		memset(&rec.tunnel, 0, sizeof(rec.tunnel));
	rec.stats = sample->stats;
	deliver(dp, &rec, true, sample->epoch == dp->control->epoch);
	dp->info.spilled++;
	return --dp->spill_budget == 0 ? STOP_CONSUMING : 0;
}

static int on_nat_told(void *arg, void *data, size_t size)
{
	struct plx_dataplane *dp = arg;

	if (size >= sizeof(struct plx_nat_seen)) {
		dp->kfuncs.told++;
		dp->opts.nat(dp->opts.arg, data);
	}
	return 0;
}

int plx_drain_init(struct plx_dataplane *dp)
{
	dp->keys = calloc(BATCH, sizeof(struct plx_flow_key_tunnel));
	dp->values = calloc(BATCH, sizeof(struct plx_flow_stats));
	dp->percpu = calloc(dp->nr_cpus, sizeof(*dp->percpu));
	if (!dp->keys || !dp->values || !dp->percpu)
		return plx_fail(dp, -ENOMEM, "out of memory");
	dp->ring = ring_buffer__new(bpf_map__fd(dp->tc->maps.spill), on_spill, dp, NULL);
	if (!dp->ring)
		return plx_fail(dp, -errno, "spill ring: %s", strerror(errno));
	if (!dp->kfuncs.used)
		return 0;
	dp->nat_ring = ring_buffer__new(bpf_map__fd(dp->tc->maps.nat_told), on_nat_told, dp, NULL);
	if (!dp->nat_ring)
		return plx_fail(dp, -errno, "ring of NAT: %s", strerror(errno));
	return 0;
}

void plx_drain_done(struct plx_dataplane *dp)
{
	ring_buffer__free(dp->ring);
	ring_buffer__free(dp->nat_ring);
	free(dp->keys);
	free(dp->values);
	free(dp->percpu);
}

int plx_dataplane__swap(struct plx_dataplane *dp)
{
	uint32_t retired = dp->control->epoch % PLX_NR_BUFFERS;
	uint64_t begin = plx_now_ns();
	uint32_t slot = retired;

	if (dp->draining)
		return -EBUSY;
	__atomic_store_n(&dp->control->epoch, dp->control->epoch + 1, __ATOMIC_SEQ_CST);
	/* The grace period; the slot keeps the map that it has. */
	if (bpf_map_update_elem(bpf_map__fd(dp->tc->maps.flows4), &slot,
				&dp->tables[PLX_FAMILY_IPV4][retired], BPF_ANY)) {
		int err = -errno;

		/* Nobody waited, so nothing may be read: go back, as if nothing had been done. */
		__atomic_store_n(&dp->control->epoch, dp->control->epoch - 1, __ATOMIC_SEQ_CST);
		return plx_fail(dp, err, "swap of the flow tables: %s", strerror(-err));
	}
	dp->drain_begin_ns = plx_now_ns();
	dp->info.swap_ns = dp->drain_begin_ns - begin;
	plx_ledger_retire(dp, retired);
	dp->drain_buffer = retired;
	dp->drain_family = 0;
	dp->drain_started = false;
	memset(dp->drained, 0, sizeof(dp->drained));
	dp->draining = true;
	return 0;
}

static void deliver_one(struct plx_dataplane *dp, int family, uint32_t i)
{
	struct plx_flow_record rec = {};

	if (family == PLX_FAMILY_TUNNEL) {
		const struct plx_flow_key_tunnel *key = dp->keys;

		rec.key = key[i].key;
		rec.tunnel = key[i].tunnel;
	} else if (family == PLX_FAMILY_IPV4) {
		const struct plx_flow_key4 *key = (struct plx_flow_key4 *)dp->keys + i;

		rec.key = (struct plx_flow_key){
			.source = {key->source},
			.dest = {key->dest},
			.source_port = key->source_port,
			.dest_port = key->dest_port,
			.ifindex = key->ifindex,
			.vlan = key->vlan,
			.protocol = key->protocol,
			.flags = key->flags,
		};
	} else {
		rec.key = ((struct plx_flow_key *)dp->keys)[i];
	}
	rec.stats = ((struct plx_flow_stats *)dp->values)[i];
	deliver(dp, &rec, false, false);
}

/* One batch of one table. Returns 1 when there is more, 0 when the table is empty. */
static int drain_batch(struct plx_dataplane *dp, int family)
{
	int fd = dp->tables[family][dp->drain_buffer];
	__u32 count = BATCH;
	int err;

	err = bpf_map_lookup_and_delete_batch(fd, dp->drain_started ? &dp->drain_token : NULL,
					      &dp->drain_token, dp->keys, dp->values, &count, NULL);
	if (err && err != -ENOENT)
		return plx_fail(dp, err, "reading a flow table: %s", strerror(-err));
	dp->drain_started = true;
	for (uint32_t i = 0; i < count; i++)
		deliver_one(dp, family, i);
	dp->drained[family] += count;
	dp->info.records += count;
	return err == -ENOENT ? 0 : 1;
}

static void finish(struct plx_dataplane *dp)
{
	uint64_t evicted = 0, records = 0;

	for (int family = 0; family < PLX_NR_FAMILIES; family++) {
		struct plx_inserts *inserts = &dp->control->inserts[family][dp->drain_buffer];

		evicted += inserts->count - dp->drained[family];
		records += dp->drained[family];
		inserts->count = 0;
	}
	dp->info.evicted_flows += evicted;
	dp->info.drain_records = records;
	dp->info.drain_ns = plx_now_ns() - dp->drain_begin_ns;
	dp->info.epochs++;
	plx_ledger_settle(dp, evicted > 0);
	dp->draining = false;
}

int plx_dataplane__drain(struct plx_dataplane *dp)
{
	int err;

	while (dp->draining && dp->drain_family < PLX_NR_FAMILIES) {
		/* An empty table is not walked: that alone would take milliseconds. */
		if (dp->control->inserts[dp->drain_family][dp->drain_buffer].count > 0) {
			err = drain_batch(dp, dp->drain_family);
			if (err)
				return err;
		}
		dp->drain_family++;
		dp->drain_started = false;
	}
	if (dp->draining)
		finish(dp);
	return 0;
}

int plx_dataplane__ring_fd(const struct plx_dataplane *dp)
{
	return ring_buffer__epoll_fd(dp->ring);
}

int plx_dataplane__spill(struct plx_dataplane *dp)
{
	uint64_t before = dp->info.spilled;
	int err;

	dp->spill_budget = SPILL_BATCH;
	err = ring_buffer__consume(dp->ring);
	if (err < 0 && err != STOP_CONSUMING)
		return plx_fail(dp, err, "spill ring: %s", strerror(-err));
	return dp->info.spilled - before;
}

int plx_dataplane__nat_fd(const struct plx_dataplane *dp)
{
	return dp->nat_ring ? ring_buffer__epoll_fd(dp->nat_ring) : -1;
}

int plx_dataplane__nat(struct plx_dataplane *dp)
{
	int count = dp->nat_ring ? ring_buffer__consume(dp->nat_ring) : 0;

	return count < 0 ? plx_fail(dp, count, "ring of NAT: %s", strerror(-count)) : count;
}

void plx_dataplane__kfuncs(const struct plx_dataplane *dp, struct plx_kfunc_info *ret_info)
{
	*ret_info = dp->kfuncs;
	ret_info->lost = dp->control->nat_lost.count;
}
