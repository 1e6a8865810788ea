/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables, spill ring and epochs, through the real dataplane: no packet is lost between a program
 * and the record callback, whatever is full, whoever writes and whenever the epoch ends. Each test
 * has a dataplane of its own size. Read tests/lib/testrun.h and dataplane/README.md first.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "testrun.h"

#define RING_PAGE 4096
#define RING	  65536
/* A record takes 8 octets more in the ring, in steps of 8, and one octet of the ring stays free. */
#define RING_PAGE_SAMPLES(flags) ((RING_PAGE - 1) / ((PLX_SAMPLE_SIZE(flags) + 15) / 8 * 8))
#define NR_CPUS			 2
#define SWAP_NS			 2000000000ULL /* epochs are passed for at least this long */

static struct testrun run;
static struct packet packet;

/* A thread that sends from one CPU until told to stop, or count packets. */
struct sender {
	pthread_t thread;
	int cpu;
	enum testrun_hook hook;
	int family;
	uint32_t flows;	 /* round robin */
	uint32_t offset; /* of the flow numbers */
	uint32_t repeat; /* runs of each packet */
	uint64_t count;	 /* 0: until told */
	uint64_t sent;
	bool running;
	bool stop;
	int err;
};

/* Static, since a failing test leaves its stack while they run. */
static struct sender senders[NR_CPUS];

static void stop(struct sender *s)
{
	if (!s->running)
		return;
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	s->running = false;
}

static int close_run(void **state)
{
	(void)state;
	for (int i = 0; i < NR_CPUS; i++)
		stop(&senders[i]);
	testrun_close(&run);
	return 0;
}

/* A packet of each kind of table, and where the headers begin that its flows are known by. */
static const struct {
	const char *sample;
	size_t ttl_at;
	size_t tcp_at;
} families[PLX_NR_FAMILIES] = {
	[PLX_FAMILY_IPV4] = {"tcp_over_ipv4", 14 + 8, 14 + 20},
	[PLX_FAMILY_IPV6] = {"tcp_over_ipv6", 14 + 7, 14 + 40},
	[PLX_FAMILY_TUNNEL] = {"tcp_over_ipv6_in_vxlan", 64 + 7, 64 + 40},
};

/* Flow number of a family: its ports. */
static void build_flow(struct packet *p, int family, uint32_t flow)
{
	sample_build(sample_find(families[family].sample), p);
	packet_set32(p, families[family].tcp_at, flow);
}

static int family_of(const struct plx_flow_record *rec)
{
	if (rec->key.flags & PLX_KEY_TUNNEL)
		return PLX_FAMILY_TUNNEL;
	return rec->key.flags & PLX_KEY_IPV4 ? PLX_FAMILY_IPV4 : PLX_FAMILY_IPV6;
}

static uint32_t flow_of(const struct plx_flow_record *rec)
{
	const uint8_t *ports = (const uint8_t *)&rec->key.source_port;

	return (uint32_t)ports[0] << 24 | ports[1] << 16 | ports[2] << 8 | ports[3];
}

static void send_flow(enum testrun_hook hook, int family, uint32_t flow)
{
	build_flow(&packet, family, flow);
	testrun_packet(&run, hook, packet.bytes, packet.size, NULL);
}

static void swap(void)
{
	if (plx_dataplane__swap(run.dp))
		fail_msg("%s", plx_dataplane__error(run.dp));
}

/* The ledger when everything has been delivered: no difference anywhere. */
static void check_ledger(int direction, uint64_t sent, uint64_t lost_in_ring)
{
	struct plx_if_ledger ledger;

	assert_int_equal(plx_dataplane__ledger(run.dp, 0, direction, &ledger), 0);
	assert_int_equal(ledger.seen.packets, sent);
	assert_int_equal(ledger.metered.packets, sent);
	assert_int_equal(ledger.ring_full.packets, lost_in_ring);
	assert_int_equal(ledger.evicted.packets, 0);
	assert_int_equal(ledger.evicted.bytes, 0);
	assert_int_equal(ledger.unexplained.packets, 0);
	assert_int_equal(ledger.unexplained.bytes, 0);
	assert_int_equal(ledger.held.packets, 0);
	assert_int_equal(ledger.held.bytes, 0);
	assert_int_equal(ledger.delivered.packets, sent - lost_in_ring);
}

