/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow cache by itself: a clock that the test turns, an emit callback that takes or refuses.
 * Conservation is checked at the end of each test: packets added = emitted + still held + refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/flow_cache.h"

#define SECOND	    1000000000ULL
#define START	    (1000 * SECOND)
#define MAX_EMITTED 4096

struct fixture {
	struct plx_cache *cache;
	struct plx_flow emitted[MAX_EMITTED];
	size_t nr_emitted;
	bool refuse;
	struct plx_tunnel tunnel; /* of what is added; type PLX_TUNNEL_NONE: in none */
	uint64_t added, refused;
};

static bool take(void *arg, const struct plx_flow *flow)
{
	struct fixture *f = arg;

	if (f->refuse)
		return false;
	assert_true(f->nr_emitted < MAX_EMITTED);
	f->emitted[f->nr_emitted++] = *flow;
	return true;
}

static struct fixture *make(uint32_t capacity)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct plx_cache_opts opts = {
		.capacity = capacity,
		.active_ns = 60 * SECOND,
		.inactive_ns = 15 * SECOND,
		.linger_ns = 2 * SECOND,
		.emit = take,
		.arg = f,
	};

	f->cache = plx_cache__new(&opts);
	assert_non_null(f->cache);
	return f;
}

static uint64_t packets_of(const struct plx_flow *flows, size_t nr)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += flows[i].stats.packets;
	return sum;
}

static uint64_t by_packets(const struct plx_flow *flow)
{
	return flow->stats.packets;
}

static const struct plx_cache_query most_packets = {.sort = by_packets};

static void finish(struct fixture *f)
{
	static struct plx_flow held[MAX_EMITTED];
	size_t nr = plx_cache__top(f->cache, &most_packets, held, MAX_EMITTED, NULL);

	assert_int_equal(f->added,
			 packets_of(f->emitted, f->nr_emitted) + packets_of(held, nr) + f->refused);
	plx_cache__free(f->cache);
	test_free(f);
}

/* n packets of 100 octets each, of flow number id, between two times. */
static int add_flags(struct fixture *f, uint32_t id, uint64_t n, uint64_t first_ns,
		     uint64_t last_ns, uint16_t tcp_flags)
{
	struct plx_flow_record rec = {
		.key = {.source = {id}, .dest = {~id}, .protocol = 6, .flags = PLX_KEY_IPV4},
		.stats = {.packets = n,
			  .octets = 100 * n,
			  .frame_octets = 114 * n,
			  .first_ns = first_ns,
			  .last_ns = last_ns,
			  .shape = PLX_SHAPE(100, 100, tcp_flags, 64, 64)},
	};
	int err;

	if (f->tunnel.type != PLX_TUNNEL_NONE) {
		rec.key.flags |= PLX_KEY_TUNNEL;
		rec.tunnel = f->tunnel;
	}
	err = plx_cache__add(f->cache, &rec);
	f->added += n;
	if (err)
		f->refused += n;
	return err;
}

static int add(struct fixture *f, uint32_t id, uint64_t n, uint64_t first_ns, uint64_t last_ns)
{
	return add_flags(f, id, n, first_ns, last_ns, 0x10);
}

static void records_of_one_flow_are_merged(void **state)
{
	struct plx_flow_record rec = {
		.key = {.source = {1}, .protocol = 17},
		.stats = {.packets = 1,
			  .octets = 40,
			  .frame_octets = 60,
			  .first_ns = START + 5,
			  .last_ns = START + 9,
			  .shape = PLX_SHAPE(40, 40, 0x02, 60, 61),
			  .marks = PLX_MARKS(0x40, 1U << 31),
			  .tcp_options = 1ULL << 63 | 1 << 2,
			  .first = {.tos = 7, .tcp_window = 1000, .outer_source_port = 5}},
	};
	struct fixture *f = make(1024);
	struct plx_flow *flow = f->emitted;

	(void)state;
	assert_int_equal(plx_cache__add(f->cache, &rec), 0);
	rec.stats.first_ns = START + 2; /* a record that overtook the first */
	rec.stats.last_ns = START + 4;
	rec.stats.shape = PLX_SHAPE(1500, 1500, 0x10, 50, 64);
	rec.stats.first.tos = 9;
	rec.stats.first.tcp_window = 2000;
	rec.stats.first.outer_source_port = 6;
	rec.stats.marks = PLX_MARKS(0x20, 1);
	rec.stats.tcp_options = 1 << 8;
	assert_int_equal(plx_cache__add(f->cache, &rec), 0);
	f->added = 2;
	assert_int_equal(plx_cache__flush(f->cache), 1);
	assert_int_equal(plx_cache__flush(f->cache), 0);
	assert_false(plx_cache__expire(f->cache, START + 10, 10));
	assert_int_equal(f->nr_emitted, 1);
	assert_int_equal(flow->stats.packets, 2);
	assert_int_equal(flow->stats.octets, 80);
	assert_int_equal(flow->stats.frame_octets, 120);
	assert_int_equal(flow->stats.first_ns, START + 2);
	assert_int_equal(flow->stats.last_ns, START + 9);
	assert_int_equal(flow->stats.shape, PLX_SHAPE(40, 1500, 0x12, 50, 64));
	assert_int_equal(flow->stats.first.tos, 9);
	assert_int_equal(flow->stats.first.tcp_window, 2000);
	assert_int_equal(flow->stats.first.outer_source_port, 6);
	assert_int_equal(flow->stats.marks, PLX_MARKS(0x60, 1U << 31 | 1));
	assert_int_equal(flow->stats.tcp_options, 1ULL << 63 | 1 << 8 | 1 << 2);
	assert_int_equal(flow->end_reason, PLX_END_FORCED);
	assert_int_equal(flow->id, 1);
	finish(f);
}

