/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's half of the ledger. The kernel keeps totals per buffer; when a buffer is retired
 * they stand still, and what they gained in the epoch is entered here. When its tables have been
 * emptied, what was metered into them and was not found is lost: to the LRU if inserts say so,
 * unexplained (a bug) if not.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/observe_tc.skel.h"

static void add(struct plx_tally *to, const struct plx_tally *what)
{
	to->packets += what->packets;
	to->bytes += what->bytes;
}

/* Unsigned wrap-around is meant: differences may be negative on the way. */
static struct plx_tally minus(struct plx_tally a, const struct plx_tally *b)
{
	a.packets -= b->packets;
	a.bytes -= b->bytes;
	return a;
}

/* Sum of the per-CPU books at index. */
static int read_books(struct plx_dataplane *dp, uint32_t index, struct plx_if_stats *ret_sum)
{
	/* struct plx_if_stats is nothing but tallies */
	enum { NR = sizeof(*ret_sum) / sizeof(struct plx_tally) };
	struct plx_tally *sum = (struct plx_tally *)ret_sum;

	if (bpf_map_lookup_elem(bpf_map__fd(dp->tc->maps.if_stats), &index, dp->percpu))
		return -errno;
	memset(ret_sum, 0, sizeof(*ret_sum));
	for (int cpu = 0; cpu < dp->nr_cpus; cpu++) {
		const struct plx_tally *one = (const struct plx_tally *)&dp->percpu[cpu];

		for (int i = 0; i < NR; i++)
			add(&sum[i], &one[i]);
	}
	return 0;
}

static void retire_books(struct plx_dataplane *dp, struct plx_iface *iface, int dir,
			 uint32_t buffer)
{
	enum { NR = sizeof(struct plx_if_stats) / sizeof(struct plx_tally) };
	struct plx_books *books = &iface->books[dir];
	struct plx_if_stats now, gained;

	if (read_books(dp, PLX_IF_STATS_INDEX(iface->slot, dir, buffer), &now))
		return; /* index in range, map ours: cannot fail; if it did, held would show it */
	for (int i = 0; i < NR; i++) {
		struct plx_tally *g = (struct plx_tally *)&gained + i;

		*g = minus(((struct plx_tally *)&now)[i],
			   &((struct plx_tally *)&books->kernel[buffer])[i]);
		add((struct plx_tally *)&books->total + i, g);
	}
	books->kernel[buffer] = now;
	books->retired = minus(minus(gained.metered, &gained.spilled), &gained.ring_full);
	books->drained = (struct plx_tally){};
	add(&books->delivered, &books->early);
	books->early = (struct plx_tally){};
}

void plx_ledger_retire(struct plx_dataplane *dp, uint32_t buffer)
{
	for (size_t i = 0; i < dp->nr_ifaces; i++)
		for (int dir = 0; dir < PLX_NR_DIRS; dir++)
			retire_books(dp, dp->ifaces[i], dir, buffer);
}

void plx_ledger_settle(struct plx_dataplane *dp, bool evicted)
{
	for (size_t i = 0; i < dp->nr_ifaces; i++)
		for (int dir = 0; dir < PLX_NR_DIRS; dir++) {
			struct plx_books *books = &dp->ifaces[i]->books[dir];
			struct plx_tally missing = minus(books->retired, &books->drained);

			add(evicted ? &books->evicted : &books->unexplained, &missing);
			books->retired = books->drained = (struct plx_tally){};
		}
}

void plx_ledger_delivered(struct plx_dataplane *dp, const struct plx_flow_record *rec, bool ring,
			  bool early)
{
	struct plx_iface *iface = plx_iface_find(dp, rec->key.ifindex);
	struct plx_tally tally = {rec->stats.packets, rec->stats.frame_octets};
	struct plx_books *books;

	if (!iface)
		return; /* cannot be: the kernel counts for slots that we gave out */
	books = &iface->books[rec->key.flags & PLX_KEY_DIR_OUT ? PLX_DIR_OUT : PLX_DIR_IN];
	if (early) {
		add(&books->early, &tally);
		return;
	}
	add(&books->delivered, &tally);
	if (!ring)
		add(&books->drained, &tally);
}

int plx_dataplane__ledger(const struct plx_dataplane *dp, size_t index, int direction,
			  struct plx_if_ledger *ret_ledger)
{
	struct plx_if_ledger *ledger = ret_ledger;
	const struct plx_books *books;

	if (index >= dp->nr_ifaces || direction < 0 || direction >= PLX_NR_DIRS)
		return -EINVAL;
	books = &dp->ifaces[index]->books[direction];
	ledger->seen = books->total.seen;
	ledger->metered = books->total.metered;
	ledger->unsampled = books->total.unsampled;
	ledger->ring_full = books->total.ring_full;
	memcpy(ledger->skipped, books->total.skipped, sizeof(ledger->skipped));
	memcpy(ledger->limited, books->total.limited, sizeof(ledger->limited));
	ledger->delivered = books->delivered;
	ledger->evicted = books->evicted;
	ledger->unexplained = books->unexplained;
	/* Spilled packets of the epoch that goes on: seen and metered without doubt. */
	add(&ledger->seen, &books->early);
	add(&ledger->metered, &books->early);
	add(&ledger->delivered, &books->early);
	ledger->held = minus(ledger->metered, &ledger->delivered);
	ledger->held = minus(ledger->held, &ledger->ring_full);
	ledger->held = minus(ledger->held, &ledger->evicted);
	ledger->held = minus(ledger->held, &ledger->unexplained);
	return 0;
}

#define SKIP_NAME(symbol, name) [PLX_SKIP_##symbol] = name,
static const char *const skip_names[PLX_SKIP_MAX] = {PLX_SKIP_REASONS(SKIP_NAME)};

const char *plx_skip_name(enum plx_skip reason)
{
	return reason < PLX_SKIP_MAX ? skip_names[reason] : "unknown";
}

#define LIMIT_NAME(symbol, name) [PLX_LIMIT_##symbol] = name,
static const char *const limit_names[PLX_LIMIT_MAX] = {PLX_LIMIT_REASONS(LIMIT_NAME)};

const char *plx_limit_name(enum plx_limit limit)
{
	return limit < PLX_LIMIT_MAX ? limit_names[limit] : "unknown";
}