static void second_packet_adds_to_the_first(void **state)
{
	const struct sample *sample = sample_find("tcp_over_ipv4");
	const struct plx_flow_stats *stats;
	struct sample_outcome outcome;
	struct plx_flow_first first;

	(void)state;
	testrun_open(&run, 64, 64, RING, 64);
	stats = &run.records[0].stats;
	send_flow(HOOK_XDP, PLX_FAMILY_IPV4, 1);
	build_flow(&packet, PLX_FAMILY_IPV4, 1);
	packet_payload(&packet, 100);
	packet_set16(&packet, 14 + 2, 140);
	packet.bytes[6] ^= 0x10;	   /* source MAC */
	packet.bytes[14 + 1] = 0xb8;	   /* type of service */
	packet.bytes[14 + 8] = 63;	   /* TTL */
	packet.bytes[14 + 20 + 12] = 0x60; /* an option, SACK permitted */
	packet.bytes[14 + 20 + 13] = 0x02; /* SYN alone */
	packet.bytes[14 + 20 + 14] = 0x12; /* window */
	packet_set32(&packet, 14 + 40, 0x04020101);
	testrun_packet(&run, HOOK_TC_IN, packet.bytes, packet.size, NULL);
	swap();
	testrun_drain(&run);
	assert_int_equal(run.nr_records, 1);
	assert_int_equal(stats->packets, 2);
	assert_int_equal(stats->octets, 40 + 140);
	assert_int_equal(stats->frame_octets, 54 + 154);
	assert_int_equal(stats->shape, PLX_SHAPE(40, 140, 0x18 | 0x02, 63, 64));
	assert_true(stats->last_ns >= stats->first_ns);
	/* DF of the first, options of the second */
	assert_int_equal(stats->marks, PLX_MARKS(0x40, 0));
	assert_int_equal(stats->tcp_options, 1 << 4 | 1 << 1);
	/* what the first packet fixed stays */
	sample_whole(sample, PLX_POLICY_BOTH, &outcome);
	sample_first(sample, &outcome, &first);
	assert_memory_equal(&stats->first, &first, sizeof(first));
	check_ledger(PLX_DIR_IN, 2, 0);
}

/* In a tunnel, too: what is of the outer header is in the key, but not its ports. */
static void second_packet_in_a_tunnel_adds_to_the_first(void **state)
{
	const struct sample *sample = sample_find("tcp_over_ipv6_in_vxlan");
	const struct plx_flow_stats *stats;
	struct sample_outcome outcome;
	struct plx_flow_first first;
	struct plx_tunnel tunnel;

	(void)state;
	testrun_open(&run, 64, 64, RING, 64);
	stats = &run.records[0].stats;
	sample_build(sample, &packet);
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	packet_payload(&packet, 10);
	packet_set16(&packet, 14 + 2, 120);
	packet_set16(&packet, 34, 50000);  /* outer source port */
	packet.bytes[14 + 8] = 9;	   /* outer TTL */
	packet.bytes[64 + 7] = 61;	   /* inner hop limit */
	packet.bytes[64 + 40 + 13] = 0x01; /* FIN alone */
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	swap();
	testrun_drain(&run);
	assert_int_equal(run.nr_records, 1);
	sample_whole(sample, PLX_POLICY_BOTH, &outcome);
	sample_tunnel(sample, &outcome, &tunnel);
	sample_first(sample, &outcome, &first);
	assert_memory_equal(&run.records[0].tunnel, &tunnel, sizeof(tunnel));
	assert_memory_equal(&stats->first, &first, sizeof(first));
	assert_int_equal(stats->packets, 2);
	assert_int_equal(stats->octets, 110 + 120);
	assert_int_equal(stats->frame_octets, 124 + 134);
	assert_int_equal(stats->shape, PLX_SHAPE(110, 120, 0x12 | 0x01, 61, 62));
	check_ledger(PLX_DIR_IN, 2, 0);
}

