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
	int lengths;
	struct {
		size_t at;   /* of an IP length field in the frame; 0: there is none more */
		size_t less; /* what it does not count: all in front of it, the IPv6 header, too */
	} length[3];
};

static const struct headers headers[] = {
	{"tcp_over_ipv4", LENGTH_SAID | LENGTH_0, {{14 + 2, 14}}},
	{"tcp_over_ipv6", LENGTH_SAID | LENGTH_0, {{14 + 4, 14 + 40}}},
	{"tcp_with_options", LENGTH_SAID | LENGTH_0, {{14 + 2, 14}}},
	{"ipv4_with_40_octets_of_options", LENGTH_SAID | LENGTH_0, {{14 + 2, 14}}},
	{"destination_options_are_walked", LENGTH_SAID | LENGTH_0, {{14 + 4, 14 + 40}}},
	{"two_8021q_tags_before_ipv6", LENGTH_SAID | LENGTH_0, {{22 + 4, 22 + 40}}},
	{"jumbo_payload_header_is_on_no_wire", LENGTH_0, {{14 + 4, 14 + 40}}},
	{"udp_over_ipv4", LENGTH_SAID, {{14 + 2, 14}}},
	{"udp_over_ipv6", LENGTH_SAID, {{14 + 4, 14 + 40}}},
	{"all_extension_headers_are_walked", LENGTH_SAID, {{14 + 4, 14 + 40}}},
	{"moved_out_tag_is_the_outer_one", LENGTH_SAID, {{14 + 2, 14}}},
	{"tag_behind_a_moved_out_one_is_customer", LENGTH_SAID, {{18 + 4, 18 + 40}}},
	{"sctp_has_ports", LENGTH_SAID, {{14 + 2, 14}}},
};

