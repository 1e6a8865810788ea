/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_live: are all packets accounted for when they come faster than the network stack can take
 * them? flowgen sends over a veth to the real XDP program, which here drops the frame afterwards
 * (bench_drop in bench_xdp.bpf.c), so that no skb is built. Epochs, drain, spill and cache as in
 * the daemon. load.py has the daemon itself, with the stack behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <json-c/json.h>
#include <linux/if_link.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include <plx/dataplane.h>

#include "bench.h"
#include "control/flow_cache.h"
#include "dataplane/internal.h"

#include "bpf/observe_tc.skel.h"
#include "perf/bench_xdp.skel.h"

#define DEFAULT_FLOWS 131072
#define CACHE_FLOWS   2097152
#define EPOCH_S	      1.0
#define FOREVER_NS    3600000000000ull

struct live {
	struct plx_dataplane *dp;
	struct plx_cache *cache;
	struct bench_xdp *xdp;
	uint64_t packets; /* in records */
	double epoch_due;
	bool draining;
};

static void on_record(void *arg, const struct plx_flow_record *rec)
{
	struct live *live = arg;

	if (plx_cache__add(live->cache, rec) == 0)
		live->packets += rec->stats.packets;
}

static bool refuse(void *arg, const struct plx_flow *flow)
{
	(void)arg;
	(void)flow;
	return false;
}

static uint64_t received(struct plx_dataplane *dp)
{
	struct rtnl_link *link;
	uint64_t packets;

	if (rtnl_link_get_kernel(dp->nl, 0, "b0", &link) < 0)
		die("b0: no such interface");
	packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS);
	rtnl_link_put(link);
	return packets;
}

/* The meter that drops, with the maps of the dataplane, as open_xdp() in dataplane.c does it. */
static void put_on(struct live *live, uint32_t flows)
{
	struct bpf_map *map, *shared;

	live->xdp = bench_xdp__open();
	if (!live->xdp)
		die("bench_xdp: %s", strerror(errno));
	live->xdp->rodata->flows_limit = flows;
	bpf_object__for_each_map (map, live->xdp->obj) {
		if (bpf_map__is_internal(map))
			continue;
		shared = bpf_object__find_map_by_name(live->dp->tc->obj, bpf_map__name(map));
		if (!shared || bpf_map__reuse_fd(map, bpf_map__fd(shared)))
			die("map %s: not in the dataplane", bpf_map__name(map));
	}
	if (bench_xdp__load(live->xdp))
		die("bench_xdp: loading failed");
	if (bpf_xdp_attach(if_nametoindex("b0"), bpf_program__fd(live->xdp->progs.bench_drop),
			   XDP_FLAGS_DRV_MODE, NULL))
		die("bench_xdp: %s", strerror(errno));
}

static void open_live(struct live *live, uint32_t flows)
{
	struct plx_dataplane_opts dataplane = {
		.flows = flows,
		.ring_bytes = 8 << 20,
		.tunnels = 1024,
		.fragments = 8192,
		.record = on_record,
		.arg = live,
	};
	struct plx_cache_opts cache = {
		.capacity = CACHE_FLOWS,
		.active_ns = FOREVER_NS,
		.inactive_ns = FOREVER_NS,
		.linger_ns = FOREVER_NS,
		.emit = refuse,
	};
	/* Gives b0 its place in the ledger; at TC nothing arrives, since XDP drops it all. */
	struct plx_iface_opts iface = {.hook = PLX_HOOK_TC, .direction = PLX_DIRECTION_IN};
	char why[256];

	memset(live, 0, sizeof(*live));
	if (plx_dataplane__open(&dataplane, &live->dp, why, sizeof(why)))
		die("%s", why);
	live->cache = plx_cache__new(&cache);
	if (!live->cache)
		die("flow cache: out of memory");
	if (plx_dataplane__attach(live->dp, "b0", &iface))
		die("%s", plx_dataplane__error(live->dp));
	put_on(live, flows);
}

static void close_live(struct live *live)
{
	(void)bpf_xdp_detach(if_nametoindex("b0"), XDP_FLAGS_DRV_MODE, NULL);
	bench_xdp__destroy(live->xdp);
	plx_dataplane__close(live->dp);
	plx_cache__free(live->cache);
}