/* Each of these alone makes another flow; without the tunnel in the key they are all one. */
static void tunnels_of_the_same_inner_flow_are_told_apart(void **state)
{
	static const size_t key_octets[] = {14 + 15, 14 + 19, 42 + 6}; /* addresses, VNI */

	(void)state;
	testrun_open(&run, 64, 64, RING, 64);
	for (int policy = PLX_POLICY_BOTH; policy <= PLX_POLICY_INNER; policy++) {
		testrun_clear(&run);
		testrun_policy(&run, policy);
		for (int i = 0; i < 3; i++) {
			sample_build(sample_find("vxlan"), &packet);
			packet.bytes[key_octets[i]]++;
			testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
		}
		sample_build(sample_find("vxlan_over_ipv6"), &packet);
		testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
		sample_build(sample_find("geneve"), &packet);
		testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
		testrun_take(&run);
		assert_int_equal(run.delivered.packets, 5);
		assert_int_equal(run.nr_records, policy == PLX_POLICY_BOTH ? 5 : 1);
		assert_int_equal(family_of(&run.records[0]),
				 policy == PLX_POLICY_BOTH ? PLX_FAMILY_TUNNEL : PLX_FAMILY_IPV4);
	}
}

static void swap_and_drain_deliver_every_flow(void **state)
{
	enum { FLOWS = 20000 };
	static uint8_t seen[PLX_NR_FAMILIES][PLX_NR_DIRS][FLOWS];

	(void)state;
	/* more than one batch of the drain */
	testrun_open(&run, FLOWS * 2, FLOWS * 2, RING, 64);
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		for (uint32_t flow = 0; flow < FLOWS; flow++) {
			send_flow(HOOK_XDP, family, flow);
			if (flow % 2 == 0)
				send_flow(HOOK_TC_OUT, family, flow);
			if (flow % 3 == 0)
				send_flow(HOOK_TC_IN, family, flow);
		}
	swap();
	testrun_drain(&run);
	assert_int_equal(run.nr_records, PLX_NR_FAMILIES * (FLOWS + FLOWS / 2));
	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < run.nr_records; i++) {
		const struct plx_flow_record *rec = &run.records[i];
		int family = family_of(rec);
		int out = !!(rec->key.flags & PLX_KEY_DIR_OUT);

		assert_in_range(flow_of(rec), 0, FLOWS - 1);
		assert_int_equal(rec->stats.packets, !out && flow_of(rec) % 3 == 0 ? 2 : 1);
		assert_int_equal(seen[family][out][flow_of(rec)]++, 0);
	}
	check_ledger(PLX_DIR_IN, PLX_NR_FAMILIES * (FLOWS + FLOWS / 3 + 1), 0);
	check_ledger(PLX_DIR_OUT, PLX_NR_FAMILIES * (FLOWS / 2), 0);
	/* emptied: the next epochs have nothing of it */
	for (int i = 0; i < 2; i++) {
		swap();
		testrun_drain(&run);
	}
	assert_int_equal(run.nr_records, PLX_NR_FAMILIES * (FLOWS + FLOWS / 2));
}

/* Two flows of family are its limit; the third one, of sample, goes to the ring. */
static void flow_beyond_the_limit_goes_to_the_ring_whole(int family, const char *name,
							 uint64_t shape)
{
	const struct sample *sample = sample_find(name);
	const struct testrun_skb skb = {.ingress_ifindex = 11};
	struct sample_outcome outcome;
	struct plx_if_ledger ledger;
	struct plx_flow_first first;
	struct plx_tunnel tunnel;
	struct plx_flow_key key;

	for (uint32_t flow = 1; flow <= 2; flow++)
		send_flow(HOOK_TC_OUT, family, flow);
	sample_build(sample, &packet);
	testrun_packet(&run, HOOK_TC_OUT, packet.bytes, packet.size, &skb);
	assert_int_equal(plx_dataplane__spill(run.dp), 1);
	assert_int_equal(run.nr_records, 1);
	sample_whole(sample, PLX_POLICY_BOTH, &outcome);
	sample_key(sample, &outcome, TESTRUN_IFINDEX, &key);
	key.flags |= PLX_KEY_DIR_OUT;
	sample_tunnel(sample, &outcome, &tunnel);
	sample_first(sample, &outcome, &first);
	first.ingress_ifindex = 11;
	assert_memory_equal(&run.records[0].key, &key, sizeof(key));
	assert_memory_equal(&run.records[0].tunnel, &tunnel, sizeof(tunnel));
	assert_memory_equal(&run.records[0].stats.first, &first, sizeof(first));
	assert_int_equal(run.records[0].stats.packets, 1);
	assert_int_equal(run.records[0].stats.octets, sample->octets);
	assert_int_equal(run.records[0].stats.frame_octets, packet.size);
	assert_int_equal(run.records[0].stats.shape, shape);
	assert_true(run.records[0].stats.first_ns > 0);
	/* flows that are in keep their place, and the others have tables of their own */
	for (int other = 0; other < PLX_NR_FAMILIES; other++)
		send_flow(HOOK_TC_OUT, other, other == family ? 1 : 3);
	assert_int_equal(plx_dataplane__spill(run.dp), 0);
	assert_int_equal(plx_dataplane__ledger(run.dp, 0, PLX_DIR_OUT, &ledger), 0);
	assert_int_equal(ledger.delivered.packets, 1);
	swap();
	testrun_drain(&run);
	assert_int_equal(run.nr_records, 5);
	check_ledger(PLX_DIR_OUT, 6, 0);
}

