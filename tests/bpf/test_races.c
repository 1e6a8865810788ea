/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two CPUs that count into the same tables while epochs end: no packet is lost or counted twice,
 * checked after each epoch. Read test_tables.c first.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tables.h"

#define NR_CPUS 2
#define SWAP_NS 2000000000ULL /* epochs are passed for at least this long */

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

	return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
