/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BPF programs without a network: a real dataplane with its maps, packets given to the programs
 * by BPF_PROG_TEST_RUN, and what came of them as the tables, the spill ring and the ledger have it.
 * The interface is lo, ifindex 1, which is what the kernel uses when a test run names none; nothing
 * is attached to it. Needs root. A failure fails the running cmocka test.
 */
#ifndef PLX_TESTS_TESTRUN_H
#define PLX_TESTS_TESTRUN_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/internal.h"

#include "samples.h"

#define TESTRUN_IFINDEX	 1
#define TESTRUN_MIN_SIZE 14 /* the kernel takes no less than an Ethernet header */

struct CMUnitTest;

enum testrun_hook { HOOK_XDP, HOOK_TC_IN, HOOK_TC_OUT, HOOK_MAX };

/* What the skb of a test run has beside its bytes; TC only. */
struct testrun_skb {
	uint32_t gso_size;
	uint32_t gso_segs;
	uint32_t ingress_ifindex;
	bool moved_out; /* a tag beside the frame: */
	uint16_t moved_tci;
	uint32_t cut; /* the program sees only this many octets; 0: all */
};

struct testrun {
	struct plx_dataplane *dp;
	struct observe_xdp *xdp;
	int prog_fd[HOOK_MAX];
	int front_fd; /* program that moves a tag out or cuts, then calls the first of calls */
	int calls_fd;
	int called_fd; /* the first of calls */
	int nr_cpus;

	/* What was delivered or taken, the first max of them with contents. */
	struct plx_flow_record *records;
	size_t max_records;
	size_t nr_records;
	struct plx_tally delivered;
};

/* All sizes but the callback are the caller's; of all packets, or of a sample. */
void testrun_open(struct testrun *t, uint32_t flows, uint32_t tunnels, uint32_t ring_bytes,
		  uint32_t fragments);
void testrun_open_sampling(struct testrun *t, uint32_t flows, struct plx_sampling sampling);
void testrun_close(struct testrun *t);

/* Give ifindex a slot and books, as attaching would. */
void testrun_register(struct testrun *t, uint32_t ifindex);

/* Set the enum plx_policy of TESTRUN_IFINDEX. */
void testrun_policy(struct testrun *t, int policy);

/*
 * One packet through hook, repeated. skb may be NULL. Fails the test when the program does not let
 * the packet pass on. testrun_try() is the same for threads, where cmocka cannot be used: 0, a
 * negative errno, or 1 when the program's verdict was wrong.
 */
void testrun_packet(struct testrun *t, enum testrun_hook hook, const void *bytes, size_t size,
		    const struct testrun_skb *skb);
int testrun_try(struct testrun *t, enum testrun_hook hook, const void *bytes, size_t size,
		const struct testrun_skb *skb, uint32_t repeat);

/*
 * Forget records, the first fragments seen, and what is in the active tables and the ring; the
 * policy is PLX_POLICY_BOTH again.
 */
void testrun_clear(struct testrun *t);

/*
 * Move what is in the active tables and in the ring to records, behind the dataplane's back: no
 * epoch ends and its ledger knows nothing of it. A swap would take milliseconds for each packet.
 */
void testrun_take(struct testrun *t);

/* Through the dataplane instead: the retired tables to the end, and what the ring has. */
void testrun_drain(struct testrun *t);

/* Books of TESTRUN_IFINDEX, summed over CPUs and buffers, since open. */
void testrun_books(struct testrun *t, int direction, struct plx_if_stats *ret_books);

/* Fails the test unless seen = metered + unsampled + skipped, in packets and in bytes. */
void testrun_balanced(const struct plx_if_stats *books);

int hook_direction(enum testrun_hook hook);

/* What a packet is on the wire. */
struct testrun_wire {
	uint64_t packets;
	uint64_t octets;
	uint64_t frame_octets;
	uint16_t min_length;
	uint16_t max_length;
};

/*
 * The first size octets of p through hook: fails the test unless exactly one thing comes of it:
 * want is metered and there is one flow, that of sample with counters as in wire, or it is a skip
 * reason and that was tallied; of the limits exactly those of want were, and nothing else.
 */
void testrun_expect(struct testrun *t, enum testrun_hook hook, const struct sample *sample,
		    const struct packet *p, size_t size, const struct testrun_skb *skb,
		    const struct sample_outcome *want, const struct testrun_wire *wire);

/* Same, of all of p under policy, which is one frame or the segments in wire. */
void testrun_expect_whole(struct testrun *t, enum testrun_hook hook, const struct sample *sample,
			  const struct packet *p, const struct testrun_skb *skb, int policy,
			  const struct testrun_wire *wire);

/*
 * noise.c: random and mutated packets through hook, PLX_TEST_RANDOM of them or count, under all
 * policies in turn; every second batch with random GSO fields if it is a TC one. Checks each
 * verdict and the books, and without GSO each column and each flow against a replay.
 */
void testrun_random(struct testrun *t, enum testrun_hook hook, uint32_t count);

/* One of these packets. */
void testrun_random_packet(struct packet *p, uint64_t *random);

/*
 * main() of a test program: every sample through each of the hooks, under all policies, whole and
 * cut at every length that a test run takes, then the tests in more. t is open during the tests.
 */
int testrun_main(const char *name, struct testrun *t, const enum testrun_hook *hooks,
		 size_t nr_hooks, const struct CMUnitTest *more, size_t nr_more);

#endif
