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

#define SAMPLE_TUNNELS 2 /* that are looked into */

/*
 * What one IP header and the transport header behind it say. Numbers in host order. What is not
 * given is 0, or as its comment says.
 */
#define SAMPLE_LAYER                                                                               \
	uint8_t version;                                                                           \
	uint8_t protocol;                                                                          \
	uint16_t source_port;                                                                      \
	uint16_t dest_port;                                                                        \
	uint8_t tos;                                                                               \
	uint8_t ttl; /* 64 */                                                                      \
	uint32_t flow_label;                                                                       \
	uint32_t ip_options;	/* bits of IPFIX ipv4Options or ipv6ExtensionHeaders */            \
	uint16_t header_octets; /* of the frame, up to the end of the transport header */          \
	uint16_t tcp_flags;                                                                        \
	uint16_t tcp_window;                                                                       \
	uint64_t tcp_options; /* bits of IPFIX tcpOptions */                                       \
	uint8_t fragment_flags;                                                                    \
	bool first_fragment;                                                                       \
	bool later_fragment;                                                                       \
	uint32_t fragment_id;                                                                      \
	uint8_t fragment_protocol;

struct sample_layer {
	SAMPLE_LAYER
};

struct sample {
	const char *name;
	const char *bytes;
	unsigned int want; /* enum plx_skip or SAMPLE_OK; nothing below matters for the former */

	bool moved_out; /* the outer tag is not in bytes, but: */
	uint16_t moved_tci;
	bool super; /* stands for a GSO super-packet */

	uint16_t vlan;
	uint16_t customer_vlan;
	uint8_t priority;
	uint8_t mpls[3][3];
	uint16_t octets;
	uint16_t l2_octets;	 /* 14 */
	uint16_t phantom_octets; /* headers in bytes that are on no wire, not in header_octets */

	/* The outermost headers, or the only ones. */
	union {
		struct sample_layer outer;
		struct {
			SAMPLE_LAYER
		};
	};

	/* What the first tunnel is, and the headers inside of it, and of the second one in it. */
	enum plx_tunnel_type tunnel;
	uint32_t tunnel_id;
	struct sample_layer inner[SAMPLE_TUNNELS]; /* version 0: none */
	uint32_t limits; /* bits of enum plx_limit: what of the tunnels could not be looked into */
};

/* What must come of a sample, or of its beginning. */
struct sample_outcome {
	int policy;
	unsigned int verdict; /* enum plx_skip or SAMPLE_OK; the rest is of the latter */
	unsigned int depth;   /* the flow is that of the headers inside of so many tunnels */
	bool tunnel;	      /* the outer header belongs to the flow */
	bool without_ports;   /* a fragment whose ports are not in this packet */
	uint32_t limits;      /* bits of enum plx_limit, all that a packet alone can have */
	uint64_t tcp_options;
};

extern const struct sample samples[];
extern const size_t nr_samples;

/* Addresses of the headers of all samples, inside of no, one and two tunnels; raw bytes. */
extern const uint8_t sample_source4[SAMPLE_TUNNELS + 1][4], sample_dest4[SAMPLE_TUNNELS + 1][4];
extern const uint8_t sample_source6[SAMPLE_TUNNELS + 1][16], sample_dest6[SAMPLE_TUNNELS + 1][16];
extern const uint8_t sample_source_mac[6], sample_dest_mac[6];

/* Aborts when there is none. */
const struct sample *sample_find(const char *name);

void sample_build(const struct sample *sample, struct packet *p);

/*
 * The outcome of the first size octets of p, which is sample built, under policy. The frame has
 * length octets: a hook gets all of it, a capture may have less.
 */
void sample_outcome(const struct sample *sample, const struct packet *p, size_t size, size_t length,
		    int policy, struct sample_outcome *ret_outcome);

/* Same, of the whole sample. */
void sample_whole(const struct sample *sample, int policy, struct sample_outcome *ret_outcome);

const struct sample_layer *sample_layer(const struct sample *sample, unsigned int depth);

/*
 * Flow key, rest of the key if there is a tunnel in it, and first-packet fields that an outcome of
 * sample must have, at ifindex and without a direction.
 */
void sample_key(const struct sample *sample, const struct sample_outcome *outcome, uint32_t ifindex,
		struct plx_flow_key *ret_key);
void sample_tunnel(const struct sample *sample, const struct sample_outcome *outcome,
		   struct plx_tunnel *ret_tunnel);
void sample_first(const struct sample *sample, const struct sample_outcome *outcome,
		  struct plx_flow_first *ret_first);

/* Key of the datagram that the headers inside of depth tunnels are a fragment of, under policy. */
void sample_frag_key(const struct sample *sample, unsigned int depth, int policy,
		     struct plx_frag_key *ret_key);

#endif