static const struct plx_tunnel vxlan = {
	.source = {1},
	.dest = {2},
	.id = 42,
	.type = PLX_TUNNEL_VXLAN,
	.version = 4,
	.protocol = 17,
};

static void flows_in_different_tunnels_are_different_flows(void **state)
{
	struct plx_tunnel tunnels[9] = {{}, vxlan, vxlan, vxlan, vxlan, vxlan, vxlan, vxlan, vxlan};
	enum { NR = sizeof(tunnels) / sizeof(tunnels[0]) };
	struct plx_flow top[NR + 1];
	struct fixture *f = make(1024);

	(void)state;
	tunnels[2].source[0] = 3;
	tunnels[3].source[3] = 3;
	tunnels[4].dest[0] = 3;
	tunnels[5].id = 43;
	tunnels[6].type = PLX_TUNNEL_GENEVE;
	tunnels[7].version = 6;
	tunnels[8].protocol = 47;
	/* twice, so that each has to find its own again */
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < NR; i++) {
			f->tunnel = tunnels[i];
			add(f, 1, 1 + i, START, START + round);
		}
	assert_int_equal(plx_cache__top(f->cache, &most_packets, top, NR + 1, NULL), NR);
	plx_cache__flush(f->cache);
	assert_false(plx_cache__expire(f->cache, START + 10, 100));
	assert_int_equal(f->nr_emitted, NR);
	for (size_t i = 0; i < NR; i++) {
		const struct plx_flow *flow = &f->emitted[i];

		assert_int_equal(flow->stats.packets, 2 * (1 + i));
		assert_int_equal(flow->stats.last_ns, START + 1);
		assert_int_equal(flow->key.flags, PLX_KEY_IPV4 | (i ? PLX_KEY_TUNNEL : 0));
		assert_memory_equal(&flow->tunnel, &tunnels[i], sizeof(tunnels[i]));
		assert_memory_equal(&top[NR - 1 - i].tunnel, &tunnels[i], sizeof(tunnels[i]));
		assert_int_equal(top[NR - 1 - i].key.flags, flow->key.flags);
	}
	finish(f);
}

static void a_flow_in_no_tunnel_has_none_of_an_earlier_one(void **state)
{
	static const struct plx_tunnel none;
	struct fixture *f = make(1024);
	struct plx_flow top;

	(void)state;
	f->tunnel = vxlan;
	add(f, 1, 1, START, START);
	plx_cache__flush(f->cache);
	plx_cache__expire(f->cache, START + 10, 10);
	assert_int_equal(f->nr_emitted, 1);
	f->tunnel = none;
	add(f, 1, 1, START, START); /* into the same entry */
	assert_int_equal(plx_cache__top(f->cache, &most_packets, &top, 1, NULL), 1);
	assert_memory_equal(&top.tunnel, &none, sizeof(none));
	plx_cache__flush(f->cache);
	plx_cache__expire(f->cache, START + 20, 10);
	assert_int_equal(f->nr_emitted, 2);
	assert_memory_equal(&f->emitted[1].tunnel, &none, sizeof(none));
	finish(f);
}

static uint64_t memory_of(const struct fixture *f)
{
	struct plx_cache_info info;

	plx_cache__info(f->cache, &info);
	return info.memory_bytes;
}

