/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One packet for every kind of header that the meter tells apart, and what must come of it. The
 * parser's unit tests, the tests of the BPF programs and the fuzzer's corpus all use these. Read
 * packet.h first for how the bytes are written.
 */
#ifndef PLX_TESTS_SAMPLES_H
#define PLX_TESTS_SAMPLES_H

#include <stdbool.h>

#include "packet.h"

#define SAMPLE_OK PLX_SKIP_MAX /* metered */

/* Numbers in host order. What is not given is 0, or as its comment says. */
struct sample {
	const char *name;
	const char *bytes;
	unsigned int want; /* enum plx_skip or SAMPLE_OK; nothing below matters for the former */

	bool moved_out; /* the outer tag is not in bytes, but: */
	uint16_t moved_tci;
	bool super; /* stands for a GSO super-packet */

	uint8_t version;
	uint8_t protocol;
	uint16_t source_port;
	uint16_t dest_port;
	uint16_t vlan;
	uint16_t customer_vlan;
	uint8_t priority;
	uint32_t mpls[3];
	uint8_t tos;
	uint8_t ttl; /* 64 */
	uint32_t flow_label;
	uint16_t octets;
	uint16_t l2_octets;	 /* 14 */
	uint16_t header_octets;	 /* up to the end of the transport header */
	uint16_t phantom_octets; /* headers in bytes that are on no wire, not in header_octets */
	uint16_t tcp_flags;
	uint8_t fragment_flags;
	bool first_fragment;
	bool later_fragment;
	uint32_t fragment_id;
	uint8_t fragment_protocol;
};

extern const struct sample samples[];
extern const size_t nr_samples;

/* Addresses of all samples, raw bytes. */
extern const uint8_t sample_source_mac[6], sample_dest_mac[6];
extern const uint8_t sample_source4[4], sample_dest4[4];
extern const uint8_t sample_source6[16], sample_dest6[16];

/* Aborts when there is none. */
const struct sample *sample_find(const char *name);

void sample_build(const struct sample *sample, struct packet *p);

/* Flow key and first-packet fields that sample must have, at ifindex and without a direction. */
void sample_key(const struct sample *sample, uint32_t ifindex, struct plx_flow_key *ret_key);
void sample_first(const struct sample *sample, struct plx_flow_first *ret_first);

#endif
