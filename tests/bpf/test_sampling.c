/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sampling at all hooks: who is not chosen is in the ledger and nowhere else, 1 in N is chosen, and
 * of flows all packets of both directions or none. Limits of six standard deviations: once in 500
 * million runs a right program fails.
 */
#include <arpa/inet.h>
#include <string.h>

#include "tables.h"

#define PACKETS	 100000
#define FLOWS	 400
#define INTERVAL 5

static int close_run(void **state)
{
	(void)state;
	testrun_close(&run);
	return 0;
}

static void check_share(uint64_t chosen, double of)
{
	double mean = of / INTERVAL, variance = mean * (1 - 1.0 / INTERVAL);

	if ((chosen - mean) * (chosen - mean) > 36 * variance)
		fail_msg("%llu of %.0f were chosen, 1 in %d is %.0f", (unsigned long long)chosen,
			 of, INTERVAL, mean);
}

/* The whole ledger of a direction, once all is delivered. Returns packets metered. */
static uint64_t check_sampled(int direction, uint64_t sent, uint64_t size)
{
	struct plx_if_ledger ledger;

	assert_int_equal(plx_dataplane__ledger(run.dp, 0, direction, &ledger), 0);
	assert_int_equal(ledger.seen.packets, sent);
	assert_int_equal(ledger.seen.bytes, sent * size);
	assert_int_equal(ledger.metered.packets + ledger.unsampled.packets, sent);
	assert_int_equal(ledger.metered.bytes + ledger.unsampled.bytes, sent * size);
	assert_int_equal(ledger.delivered.packets, ledger.metered.packets);
	assert_int_equal(ledger.unexplained.packets, 0);
	assert_int_equal(ledger.held.packets, 0);
	return ledger.metered.packets;
}

static void one_in_n_packets_is_metered(void **state)
{
	struct packet p;

	(void)state;
	testrun_open_sampling(&run, 64, (struct plx_sampling){INTERVAL, false});
	build_flow(&p, PLX_FAMILY_IPV4, 1);
	for (int hook = 0; hook < HOOK_MAX; hook++)
		assert_int_equal(testrun_try(&run, hook, p.bytes, p.size, NULL, PACKETS), 0);
	swap();
	testrun_drain(&run);
	check_share(check_sampled(PLX_DIR_IN, 2 * PACKETS, p.size), 2 * PACKETS);
	check_share(check_sampled(PLX_DIR_OUT, PACKETS, p.size), PACKETS);
	/* one flow at each side, with what was metered */
	assert_int_equal(run.nr_records, 2);
}

/* Source and destination of an IPv4 packet, addresses and ports, change places. */
static void turn_around(struct packet *p)
{
	uint8_t ends[12], *ip = p->bytes + 14;

	memcpy(ends, ip + 12, 8);
	memcpy(ends + 8, ip + 20, 4);
	memcpy(ip + 12, ends + 4, 4);
	memcpy(ip + 16, ends, 4);
	memcpy(ip + 20, ends + 10, 2);
	memcpy(ip + 22, ends + 8, 2);
}

/* Three packets of each flow at each hook, and the answers at egress: all of them, or none. */
static void of_one_in_n_flows_all_packets_are_metered(void **state)
{
	static uint32_t ins[FLOWS], outs[FLOWS];
	uint64_t chosen = 0, size = 0;
	struct packet p;

	(void)state;
	memset(ins, 0, sizeof(ins));
	memset(outs, 0, sizeof(outs));
	testrun_open_sampling(&run, 2 * FLOWS, (struct plx_sampling){INTERVAL, true});
	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		build_flow(&p, PLX_FAMILY_IPV4, flow);
		size = p.size;
		assert_int_equal(testrun_try(&run, HOOK_XDP, p.bytes, p.size, NULL, 3), 0);
		assert_int_equal(testrun_try(&run, HOOK_TC_IN, p.bytes, p.size, NULL, 3), 0);
		turn_around(&p);
		assert_int_equal(testrun_try(&run, HOOK_TC_OUT, p.bytes, p.size, NULL, 3), 0);
	}
	swap();
	testrun_drain(&run);
	for (size_t i = 0; i < run.nr_records; i++) {
		struct plx_flow_record *rec = &run.records[i];
		bool out = rec->key.flags & PLX_KEY_DIR_OUT;
		uint16_t high = ntohs(out ? rec->key.dest_port : rec->key.source_port);
		uint16_t low = ntohs(out ? rec->key.source_port : rec->key.dest_port);
		uint32_t flow = (uint32_t)high << 16 | low;

		assert_true(flow < FLOWS);
		(out ? outs : ins)[flow] += rec->stats.packets;
	}
	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		assert_true(ins[flow] == 0 || ins[flow] == 6);
		assert_int_equal(outs[flow], ins[flow] / 2);
		chosen += ins[flow] > 0;
	}
	check_share(chosen, FLOWS);
	assert_int_equal(check_sampled(PLX_DIR_IN, 6 * FLOWS, size), 6 * chosen);
	assert_int_equal(check_sampled(PLX_DIR_OUT, 3 * FLOWS, size), 3 * chosen);
}

/* What is skipped is skipped, chosen or not. */
static void what_is_skipped_is_no_sample(void **state)
{
	struct plx_if_stats books;
	struct packet p;

	(void)state;
	testrun_open_sampling(&run, 64, (struct plx_sampling){INTERVAL, false});
	sample_build(sample_find("arp_is_skipped"), &p);
	assert_int_equal(testrun_try(&run, HOOK_XDP, p.bytes, p.size, NULL, 1000), 0);
	testrun_books(&run, PLX_DIR_IN, &books);
	assert_int_equal(books.seen.packets, 1000);
	assert_int_equal(books.skipped[PLX_SKIP_ARP].packets, 1000);
	assert_int_equal(books.unsampled.packets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(one_in_n_packets_is_metered, close_run),
		cmocka_unit_test_teardown(of_one_in_n_flows_all_packets_are_metered, close_run),
		cmocka_unit_test_teardown(what_is_skipped_is_no_sample, close_run),
	};

	return cmocka_run_group_tests_name("sampling", tests, NULL, NULL);
}
