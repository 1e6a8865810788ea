/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments: later ones belong to the flow of the first if that was seen, and else to a flow of
 * their own, which says so. Both families, all hooks. Read tests/lib/testrun.h first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "testrun.h"

static struct testrun run;
static struct packet packet;

/* Names of the samples of one datagram, and where its identification is. */
struct datagram {
	const char *first, *middle;
	size_t id_at;
	size_t id_size;
	size_t source_at; /* last octet of the source address of what is in fragments */
	bool inside;	  /* of a tunnel, in packets that are whole */
};

static const struct datagram datagrams[] = {
	{"first_fragment_has_ports", "later_fragment_has_no_ports", 14 + 4, 2, 14 + 15, false},
	{"first_ipv6_fragment_has_ports", "later_ipv6_fragment_has_no_ports", 14 + 40 + 4, 4,
	 14 + 23, false},
	{"first_fragment_of_gre", "later_fragment_of_gre", 14 + 4, 2, 14 + 15, false},
	{"first_fragment_of_vxlan", "later_fragment_of_vxlan", 14 + 4, 2, 14 + 15, false},
	{"first_ipv6_fragment_of_gre", "later_ipv6_fragment_of_gre", 14 + 40 + 4, 4, 14 + 23,
	 false},
	{"first_fragment_in_a_tunnel", "later_fragment_in_a_tunnel", 34 + 4, 2, 34 + 15, true},
	{"first_ipv6_fragment_in_vxlan", "later_ipv6_fragment_in_vxlan", 64 + 40 + 4, 4, 64 + 23,
	 true},
};

enum {
	NR_DATAGRAMS = sizeof(datagrams) / sizeof(datagrams[0]),
	NR_POLICIES = PLX_POLICY_OUTER + 1,
	NR_CASES = NR_DATAGRAMS * HOOK_MAX * NR_POLICIES,
};

/* One of NR_CASES, with nothing seen yet. False: there are no fragments under this policy. */
static bool begin_case(int i, const struct datagram **ret_d, enum testrun_hook *ret_hook,
		       int *ret_policy)
{
	*ret_d = &datagrams[i / NR_POLICIES / HOOK_MAX];
	*ret_hook = i / NR_POLICIES % HOOK_MAX;
	*ret_policy = i % NR_POLICIES;
	testrun_clear(&run);
	testrun_policy(&run, *ret_policy);
	return !(*ret_d)->inside || *ret_policy != PLX_POLICY_OUTER;
}

/* Packets that limit has in the books of an interface in both directions. */
static uint64_t limited(enum plx_limit limit)
{
	struct plx_if_stats in, out;

	testrun_books(&run, PLX_DIR_IN, &in);
	testrun_books(&run, PLX_DIR_OUT, &out);
	testrun_balanced(&in);
	testrun_balanced(&out);
	return in.limited[limit].packets + out.limited[limit].packets;
}

/* Same, of all limits. */
static uint64_t limited_at_all(void)
{
	uint64_t sum = 0;

	for (int limit = 0; limit < PLX_LIMIT_MAX; limit++)
		sum += limited(limit);
	return sum;
}

/* Send a sample; add is added to the last octets of identification and source address. */
static void send(enum testrun_hook hook, const struct datagram *d, const char *sample, int add_id,
		 int add_source)
{
	sample_build(sample_find(sample), &packet);
	packet.bytes[d->id_at + d->id_size - 1] += add_id;
	packet.bytes[d->source_at] += add_source;
	testrun_packet(&run, hook, packet.bytes, packet.size, NULL);
}

static void send_sample(enum testrun_hook hook, const char *sample)
{
	sample_build(sample_find(sample), &packet);
	testrun_packet(&run, hook, packet.bytes, packet.size, NULL);
}

