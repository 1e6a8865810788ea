/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both sides of a forwarded flow in the flow cache. Conservation at the end of each test: packets
 * added at ingress and at egress are those in records, each on its side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/flow_cache.h"

#define SECOND	    1000000000ULL
#define START	    (1000 * SECOND)
#define MAX_EMITTED 4096
#define IN_IF	    2
#define OUT_IF	    3

static struct plx_cache *cache;
static struct plx_flow emitted[MAX_EMITTED];
static size_t nr_emitted;
static uint64_t added, told; /* packets, of both sides */

static bool take(void *arg, const struct plx_flow *flow)
{
	(void)arg;
	assert_true(nr_emitted < MAX_EMITTED);
	emitted[nr_emitted++] = *flow;
	told += flow->stats.packets + flow->post.packets;
	return true;
}

/* What the owner says of flows that never left, and how often it was asked. */
static bool to_leave;
static int nr_asked;

static bool was_to_leave(void *arg, const struct plx_flow *flow)
{
	(void)arg;
	assert_int_equal(flow->post.ifindex, 0);
	assert_true(flow->end_reason == PLX_END_IDLE || flow->end_reason == PLX_END_DETECTED);
	nr_asked++;
	return to_leave;
}

static int open_with(bool join)
{
	const struct plx_cache_opts opts = {
		.capacity = 1024,
		.active_ns = 60 * SECOND,
		.inactive_ns = 15 * SECOND,
		.linger_ns = 2 * SECOND,
		.join = join,
		.emit = take,
		.was_to_leave = was_to_leave,
	};

	nr_emitted = added = told = 0;
	nr_asked = 0;
	to_leave = false;
	cache = plx_cache__new(&opts);
	assert_non_null(cache);
	return 0;
}

static int open_cache(void **state)
{
	(void)state;
	return open_with(true);
}

/* All that was added is in records, once. */
static int close_cache(void **state)
{
	(void)state;
	nr_emitted = 0;
	plx_cache__flush(cache);
	assert_false(plx_cache__expire(cache, START, MAX_EMITTED));
	assert_int_equal(told, added);
	plx_cache__free(cache);
	return 0;
}

/* n packets at a time, of flow number id. iif: where egress says that they came in. */
static void add(uint32_t id, bool out, uint32_t ifindex, uint32_t iif, uint64_t n, uint64_t at_ns)
{
	const struct plx_flow_record rec = {
		.key = {.source = {id},
			.dest = {~id},
			.protocol = 17,
			.ifindex = ifindex,
			.flags = PLX_KEY_IPV4 | (out ? PLX_KEY_DIR_OUT : 0)},
		.stats = {.packets = n,
			  .octets = 100 * n,
			  .frame_octets = 114 * n,
			  .first_ns = at_ns,
			  .last_ns = at_ns,
			  .shape = PLX_SHAPE(100, 100, 0, out ? 63 : 64, out ? 63 : 64),
			  .first = {.ingress_ifindex = iif, .tos = out ? 2 : 1}},
	};

	assert_int_equal(plx_cache__add(cache, &rec), 0);
	added += n;
}

static void in(uint32_t id, uint64_t n, uint64_t at_ns)
{
	add(id, false, IN_IF, 0, n, at_ns);
}

static void out(uint32_t id, uint64_t n, uint64_t at_ns)
{
	add(id, true, OUT_IF, IN_IF, n, at_ns);
}

/* The only record so far: so many in and out, at these interfaces. */
static const struct plx_flow *joined(uint64_t packets, uint64_t post)
{
	const struct plx_flow *flow = &emitted[nr_emitted - 1];

	assert_int_equal(flow->key.ifindex, IN_IF);
	assert_int_equal(flow->key.flags, PLX_KEY_IPV4);
	assert_int_equal(flow->stats.packets, packets);
	assert_int_equal(flow->stats.octets, 100 * packets);
	assert_int_equal(flow->stats.frame_octets, 114 * packets);
	assert_int_equal(flow->post.packets, post);
	assert_int_equal(flow->post.octets, 100 * post);
	assert_int_equal(flow->post.frame_octets, 114 * post);
	assert_int_equal(flow->post.ifindex, OUT_IF);
	/* what the header says is that of ingress */
	assert_int_equal(PLX_SHAPE_MIN_TTL(flow->stats.shape), 64);
	assert_int_equal(PLX_SHAPE_MAX_TTL(flow->stats.shape), 64);
	assert_int_equal(flow->stats.first.tos, 1);
	return flow;
}