static void flows_beyond_the_limit_go_to_the_ring_whole(void **state)
{
	(void)state;
	testrun_open(&run, 2, 64, RING, 64);
	flow_beyond_the_limit_goes_to_the_ring_whole(PLX_FAMILY_IPV6,
						     "traffic_class_flow_label_and_hop_limit",
						     PLX_SHAPE(49, 49, 0, 255, 255));
}

static void tunnels_beyond_their_limit_go_to_the_ring_whole(void **state)
{
	(void)state;
	testrun_open(&run, 64, 2, RING, 64);
	flow_beyond_the_limit_goes_to_the_ring_whole(PLX_FAMILY_TUNNEL, "ipv6_in_gtpu_over_ipv6",
						     PLX_SHAPE(105, 105, 0, 62, 62));
}

/* A record of a tunnel is larger, and of no other flow. */
static void full_ring_is_tallied(void **state)
{
	struct plx_if_stats before, books;
	uint64_t sent = 0, lost = 0;

	(void)state;
	testrun_open(&run, 1, 1, RING_PAGE, 64);
	for (int family = 0; family < PLX_NR_FAMILIES; family++) {
		const uint32_t room = family == PLX_FAMILY_TUNNEL
					      ? RING_PAGE_SAMPLES(PLX_KEY_TUNNEL)
					      : RING_PAGE_SAMPLES(0);
		const uint32_t spill = room + 12;

		testrun_books(&run, PLX_DIR_IN, &before);
		for (uint32_t flow = 0; flow < 1 + spill; flow++, sent++)
			send_flow(HOOK_XDP, family, flow);
		lost += 12;
		testrun_books(&run, PLX_DIR_IN, &books);
		testrun_balanced(&books);
		assert_int_equal(books.metered.packets, sent);
		assert_int_equal(books.spilled.packets - before.spilled.packets, room);
		assert_int_equal(books.ring_full.packets - before.ring_full.packets, 12);
		assert_int_equal(books.ring_full.bytes - before.ring_full.bytes, 12 * packet.size);
		swap();
		testrun_drain(&run);
		assert_int_equal(run.delivered.packets, sent - lost);
		check_ledger(PLX_DIR_IN, sent, lost);
		/* room again */
		for (uint32_t flow = 0; flow < 1 + 12; flow++, sent++)
			send_flow(HOOK_XDP, family, flow);
		swap();
		testrun_drain(&run);
		check_ledger(PLX_DIR_IN, sent, lost);
	}
}

