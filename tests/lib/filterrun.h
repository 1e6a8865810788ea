/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many translated filters in one program of the kernel, each a subprogram, so that one test run
 * tells what all of them say of a packet. Needs root. A failure fails the running cmocka test.
 */
#ifndef PLX_TESTS_FILTERRUN_H
#define PLX_TESTS_FILTERRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plx/filter.h>

#define FILTERRUN_FILTERS  40 /* in one program: the verifier has a limit for all together */
#define FILTERRUN_PROGRAMS 16
#define FILTERRUN_SKB_MAX  3600 /* octets of an skb in a test run */

/* What the program in front of the filters does first (TC), and what they have said. */
struct filterrun_block {
	uint32_t tagged; /* put this tag beside the frame: */
	uint32_t proto;	 /* in network order */
	uint32_t tci;
	uint32_t cut; /* then cut the skb to so many octets; 0: no */
	uint32_t results[FILTERRUN_FILTERS];
};

struct filterrun {
	enum plx_filter_hook hook;
	size_t nr; /* filters */
	size_t nr_programs;
	int prog_fd[FILTERRUN_PROGRAMS], map_fd[FILTERRUN_PROGRAMS];
	struct filterrun_block *block[FILTERRUN_PROGRAMS];
	uint32_t results[FILTERRUN_PROGRAMS * FILTERRUN_FILTERS];
};

/* Translate nr programs and load them. The verifier has to take all of them. */
void filterrun_open(struct filterrun *run, enum plx_filter_hook hook, uint32_t direct,
		    const struct plx_cbpf *programs, size_t nr);
void filterrun_close(struct filterrun *run);

/* What the filters say of a packet, into run->results. tag: NULL, or proto and TCI, TC only. */
void filterrun_packet(struct filterrun *run, const void *bytes, size_t size, const uint16_t tag[2]);

/* Same, of a frame of several buffers of which the first one has the first octets; XDP only. */
bool filterrun_frags(struct filterrun *run, const void *bytes, size_t size, size_t first);

#endif