/* The flow of sample under policy is one of the records, with so many packets. */
static const struct plx_flow_record *expect_flow(enum testrun_hook hook, const char *name,
						 int policy, uint64_t packets)
{
	const struct sample *sample = sample_find(name);
	struct sample_outcome outcome;
	struct plx_tunnel tunnel;
	struct plx_flow_key key;

	sample_whole(sample, policy, &outcome);
	sample_key(sample, &outcome, TESTRUN_IFINDEX, &key);
	sample_tunnel(sample, &outcome, &tunnel);
	if (hook == HOOK_TC_OUT)
		key.flags |= PLX_KEY_DIR_OUT;
	for (size_t i = 0; i < run.nr_records; i++) {
		const struct plx_flow_record *rec = &run.records[i];

		if (memcmp(&rec->key, &key, sizeof(key)) ||
		    memcmp(&rec->tunnel, &tunnel, sizeof(tunnel)))
			continue;
		assert_int_equal(rec->stats.packets, packets);
		return rec;
	}
	fail_msg("no flow of %s under policy %d", name, policy);
	return NULL;
}

static void later_fragments_join_the_first(void **state)
{
	(void)state;
	for (int i = 0; i < NR_CASES; i++) {
		const struct datagram *d;
		const struct sample *first, *later;
		const struct sample_layer *layer;
		const struct plx_flow_stats *stats;
		struct sample_outcome outcome;
		struct plx_flow_first fields;
		enum testrun_hook hook;
		uint64_t limits;
		int policy;

		if (!begin_case(i, &d, &hook, &policy))
			continue;
		first = sample_find(d->first);
		later = sample_find(d->middle);
		sample_whole(first, policy, &outcome);
		sample_first(first, &outcome, &fields);
		layer = sample_layer(first, outcome.depth);
		limits = limited_at_all();
		send(hook, d, d->first, 0, 0);
		send(hook, d, d->middle, 0, 0);
		send(hook, d, d->middle, 0, 0);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		stats = &expect_flow(hook, d->first, policy, 3)->stats;
		assert_memory_equal(&stats->first, &fields, sizeof(fields));
		assert_int_equal(stats->octets, first->octets + 2 * later->octets);
		assert_int_equal(PLX_SHAPE_MIN_LEN(stats->shape), later->octets);
		assert_int_equal(PLX_SHAPE_MAX_LEN(stats->shape), first->octets);
		assert_int_equal(PLX_SHAPE_MIN_TTL(stats->shape), layer->ttl ? layer->ttl : 64);
		assert_int_equal(PLX_SHAPE_MAX_TTL(stats->shape), layer->ttl ? layer->ttl : 64);
		assert_int_equal(PLX_MARKS_FRAGMENT_FLAGS(stats->marks), layer->fragment_flags);
		assert_int_equal(limited_at_all(), limits);
	}
}

/* The first fragment comes too late for those in front of it. */
static void without_the_first_they_are_a_flow_of_their_own(void **state)
{
	(void)state;
	for (int i = 0; i < NR_CASES; i++) {
		const struct datagram *d;
		enum testrun_hook hook;
		uint64_t limits, ports;
		int policy;

		if (!begin_case(i, &d, &hook, &policy))
			continue;
		limits = limited_at_all();
		ports = limited(PLX_LIMIT_FRAGMENT);
		send(hook, d, d->middle, 0, 0);
		send(hook, d, d->middle, 0, 0);
		send(hook, d, d->first, 0, 0);
		send(hook, d, d->middle, 0, 0);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 2);
		expect_flow(hook, d->first, policy, 2);
		/* without ports, and of an outer packet without the inner one */
		expect_flow(hook, d->middle, policy, 2);
		assert_int_equal(limited(PLX_LIMIT_FRAGMENT), ports + 2);
		assert_int_equal(limited_at_all(), limits + 2);
	}
}

/* What is in fragments inside of a tunnel that nobody looks into is in no fragments at all. */
static void fragments_in_a_tunnel_are_no_matter_to_the_outer_flow(void **state)
{
	(void)state;
	for (int i = 0; i < NR_DATAGRAMS; i++) {
		const struct datagram *d = &datagrams[i];
		uint64_t limits;

		if (!d->inside)
			continue;
		testrun_clear(&run);
		testrun_policy(&run, PLX_POLICY_OUTER);
		limits = limited_at_all();
		send(HOOK_XDP, d, d->middle, 0, 0);
		send(HOOK_XDP, d, d->first, 0, 0);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		expect_flow(HOOK_XDP, d->first, PLX_POLICY_OUTER, 2);
		assert_int_equal(limited_at_all(), limits);
	}
}

