/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon at work: one loop that ends epochs, drains, expires, exports. main.c makes one from a
 * configuration; ctl_requests.c looks into it and changes it on request.
 */
#ifndef PLX_DAEMON_H
#define PLX_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "exporter.h"
#include "flow_cache.h"
#include "ledger.h"

#define PLX_MAX_EXPORTERS 32

struct event;
struct event_base;
struct plx_ctl_server;

enum plx_event {
	PLX_EVENT_EPOCH,    /* time to swap the tables */
	PLX_EVENT_DRAIN,    /* the next batch of retired records */
	PLX_EVENT_TICK,	    /* look at timeouts */
	PLX_EVENT_SPILL,    /* the spill ring has records */
	PLX_EVENT_LINKS,    /* interfaces changed */
	PLX_EVENT_NAT,	    /* connection tracking has something to tell */
	PLX_EVENT_NAT_SEEN, /* so have programs that asked it */
	PLX_EVENT_SIGINT,
	PLX_EVENT_SIGTERM,
	PLX_EVENT_SIGHUP,
	PLX_NR_EVENTS,
};

struct plx_daemon {
	const struct plx_config *config;
	struct event_base *base;
	struct plx_dataplane *dp;
	struct plx_cache *cache;
	struct plx_nat *nat;	 /* NULL: nobody says what is translated */
	struct plx_route *route; /* NULL: flows that never left are not told as dropped */
	bool ctnetlink;		 /* nat listens to it */
	bool events_complete;	 /* and has been told of all connections, at the last look */
	uint64_t lost_mappings;	 /* at the last look, as the next */
	uint64_t lost_packets;
	struct plx_ledger ledger;
	struct plx_exporter *exporters[PLX_MAX_EXPORTERS];
	size_t nr_exporters;
	struct plx_ctl_server *ctl;
	struct event *events[PLX_NR_EVENTS];
	uint64_t started_ns;
	bool stopping;
	uint64_t stop_progress_ns; /* when the last record left while stopping */
	uint64_t stop_left;	   /* records that were left then */
};

/*
 * Build everything that config asks for: dataplane, exporters, control socket, interfaces, in this
 * order. On failure nothing is left behind, and ret_err has one line. config must outlive it. Free
 * with plx_daemon__free().
 */
int plx_daemon__new(const struct plx_config *config, struct plx_daemon **ret_daemon, char *ret_err,
		    size_t err_size);
void plx_daemon__free(struct plx_daemon *daemon);

/* Run until a signal ends it; everything held is exported then. Returns 0 or negative errno. */
int plx_daemon__run(struct plx_daemon *daemon);

int plx_daemon__add_exporter(struct plx_daemon *daemon, const char *url, char *ret_err,
			     size_t err_size);
/* -ENOENT when there is none of this URL. What it had queued is lost, in its own books. */
int plx_daemon__del_exporter(struct plx_daemon *daemon, const char *url);
struct plx_exporter *plx_daemon__find_exporter(const struct plx_daemon *daemon, const char *url);

/* Make every flow in the cache due now. Returns how many. */
uint32_t plx_daemon__flush(struct plx_daemon *daemon);

/* plx_ifname_fn: a name that this run knows, or NULL. arg is the daemon. */
const char *plx_daemon__ifname(void *arg, uint32_t ifindex);

/*
 * Say on flow that its counters are of a sample, if they are. Its two sides were chosen each for
 * itself, so what is missing behind was not dropped.
 */
void plx_daemon__sampled(const struct plx_daemon *daemon, struct plx_flow *flow);

/* The ledger over all interfaces and directions. */
void plx_daemon__total(const struct plx_daemon *daemon, struct plx_ledger_sum *ret_sum);

#endif
