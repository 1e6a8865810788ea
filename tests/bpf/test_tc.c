/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plx_tc_in and plx_tc_out by BPF_PROG_TEST_RUN: every sample whole and cut, tags moved out of the
 * frame, super-packets against a sum over their segments, fragments, noise. An skb of a test run is
 * linear; skb that are not are for the namespace tests. Read tests/lib/testrun.h first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "testrun.h"

#define RANDOM_PACKETS 100000 /* through each of the two */

static struct testrun run;
static struct packet packet;

/* Of super-packets that IP can say the length of, and of those that it cannot. */
enum { LENGTH_SAID = 1, LENGTH_0 = 2 };

/* Headers of a super-packet: those of a sample. */
struct headers {
	const char *sample;
	size_t length_at;   /* of the IP length field in the frame */
	size_t length_less; /* what it does not count: Ethernet, tags, the IPv6 header */
	int lengths;
};

static const struct headers headers[] = {
	{"tcp_over_ipv4", 14 + 2, 14, LENGTH_SAID | LENGTH_0},
	{"tcp_over_ipv6", 14 + 4, 14 + 40, LENGTH_SAID | LENGTH_0},
	{"tcp_with_options", 14 + 2, 14, LENGTH_SAID | LENGTH_0},
	{"ipv4_with_40_octets_of_options", 14 + 2, 14, LENGTH_SAID | LENGTH_0},
	{"destination_options_are_walked", 14 + 4, 14 + 40, LENGTH_SAID | LENGTH_0},
	{"two_8021q_tags_before_ipv6", 22 + 4, 22 + 40, LENGTH_SAID | LENGTH_0},
	{"jumbo_payload_header_is_on_no_wire", 14 + 4, 14 + 40, LENGTH_0},
	{"udp_over_ipv4", 14 + 2, 14, LENGTH_SAID},
	{"udp_over_ipv6", 14 + 4, 14 + 40, LENGTH_SAID},
	{"all_extension_headers_are_walked", 14 + 4, 14 + 40, LENGTH_SAID},
	{"moved_out_tag_is_the_outer_one", 14 + 2, 14, LENGTH_SAID},
	{"tag_behind_a_moved_out_one_is_customer", 18 + 4, 18 + 40, LENGTH_SAID},
	{"sctp_has_ports", 14 + 2, 14, LENGTH_SAID},
};

/* What leaves the host: segment by segment, each with all headers in front of it. */
static struct testrun_wire sum_segments(size_t l2, size_t header, size_t payload, size_t gso_size)
{
	struct testrun_wire wire = {.min_length = 0xffff};

	for (size_t sent = 0; sent < payload; sent += gso_size) {
		size_t segment = payload - sent < gso_size ? payload - sent : gso_size;
		uint16_t length = header - l2 + segment;

		wire.packets++;
		wire.octets += length;
		wire.frame_octets += header + segment;
		if (length < wire.min_length)
			wire.min_length = length;
		if (length > wire.max_length)
			wire.max_length = length;
	}
	return wire;
}

/* One super-packet in and out. */
static void run_super(const struct headers *h, size_t payload, size_t gso_size, bool with_segs,
		      int length)
{
	const struct sample *sample = sample_find(h->sample);
	const size_t tag = sample->moved_out ? 4 : 0;
	const size_t l2 = sample->l2_octets ? sample->l2_octets : 14;
	const struct testrun_wire wire =
		sum_segments(l2 + tag, sample->header_octets + tag, payload, gso_size);
	const struct testrun_skb skb = {.gso_size = gso_size,
					.gso_segs = with_segs ? wire.packets : 0,
					.ingress_ifindex = 9,
					.moved_out = sample->moved_out,
					.moved_tci = sample->moved_tci};

	sample_build(sample, &packet);
	packet.size = sample->header_octets + sample->phantom_octets;
	packet_payload(&packet, payload);
	packet_set16(&packet, h->length_at, length == LENGTH_0 ? 0 : packet.size - h->length_less);
	testrun_expect(&run, HOOK_TC_IN, sample, &packet, packet.size, &skb, SAMPLE_OK, &wire);
	testrun_expect(&run, HOOK_TC_OUT, sample, &packet, packet.size, &skb, SAMPLE_OK, &wire);
}

/* Sizes on both sides of each multiple. */
static void super_packets_are_their_segments(bool with_segs, int length)
{
	static const size_t gso_sizes[] = {1, 8, 536, 1000, 1448};
	static const size_t payloads[] = {1,	2,    7,    8,	  9,	535,  536,
					  537,	999,  1000, 1001, 1072, 1448, 1449,
					  1999, 2000, 2001, 2896, 2897, 3000};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		for (size_t j = 0; j < sizeof(gso_sizes) / sizeof(gso_sizes[0]); j++)
			for (size_t k = 0; k < sizeof(payloads) / sizeof(payloads[0]); k++)
				if (headers[i].lengths & length)
					run_super(&headers[i], payloads[k], gso_sizes[j], with_segs,
						  length);
}

static void super_packet_counts_its_segments(void **state)
{
	(void)state;
	super_packets_are_their_segments(true, LENGTH_SAID);
}

static void missing_gso_segs_are_derived(void **state)
{
	(void)state;
	super_packets_are_their_segments(false, LENGTH_SAID);
}

static void big_tcp_counts_its_segments(void **state)
{
	(void)state;
	super_packets_are_their_segments(true, LENGTH_0);
}

static void big_tcp_without_gso_segs_counts_its_segments(void **state)
{
	(void)state;
	super_packets_are_their_segments(false, LENGTH_0);
}

