/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One exporter: a URL, a way to encode flows, a bounded queue, and its own books:
 * handed = sent + queued + lost[cause], in records, packets and (layer-2) bytes. exporter.c parses
 * the URL and picks the sink; sink_*.c are the ways out.
 */
#ifndef PLX_EXPORTER_H
#define PLX_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"
#include "options.h"

struct event_base;
struct plx_exporter;

#define PLX_EXPORTER_URL_MAX 512

enum plx_export_loss {
	PLX_LOSS_QUEUE,
	PLX_LOSS_SEND,
	PLX_LOSS_FORMAT, /* the format cannot tell of it */
	PLX_LOSS_MAX,
};

/* Records, and the packets and layer-2 octets that they account for. */
struct plx_export_tally {
	uint64_t records;
	uint64_t packets;
	uint64_t bytes;
};

struct plx_exporter_stats {
	struct plx_export_tally handed;
	struct plx_export_tally sent;
	struct plx_export_tally queued;
	struct plx_export_tally lost[PLX_LOSS_MAX]; /* plx_export_loss_name() */
	uint64_t messages;			    /* datagrams or lines handed to the kernel */
	uint64_t octets;			    /* of those */
	uint64_t templates;			    /* template records sent */
	uint64_t errors;			    /* failed sends */
	const char *state;			    /* "ready", "error", "closed" */
	char last_error[128];			    /* "" when none */
};

struct plx_exporter_env {
	struct event_base *base;
	plx_ifname_fn ifname;
	void *ifname_arg;
	uint32_t observation_domain; /* unless the URL says otherwise */
	enum plx_flow_clock clock;   /* of the flows that it will get */
	bool sampled;		     /* they have plx_flow.sampling_interval */
	/* What is told in options, but for what the books say; report may be NULL: there are none.
	 */
	struct plx_options_source options;
};

/*
 * Open the exporter for url. On failure returns negative errno and writes one line that names the
 * value at fault into ret_err. *ret_exporter is to be closed with plx_exporter__close().
 */
int plx_exporter__open(const struct plx_exporter_env *env, const char *url,
		       struct plx_exporter **ret_exporter, char *ret_err, size_t err_size);

/* Check url as __open() would, without opening anything. Same return and message. */
int plx_exporter__check(const char *url, char *ret_err, size_t err_size);

/* Is there room for one more record? False: offer it later, __export() now would lose it. */
bool plx_exporter__ready(const struct plx_exporter *exporter);

/* Take one flow: encoded and queued, or counted as lost. Never blocks. */
void plx_exporter__export(struct plx_exporter *exporter, const struct plx_flow *flow);

/* Take a NAT event, if the URL asks for them: encoded and queued, or counted as lost. */
void plx_exporter__event(struct plx_exporter *exporter, const struct plx_nat_event *event);

/* Close the message being filled so that it is sent even if nothing follows. */
void plx_exporter__flush(struct plx_exporter *exporter);

/* True when nothing is queued. */
bool plx_exporter__idle(const struct plx_exporter *exporter);

void plx_exporter__stats(const struct plx_exporter *exporter, struct plx_exporter_stats *ret_stats);
const char *plx_exporter__url(const struct plx_exporter *exporter);
const char *plx_export_loss_name(enum plx_export_loss cause);

/* Free; what is still queued counts as lost[export_queue]. NULL is allowed. */
void plx_exporter__close(struct plx_exporter *exporter);

#endif