/* Same of tunnels: the octets up to the innermost payload are in each segment. */
static const struct headers tunnels[] = {
	{"ipv4_in_ipv4", LENGTH_SAID, {{14 + 2, 14}, {34 + 2, 34}}},
	{"tcp_over_ipv6_in_ipv4", LENGTH_SAID | LENGTH_0, {{14 + 2, 14}, {34 + 4, 34 + 40}}},
	{"tunnel_encapsulation_limit", LENGTH_SAID, {{14 + 4, 14 + 40}, {62 + 2, 62}}},
	{"jumbo_payload_header_in_a_tunnel", LENGTH_0, {{14 + 4, 14 + 40}, {54 + 4, 54 + 40}}},
	{"gre_with_all_three", LENGTH_SAID, {{14 + 2, 14}, {50 + 2, 50}}},
	{"gre_with_key_over_ipv6", LENGTH_SAID, {{14 + 4, 14 + 40}, {62 + 4, 62 + 40}}},
	{"nvgre", LENGTH_SAID, {{14 + 2, 14}, {56 + 2, 56}}},
	{"tcp_over_ipv6_in_vxlan", LENGTH_SAID | LENGTH_0, {{14 + 2, 14}, {64 + 4, 64 + 40}}},
	{"vxlan_over_ipv6", LENGTH_SAID, {{14 + 4, 14 + 40}, {84 + 2, 84}}},
	{"tag_in_vxlan_is_no_customer_tag", LENGTH_SAID, {{14 + 2, 14}, {68 + 2, 68}}},
	{"geneve_with_252_octets_of_options", LENGTH_SAID, {{14 + 2, 14}, {316 + 2, 316}}},
	{"gtpu_with_one_extension", LENGTH_SAID, {{14 + 2, 14}, {58 + 2, 58}}},
	{"ip_in_gre", LENGTH_SAID, {{14 + 2, 14}, {38 + 2, 38}, {58 + 2, 58}}},
	{"vxlan_in_gtpu", LENGTH_SAID, {{14 + 4, 14 + 40}, {70 + 2, 70}, {120 + 4, 120 + 40}}},
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

/* One super-packet in and out, under a policy. */
static void run_super(const struct headers *h, size_t payload, size_t gso_size, bool with_segs,
		      int length, int policy)
{
	struct sample sample = *sample_find(h->sample);
	const size_t tag = sample.moved_out ? 4 : 0;
	const size_t l2 = sample.l2_octets ? sample.l2_octets : 14;
	struct testrun_skb skb = {.gso_size = gso_size,
				  .ingress_ifindex = 9,
				  .moved_out = sample.moved_out,
				  .moved_tci = sample.moved_tci};
	struct testrun_wire wire;
	size_t header = 0;

	for (unsigned int depth = 0; depth <= SAMPLE_TUNNELS; depth++)
		if (sample_layer(&sample, depth)->version)
			header = sample_layer(&sample, depth)->header_octets;
	wire = sum_segments(l2 + tag, header + tag, payload, gso_size);
	skb.gso_segs = with_segs ? wire.packets : 0;
	sample_build(&sample, &packet);
	packet.size = header + sample.phantom_octets;
	packet_payload(&packet, payload);
	sample.octets = length == LENGTH_0 ? 0 : packet.size - l2;
	for (size_t i = 0; i < 3 && h->length[i].at; i++)
		packet_set16(&packet, h->length[i].at,
			     length == LENGTH_0 ? 0 : packet.size - h->length[i].less);
	testrun_expect_whole(&run, HOOK_TC_IN, &sample, &packet, &skb, policy, &wire);
	testrun_expect_whole(&run, HOOK_TC_OUT, &sample, &packet, &skb, policy, &wire);
}

static void run_supers(const struct headers *h, size_t nr_headers, bool with_segs, int length,
		       int policy)
{
	/* Sizes on both sides of each multiple. */
	static const size_t gso_sizes[] = {1, 8, 536, 1000, 1448};
	static const size_t payloads[] = {1,	2,    7,    8,	  9,	535,  536,
					  537,	999,  1000, 1001, 1072, 1448, 1449,
					  1999, 2000, 2001, 2896, 2897, 3000};

	for (size_t i = 0; i < nr_headers; i++)
		for (size_t j = 0; j < sizeof(gso_sizes) / sizeof(gso_sizes[0]); j++)
			for (size_t k = 0; k < sizeof(payloads) / sizeof(payloads[0]); k++)
				if (h[i].lengths & length)
					run_super(&h[i], payloads[k], gso_sizes[j], with_segs,
						  length, policy);
}

static void super_packets_are_their_segments(bool with_segs, int length)
{
	run_supers(headers, sizeof(headers) / sizeof(headers[0]), with_segs, length,
		   PLX_POLICY_BOTH);
	for (int policy = PLX_POLICY_BOTH; policy <= PLX_POLICY_OUTER; policy++)
		run_supers(tunnels, sizeof(tunnels) / sizeof(tunnels[0]), with_segs, length,
			   policy);
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
	testrun_expect_whole(&run, HOOK_TC_OUT, sample, &packet, &skb, PLX_POLICY_BOTH, &wire);
}

/*
 * A VXLAN sender in user space may give the kernel many of its packets as one UDP payload (USO):
 * the header in the first one is not that of the others, so they are the outer flow's, with its
 * octets.
 */
static void super_packet_of_many_tunnel_packets_is_of_the_outer_flow(void **state)
{
	struct sample sample = *sample_find("super_packet_of_many_vxlan_packets");
	const size_t inner = 8 + 14 + 29; /* each */

	(void)state;
	for (size_t packets = 2; packets < 20; packets++)
		for (size_t less = 0; less < 10; less += 9) /* of the last one */
			for (int policy = PLX_POLICY_BOTH; policy <= PLX_POLICY_OUTER; policy++) {
				const struct testrun_skb skb = {.gso_size = inner,
								.gso_segs = packets};
				const struct testrun_wire wire = sum_segments(
					14, sample.header_octets, packets * inner - less, inner);

				sample_build(&sample, &packet);
				packet.size = 42 + inner;
				for (size_t i = 1; i < packets; i++) {
					memcpy(packet.bytes + packet.size, packet.bytes + 42,
					       inner);
					packet.size += inner;
				}
				packet.size -= less;
				packet_set16(&packet, 14 + 2, packet.size - 14);
				packet_set16(&packet, 34 + 4, packet.size - 34);
				sample.octets = packet.size - 14;
				testrun_expect_whole(&run, HOOK_TC_OUT, &sample, &packet, &skb,
						     policy, &wire);
			}
}

/* Its segments are counted with what is known of their headers. */
static void super_packet_of_a_malformed_tunnel_has_outer_headers(void **state)
{
	const struct sample *sample = sample_find("ihl_4_in_a_tunnel");
	const struct testrun_wire wire = sum_segments(14, 34, 20 + 9 + 2000, 1000);
	const struct testrun_skb skb = {.gso_size = 1000, .gso_segs = 3};

	(void)state;
	for (int policy = PLX_POLICY_BOTH; policy <= PLX_POLICY_OUTER; policy++) {
		sample_build(sample, &packet);
		packet_payload(&packet, 2000);
		packet_set16(&packet, 14 + 2, packet.size - 14);
		testrun_expect_whole(&run, HOOK_TC_IN, sample, &packet, &skb, policy, &wire);
	}
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
	testrun_expect_whole(&run, HOOK_TC_IN, sample, &packet, &skb, PLX_POLICY_BOTH, &wire);
}

/* Total length 0 means a super-packet, and nothing else. */
static void length_0_is_malformed_without_gso_size(void **state)
{
	const struct sample *sample = sample_find("total_length_0_is_malformed");
	const struct testrun_wire wire = {.packets = 1, .frame_octets = 14 + 20 + 9};

	(void)state;
	sample_build(sample, &packet);
	testrun_expect_whole(&run, HOOK_TC_OUT, sample, &packet, NULL, PLX_POLICY_BOTH, &wire);
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
		cmocka_unit_test(super_packet_of_many_tunnel_packets_is_of_the_outer_flow),
		cmocka_unit_test(super_packet_of_a_malformed_tunnel_has_outer_headers),
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
