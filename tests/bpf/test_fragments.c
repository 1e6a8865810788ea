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
	size_t source_at; /* last octet of the source address */
};

static const struct datagram datagrams[] = {
	{"first_fragment_has_ports", "later_fragment_has_no_ports", 14 + 4, 2, 14 + 15},
	{"first_ipv6_fragment_has_ports", "later_ipv6_fragment_has_no_ports", 14 + 40 + 4, 4,
	 14 + 23},
};

enum { NR_DATAGRAMS = sizeof(datagrams) / sizeof(datagrams[0]) };

/* Send a fragment; add is added to the last octets of identification and source address. */
static void send(enum testrun_hook hook, const struct datagram *d, const char *sample, int add_id,
		 int add_source)
{
	sample_build(sample_find(sample), &packet);
	packet.bytes[d->id_at + d->id_size - 1] += add_id;
	packet.bytes[d->source_at] += add_source;
	testrun_packet(&run, hook, packet.bytes, packet.size, NULL);
}

static void later_fragments_join_the_first(void **state)
{
	(void)state;
	for (int i = 0; i < NR_DATAGRAMS * HOOK_MAX; i++) {
		const struct datagram *d = &datagrams[i / HOOK_MAX];
		const struct sample *first = sample_find(d->first), *later = sample_find(d->middle);
		const struct plx_flow_stats *stats = &run.records[0].stats;
		enum testrun_hook hook = i % HOOK_MAX;
		struct plx_flow_key key;

		testrun_clear(&run);
		send(hook, d, d->first, 0, 0);
		send(hook, d, d->middle, 0, 0);
		send(hook, d, d->middle, 0, 0);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 1);
		sample_key(first, TESTRUN_IFINDEX, &key);
		if (hook == HOOK_TC_OUT)
			key.flags |= PLX_KEY_DIR_OUT;
		assert_memory_equal(&run.records[0].key, &key, sizeof(key));
		assert_int_equal(stats->packets, 3);
		assert_int_equal(stats->octets, first->octets + 2 * later->octets);
		assert_int_equal(PLX_SHAPE_MIN_LEN(stats->shape), later->octets);
		assert_int_equal(PLX_SHAPE_MAX_LEN(stats->shape), first->octets);
		assert_int_equal(stats->fragment_flags, 0x20);
	}
}

/* The first fragment comes too late for those in front of it. */
static void without_the_first_they_are_a_flow_of_their_own(void **state)
{
	(void)state;
	for (int i = 0; i < NR_DATAGRAMS * HOOK_MAX; i++) {
		const struct datagram *d = &datagrams[i / HOOK_MAX];
		bool own = false, joined = false;

		testrun_clear(&run);
		send(i % HOOK_MAX, d, d->middle, 0, 0);
		send(i % HOOK_MAX, d, d->middle, 0, 0);
		send(i % HOOK_MAX, d, d->first, 0, 0);
		send(i % HOOK_MAX, d, d->middle, 0, 0);
		testrun_take(&run);
		assert_int_equal(run.nr_records, 2);
		for (int j = 0; j < 2; j++) {
			const struct plx_flow_key *key = &run.records[j].key;

			assert_int_equal(run.records[j].stats.packets, 2);
			if (key->flags & PLX_KEY_FRAGMENT) {
				own = true;
				assert_int_equal(key->source_port, 0);
				assert_int_equal(key->dest_port, 0);
				assert_int_equal(key->protocol, 17);
			} else {
				joined = true;
				assert_memory_equal(&key->source_port, "\x13\x88\x00\x35", 4);
			}
		}
		assert_true(own && joined);
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
	(void)state;
	testrun_clear(&run);
	for (int i = 0; i < 3; i++) {
		sample_build(sample_find("gre_has_no_ports"), &packet);
		packet_set16(&packet, 14 + 6, i == 0 ? 0x2000 : i == 1 ? 0x2001 : 0x0002);
		testrun_packet(&run, HOOK_XDP, packet.bytes, packet.size, NULL);
	}
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	assert_int_equal(run.records[0].stats.packets, 3);
	assert_int_equal(run.records[0].key.flags, PLX_KEY_IPV4);
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
		cmocka_unit_test(other_datagrams_are_not_confused),
		cmocka_unit_test(protocol_is_part_of_the_identification),
		cmocka_unit_test(later_fragment_gets_the_protocol_of_the_first),
		cmocka_unit_test(empty_first_fragment_is_with_the_later_ones),
		cmocka_unit_test(fragments_without_ports_join_the_first),
		cmocka_unit_test(forwarded_fragments_have_ports_on_both_sides),
		cmocka_unit_test(full_fragment_table_loses_no_packet),
	};

	return testrun_main("fragments", &run, NULL, 0, tests, sizeof(tests) / sizeof(tests[0]));
}