static void only_flows_in_tunnels_take_memory_for_tunnels(void **state)
{
	const uint64_t page = sysconf(_SC_PAGESIZE), size = sizeof(struct plx_tunnel);
	struct fixture *plain = make(1 << 20), *mixed = make(1 << 20), *all = make(1 << 20);
	uint64_t more;

	(void)state;
	mixed->tunnel = vxlan;
	add(mixed, 0, 1, START, START);
	mixed->tunnel.type = PLX_TUNNEL_NONE;
	all->tunnel = vxlan;
	add(all, 0, 1, START, START);
	add(plain, 0, 1, START, START);
	for (uint32_t id = 1; id < MAX_EMITTED; id++) {
		add(plain, id, 1, START, START);
		add(mixed, id, 1, START, START);
		add(all, id, 1, START, START);
	}
	assert_int_equal(memory_of(mixed) - memory_of(plain), page);
	more = memory_of(all) - memory_of(plain);
	assert_in_range(more, MAX_EMITTED * size, MAX_EMITTED * size + page - 1);
	/* an entry that is used again is not counted again */
	plx_cache__flush(all->cache);
	plx_cache__expire(all->cache, START + SECOND, MAX_EMITTED);
	all->added -= packets_of(all->emitted, all->nr_emitted);
	all->nr_emitted = 0;
	for (uint32_t id = 0; id < MAX_EMITTED; id++)
		add(all, id, 1, START + SECOND, START + SECOND);
	assert_int_equal(memory_of(all) - memory_of(plain), more);
	finish(plain);
	finish(mixed);
	finish(all);
}

static void idle_flow_leaves_after_the_inactive_timeout(void **state)
{
	struct fixture *f = make(1024);

	(void)state;
	plx_cache__expire(f->cache, START, 10);
	add(f, 1, 3, START, START + SECOND);
	plx_cache__expire(f->cache, START + 16 * SECOND - 1, 10);
	assert_int_equal(f->nr_emitted, 0);
	/* the wheel's slots are 67 ms wide */
	plx_cache__expire(f->cache, START + 16 * SECOND + 140000000, 10);
	assert_int_equal(f->nr_emitted, 1);
	assert_int_equal(f->emitted[0].end_reason, PLX_END_IDLE);
	finish(f);
}

static void long_flow_is_cut_and_goes_on_under_its_id(void **state)
{
	struct fixture *f = make(1024);
	struct plx_cache_info info;

	(void)state;
	for (int s = 0; s < 130; s++) {
		add(f, 1, 1, START + s * SECOND, START + s * SECOND + 1);
		plx_cache__expire(f->cache, START + s * SECOND + SECOND / 2, 10);
	}
	assert_int_equal(f->nr_emitted, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f->emitted[i].end_reason, PLX_END_ACTIVE);
		assert_int_equal(f->emitted[i].id, 1);
	}
	/* intervals neither overlap nor leave a gap */
	assert_true(f->emitted[0].stats.last_ns < f->emitted[1].stats.first_ns);
	/* then silence: the rest, once */
	plx_cache__expire(f->cache, START + 300 * SECOND, 10);
	assert_int_equal(f->nr_emitted, 3);
	assert_int_equal(f->emitted[2].end_reason, PLX_END_IDLE);
	plx_cache__info(f->cache, &info);
	assert_int_equal(info.flows, 0);
	finish(f);
}

static void flow_without_packets_since_its_cut_is_forgotten_in_silence(void **state)
{
	struct fixture *f = make(1024);
	struct plx_cache_info info;

	(void)state;
	for (int s = 0; s <= 60; s += 10)
		add(f, 1, 1, START + s * SECOND, START + s * SECOND + 1);
	plx_cache__expire(f->cache, START + 61 * SECOND, 10);
	assert_int_equal(f->nr_emitted, 1);
	plx_cache__expire(f->cache, START + 90 * SECOND, 10);
	assert_int_equal(f->nr_emitted, 1);
	plx_cache__info(f->cache, &info);
	assert_int_equal(info.flows, 0);
	finish(f);
}

static void fin_and_rst_end_a_flow_after_the_linger(void **state)
{
	static const uint16_t flags[] = {0x11, 0x14};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = make(1024);

		plx_cache__expire(f->cache, START, 10);
		add(f, 1, 5, START, START + SECOND);
		add_flags(f, 1, 1, START + 2 * SECOND, START + 2 * SECOND, flags[i]);
		add(f, 1, 1, START + 3 * SECOND, START + 3 * SECOND); /* the last ACK */
		plx_cache__expire(f->cache, START + 5 * SECOND - 1, 10);
		assert_int_equal(f->nr_emitted, 0);
		plx_cache__expire(f->cache, START + 5 * SECOND + 140000000, 10);
		assert_int_equal(f->nr_emitted, 1);
		assert_int_equal(f->emitted[0].end_reason, PLX_END_DETECTED);
		assert_int_equal(f->emitted[0].stats.packets, 7);
		finish(f);
	}
}

