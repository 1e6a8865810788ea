/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exporter URLs: text to a checked structure. Nothing is opened or resolved here, so that a
 * configuration can be checked on a machine that does not see the collector.
 */
#ifndef PLX_URL_H
#define PLX_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporter.h"
#include "fields.h"

#define PLX_URL_HOST_MAX    256	       /* a DNS name has at most 253 characters */
#define PLX_URL_QUEUE_BYTES (1u << 30) /* bound of queue * mtu, which is allocated at open */

enum plx_url_scheme {
	PLX_URL_IPFIX_UDP,
	PLX_URL_NETFLOW9,
	PLX_URL_NETFLOW5,
	PLX_URL_JSON,
	PLX_NR_URL_SCHEMES,
};

struct plx_url {
	enum plx_url_scheme scheme;
	char host[PLX_URL_HOST_MAX];
	bool literal_ip6; /* host stood in brackets */
	uint16_t port;
	char path[PLX_EXPORTER_URL_MAX]; /* "-": standard output */
	struct {			 /* what a scheme does not have is 0 */
		uint32_t template_refresh_s;
		uint32_t template_packets;
		uint32_t mtu;		    /* IP packet, headers included */
		uint32_t domain;	    /* 0: not given */
		uint32_t rate;		    /* records/s, 0: unlimited */
		uint32_t queue;		    /* messages */
		uint32_t nat_events;	    /* 1: with the NAT event log */
		uint32_t fields;	    /* enum plx_field_set */
		uint32_t options_refresh_s; /* 0: no options */
	} opts;
};

/* 0, or negative errno and one line in ret_err that repeats the value at fault. */
int plx_url_parse(const char *text, struct plx_url *ret_url, char *ret_err, size_t err_size);

#endif
