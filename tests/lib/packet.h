/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets for tests: raw bytes, written down in hexadecimal in network order, with marks that say
 * where a cut becomes which truncation. Knows no header formats on purpose: what a test expects
 * must not come from the code under test, nor from a second copy of it. samples.h has the packets.
 */
#ifndef PLX_TESTS_PACKET_H
#define PLX_TESTS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include <plx/abi.h>

#define PACKET_MAX   16384
#define PACKET_MARKS 64

struct packet_mark {
	size_t end;	    /* a packet shorter than this ... */
	enum plx_skip cut;  /* ... is skipped for this, if no earlier mark says otherwise; */
	unsigned int depth; /* inside of so many tunnels: is of the flow of the header around it */
};

struct packet {
	uint8_t bytes[PACKET_MAX];
	size_t size;
	struct packet_mark marks[PACKET_MARKS];
	size_t nr_marks;
	struct packet_mark options[PACKET_MARKS]; /* behind kind and length of each; no cut */
	size_t nr_options;
	unsigned int depth; /* of what is appended next */
};

void packet_clear(struct packet *p);

/*
 * Append text: hexadecimal digits, spaces as one likes. `|2`, `|3` and `|4` mark the end of what
 * the parser must see of layer 2, 3 and 4: a cut before the mark is truncated_l2, _l3 or _l4. From
 * `|>` on all is inside of a tunnel, from the next one on inside of two: a cut before one of these
 * marks, or before `|t`, the end of a tunnel header, leaves the header around the tunnel. `|o`
 * stands behind kind and length of a TCP option that must be noted, if that much is there. Aborts
 * on any other text, since the packet is then not what its author meant.
 */
void packet_hex(struct packet *p, const char *text);

/* Append count payload octets, no two neighbours alike. */
void packet_payload(struct packet *p, size_t count);

/* Overwrite, in network order. */
void packet_set16(struct packet *p, size_t offset, uint16_t value);
void packet_set32(struct packet *p, size_t offset, uint32_t value);

/* The mark that decides what becomes of the first size octets alone; NULL: the same as of all. */
const struct packet_mark *packet_cut(const struct packet *p, size_t size);

/* Bits of the TCP options that the first size octets tell of, inside of depth tunnels. */
uint64_t packet_tcp_options(const struct packet *p, size_t size, unsigned int depth);

/* Is there a transport header to read, inside of depth tunnels? */
bool packet_has_transport(const struct packet *p, unsigned int depth);

/* Reproducible random numbers (xorshift64*). The seed must not be 0. */
uint64_t random_next(uint64_t *state);

/* From the environment variable PLX_TEST_SEED, or the clock; printed, to repeat a run with. */
uint64_t random_seed(void);

#endif
