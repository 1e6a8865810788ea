/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_drain: what a record costs on its way out of the kernel, through the dataplane library as
 * the daemon uses it: flowgen sends each flow once to a veth that is metered at native XDP, then
 * the epoch is ended and drained, into a counter or into the flow cache. Also how long the swap
 * takes, idle and under load. Checked: every packet sent is in a record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <plx/dataplane.h>

#include "bench.h"
#include "control/flow_cache.h"

#define FLOWGEN	    "build/perf/flowgen"
#define TABLE_FLOWS 1048576
#define CACHE_FLOWS 2097152 /* the daemon's default */
#define SWAPS	    20
#define FOREVER_NS  3600000000000ull

struct bench {
	struct plx_dataplane *dp;
	struct plx_cache *cache; /* NULL: only count */
	uint64_t packets, records;
};

static void on_record(void *arg, const struct plx_flow_record *rec)
{
	struct bench *b = arg;

	b->packets += rec->stats.packets;
	b->records++;
	if (b->cache && plx_cache__add(b->cache, rec))
		die("the flow cache is full");
}

static bool refuse(void *arg, const struct plx_flow *flow)
{
	(void)arg;
	(void)flow;
	return false;
}

static struct plx_cache *new_cache(void)
{
	struct plx_cache_opts opts = {
		.capacity = CACHE_FLOWS,
		.active_ns = FOREVER_NS,
		.inactive_ns = FOREVER_NS,
		.linger_ns = FOREVER_NS,
		.emit = refuse,
	};
	struct plx_cache *cache = plx_cache__new(&opts);

	if (!cache)
		die("flow cache: out of memory");
	return cache;
}

static void drain(struct bench *b)
{
	int more;

	do
		more = plx_dataplane__drain(b->dp);
	while (more == 1);
	if (more < 0)
		die("%s", plx_dataplane__error(b->dp));
}

/* Send flows packets of as many flows and drain them. Returns ns per record. */
static double send_and_drain(struct bench *b, unsigned int flows)
{
	uint64_t before = b->packets, records = b->records;
	double begin;

	run(FLOWGEN " -i a0 --cpu 0 --flows %u >/dev/null", flows);
	if (plx_dataplane__swap(b->dp))
		die("%s", plx_dataplane__error(b->dp));
	begin = now_s();
	drain(b);
	begin = now_s() - begin;
	if (b->packets - before != flows || b->records - records != flows)
		die("%u flows of a packet each, but %llu records of %llu packets", flows,
		    (unsigned long long)(b->records - records),
		    (unsigned long long)(b->packets - before));
	return begin * 1e9 / flows;
}

static void records(struct bench *b, const struct bench_opts *opts)
{
	static const unsigned int nr_flows[] = {1000, 100000, 1000000};

	printf("\n| records | drained, ns a record | into an empty cache | into a cache that knows "
	       "the flow |\n|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(nr_flows) / sizeof(nr_flows[0]); i++) {
		struct samples only = {}, fresh = {}, known = {};

		for (int round = 0; round < (opts->quick ? 3 : opts->rounds); round++) {
			samples_add(&only, send_and_drain(b, nr_flows[i]));
			b->cache = new_cache();
			samples_add(&fresh, send_and_drain(b, nr_flows[i]));
			samples_add(&known, send_and_drain(b, nr_flows[i]));
			plx_cache__free(b->cache);
			b->cache = NULL;
		}
		printf("| %u | %s | %s | %s |\n", nr_flows[i], samples_text(&only, 0),
		       samples_text(&fresh, 0), samples_text(&known, 0));
		fflush(stdout);
	}
}

static void swaps(struct bench *b, const char *what)
{
	struct plx_table_info info;
	struct samples ms = {};

	for (int i = 0; i < SWAPS; i++) {
		usleep(100000);
		if (plx_dataplane__swap(b->dp))
			die("%s", plx_dataplane__error(b->dp));
		drain(b);
		plx_dataplane__tables(b->dp, &info);
		samples_add(&ms, info.swap_ns / 1e6);
	}
	printf("| %s | %s |\n", what, samples_text(&ms, 2));
	fflush(stdout);
}

static void swap_times(struct bench *b)
{
	char cpu[16];
	char *one[] = {FLOWGEN,	  "-i",	  "a0",	       "--cpu", "0",
		       "--flows", "1000", "--seconds", "60",	NULL};
	char *two[] = {FLOWGEN,	  "-i",	  "a0",	       "--cpu", cpu,
		       "--flows", "1000", "--seconds", "60",	NULL};
	pid_t first, second;

	snprintf(cpu, sizeof(cpu), "%d", last_cpu());
	printf("\n| swap | ms |\n|---|---|\n");
	swaps(b, "idle");
	first = start(one);
	swaps(b, "a generator at full speed, on one CPU");
	second = start(two);
	swaps(b, "generators at full speed on two CPUs, one of them that of the caller");
	finish(first, true);
	finish(second, true);
}

static void check_ledger(struct bench *b)
{
	struct plx_if_ledger ledger;
	struct plx_tally lost;

	for (int i = 0; i < PLX_NR_BUFFERS; i++) {
		if (plx_dataplane__swap(b->dp))
			die("%s", plx_dataplane__error(b->dp));
		drain(b);
		while (plx_dataplane__spill(b->dp) > 0)
			;
	}
	if (plx_dataplane__ledger(b->dp, 0, PLX_DIR_IN, &ledger))
		die("ledger");
	lost.packets = ledger.ring_full.packets + ledger.evicted.packets +
		       ledger.unexplained.packets + ledger.held.packets;
	printf("\nLedger of the whole run: seen %llu, metered %llu, delivered %llu, lost %llu.\n",
	       ledger.seen.packets, ledger.metered.packets, ledger.delivered.packets, lost.packets);
	if (ledger.seen.packets != ledger.metered.packets || lost.packets ||
	    ledger.delivered.packets != b->packets || ledger.seen.packets != b->packets)
		die("the ledger does not add up; records hold %llu packets",
		    (unsigned long long)b->packets);
}

int main(int argc, char **argv)
{
	struct bench b = {};
	struct plx_dataplane_opts dataplane = {
		.flows = TABLE_FLOWS,
		.ring_bytes = 8 << 20,
		.tunnels = 1024,
		.fragments = 8192,
		.record = on_record,
		.arg = &b,
	};
	struct plx_iface_opts iface = {
		.hook = PLX_HOOK_XDP, .xdp_mode = PLX_XDP_NATIVE, .direction = PLX_DIRECTION_IN};
	struct bench_opts opts;
	char why[256];

	bench_options(argc, argv, &opts);
	own_netns();
	if (plx_dataplane__open(&dataplane, &b.dp, why, sizeof(why)))
		die("%s", why);
	if (plx_dataplane__attach(b.dp, "b0", &iface))
		die("%s", plx_dataplane__error(b.dp));
	/* The generator is on CPU 0. */
	pin_cpu(last_cpu());
	if (!opts.only || strcmp(opts.only, "records") == 0)
		records(&b, &opts);
	if (!opts.only || strcmp(opts.only, "swap") == 0)
		swap_times(&b);
	check_ledger(&b);
	plx_dataplane__close(b.dp);
	return 0;
}