static void other_datagrams_are_not_confused(void **state)
{
	(void)state;
	for (int i = 0; i < NR_DATAGRAMS; i++) {
		const struct datagram *d = &datagrams[i];
		uint64_t own = 0;

		testrun_clear(&run);
		send(HOOK_XDP, d, d->first, 0, 0);
		send(HOOK_XDP, d, d->middle, 1, 0); /* another identification */
		send(HOOK_XDP, d, d->middle, 0, 1); /* another source address */
		testrun_take(&run);
		assert_int_equal(run.nr_records, 3);
		for (size_t j = 0; j < run.nr_records; j++)
			own += !!(run.records[j].key.flags & PLX_KEY_FRAGMENT);
		assert_int_equal(own, 2);
	}
}

/* An identification is of one protocol: 17 came first, 6 is of another datagram. */
static void protocol_is_part_of_the_identification(void **state)
{
	(void)state;
	testrun_clear(&run);
	sample_build(sample_find("first_fragment_has_ports"), &packet);
	testrun_packet(&run, HOOK_TC_IN, packet.bytes, packet.size, NULL);
	sample_build(sample_find("last_fragment_has_no_ports"), &packet);
	testrun_packet(&run, HOOK_TC_IN, packet.bytes, packet.size, NULL);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 2);
	assert_int_not_equal(run.records[0].key.protocol, run.records[1].key.protocol);
}

/* The fragment header says 60 in all fragments; the protocol is behind it, in the first. */
static void later_fragment_gets_the_protocol_of_the_first(void **state)
{
	(void)state;
	testrun_clear(&run);
	sample_build(sample_find("first_fragment_goes_on_behind_it"), &packet);
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	sample_build(sample_find("later_fragment_ends_the_walk"), &packet);
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	assert_int_equal(run.records[0].stats.packets, 2);
	assert_int_equal(run.records[0].key.protocol, 17);
	assert_int_equal(run.records[0].key.flags, 0);
}

/* Without ports in the first fragment there is nothing to learn for the later ones. */
static void empty_first_fragment_is_with_the_later_ones(void **state)
{
	(void)state;
	testrun_clear(&run);
	sample_build(sample_find("empty_first_fragment_has_no_ports"), &packet);
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	sample_build(sample_find("later_fragment_has_no_ports"), &packet);
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	assert_int_equal(run.records[0].stats.packets, 2);
	assert_true(run.records[0].key.flags & PLX_KEY_FRAGMENT);
}

/* Fragments of a protocol without ports are no puzzle when the first one was seen. */
static void fragments_without_ports_join_the_first(void **state)
{
	static const char *const names[] = {"esp_has_no_ports", "gre_keepalive_answer"};

	(void)state;
	for (int name = 0; name < 2; name++) {
		testrun_clear(&run);
		for (int i = 0; i < 3; i++) {
			sample_build(sample_find(names[name]), &packet);
			packet_set16(&packet, 14 + 6, i == 0 ? 0x2000 : i == 1 ? 0x2001 : 0x0002);
			testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
		}
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		assert_int_equal(run.records[0].stats.packets, 3);
		assert_int_equal(run.records[0].key.flags, PLX_KEY_IPV4);
	}
}

/* An outer fragment with the first one of the inner packet: both kinds of later ones join it. */
static void fragments_in_fragments_join_the_first(void **state)
{
	(void)state;
	for (int i = 0; i < HOOK_MAX * 2; i++) {
		const int policy = i / HOOK_MAX ? PLX_POLICY_INNER : PLX_POLICY_BOTH;
		const enum testrun_hook hook = i % HOOK_MAX;

		testrun_clear(&run);
		testrun_policy(&run, policy);
		send_sample(hook, "first_fragment_in_a_first_fragment");
		/* of the outer packet, which is of protocol 41 */
		sample_build(sample_find("later_fragment_of_gre"), &packet);
		packet.bytes[14 + 9] = 41;
		testrun_packet(&run, hook, packet.bytes, packet.size, NULL);
		/* of the inner one, in an outer packet of its own */
		sample_build(sample_find("first_fragment_in_a_first_fragment"), &packet);
		packet_set16(&packet, 14 + 6, 0);
		packet_set16(&packet, 34 + 40 + 2, 0x0008);
		testrun_packet(&run, hook, packet.bytes, packet.size, NULL);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		expect_flow(hook, "first_fragment_in_a_first_fragment", policy, 3);
	}
}