/* Spilled packets are delivered in their epoch, after it, and an epoch later still. */
/* *sent packets were before these; returns with as many more as there are now. */
static void spilled_packets_are_early_or_late(int family, uint64_t *sent)
{
	struct plx_if_ledger ledger;

	for (int late = 0; late < 3; late++) {
		const uint64_t before = *sent;

		for (uint32_t flow = 0; flow < 5; flow++, ++*sent)
			send_flow(HOOK_XDP, family, flow);
		if (late == 0) {
			assert_int_equal(plx_dataplane__spill(run.dp), 4);
			assert_int_equal(plx_dataplane__ledger(run.dp, 0, PLX_DIR_IN, &ledger), 0);
			/* what is delivered counts as seen before the epoch is over */
			assert_int_equal(ledger.seen.packets, before + 4);
			assert_int_equal(ledger.delivered.packets, before + 4);
			assert_int_equal(ledger.held.packets, 0);
		}
		swap();
		if (late == 1) {
			assert_int_equal(plx_dataplane__spill(run.dp), 4);
			assert_int_equal(plx_dataplane__ledger(run.dp, 0, PLX_DIR_IN, &ledger), 0);
			assert_int_equal(ledger.held.packets, 1);
		}
		while (plx_dataplane__drain(run.dp) == 1)
			;
		if (late == 2) {
			assert_int_equal(plx_dataplane__ledger(run.dp, 0, PLX_DIR_IN, &ledger), 0);
			assert_int_equal(ledger.held.packets, 4);
			swap();
			while (plx_dataplane__drain(run.dp) == 1)
				;
			assert_int_equal(plx_dataplane__spill(run.dp), 4);
		}
		check_ledger(PLX_DIR_IN, *sent, 0);
	}
	assert_int_equal(run.delivered.packets, *sent);
	assert_int_equal(run.nr_records, *sent);
	for (uint64_t i = *sent - 15; i < *sent; i++)
		assert_int_equal(family_of(&run.records[i]), family);
}

static void spilled_packets_may_be_early_or_late(void **state)
{
	uint64_t sent = 0;

	(void)state;
	testrun_open(&run, 1, 1, RING, 64);
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		spilled_packets_are_early_or_late(family, &sent);
}

/* What is metered at a limit is in the ledger, epoch by epoch, and in no equation. */
static void limits_are_in_the_ledger(void **state)
{
	struct plx_if_ledger ledger;

	(void)state;
	testrun_open(&run, 64, 64, RING, 64);
	for (int epoch = 1; epoch <= 3; epoch++) {
		for (int i = 0; i < 5; i++) {
			sample_build(sample_find(i < 3 ? "arp_in_vxlan"
						       : "total_length_beyond_the_frame_is_taken"),
				     &packet);
			testrun_packet(&run, HOOK_TC_IN, packet.bytes, packet.size, NULL);
		}
		swap();
		testrun_drain(&run);
		check_ledger(PLX_DIR_IN, 5 * epoch, 0);
		assert_int_equal(plx_dataplane__ledger(run.dp, 0, PLX_DIR_IN, &ledger), 0);
		for (int limit = 0; limit < PLX_LIMIT_MAX; limit++) {
			const int packets = limit == PLX_LIMIT_TUNNEL_PAYLOAD ? 3
					    : limit == PLX_LIMIT_IP_LENGTH    ? 2
									      : 0;

			assert_int_equal(ledger.limited[limit].packets, packets * epoch);
		}
		assert_int_equal(ledger.limited[PLX_LIMIT_IP_LENGTH].bytes,
				 2 * epoch * packet.size);
	}
	assert_int_equal(plx_dataplane__ledger(run.dp, 0, PLX_DIR_OUT, &ledger), 0);
	for (int limit = 0; limit < PLX_LIMIT_MAX; limit++)
		assert_int_equal(ledger.limited[limit].packets, 0);
}

static void swap_during_a_drain_is_refused(void **state)
{
	(void)state;
	testrun_open(&run, 64, 64, RING, 64);
	send_flow(HOOK_XDP, PLX_FAMILY_IPV4, 1);
	swap();
	send_flow(HOOK_XDP, PLX_FAMILY_IPV4, 2);
	assert_int_equal(plx_dataplane__swap(run.dp), -EBUSY);
	testrun_drain(&run);
	assert_int_equal(run.nr_records, 1);
	swap();
	testrun_drain(&run);
	check_ledger(PLX_DIR_IN, 2, 0);
}