/* One packet that is not to be split although it has a gso_size. */
static void super_packet_without_payload_is_one_packet(void **state)
{
	const struct sample *sample = sample_find("tcp_over_ipv4");
	const struct testrun_wire wire = {1, 40, 54, 40, 40};
	const struct testrun_skb skb = {.gso_size = 1448, .gso_segs = 1};

	(void)state;
	sample_build(sample, &packet);
	testrun_expect(&run, HOOK_TC_OUT, sample, &packet, packet.size, &skb, SAMPLE_OK, &wire);
}

/* GSO_BY_FRAGS: gso_size 0xffff says that the segments are of any sizes. Their number is right. */
static void sctp_segments_are_counted_by_gso_segs(void **state)
{
	const struct sample *sample = sample_find("sctp_has_ports");
	const struct testrun_skb skb = {.gso_size = 0xffff, .gso_segs = 3};
	const struct plx_flow_stats *stats;

	(void)state;
	sample_build(sample, &packet);
	packet.size = sample->header_octets;
	packet_payload(&packet, 1200);
	packet_set16(&packet, 14 + 2, packet.size - 14);
	testrun_clear(&run);
	testrun_packet(&run, HOOK_TC_OUT, packet.bytes, packet.size, &skb);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	stats = &run.records[0].stats;
	assert_int_equal(stats->packets, 3);
	assert_int_equal(stats->octets, 3 * (20 + 12) + 1200);
	assert_int_equal(stats->frame_octets, 3 * (14 + 20 + 12) + 1200);
}

/* A reason tallies what the skb says of its segments. */
static void skipped_super_packet_counts_its_segments(void **state)
{
	const struct sample *sample = sample_find("mpls_pseudowire_is_skipped");
	const struct testrun_wire wire = {.packets = 5, .frame_octets = 14 + 10};
	const struct testrun_skb skb = {.gso_size = 1000, .gso_segs = 5};

	(void)state;
	sample_build(sample, &packet);
	testrun_expect(&run, HOOK_TC_IN, sample, &packet, packet.size, &skb,
		       PLX_SKIP_MPLS_PAYLOAD, &wire);
}

/* Total length 0 means a super-packet, and nothing else. */
static void length_0_is_malformed_without_gso_size(void **state)
{
	const struct sample *sample = sample_find("total_length_0_is_malformed");
	const struct testrun_wire wire = {.packets = 1, .frame_octets = 14 + 20 + 9};

	(void)state;
	sample_build(sample, &packet);
	testrun_expect(&run, HOOK_TC_OUT, sample, &packet, packet.size, NULL, PLX_SKIP_BAD_IP,
		       &wire);
}

static void egress_keeps_the_ingress_interface_of_the_first_packet(void **state)
{
	struct testrun_skb skb = {.ingress_ifindex = 5};

	(void)state;
	testrun_clear(&run);
	sample_build(sample_find("udp_over_ipv4"), &packet);
	testrun_packet(&run, HOOK_TC_OUT, packet.bytes, packet.size, &skb);
	skb.ingress_ifindex = 6;
	testrun_packet(&run, HOOK_TC_OUT, packet.bytes, packet.size, &skb);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	assert_int_equal(run.records[0].stats.packets, 2);
	assert_int_equal(run.records[0].stats.first.ingress_ifindex, 5);
}

static void directions_are_flows_of_their_own(void **state)
{
	(void)state;
	testrun_clear(&run);
	sample_build(sample_find("udp_over_ipv6"), &packet);
	testrun_packet(&run, HOOK_TC_OUT, packet.bytes, packet.size, NULL);
	testrun_packet(&run, HOOK_TC_IN, packet.bytes, packet.size, NULL);
	/* ... but hooks of one direction are not */
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 2);
	for (int i = 0; i < 2; i++) {
		bool out = run.records[i].key.flags & PLX_KEY_DIR_OUT;

		assert_int_equal(run.records[i].stats.packets, out ? 1 : 2);
	}
	assert_int_not_equal(run.records[0].key.flags, run.records[1].key.flags);
}

static void random_packets_pass_and_balance_in(void **state)
{
	(void)state;
	testrun_random(&run, HOOK_TC_IN, RANDOM_PACKETS);
}

static void random_packets_pass_and_balance_out(void **state)
{
	(void)state;
	testrun_random(&run, HOOK_TC_OUT, RANDOM_PACKETS);
}

int main(void)
{
	static const enum testrun_hook hooks[] = {HOOK_TC_IN, HOOK_TC_OUT};
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(super_packet_counts_its_segments),
		cmocka_unit_test(missing_gso_segs_are_derived),
		cmocka_unit_test(big_tcp_counts_its_segments),
		cmocka_unit_test(big_tcp_without_gso_segs_counts_its_segments),
		cmocka_unit_test(super_packet_without_payload_is_one_packet),
		cmocka_unit_test(sctp_segments_are_counted_by_gso_segs),
		cmocka_unit_test(skipped_super_packet_counts_its_segments),
		cmocka_unit_test(length_0_is_malformed_without_gso_size),
		cmocka_unit_test(egress_keeps_the_ingress_interface_of_the_first_packet),
		cmocka_unit_test(directions_are_flows_of_their_own),
		cmocka_unit_test(random_packets_pass_and_balance_in),
		cmocka_unit_test(random_packets_pass_and_balance_out),
	};

	return testrun_main("tc", &run, hooks, 2, more, sizeof(more) / sizeof(more[0]));
}
