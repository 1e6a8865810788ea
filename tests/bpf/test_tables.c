/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables, spill ring and epochs, through the real dataplane: no packet is lost between a program
 * and the record callback, whatever is full and whenever the epoch ends. Each test has a dataplane
 * of its own size. When two CPUs count at once is in test_races.c. Read tests/lib/testrun.h and
 * dataplane/README.md first.
 */
#include <errno.h>
#include <string.h>

#include "tables.h"

#define RING_PAGE 4096
/* A record takes 8 octets more in the ring, in steps of 8, and one octet of the ring stays free. */
#define RING_PAGE_SAMPLES(flags) ((RING_PAGE - 1) / ((PLX_SAMPLE_SIZE(flags) + 15) / 8 * 8))

static int close_run(void **state)
{
	(void)state;
	testrun_close(&run);
	return 0;
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
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