static void refused_flows_stay_and_come_again(void **state)
{
	struct fixture *f = make(1024);

	(void)state;
	for (uint32_t id = 0; id < 100; id++)
		add(f, id, 1, START, START);
	f->refuse = true;
	assert_true(plx_cache__expire(f->cache, START + 20 * SECOND, 1000));
	assert_int_equal(f->nr_emitted, 0);
	f->refuse = false;
	assert_true(plx_cache__expire(f->cache, START + 21 * SECOND, 30)); /* the budget */
	assert_int_equal(f->nr_emitted, 30);
	assert_false(plx_cache__expire(f->cache, START + 22 * SECOND, 1000));
	assert_int_equal(f->nr_emitted, 100);
	finish(f);
}

static void full_cache_emits_the_flow_nearest_to_its_timeout(void **state)
{
	struct fixture *f = make(1024);
	struct plx_cache_info info;

	(void)state;
	plx_cache__expire(f->cache, START, 10);
	for (uint32_t id = 0; id < 1024; id++)
		assert_int_equal(add(f, id, 1, START, START + (id == 77 ? 0 : SECOND)), 0);
	assert_int_equal(add(f, 5000, 1, START, START + SECOND), 0);
	assert_int_equal(f->nr_emitted, 1);
	assert_int_equal(f->emitted[0].key.source[0], 77);
	assert_int_equal(f->emitted[0].end_reason, PLX_END_RESOURCES);
	/* and refuses the newcomer, not somebody already there, when nobody takes that one */
	f->refuse = true;
	assert_int_equal(add(f, 5001, 9, START, START + SECOND), -ENOSPC);
	assert_int_equal(add(f, 5000, 1, START, START + SECOND), 0);
	plx_cache__info(f->cache, &info);
	assert_int_equal(info.flows, 1024);
	finish(f);
}

static void top_is_sorted_and_bounded(void **state)
{
	struct fixture *f = make(1024);
	struct plx_flow top[10];

	(void)state;
	for (uint32_t id = 0; id < 500; id++)
		add(f, id, 1 + id * 7919 % 500, START, START);
	assert_int_equal(plx_cache__top(f->cache, &most_packets, top, 10, NULL), 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(top[i].stats.packets, 500 - i);
	assert_int_equal(plx_cache__top(f->cache, &most_packets, top, 0, NULL), 0);
	finish(f);
}

/* A long run of random additions and expirations against sums, the wheel going round many times. */
static void nothing_is_lost_in_a_long_random_run(void **state)
{
	struct fixture *f = make(1024);
	uint64_t now = START, emitted = 0;

	(void)state;
	srandom(20261123);
	for (int step = 0; step < 20000; step++) {
		uint32_t id = random() % 1000;

		/* a third in no tunnel */
		f->tunnel.id = random() % 3;
		f->tunnel.type = f->tunnel.id ? PLX_TUNNEL_GTPU : PLX_TUNNEL_NONE;
		now += random() % (SECOND / 5);
		f->refuse = random() % 10 == 0;
		add_flags(f, id, 1 + random() % 5, now - random() % 1000, now,
			  random() % 50 ? 0x10 : 0x11);
		if (random() % 3 == 0)
			plx_cache__expire(f->cache, now, random() % 50);
		emitted += packets_of(f->emitted, f->nr_emitted);
		f->nr_emitted = 0;
	}
	f->refuse = false;
	f->added -= emitted;
	finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_one_flow_are_merged),
		cmocka_unit_test(flows_in_different_tunnels_are_different_flows),
		cmocka_unit_test(a_flow_in_no_tunnel_has_none_of_an_earlier_one),
		cmocka_unit_test(only_flows_in_tunnels_take_memory_for_tunnels),
		cmocka_unit_test(idle_flow_leaves_after_the_inactive_timeout),
		cmocka_unit_test(long_flow_is_cut_and_goes_on_under_its_id),
		cmocka_unit_test(flow_without_packets_since_its_cut_is_forgotten_in_silence),
		cmocka_unit_test(fin_and_rst_end_a_flow_after_the_linger),
		cmocka_unit_test(refused_flows_stay_and_come_again),
		cmocka_unit_test(full_cache_emits_the_flow_nearest_to_its_timeout),
		cmocka_unit_test(top_is_sorted_and_bounded),
		cmocka_unit_test(nothing_is_lost_in_a_long_random_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
