/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's half of the ledger, and both halves put together. The kernel's half ends where a
 * record is delivered; from there it is held by the cache until it is exported or lost.
 */
#ifndef PLX_LEDGER_H
#define PLX_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "flow.h"

enum plx_loss {
	PLX_LOSS_RING_FULL,
	PLX_LOSS_EVICTED,
	PLX_LOSS_UNEXPLAINED,
	PLX_LOSS_NO_EXPORTER,
	PLX_LOSS_CACHE_FULL,
	PLX_NR_LOSSES,
};

/* What the cache did with the packets of one interface and direction. */
struct plx_cache_books {
	struct plx_tally held;
	struct plx_tally exported;
	struct plx_tally no_exporter;
	struct plx_tally cache_full;
};

struct plx_ledger {
	struct plx_cache_books books[PLX_MAX_IFACES][PLX_NR_DIRS]; /* by dataplane index */
};

/* One line of the whole ledger: an interface and direction, or a sum of several. */
struct plx_ledger_sum {
	struct plx_tally seen;
	struct plx_tally skipped[PLX_SKIP_MAX];
	struct plx_tally unsampled;
	struct plx_tally metered;
	struct plx_tally limited[PLX_LIMIT_MAX]; /* of metered, in no equation */
	struct plx_tally exported;
	struct plx_tally held; /* in kernel tables and ring, and in the cache */
	struct plx_tally lost[PLX_NR_LOSSES];
};

/* Where packets of a flow or record are entered; NULL when the interface is unknown (a bug). */
struct plx_cache_books *plx_ledger__books(struct plx_ledger *ledger, const struct plx_dataplane *dp,
					  uint32_t ifindex, int direction);

void plx_tally_add(struct plx_tally *to, const struct plx_tally *what);
void plx_tally_sub(struct plx_tally *from, const struct plx_tally *what);

/* Packets and layer-2 octets of a record or flow. */
struct plx_tally plx_tally_of(const struct plx_flow_stats *stats);

/* Add both halves of one interface and direction, or of a replayed capture, to sum. */
void plx_ledger__join(const struct plx_if_ledger *kernel, const struct plx_cache_books *books,
		      struct plx_ledger_sum *sum);

/* Same, for interface index and direction of dp. */
void plx_ledger__sum(const struct plx_ledger *ledger, const struct plx_dataplane *dp, size_t index,
		     int direction, struct plx_ledger_sum *sum);

/*
 * What is missing: (seen - metered - unsampled - skipped) + (metered - exported - held - lost),
 * signed in two's complement. 0 and 0, or there is a bug.
 */
struct plx_tally plx_ledger__difference(const struct plx_ledger_sum *sum);

#define PLX_LEDGER_TEXT_MAX 256

/* The closing line: "seen N packets = metered ...; difference N". */
void plx_ledger__fmt(const struct plx_ledger_sum *sum, char *text, size_t size);

const char *plx_loss_name(enum plx_loss cause);

#endif