/* The slot is found by probing: all that it may be in, and a full house. */
static void interface_is_found_in_each_slot_it_may_have(void **state)
{
	struct plx_if_stats books;
	uint32_t *slots;

	(void)state;
	testrun_open(&run, 64, 64, RING, 64);
	slots = run.dp->control->if_index;
	for (uint32_t probe = 0; probe < PLX_IF_PROBES; probe++) {
		testrun_clear(&run);
		memset(slots, 0, sizeof(run.dp->control->if_index));
		for (uint32_t i = 0; i < probe; i++)
			slots[TESTRUN_IFINDEX + i] = TESTRUN_IFINDEX + (i + 1) * PLX_MAX_IFACES;
		slots[TESTRUN_IFINDEX + probe] = TESTRUN_IFINDEX;
		send_flow(HOOK_XDP, PLX_FAMILY_IPV4, 1);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		assert_int_equal(run.records[0].key.ifindex, TESTRUN_IFINDEX);
	}
	/* one probe further it is not ours, and in no books */
	testrun_clear(&run);
	slots[TESTRUN_IFINDEX + PLX_IF_PROBES - 1] = 0;
	slots[TESTRUN_IFINDEX + PLX_IF_PROBES] = TESTRUN_IFINDEX;
	testrun_books(&run, PLX_DIR_IN, &books);
	assert_int_equal(books.seen.packets, 1); /* probe 0 */
	for (enum testrun_hook hook = 0; hook < HOOK_MAX; hook++)
		send_flow(hook, PLX_FAMILY_IPV4, 1);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 0);
	testrun_books(&run, PLX_DIR_IN, &books);
	assert_int_equal(books.seen.packets, 1);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	struct packet *p = malloc(sizeof(*p));
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(s->cpu, &cpus);
	s->err = p ? -pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus) : -ENOMEM;
	for (uint32_t i = 0; !s->err; i++) {
		if (s->count ? s->sent >= s->count : __atomic_load_n(&s->stop, __ATOMIC_RELAXED))
			break;
		build_flow(p, s->family, s->offset + i % s->flows);
		/* each CPU has a TTL and a TCP flag of its own, to be merged */
		p->bytes[families[s->family].ttl_at] = 64 + s->cpu;
		p->bytes[families[s->family].tcp_at + 13] = 1 << s->cpu;
		s->err = testrun_try(&run, s->hook, p->bytes, p->size, NULL, s->repeat);
		if (!s->err)
			__atomic_fetch_add(&s->sent, s->repeat, __ATOMIC_RELAXED);
	}
	free(p);
	return NULL;
}

/* Set going sender number cpu, which is like model, on that CPU. */
static void start(int cpu, const struct sender *model)
{
	struct sender *s = &senders[cpu];

	*s = *model;
	s->cpu = cpu;
	assert_int_equal(pthread_create(&s->thread, NULL, send_all, s), 0);
	s->running = true;
}

/* Ends the senders that have no count, waits for the others; returns what all of them sent. */
static uint64_t finish_senders(void)
{
	uint64_t sent = 0;

	for (int i = 0; i < NR_CPUS; i++)
		stop(&senders[i]);
	for (int i = 0; i < NR_CPUS; i++) {
		const struct sender *s = &senders[i];

		if (s->err)
			fail_msg("sender on CPU %d: %s", s->cpu,
				 s->err < 0 ? strerror(-s->err) : "wrong verdict");
		sent += s->sent;
	}
	return sent;
}

static void need_two_cpus(void)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) || !CPU_ISSET(0, &cpus) ||
	    !CPU_ISSET(1, &cpus)) {
		print_message("needs CPUs 0 and 1\n");
		skip();
	}
}

/* Until all of them are on their way; how they share the CPUs afterwards is the scheduler's. */
static void await_senders(void)
{
	const struct timespec pause = {0, 5000000};
	const uint64_t deadline = plx_now_ns() + 60 * 1000000000ULL;

	for (int i = 0; i < NR_CPUS; i++)
		while (__atomic_load_n(&senders[i].sent, __ATOMIC_RELAXED) == 0) {
			if (__atomic_load_n(&senders[i].err, __ATOMIC_RELAXED))
				return; /* finish_senders() tells */
			if (plx_now_ns() > deadline)
				fail_msg("sender on CPU %d sends nothing", senders[i].cpu);
			nanosleep(&pause, NULL);
		}
}

/*
 * After each epoch, not only at the end: a packet that is counted into the books of one epoch and
 * the table of the next is missing here, and once too often there.
 */
static void pass_epoch(void)
{
	struct plx_if_ledger ledger;

	swap();
	testrun_drain(&run);
	assert_int_equal(plx_dataplane__ledger(run.dp, 0, PLX_DIR_IN, &ledger), 0);
	assert_int_equal(ledger.unexplained.packets, 0);
	assert_int_equal(ledger.unexplained.bytes, 0);
	assert_int_equal(ledger.evicted.packets, 0);
}