static void expire_at(uint64_t now_ns, size_t records)
{
	nr_emitted = 0;
	assert_false(plx_cache__expire(cache, now_ns, MAX_EMITTED));
	assert_int_equal(nr_emitted, records);
}

static void ingress_then_egress_is_one_record(void **state)
{
	(void)state;
	in(1, 5, START);
	out(1, 5, START + 1);
	expire_at(START + 16 * SECOND, 1);
	assert_int_equal(joined(5, 5)->dropped, 0);
	assert_int_equal(emitted[0].stats.first_ns, START);
	assert_int_equal(emitted[0].stats.last_ns, START + 1);
}

static void egress_then_ingress_is_one_record(void **state)
{
	(void)state;
	out(1, 3, START + 1);
	in(1, 5, START);
	out(1, 2, START + 2);
	expire_at(START + 16 * SECOND, 1);
	assert_int_equal(joined(5, 5)->dropped, 0);
	assert_int_equal(emitted[0].stats.first_ns, START);
	assert_int_equal(emitted[0].stats.last_ns, START + 2);
}

/* Behind a bridge or a VLAN device the kernel says that one, and the port below it is metered. */
static void ingress_at_another_interface_than_said_is_found(void **state)
{
	(void)state;
	in(1, 4, START);
	add(1, true, OUT_IF, 77, 4, START);
	add(2, true, OUT_IF, 77, 6, START);
	in(2, 6, START);
	expire_at(START + 16 * SECOND, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(emitted[i].key.ifindex, IN_IF);
		assert_int_equal(emitted[i].stats.packets, emitted[i].post.packets);
	}
}