/* An outer first fragment with a later inner one that is not known: nor are the other ones. */
static void fragments_of_an_unknown_inner_fragment_are_on_their_own(void **state)
{
	const uint64_t ports = limited(PLX_LIMIT_FRAGMENT);

	(void)state;
	testrun_clear(&run);
	sample_build(sample_find("later_fragment_in_a_tunnel"), &packet);
	packet_set16(&packet, 14 + 6, 0x2000);
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	sample_build(sample_find("later_fragment_of_gre"), &packet);
	packet.bytes[14 + 9] = 4;
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 2);
	for (int i = 0; i < 2; i++)
		assert_true(run.records[i].key.flags & PLX_KEY_FRAGMENT);
	assert_int_not_equal(run.records[0].key.flags & PLX_KEY_TUNNEL,
			     run.records[1].key.flags & PLX_KEY_TUNNEL);
	assert_int_equal(limited(PLX_LIMIT_FRAGMENT), ports + 2);
}

/* The same addresses and identification in two networks are two datagrams. */
static void tunnel_is_part_of_the_identification(void **state)
{
	const struct datagram *d = &datagrams[NR_DATAGRAMS - 1];

	(void)state;
	for (int policy = PLX_POLICY_BOTH; policy <= PLX_POLICY_INNER; policy++) {
		testrun_clear(&run);
		testrun_policy(&run, policy);
		send(HOOK_XDP, d, d->first, 0, 0);
		sample_build(sample_find(d->middle), &packet);
		packet.bytes[42 + 6]++; /* VNI */
		testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 2);
		expect_flow(HOOK_XDP, d->first, policy, 1);
		for (int i = 0; i < 2; i++)
			assert_int_equal(run.records[i].stats.packets, 1);
	}
}

/* All fragments of a tunnel whose first one has not all headers in it are of the outer flow. */
static void fragments_of_a_cut_tunnel_join_the_outer_flow(void **state)
{
	static const char *const names[][2] = {
		{"first_fragment_that_ends_in_the_inner_header", "later_fragment_of_gre"},
		{"first_fragment_that_ends_in_the_inner_ports", "later_fragment_of_vxlan"},
		{"first_fragment_that_ends_before_the_vxlan_header", "later_fragment_of_vxlan"},
	};

	(void)state;
	for (int i = 0; i < 3 * NR_POLICIES; i++) {
		const char *const *name = names[i / NR_POLICIES];
		const int policy = i % NR_POLICIES;

		testrun_clear(&run);
		testrun_policy(&run, policy);
		send_sample(HOOK_XDP, name[0]);
		send_sample(HOOK_XDP, name[1]);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		expect_flow(HOOK_XDP, name[0], policy, 2);
	}
}

/* A tunnel in a fragment in a tunnel is not looked into, so that all fragments are one flow. */
static void fragments_with_a_tunnel_in_a_tunnel_are_one_flow(void **state)
{
	const uint64_t before = limited(PLX_LIMIT_TUNNEL_FRAGMENT), all = limited_at_all();

	(void)state;
	testrun_clear(&run);
	send_sample(HOOK_XDP, "vxlan_in_a_first_fragment_in_gre");
	sample_build(sample_find("vxlan_in_a_first_fragment_in_gre"), &packet);
	packet_set16(&packet, 38 + 6, 0x0004);
	testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	expect_flow(HOOK_XDP, "vxlan_in_a_first_fragment_in_gre", PLX_POLICY_BOTH, 2);
	assert_int_equal(limited(PLX_LIMIT_TUNNEL_FRAGMENT), before + 1);
	assert_int_equal(limited_at_all(), all + 1);
}

