/* SPDX-License-Identifier: BSD-2-Clause */
/* See ledger.h. */
#include "ledger.h"

#include <stdio.h>

void plx_tally_add(struct plx_tally *to, const struct plx_tally *what)
{
	to->packets += what->packets;
	to->bytes += what->bytes;
}

void plx_tally_sub(struct plx_tally *from, const struct plx_tally *what)
{
	from->packets -= what->packets;
	from->bytes -= what->bytes;
}

struct plx_tally plx_tally_of(const struct plx_flow_stats *stats)
{
	return (struct plx_tally){stats->packets, stats->frame_octets};
}

struct plx_cache_books *plx_ledger__books(struct plx_ledger *ledger, const struct plx_dataplane *dp,
					  uint32_t ifindex, int direction)
{
	int index = plx_dataplane__iface_index(dp, ifindex);

	return index < 0 ? NULL : &ledger->books[index][direction];
}

void plx_ledger__join(const struct plx_if_ledger *kernel, const struct plx_cache_books *books,
		      struct plx_ledger_sum *sum)
{
	plx_tally_add(&sum->seen, &kernel->seen);
	plx_tally_add(&sum->metered, &kernel->metered);
	plx_tally_add(&sum->unsampled, &kernel->unsampled);
	for (int i = 0; i < PLX_SKIP_MAX; i++)
		plx_tally_add(&sum->skipped[i], &kernel->skipped[i]);
	for (int i = 0; i < PLX_LIMIT_MAX; i++)
		plx_tally_add(&sum->limited[i], &kernel->limited[i]);
	plx_tally_add(&sum->held, &kernel->held);
	plx_tally_add(&sum->held, &books->held);
	plx_tally_add(&sum->exported, &books->exported);
	plx_tally_add(&sum->lost[PLX_LOSS_RING_FULL], &kernel->ring_full);
	plx_tally_add(&sum->lost[PLX_LOSS_EVICTED], &kernel->evicted);
	plx_tally_add(&sum->lost[PLX_LOSS_UNEXPLAINED], &kernel->unexplained);
	plx_tally_add(&sum->lost[PLX_LOSS_NO_EXPORTER], &books->no_exporter);
	plx_tally_add(&sum->lost[PLX_LOSS_CACHE_FULL], &books->cache_full);
}

void plx_ledger__sum(const struct plx_ledger *ledger, const struct plx_dataplane *dp, size_t index,
		     int direction, struct plx_ledger_sum *sum)
{
	struct plx_if_ledger kernel;

	if (plx_dataplane__ledger(dp, index, direction, &kernel) == 0)
		plx_ledger__join(&kernel, &ledger->books[index][direction], sum);
}

struct plx_tally plx_ledger__difference(const struct plx_ledger_sum *sum)
{
	struct plx_tally missing = sum->seen;

	/* metered cancels out of the sum, but not out of the two equations */
	plx_tally_sub(&missing, &sum->exported);
	plx_tally_sub(&missing, &sum->held);
	plx_tally_sub(&missing, &sum->unsampled);
	for (int i = 0; i < PLX_SKIP_MAX; i++)
		plx_tally_sub(&missing, &sum->skipped[i]);
	for (int i = 0; i < PLX_NR_LOSSES; i++)
		plx_tally_sub(&missing, &sum->lost[i]);
	return missing;
}

void plx_ledger__fmt(const struct plx_ledger_sum *sum, char *text, size_t size)
{
	struct plx_tally lost = {}, skipped = {}, difference = plx_ledger__difference(sum);

	for (int i = 0; i < PLX_SKIP_MAX; i++)
		plx_tally_add(&skipped, &sum->skipped[i]);
	for (int i = 0; i < PLX_NR_LOSSES; i++)
		plx_tally_add(&lost, &sum->lost[i]);
	snprintf(text, size,
		 "seen %llu packets = metered %llu + unsampled %llu + skipped %llu; "
		 "metered = exported %llu + held %llu + lost %llu; difference %lld",
		 sum->seen.packets, sum->metered.packets, sum->unsampled.packets, skipped.packets,
		 sum->exported.packets, sum->held.packets, lost.packets,
		 (long long)difference.packets);
}

const char *plx_loss_name(enum plx_loss cause)
{
	static const char *const names[PLX_NR_LOSSES] = {
		[PLX_LOSS_RING_FULL] = "ring_full",	[PLX_LOSS_EVICTED] = "table_evicted",
		[PLX_LOSS_UNEXPLAINED] = "unexplained", [PLX_LOSS_NO_EXPORTER] = "no_exporter",
		[PLX_LOSS_CACHE_FULL] = "cache_full",
	};

	return cause < PLX_NR_LOSSES ? names[cause] : "unknown";
}