static void end_epoch(struct live *live)
{
	int err = plx_dataplane__swap(live->dp);

	if (err == 0)
		live->draining = true;
	else if (err != -EBUSY)
		die("%s", plx_dataplane__error(live->dp));
}

/* One turn of the daemon's loop; waits for up to a millisecond when there is nothing to do. */
static void turn(struct live *live)
{
	struct pollfd ring = {.fd = plx_dataplane__ring_fd(live->dp), .events = POLLIN};

	if (poll(&ring, 1, live->draining ? 0 : 1) > 0 && plx_dataplane__spill(live->dp) > 0)
		end_epoch(live);
	if (live->draining)
		live->draining = plx_dataplane__drain(live->dp) == 1;
	if (now_s() >= live->epoch_due) {
		live->epoch_due += EPOCH_S;
		end_epoch(live);
	}
}

/* Run flowgen and take turns until it ends. Returns packets per second. */
static double generate(struct live *live, uint32_t flows, int seconds)
{
	char command[128], text[1024] = "";
	struct json_object *json, *field;
	size_t len = 0;
	double pps;
	FILE *out;

	snprintf(command, sizeof(command),
		 "exec build/perf/flowgen -i a0 --cpu 0 --json --flows %u --seconds %d", flows,
		 seconds);
	out = popen(command, "re");
	if (!out)
		die("%s: %s", command, strerror(errno));
	fcntl(fileno(out), F_SETFL, O_NONBLOCK);
	live->epoch_due = now_s() + EPOCH_S;
	for (;;) {
		ssize_t nr = read(fileno(out), text + len, sizeof(text) - 1 - len);

		if (nr == 0 || len + 1 == sizeof(text))
			break;
		if (nr > 0)
			len += nr;
		turn(live);
	}
	if (pclose(out))
		die("failed: %s", command);
	json = json_tokener_parse(text);
	if (!json || !json_object_object_get_ex(json, "pps", &field))
		die("flowgen said: %s", text);
	pps = json_object_get_double(field);
	json_object_put(json);
	return pps;
}

/* Everything out of the kernel: both buffers and the ring. */
static void settle(struct live *live)
{
	for (int i = 0; i <= PLX_NR_BUFFERS; i++) {
		while (live->draining)
			live->draining = plx_dataplane__drain(live->dp) == 1;
		while (plx_dataplane__spill(live->dp) > 0)
			;
		if (i < PLX_NR_BUFFERS)
			end_epoch(live);
	}
}

static void one_case(uint32_t flows, uint32_t table, const struct bench_opts *opts)
{
	struct samples mpps = {}, percent = {};
	uint64_t total = 0, missed = 0, spilled = 0, ring_full = 0, other = 0;
	int rounds = opts->quick ? 1 : 3;

	for (int round = 0; round < rounds; round++) {
		struct plx_if_ledger ledger;
		struct plx_table_info info;
		struct live live;
		uint64_t before, got;

		open_live(&live, table);
		before = received(live.dp);
		samples_add(&mpps, generate(&live, flows, opts->quick ? 2 : 5) / 1e6);
		got = received(live.dp) - before;
		settle(&live);
		if (plx_dataplane__ledger(live.dp, 0, PLX_DIR_IN, &ledger))
			die("ledger");
		plx_dataplane__tables(live.dp, &info);
		total += got;
		missed += got - ledger.seen.packets;
		spilled += info.spilled;
		ring_full += ledger.ring_full.packets;
		/* what else may be missing between the interface's counter and the records */
		other += ledger.seen.packets - ledger.ring_full.packets - live.packets;
		samples_add(&percent, 100.0 * live.packets / got);
		close_live(&live);
	}
	printf("| %u | %u | %s | %llu | %lld | %llu | %llu | %lld | %s |\n", flows, table,
	       samples_text(&mpps, 2), (unsigned long long)total, (long long)missed,
	       (unsigned long long)spilled, (unsigned long long)ring_full, (long long)other,
	       samples_text(&percent, 3));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bench_opts opts;

	bench_options(argc, argv, &opts);
	own_netns();
	printf("\n| flows | tables.flows | Mpps | received | not seen | spilled | ring_full | "
	       "difference | accounted %% |\n|---|---|---|---|---|---|---|---|---|\n");
	one_case(1000, DEFAULT_FLOWS, &opts);
	one_case(1000000, 1048576, &opts);
	one_case(1000000, DEFAULT_FLOWS, &opts);
	return 0;
}