/* A datagram that is forwarded from an interface of one policy to one of another. */
static void fragments_find_the_flow_of_their_policy(void **state)
{
	static const int policies[][2] = {{PLX_POLICY_BOTH, PLX_POLICY_OUTER},
					  {PLX_POLICY_OUTER, PLX_POLICY_INNER},
					  {PLX_POLICY_INNER, PLX_POLICY_BOTH}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		testrun_clear(&run);
		for (int packets = 0; packets < 3; packets++)
			for (int side = 0; side < 2; side++) {
				testrun_policy(&run, policies[i][side]);
				send_sample(side ? HOOK_TC_OUT : HOOK_TC_IN,
					    packets ? "later_fragment_of_vxlan"
						    : "first_fragment_of_vxlan");
			}
		testrun_take(&run);
		assert_int_equal(run.nr_records, 2);
		expect_flow(HOOK_TC_IN, "first_fragment_of_vxlan", policies[i][0], 3);
		expect_flow(HOOK_TC_OUT, "first_fragment_of_vxlan", policies[i][1], 3);
	}
}

/* Ingress and egress are two flows, yet one datagram: its fragments tell each other. */
static void forwarded_fragments_have_ports_on_both_sides(void **state)
{
	(void)state;
	testrun_clear(&run);
	send(HOOK_TC_IN, &datagrams[0], datagrams[0].first, 0, 0);
	send(HOOK_TC_OUT, &datagrams[0], datagrams[0].middle, 0, 0);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 2);
	for (int i = 0; i < 2; i++)
		assert_memory_equal(&run.records[i].key.source_port, "\x13\x88\x00\x35", 4);
}

/* More datagrams than the table has room for: the oldest are forgotten, all are counted. */
static void full_fragment_table_loses_no_packet(void **state)
{
	const uint32_t count = 5000;

	(void)state;
	testrun_clear(&run);
	for (uint32_t i = 0; i < 2 * count; i++) {
		const struct datagram *d = &datagrams[1];

		sample_build(sample_find(i < count ? d->first : d->middle), &packet);
		packet_set32(&packet, d->id_at, i % count);
		testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	}
	testrun_take(&run);
	assert_int_equal(run.delivered.packets, 2 * count);
	assert_int_equal(run.nr_records, 2);
	for (int i = 0; i < 2; i++)
		if (run.records[i].key.flags & PLX_KEY_FRAGMENT)
			assert_in_range(run.records[i].stats.packets, count - 1024, count - 1);
		else
			assert_in_range(run.records[i].stats.packets, count + 1, count + 1024);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_fragments_join_the_first),
		cmocka_unit_test(without_the_first_they_are_a_flow_of_their_own),
		cmocka_unit_test(fragments_in_a_tunnel_are_no_matter_to_the_outer_flow),
		cmocka_unit_test(other_datagrams_are_not_confused),
		cmocka_unit_test(protocol_is_part_of_the_identification),
		cmocka_unit_test(later_fragment_gets_the_protocol_of_the_first),
		cmocka_unit_test(empty_first_fragment_is_with_the_later_ones),
		cmocka_unit_test(fragments_without_ports_join_the_first),
		cmocka_unit_test(fragments_in_fragments_join_the_first),
		cmocka_unit_test(fragments_of_an_unknown_inner_fragment_are_on_their_own),
		cmocka_unit_test(tunnel_is_part_of_the_identification),
		cmocka_unit_test(fragments_of_a_cut_tunnel_join_the_outer_flow),
		cmocka_unit_test(fragments_with_a_tunnel_in_a_tunnel_are_one_flow),
		cmocka_unit_test(fragments_find_the_flow_of_their_policy),
		cmocka_unit_test(forwarded_fragments_have_ports_on_both_sides),
		cmocka_unit_test(full_fragment_table_loses_no_packet),
	};

	return testrun_main("fragments", &run, NULL, 0, tests, sizeof(tests) / sizeof(tests[0]));
}
