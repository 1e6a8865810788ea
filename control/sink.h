/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sink: one way out of an exporter. exporter.c owns the books and counts what is handed over; a
 * sink moves each record on to exactly one of queued, sent and lost, by the helpers below.
 */
#ifndef PLX_SINK_H
#define PLX_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "exporter.h"
#include "url.h"

#define PLX_SINK_HOLD_MS 900 /* a record waits for company no longer than this; promised: 1 s */

struct plx_sink_ops {
	/* books outlives the sink. On failure one line in ret_err. */
	int (*open)(const struct plx_exporter_env *env, const struct plx_url *url,
		    struct plx_exporter_stats *books, void **ret_sink, char *ret_err,
		    size_t err_size);
	bool (*ready)(const void *sink);
	void (*export)(void *sink, const struct plx_flow *flow);
	/* NULL, or a record of the NAT event log: one record without packets in the books. */
	void (*event)(void *sink, const struct plx_nat_event *event);
	void (*flush)(void *sink);
	void (*close)(void *sink);
};

extern const struct plx_sink_ops plx_sink_ipfix_udp;
extern const struct plx_sink_ops plx_sink_json;

static inline struct plx_export_tally plx_flow_tally(const struct plx_flow *flow)
{
	/* Both sides, as in the ledger: each was a packet at an interface. */
	return (struct plx_export_tally){1, flow->stats.packets + flow->post.packets,
					 flow->stats.frame_octets + flow->post.frame_octets};
}

static inline void plx_tally_add(struct plx_export_tally *to, const struct plx_export_tally *tally)
{
	to->records += tally->records;
	to->packets += tally->packets;
	to->bytes += tally->bytes;
}

static inline void plx_tally_sub(struct plx_export_tally *from,
				 const struct plx_export_tally *tally)
{
	from->records -= tally->records;
	from->packets -= tally->packets;
	from->bytes -= tally->bytes;
}

/* From queued to sent. */
static inline void plx_books_sent(struct plx_exporter_stats *books,
				  const struct plx_export_tally *tally)
{
	plx_tally_sub(&books->queued, tally);
	plx_tally_add(&books->sent, tally);
}

/* From queued to lost. */
static inline void plx_books_drop(struct plx_exporter_stats *books, enum plx_export_loss cause,
				  const struct plx_export_tally *tally)
{
	plx_tally_sub(&books->queued, tally);
	plx_tally_add(&books->lost[cause], tally);
}

/* What the books say in options; *ret has what was lost before. */
static inline void plx_books_report(const struct plx_exporter_stats *books, struct plx_report *ret)
{
	ret->messages = books->messages;
	ret->octets = books->octets;
	ret->records = books->sent.records;
	for (int cause = 0; cause < PLX_LOSS_MAX; cause++) {
		ret->unsent_records += books->lost[cause].records;
		ret->unsent_packets += books->lost[cause].packets;
		ret->unsent_octets += books->lost[cause].bytes;
	}
}

/* err: positive errno. */
static inline void plx_books_error(struct plx_exporter_stats *books, int err)
{
	books->errors++;
	books->state = "error";
	snprintf(books->last_error, sizeof(books->last_error), "%s", strerror(err));
}

#endif