/* Both senders, epochs all the time, and at the end every packet has been delivered. */
static void send_through_swaps(const struct sender models[NR_CPUS], unsigned int epochs)
{
	unsigned int passed;
	uint64_t sent, begin;

	for (int i = 0; i < NR_CPUS; i++)
		start(i, &models[i]);
	await_senders();
	begin = plx_now_ns();
	for (passed = 0; passed < epochs || plx_now_ns() - begin < SWAP_NS; passed++)
		pass_epoch();
	sent = finish_senders();
	pass_epoch();
	print_message("%llu packets in %u epochs, %llu spilled\n", (unsigned long long)sent, passed,
		      (unsigned long long)run.dp->info.spilled);
	assert_true(sent > 0);
	assert_int_equal(run.delivered.packets, sent);
	assert_int_equal(run.dp->info.evicted_flows, 0);
	check_ledger(PLX_DIR_IN, sent, 0);
}

static void two_cpus_count_one_flow_through_swaps(void **state)
{
	const struct sender models[NR_CPUS] = {
		{.hook = HOOK_TC_IN, .flows = 1, .repeat = 200},
		{.hook = HOOK_XDP, .flows = 1, .repeat = 200},
	};
	uint64_t both = 0;

	(void)state;
	need_two_cpus();
	testrun_open(&run, 64, 64, RING, 64);
	send_through_swaps(models, 40);
	for (size_t i = 0; i < run.nr_records; i++) {
		uint64_t shape = run.records[i].stats.shape;
		uint16_t flags = PLX_SHAPE_TCP_FLAGS(shape);

		/* TTL and flag tell the same about which of the two were there */
		assert_in_range(flags, 1, 3);
		assert_int_equal(PLX_SHAPE_MIN_TTL(shape), flags & 1 ? 64 : 65);
		assert_int_equal(PLX_SHAPE_MAX_TTL(shape), flags & 2 ? 65 : 64);
		assert_int_equal(PLX_SHAPE_MIN_LEN(shape), 40);
		assert_int_equal(PLX_SHAPE_MAX_LEN(shape), 40);
		assert_int_equal(run.records[i].stats.octets, run.records[i].stats.packets * 40);
		assert_int_equal(run.records[i].stats.frame_octets,
				 run.records[i].stats.packets * 54);
		both += flags == 3;
	}
	print_message("both CPUs in %llu of %zu records\n", (unsigned long long)both,
		      run.nr_records);
}

/* Both insert the same flows at the same time: one wins, the other adds. */
static void two_cpus_race_for_the_same_flows_through_swaps(void **state)
{
	const struct sender models[NR_CPUS] = {
		{.hook = HOOK_TC_IN, .family = PLX_FAMILY_IPV6, .flows = 500, .repeat = 1},
		{.hook = HOOK_XDP, .family = PLX_FAMILY_IPV6, .flows = 500, .repeat = 1},
	};

	(void)state;
	need_two_cpus();
	testrun_open(&run, 4096, 4096, RING, 64);
	send_through_swaps(models, 40);
}

static void two_cpus_race_for_the_same_tunnels_through_swaps(void **state)
{
	const struct sender models[NR_CPUS] = {
		{.hook = HOOK_TC_IN, .family = PLX_FAMILY_TUNNEL, .flows = 500, .repeat = 1},
		{.hook = HOOK_XDP, .family = PLX_FAMILY_TUNNEL, .flows = 500, .repeat = 1},
	};

	(void)state;
	need_two_cpus();
	testrun_open(&run, 64, 4096, RING, 64);
	send_through_swaps(models, 40);
}

/* More flows than fit, and a ring for all others; the senders stop before it is full. */
static void overfill(int family, int other)
{
	const struct sender models[NR_CPUS] = {
		{.hook = HOOK_TC_IN, .family = family, .flows = 3000, .repeat = 1, .count = 60000},
		{.hook = HOOK_XDP,
		 .family = other,
		 .flows = 3000,
		 .offset = 3000,
		 .repeat = 1,
		 .count = 60000},
	};

	need_two_cpus();
	testrun_open(&run, 1000, 1000, 32 << 20, 64);
	send_through_swaps(models, 40);
	assert_true(run.dp->info.spilled > 0);
}

static void two_cpus_overfill_the_tables_through_swaps(void **state)
{
	(void)state;
	overfill(PLX_FAMILY_IPV4, PLX_FAMILY_IPV4);
}