/* The same tuple came in at two interfaces: egress goes to the one that it names. */
static void interface_that_is_named_goes_first(void **state)
{
	(void)state;
	add(1, false, 9, 0, 4, START);
	in(1, 5, START);
	add(1, false, 8, 0, 4, START);
	out(1, 5, START);
	expire_at(START + 16 * SECOND, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(emitted[i].post.packets, emitted[i].key.ifindex == IN_IF ? 5 : 0);
}

static void egress_without_ingress_is_a_record_of_egress(void **state)
{
	(void)state;
	out(1, 5, START);
	expire_at(START + 16 * SECOND, 1);
	assert_int_equal(emitted[0].key.flags, PLX_KEY_IPV4 | PLX_KEY_DIR_OUT);
	assert_int_equal(emitted[0].key.ifindex, OUT_IF);
	assert_int_equal(emitted[0].stats.first.ingress_ifindex, IN_IF);
	assert_int_equal(emitted[0].stats.packets, 5);
	assert_int_equal(emitted[0].stats.octets, 500);
	assert_int_equal(emitted[0].post.packets, 0);
	assert_int_equal(PLX_SHAPE_MIN_TTL(emitted[0].stats.shape), 63);
	assert_int_equal(emitted[0].dropped, 0);
}

static void what_is_made_here_is_no_side_of_what_comes_in(void **state)
{
	(void)state;
	in(1, 5, START);
	add(1, true, OUT_IF, 0, 3, START);
	expire_at(START + 16 * SECOND, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_out = emitted[i].key.flags & PLX_KEY_DIR_OUT;

		assert_int_equal(emitted[i].stats.packets, is_out ? 3 : 5);
		assert_int_equal(emitted[i].post.ifindex, 0);
		assert_int_equal(emitted[i].dropped, 0);
	}
}

/* Multicast, or a new route: each interface has its own count. */
static void a_second_egress_interface_is_a_record_of_its_own(void **state)
{
	(void)state;
	in(1, 5, START);
	out(1, 5, START);
	add(1, true, 4, IN_IF, 5, START);
	expire_at(START + 16 * SECOND, 2);
	for (size_t i = 0; i < 2; i++) {
		if (emitted[i].key.flags & PLX_KEY_DIR_OUT)
			assert_int_equal(emitted[i].key.ifindex, 4);
		else
			assert_int_equal(emitted[i].post.ifindex, OUT_IF);
	}
}

static void what_did_not_leave_is_told_at_the_end(void **state)
{
	(void)state;
	in(1, 10, START);
	out(1, 7, START);
	expire_at(START + 16 * SECOND, 1);
	assert_int_equal(joined(10, 7)->dropped, 3);
}

/* At a cut packets may be on their way: they count at the end, and only if they never left. */
static void packets_on_their_way_are_not_dropped(void **state)
{
	(void)state;
	in(1, 10, START);
	out(1, 8, START);
	in(1, 10, START + 50 * SECOND);
	out(1, 10, START + 50 * SECOND);
	expire_at(START + 61 * SECOND, 1);
	assert_int_equal(emitted[0].end_reason, PLX_END_ACTIVE);
	assert_int_equal(joined(20, 18)->dropped, 0);
	/* one of the two leaves after all */
	out(1, 1, START + 62 * SECOND);
	expire_at(START + 78 * SECOND, 1);
	assert_int_equal(emitted[0].end_reason, PLX_END_IDLE);
	assert_int_equal(joined(0, 1)->dropped, 1);
}

/* Nothing more came, but what was missing at the cut has to be told. */
static void drops_of_a_flow_that_ended_at_its_cut_are_told(void **state)
{
	(void)state;
	in(1, 10, START);
	out(1, 8, START);
	in(1, 1, START + 59 * SECOND);
	out(1, 1, START + 59 * SECOND);
	expire_at(START + 61 * SECOND, 1);
	assert_int_equal(emitted[0].dropped, 0);
	expire_at(START + 76 * SECOND, 1);
	assert_int_equal(joined(0, 0)->dropped, 2);
	expire_at(START + 200 * SECOND, 0);
}

/* One is metered before the other one at the start; and then one is not any more. */
static void what_only_one_side_was_metered_of_is_not_dropped(void **state)
{
	(void)state;
	in(1, 10, START);
	plx_cache__gap(cache, START + 1);
	out(1, 7, START + 2);
	expire_at(START + 16 * SECOND, 1);
	assert_int_equal(joined(10, 7)->dropped, 0);

	in(1, 10, START + 20 * SECOND);
	out(1, 9, START + 20 * SECOND);
	plx_cache__gap(cache, START + 50 * SECOND);
	in(1, 10, START + 79 * SECOND);
	expire_at(START + 81 * SECOND, 1);
	assert_int_equal(joined(20, 9)->dropped, 0);
	in(1, 30, START + 82 * SECOND);
	expire_at(START + 98 * SECOND, 1);
	assert_int_equal(emitted[0].stats.packets, 30);
	assert_int_equal(emitted[0].post.ifindex, 0);
	assert_int_equal(emitted[0].dropped, 0);

	in(1, 10, START + 100 * SECOND);
	out(1, 9, START + 100 * SECOND);
	expire_at(START + 116 * SECOND, 1);
	assert_int_equal(joined(10, 9)->dropped, 1);
}

static void what_never_left_is_dropped_if_it_was_to_leave(void **state)
{
	(void)state;
	to_leave = true;
	in(1, 10, START);
	expire_at(START + 16 * SECOND, 1);
	assert_int_equal(emitted[0].dropped, 10);
	to_leave = false;
	in(2, 10, START + 17 * SECOND);
	expire_at(START + 33 * SECOND, 1);
	assert_int_equal(emitted[0].dropped, 0);
	assert_int_equal(nr_asked, 2);
}

static void what_ended_here_has_no_record_without_packets(void **state)
{
	(void)state;
	in(1, 10, START);
	in(1, 4, START + 50 * SECOND);
	expire_at(START + 61 * SECOND, 1);
	expire_at(START + 66 * SECOND, 0);
	expire_at(START + 200 * SECOND, 0);
}

/* Nobody knows yet whether what is in the cache of a forced end would have left. */
static void what_is_forced_out_is_not_dropped(void **state)
{
	(void)state;
	to_leave = true;
	in(1, 10, START);
	plx_cache__flush(cache);
	expire_at(START + 1, 1);
	assert_int_equal(emitted[0].dropped, 0);
	assert_int_equal(nr_asked, 0);
}

/* Where it leaves was not metered before the gap, which is between two intervals. */
static void nothing_before_a_gap_is_dropped(void **state)
{
	(void)state;
	to_leave = true;
	in(1, 10, START);
	in(1, 1, START + 50 * SECOND);
	in(2, 11, START + 50 * SECOND);
	expire_at(START + 61 * SECOND, 1);
	plx_cache__gap(cache, START + 61 * SECOND);
	in(1, 5, START + 62 * SECOND);
	out(1, 4, START + 62 * SECOND);
	expire_at(START + 66 * SECOND, 1);
	assert_int_equal(emitted[0].dropped, 0);
	/* cut once more: what counts since the gap is kept */
	in(1, 5, START + 74 * SECOND);
	in(1, 5, START + 88 * SECOND);
	in(1, 5, START + 102 * SECOND);
	in(1, 5, START + 116 * SECOND);
	expire_at(START + 123 * SECOND, 1);
	assert_int_equal(joined(25, 4)->dropped, 0);
	expire_at(START + 132 * SECOND, 1);
	assert_int_equal(joined(0, 0)->dropped, 21);
	assert_int_equal(nr_asked, 0);
}

/* The only record so far: of a flow that came in and never left. */
static void unleft(uint64_t packets, enum plx_end_reason reason, uint64_t want)
{
	assert_int_equal(nr_emitted, 1);
	assert_int_equal(emitted[0].stats.packets, packets);
	assert_int_equal(emitted[0].end_reason, reason);
	assert_int_equal(emitted[0].post.ifindex, 0);
	assert_int_equal(emitted[0].dropped, want);
}

static void what_never_left_is_told_at_the_end_in_full(void **state)
{
	(void)state;
	to_leave = true;
	in(1, 5, START);
	expire_at(START + 16 * SECOND, 1);
	unleft(5, PLX_END_IDLE, 5);
	/* cut twice, and silent at its end */
	in(1, 3, START + 20 * SECOND);
	for (int i = 1; i <= 60; i++)
		in(1, 1, START + (20 + i) * SECOND);
	expire_at(START + 81 * SECOND, 1);
	unleft(63, PLX_END_ACTIVE, 0);
	assert_int_equal(nr_asked, 1);
	in(1, 2, START + 82 * SECOND);
	expire_at(START + 98 * SECOND, 1);
	unleft(2, PLX_END_IDLE, 65);
	/* a cut that nothing follows */
	for (int i = 0; i <= 60; i++)
		in(2, 1, START + (100 + i) * SECOND);
	expire_at(START + 161 * SECOND, 1);
	unleft(61, PLX_END_ACTIVE, 0);
	expire_at(START + 176 * SECOND, 1);
	unleft(0, PLX_END_IDLE, 61);
}

static void what_leaves_later_has_dropped_what_did_not(void **state)
{
	(void)state;
	to_leave = true;
	for (int i = 0; i <= 60; i++)
		in(1, 1, START + i * SECOND);
	expire_at(START + 61 * SECOND, 1);
	unleft(61, PLX_END_ACTIVE, 0);
	in(1, 4, START + 62 * SECOND);
	out(1, 3, START + 62 * SECOND);
	expire_at(START + 78 * SECOND, 1);
	assert_int_equal(joined(4, 3)->dropped, 62);
	assert_int_equal(nr_asked, 0);
	/* nothing of this is left to the next flow in its place */
	in(2, 1, START + 80 * SECOND);
	out(2, 1, START + 80 * SECOND);
	expire_at(START + 96 * SECOND, 1);
	assert_int_equal(joined(1, 1)->dropped, 0);
}

static void what_one_side_alone_was_metered_of_is_not_known(void **state)
{
	(void)state;
	to_leave = true;
	in(1, 5, START);
	plx_cache__gap(cache, START + SECOND);
	in(1, 5, START + 2 * SECOND);
	in(2, 5, START + 2 * SECOND);
	expire_at(START + 18 * SECOND, 2);
	assert_int_equal(emitted[0].dropped + emitted[1].dropped, 5);
	/* and what leaves without having come in never is */
	out(3, 5, START + 20 * SECOND);
	expire_at(START + 36 * SECOND, 1);
	assert_int_equal(emitted[0].dropped, 0);
}

static void what_is_not_joined_is_not_dropped(void **state)
{
	(void)state;
	plx_cache__free(cache);
	open_with(false);
	to_leave = true;
	in(1, 10, START);
	out(1, 9, START);
	add(2, true, OUT_IF, 0, 9, START);
	expire_at(START + 16 * SECOND, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(emitted[i].dropped, 0);
	assert_int_equal(nr_asked, 0);
}

static void what_is_made_here_is_not_dropped(void **state)
{
	(void)state;
	to_leave = true;
	add(1, true, OUT_IF, 0, 9, START);
	expire_at(START + 16 * SECOND, 1);
	assert_int_equal(emitted[0].dropped, 0);
	assert_int_equal(nr_asked, 0);
}

static void entry_that_is_used_again_has_no_egress(void **state)
{
	(void)state;
	in(1, 5, START);
	out(1, 4, START);
	expire_at(START + 16 * SECOND, 1);
	in(2, 5, START + 17 * SECOND);
	expire_at(START + 33 * SECOND, 1);
	assert_int_equal(emitted[0].post.packets, 0);
	assert_int_equal(emitted[0].post.ifindex, 0);
	assert_int_equal(emitted[0].dropped, 0);
}

static void a_long_random_run_loses_nothing(void **state)
{
	uint64_t now = START;

	(void)state;
	srandom(4711);
	for (int i = 0; i < 200000; i++) {
		uint32_t id = random() % 300, n = 1 + random() % 9;
		bool is_out = random() % 2;

		now += random() % (SECOND / 20);
		add(id, is_out, is_out ? OUT_IF + random() % 2 : IN_IF,
		    is_out && random() % 8 ? IN_IF : 0, n, now);
		if (random() % 10 == 0)
			plx_cache__expire(cache, now, 1 + random() % 20);
		nr_emitted = 0;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_cache, close_cache)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ingress_then_egress_is_one_record),
		TEST(egress_then_ingress_is_one_record),
		TEST(ingress_at_another_interface_than_said_is_found),
		TEST(interface_that_is_named_goes_first),
		TEST(egress_without_ingress_is_a_record_of_egress),
		TEST(what_is_made_here_is_no_side_of_what_comes_in),
		TEST(a_second_egress_interface_is_a_record_of_its_own),
		TEST(what_did_not_leave_is_told_at_the_end),
		TEST(packets_on_their_way_are_not_dropped),
		TEST(drops_of_a_flow_that_ended_at_its_cut_are_told),
		TEST(what_only_one_side_was_metered_of_is_not_dropped),
		TEST(what_never_left_is_dropped_if_it_was_to_leave),
		TEST(what_ended_here_has_no_record_without_packets),
		TEST(what_is_forced_out_is_not_dropped),
		TEST(nothing_before_a_gap_is_dropped),
		TEST(what_never_left_is_told_at_the_end_in_full),
		TEST(what_leaves_later_has_dropped_what_did_not),
		TEST(what_one_side_alone_was_metered_of_is_not_known),
		TEST(what_is_not_joined_is_not_dropped),
		TEST(what_is_made_here_is_not_dropped),
		TEST(entry_that_is_used_again_has_no_egress),
		TEST(a_long_random_run_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
