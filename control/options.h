/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of IPFIX and NetFlow v9 (RFC 7011, 4; RFC 3954, 6.1): what is not of a flow but of its
 * interfaces, of the sampling, and of what was not metered or not sent. Templates and records of
 * them, one after the other; ipfix.c puts them into messages. No I/O but by the source.
 */
#ifndef PLX_OPTIONS_H
#define PLX_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLX_OPTIONS_MAX 320 /* octets of a template or record */

/* Totals since the start. Octets are those of layer 2. */
struct plx_report {
	uint64_t messages, octets, records; /* sent */
	uint64_t ignored_packets;	    /* seen and not metered */
	uint64_t ignored_octets;
	uint64_t unsent_records; /* metered and not sent */
	uint64_t unsent_packets;
	uint64_t unsent_octets;
	uint32_t sampling_interval; /* 0 or 1: all packets are metered */
	bool sampling_flows;	    /* 1 in so many flows, not packets */
};

struct plx_report_iface {
	uint32_t ifindex;
	char name[16];
	char description[256]; /* UTF-8 */
};

struct plx_options_source {
	void (*report)(void *arg, struct plx_report *ret); /* NULL: there are no options */
	/* False: there are no more. */
	bool (*iface)(void *arg, size_t index, struct plx_report_iface *ret);
	void *arg;
};

/* The key fields of the template that is in use as number index. False: there are no more. */
typedef bool (*plx_options_keys_fn)(const void *arg, size_t index, uint16_t *ret_template,
				    uint64_t *ret_keys);

/* Since when a total has risen, in ms since 1970; 0: never. */
struct plx_options_rise {
	uint64_t total;
	uint64_t first_ms, last_ms;
};

struct plx_options {
	struct plx_options_source source;
	uint64_t refresh_ns; /* 0: no options */
	uint64_t begun_ns;
	bool started;  /* begun_ns is set */
	uint8_t phase; /* enum in options.c */
	uint8_t kind;  /* the next to be put, */
	size_t index;  /* and the record of it */
	struct plx_report report;
	struct plx_options_rise ignored, unsent;
};

void plx_options_init(struct plx_options *options, const struct plx_options_source *source,
		      uint32_t refresh_seconds);

/*
 * To be called when a message is begun, before plx_options_next(): asks the source when a refresh
 * is due. now_ms is since 1970.
 */
void plx_options_begin(struct plx_options *options, uint64_t now_ns, uint64_t now_ms);

/* What is needed of the session that they are sent in */
struct plx_options_session {
	uint32_t bits; /* PLX_SESSION_* */
	uint32_t domain;
	plx_options_keys_fn keys;
	const void *arg;
};

/*
 * The next template or record for this message, into buf. Returns its size, 0 when there is none:
 * templates are in a message before that of the records, since collectors may lose what comes with
 * its template. *ret_id is that of its set, 0 of options templates, which are to be alone in theirs
 * since nfcapd reads only the first.
 */
size_t plx_options_next(struct plx_options *options, const struct plx_options_session *session,
			uint8_t buf[PLX_OPTIONS_MAX], uint16_t *ret_id);

/* It was put into the message: go on to what follows. */
void plx_options_step(struct plx_options *options);

#endif
