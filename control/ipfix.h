/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX encoder (RFC 7011), and NetFlow v9 (RFC 3954): flows into a message buffer of the caller.
 * No I/O, no clock, no allocation. One struct plx_ipfix is one Transport Session and Observation
 * Domain: it numbers the records and knows when templates are due. Order of calls: init, then for
 * each message begin, add until it says false, end.
 *
 * Which fields a record has depends on what the flow has, so there are many templates. A template
 * is sent when the first record needs it, ahead of it in the same message; from then on it is in
 * use. A refresh sends those in use again: each message begins with as many as fit, and what a
 * record needs before its turn has come goes ahead of it.
 */
#ifndef PLX_IPFIX_H
#define PLX_IPFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "options.h"

#define PLX_IPFIX_SIZE_MIN	464 /* smallest message buffer: any record and its template fit, */
#define PLX_IPFIX_SIZE_MIN_FULL 484 /* with all fields */
#define PLX_IPFIX_RECORD_MIN	PLX_RECORD_MIN
#define PLX_IPFIX_REFRESH_MSGS	1 /* messages with nothing but templates, in a row, at most */
#define PLX_IPFIX_TEMPLATES	PLX_RECORD_PLACES /* no more are in use */

struct plx_ipfix_template {
	uint16_t id;
	uint16_t record_size; /* 0: not in use */
	bool due;	      /* to be sent before the next record of it */
};

struct plx_ipfix {
	/* Session */
	uint32_t domain;
	uint32_t session;	    /* PLX_SESSION_* */
	bool skipped;		    /* a record was lost since the last message was begun */
	uint32_t sequence;	    /* of the next record; of NetFlow v9: of the next message */
	uint64_t template_ns;	    /* refresh after this time ... */
	uint32_t template_messages; /* ... or this many messages */
	bool template_asked;	    /* ... or by plx_ipfix_renew() */
	bool started;		    /* refreshed_ns is set */
	uint32_t messages;	    /* since the last refresh */
	uint64_t refreshed_ns;	    /* clock of the flows */

	/* The message between begin and end */
	uint8_t *buf;
	size_t size; /* limit, a multiple of 4 */
	size_t len;
	size_t set;	     /* offset of the open set, 0: none */
	uint16_t set_id;     /* id of the open set */
	uint16_t set_size;   /* of each of its records */
	uint16_t records;    /* data records in it */
	uint16_t templates;  /* template records in it, those of options included */
	uint16_t options;    /* data records of options in it */
	int64_t offset_ns;   /* clock of the flows to wall clock, the same for the whole message */
	uint64_t boot_ms;    /* of the same, in ms since 1970 */
	uint64_t now_ns;     /* no flow ends later than this */
	uint64_t max_end_ns; /* latest flow end in it, wall clock */

	/* Templates */
	uint16_t nr_used;
	uint16_t next_due;		    /* in used: none before this one is due */
	uint16_t used[PLX_IPFIX_TEMPLATES]; /* in table, in the order of their first use */
	struct plx_ipfix_template table[PLX_IPFIX_TEMPLATES];

	struct plx_options option_records;
};

void plx_ipfix_init(struct plx_ipfix *ipfix, uint32_t domain, uint32_t template_seconds,
		    uint32_t template_messages);

/*
 * After init: the session is one of NetFlow v9. With uptime its flows have times in milliseconds
 * since boot, 32 bits of them, which all collectors know; only with flows of CLOCK_MONOTONIC, since
 * others may be older than these bits can tell. When the machine is up for longer than they last,
 * each message has a time of boot of its own, 24.8 days ago. Without, times are those of IPFIX.
 */
void plx_ipfix_netflow9(struct plx_ipfix *ipfix, bool uptime);

/* After init: not all packets are metered, and each record says of how many it stands for. */
void plx_ipfix_sampled(struct plx_ipfix *ipfix);

/* After init: which fields records have. */
void plx_ipfix_fields(struct plx_ipfix *ipfix, enum plx_field_set fields);

/*
 * After init: each refresh_seconds messages begin with options, unless that is 0. In IPFIX their
 * records are numbered like others (RFC 7011, 3.1), which nfcapd does not know: it takes each
 * message that has some for a sequence failure.
 */
void plx_ipfix_options(struct plx_ipfix *ipfix, const struct plx_options_source *source,
		       uint32_t refresh_seconds);

/*
 * Start a message of at most size bytes (>= PLX_IPFIX_SIZE_MIN) in buf, with templates that are due
 * for a refresh. now_ns is of the clock of the flows, wall_offset_ns makes wall time of it.
 */
void plx_ipfix_begin(struct plx_ipfix *ipfix, void *buf, size_t size, uint64_t now_ns,
		     int64_t wall_offset_ns);

/*
 * Add a record, and its template if that is due. False: no room, end the message and begin the next
 * one; there or in the one after it the record fits. A flow that ended after now_ns is cut there:
 * raise it with plx_ipfix_now() first.
 */
bool plx_ipfix_add(struct plx_ipfix *ipfix, const struct plx_flow *flow);

/* Same for a record of the NAT event log; it has templates of its own. */
bool plx_ipfix_add_event(struct plx_ipfix *ipfix, const struct plx_nat_event *event);

static inline void plx_ipfix_now(struct plx_ipfix *ipfix, uint64_t now_ns)
{
	ipfix->now_ns = now_ns;
}

/* Complete the message; returns its size. ipfix->records and ->templates say what is in it. */
size_t plx_ipfix_end(struct plx_ipfix *ipfix, uint64_t now_ns);

/* A record was lost before it got into a message: let the collector see the gap. */
void plx_ipfix_skip(struct plx_ipfix *ipfix);

/* The collector may have lost the templates: send them soon, at most once a second. */
void plx_ipfix_renew(struct plx_ipfix *ipfix);

#endif