static void two_cpus_overfill_tunnels_and_others_through_swaps(void **state)
{
	(void)state;
	overfill(PLX_FAMILY_TUNNEL, PLX_FAMILY_IPV6);
}

/*
 * An LRU map takes entries by the hundred per CPU, and evicts when there is none left to take. The
 * limit must come first: tables filled to it from two CPUs, again and again, lose nothing.
 */
static void filling_a_table_evicts_nothing(void **state)
{
	enum { LIMIT = 2000, EPOCHS = 18 };

	(void)state;
	need_two_cpus();
	testrun_open(&run, LIMIT, LIMIT, 1 << 20, 64);
	for (int epoch = 0; epoch < EPOCHS; epoch++) {
		const struct sender models[NR_CPUS] = {
			{.family = epoch / 2 % PLX_NR_FAMILIES,
			 .flows = LIMIT,
			 .repeat = 1,
			 .count = epoch % 3 == 0 ? LIMIT * 2 : LIMIT},
			{.family = epoch / 2 % PLX_NR_FAMILIES,
			 .flows = LIMIT,
			 .offset = LIMIT,
			 .repeat = 1,
			 .count = epoch % 3 == 1 ? 1 : LIMIT},
		};

		for (int i = 0; i < NR_CPUS; i++)
			start(i, &models[i]);
		finish_senders();
		swap();
		testrun_drain(&run);
		assert_int_equal(run.dp->info.evicted_flows, 0);
		/* the limit is read before the insert: each CPU may go one beyond */
		assert_in_range(run.dp->info.drain_records, LIMIT, LIMIT + NR_CPUS - 1);
	}
	check_ledger(PLX_DIR_IN, run.delivered.packets, 0);
}

static void two_cpus_merge_their_bounds(void **state)
{
	const struct sender models[NR_CPUS] = {
		{.hook = HOOK_TC_OUT, .flows = 1, .repeat = 1, .count = 1},
		{.hook = HOOK_TC_OUT, .flows = 1, .repeat = 1, .count = 1},
	};

	(void)state;
	need_two_cpus();
	testrun_open(&run, 64, 64, RING, 64);
	for (int round = 0; round < 200; round++) {
		run.nr_records = 0;
		for (int i = 0; i < NR_CPUS; i++)
			start(i, &models[i]);
		finish_senders();
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		assert_int_equal(run.records[0].stats.packets, 2);
		assert_int_equal(run.records[0].stats.shape, PLX_SHAPE(40, 40, 3, 64, 65));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(second_packet_adds_to_the_first, close_run),
		cmocka_unit_test_teardown(second_packet_in_a_tunnel_adds_to_the_first, close_run),
		cmocka_unit_test_teardown(tunnels_of_the_same_inner_flow_are_told_apart, close_run),
		cmocka_unit_test_teardown(swap_and_drain_deliver_every_flow, close_run),
		cmocka_unit_test_teardown(flows_beyond_the_limit_go_to_the_ring_whole, close_run),
		cmocka_unit_test_teardown(tunnels_beyond_their_limit_go_to_the_ring_whole,
					  close_run),
		cmocka_unit_test_teardown(full_ring_is_tallied, close_run),
		cmocka_unit_test_teardown(spilled_packets_may_be_early_or_late, close_run),
		cmocka_unit_test_teardown(limits_are_in_the_ledger, close_run),
		cmocka_unit_test_teardown(swap_during_a_drain_is_refused, close_run),
		cmocka_unit_test_teardown(interface_is_found_in_each_slot_it_may_have, close_run),
		cmocka_unit_test_teardown(two_cpus_count_one_flow_through_swaps, close_run),
		cmocka_unit_test_teardown(two_cpus_race_for_the_same_flows_through_swaps,
					  close_run),
		cmocka_unit_test_teardown(two_cpus_race_for_the_same_tunnels_through_swaps,
					  close_run),
		cmocka_unit_test_teardown(two_cpus_overfill_the_tables_through_swaps, close_run),
		cmocka_unit_test_teardown(two_cpus_overfill_tunnels_and_others_through_swaps,
					  close_run),
		cmocka_unit_test_teardown(filling_a_table_evicts_nothing, close_run),
		cmocka_unit_test_teardown(two_cpus_merge_their_bounds, close_run),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
