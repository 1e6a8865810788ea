/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of the dataplane: check what can be checked, make the maps, load the programs, and the
 * reverse. Attaching is in iface.c, draining in drain.c. Read README.md first.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netlink/netlink.h>
#include <plx/table.h>
#include <xdp/libxdp.h>

#include "bpf/observe_tc.skel.h"
#include "bpf/observe_xdp.skel.h"

/*
 * An LRU map evicts before it is full: each CPU keeps up to 128 free entries of its own
 * (LOCAL_FREE_TARGET) and takes as many at once. With this much on top of the flows that are let
 * in, none is ever evicted.
 */
#define LRU_SLACK_PER_CPU 256

/*
 * Connections under NAT that the programs know to have told of; of more, some are told again each
 * epoch. And room for those of one epoch, read earlier when half of it is used up.
 */
#define NAT_KNOWN      32768
#define NAT_RING_BYTES (1 << 20)

int plx_fail(struct plx_dataplane *dp, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dp->error, sizeof(dp->error), fmt, ap);
	va_end(ap);
	return err;
}

const char *plx_dataplane__error(const struct plx_dataplane *dp)
{
	return dp->error;
}

/* libbpf and libxdp have one printer per process and no argument for it. */
static struct plx_dataplane *printing;

static void print_line(enum plx_log_level level, const char *fmt, va_list ap)
{
	char *lines, *text, *end;

	if (!printing || !printing->opts.print)
		return;
	if (vasprintf(&lines, fmt, ap) < 0)
		return;
	/* a verifier log is thousands of lines in one call */
	text = lines;
	while (*text) {
		end = strchrnul(text, '\n');
		if (*end)
			*end++ = '\0';
		if (*text)
			printing->opts.print(printing->opts.arg, level, text);
		text = end;
	}
	free(lines);
}

/* One level lower than the libraries say: their warnings are our information. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	print_line(level == LIBBPF_WARN ? PLX_LOG_INFO : PLX_LOG_DEBUG, fmt, ap);
	return 0;
}

static int print_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	print_line(level == LIBXDP_WARN ? PLX_LOG_INFO : PLX_LOG_DEBUG, fmt, ap);
	return 0;
}

/* What the kinds of flow table are called in the kernel, and hold. */
static const struct {
	const char *name[PLX_NR_BUFFERS];
	uint32_t key_size;
} kinds[PLX_NR_FAMILIES] = {
	[PLX_FAMILY_IPV4] = {{"flows4_a", "flows4_b"}, sizeof(struct plx_flow_key4)},
	[PLX_FAMILY_IPV6] = {{"flows6_a", "flows6_b"}, sizeof(struct plx_flow_key)},
	[PLX_FAMILY_TUNNEL] = {{"flows_tunnel_a", "flows_tunnel_b"},
			       sizeof(struct plx_flow_key_tunnel)},
};

static int make_tables(struct plx_dataplane *dp)
{
	for (int family = 0; family < PLX_NR_FAMILIES; family++) {
		uint32_t flows = family == PLX_FAMILY_TUNNEL ? dp->opts.tunnels : dp->opts.flows;

		for (int buffer = 0; buffer < PLX_NR_BUFFERS; buffer++) {
			int fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, kinds[family].name[buffer],
						kinds[family].key_size,
						sizeof(struct plx_flow_stats),
						flows + LRU_SLACK_PER_CPU * dp->nr_cpus, NULL);

			if (fd < 0)
				return plx_fail(dp, -errno, "flow table of %u flows: %s%s", flows,
						strerror(errno),
						errno == EPERM ? " (needs root, or CAP_BPF)" : "");
			dp->tables[family][buffer] = fd;
		}
	}
	return 0;
}

/* The maps of flow tables, by kind. */
static void outer_maps(const struct plx_dataplane *dp, struct bpf_map *ret_maps[PLX_NR_FAMILIES])
{
	ret_maps[PLX_FAMILY_IPV4] = dp->tc->maps.flows4;
	ret_maps[PLX_FAMILY_IPV6] = dp->tc->maps.flows6;
	ret_maps[PLX_FAMILY_TUNNEL] = dp->tc->maps.flows_tunnel;
}

static int fill_outer(struct plx_dataplane *dp, const struct bpf_map *outer, int family)
{
	for (uint32_t buffer = 0; buffer < PLX_NR_BUFFERS; buffer++)
		if (bpf_map_update_elem(bpf_map__fd(outer), &buffer, &dp->tables[family][buffer],
					BPF_ANY))
			return plx_fail(dp, -errno, "map of flow tables: %s", strerror(errno));
	return 0;
}

/* Everything that is set before the programs are loaded. */
static int open_tc(struct plx_dataplane *dp, struct bpf_map *ret_outer[PLX_NR_FAMILIES])
{
	int err;

	dp->tc = observe_tc__open();
	if (!dp->tc)
		return plx_fail(dp, -errno, "opening the TC programs: %s", strerror(errno));
	dp->tc->rodata->flows_limit = dp->opts.flows;
	dp->tc->rodata->tunnels_limit = dp->opts.tunnels;
	dp->tc->rodata->nat_kfuncs = dp->kfuncs.used;
	dp->tc->rodata->sampling_interval = dp->opts.sampling.interval;
	dp->tc->rodata->sampling_flows = dp->opts.sampling.flows;
	dp->tc->rodata->sampling_seed = dp->sampling_seed;
	outer_maps(dp, ret_outer);
	err = bpf_map__set_max_entries(dp->tc->maps.fragments, dp->opts.fragments);
	if (!err)
		err = bpf_map__set_max_entries(dp->tc->maps.spill, dp->opts.ring_bytes);
	if (!err && dp->kfuncs.used)
		err = bpf_map__set_max_entries(dp->tc->maps.nat, NAT_KNOWN);
	if (!err && dp->kfuncs.used)
		err = bpf_map__set_max_entries(dp->tc->maps.nat_told, NAT_RING_BYTES);
	for (int family = 0; family < PLX_NR_FAMILIES && !err; family++)
		err = bpf_map__set_inner_map_fd(ret_outer[family], dp->tables[family][0]);
	if (err)
		return plx_fail(dp, err, "opening the TC programs: %s", strerror(-err));
	return 0;
}

static int load_tc(struct plx_dataplane *dp)
{
	struct bpf_map *outer[PLX_NR_FAMILIES];
	int err = open_tc(dp, outer);

	if (err)
		return err;
	err = observe_tc__load(dp->tc);
	if (err && dp->kfuncs.used) {
		/* All else is as good without; should it fail again, it was something else. */
		snprintf(dp->kfuncs_why, sizeof(dp->kfuncs_why),
			 "the kernel refuses programs with them: %s", strerror(-err));
		dp->kfuncs.used = false;
		observe_tc__destroy(dp->tc);
		err = open_tc(dp, outer);
		if (err)
			return err;
		err = observe_tc__load(dp->tc);
	}
	if (err)
		return plx_fail(dp, err, "loading the TC programs: %s", strerror(-err));
	for (int family = 0; family < PLX_NR_FAMILIES && !err; family++)
		err = fill_outer(dp, outer[family], family);
	return err;
}

static void find_kfuncs(struct plx_dataplane *dp)
{
	dp->kfuncs.reason = dp->kfuncs_why;
	if (!dp->opts.nat)
		return;
	plx_kfuncs_load_module();
	dp->kfuncs.used = !plx_kfuncs_find(dp->kfuncs_why, sizeof(dp->kfuncs_why));
}

/* The XDP object uses the maps of the TC object; libxdp loads it when it is first attached. */
static int open_xdp(struct plx_dataplane *dp)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .prog_name = "plx_xdp");
	struct bpf_map *map, *shared;
	int err;

	dp->xdp = observe_xdp__open();
	if (!dp->xdp)
		return plx_fail(dp, -errno, "opening the XDP program: %s", strerror(errno));
	dp->xdp->rodata->flows_limit = dp->opts.flows;
	dp->xdp->rodata->tunnels_limit = dp->opts.tunnels;
	dp->xdp->rodata->nat_kfuncs = dp->kfuncs.used;
	dp->xdp->rodata->sampling_interval = dp->opts.sampling.interval;
	dp->xdp->rodata->sampling_flows = dp->opts.sampling.flows;
	dp->xdp->rodata->sampling_seed = dp->sampling_seed;
	bpf_object__for_each_map (map, dp->xdp->obj) {
		if (bpf_map__is_internal(map))
			continue;
		shared = bpf_object__find_map_by_name(dp->tc->obj, bpf_map__name(map));
		err = shared ? bpf_map__reuse_fd(map, bpf_map__fd(shared)) : -ENOENT;
		if (err)
			return plx_fail(dp, err, "map %s: %s", bpf_map__name(map), strerror(-err));
	}
	opts.obj = dp->xdp->obj;
	dp->xdp_prog = xdp_program__create(&opts);
	err = libxdp_get_error(dp->xdp_prog);
	if (err) {
		dp->xdp_prog = NULL;
		return plx_fail(dp, err, "XDP program: %s", strerror(-err));
	}
	return 0;
}

static int open_all(struct plx_dataplane *dp)
{
	struct rlimit memlock = {RLIM_INFINITY, RLIM_INFINITY};
	int err;

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return plx_fail(dp, -errno,
				"/sys/kernel/btf/vmlinux: %s; the kernel needs BTF "
				"(CONFIG_DEBUG_INFO_BTF)",
				strerror(errno));
	(void)setrlimit(RLIMIT_MEMLOCK, &memlock); /* needed by kernels before 5.11 only */
	err = make_tables(dp);
	if (err)
		return err;
	find_kfuncs(dp);
	err = load_tc(dp);
	if (err)
		return err;
	dp->control = mmap(NULL, sizeof(*dp->control), PROT_READ | PROT_WRITE, MAP_SHARED,
			   bpf_map__fd(dp->tc->maps.control), 0);
	if (dp->control == MAP_FAILED) {
		dp->control = NULL;
		return plx_fail(dp, -errno, "mapping the control block: %s", strerror(errno));
	}
	err = open_xdp(dp);
	if (err)
		return err;
	err = plx_links_init(dp);
	if (err)
		return err;
	return plx_drain_init(dp);
}

int plx_dataplane__open(const struct plx_dataplane_opts *opts, struct plx_dataplane **ret_dp,
			char *ret_err, size_t err_size)
{
	struct plx_dataplane *dp = calloc(1, sizeof(*dp));
	int err;

	if (!dp) {
		snprintf(ret_err, err_size, "out of memory");
		return -ENOMEM;
	}
	dp->opts = *opts;
	dp->sampling_seed = (uint32_t)plx_hash_seed(dp);
	dp->guard_fd = -1;
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		for (int buffer = 0; buffer < PLX_NR_BUFFERS; buffer++)
			dp->tables[family][buffer] = -1;
	dp->info.flows = opts->flows;
	dp->info.tunnels = opts->tunnels;
	dp->nr_cpus = libbpf_num_possible_cpus();
	printing = dp;
	libbpf_set_print(print_libbpf);
	libxdp_set_print(print_libxdp);
	/* First, while there is little to be inherited. */
	err = plx_guard_start(dp);
	if (err)
		plx_fail(dp, err, "guard process: %s", strerror(-err));
	else
		err = open_all(dp);
	if (err) {
		snprintf(ret_err, err_size, "%s", dp->error);
		plx_dataplane__close(dp);
		return err;
	}
	*ret_dp = dp;
	return 0;
}

/* Deliver everything that is left; nothing is attached any more. */
static void drain_all(struct plx_dataplane *dp)
{
	for (int i = 0; i <= PLX_NR_BUFFERS; i++) {
		(void)plx_dataplane__nat(dp);
		while (plx_dataplane__drain(dp) == 1)
			;
		while (plx_dataplane__spill(dp) > 0)
			;
		if (i < PLX_NR_BUFFERS && plx_dataplane__swap(dp))
			break;
	}
}

void plx_dataplane__stop(struct plx_dataplane *dp)
{
	plx_dataplane__detach_all(dp);
	drain_all(dp);
}

void plx_dataplane__close(struct plx_dataplane *dp)
{
	if (!dp)
		return;
	if (dp->ring)
		plx_dataplane__stop(dp);
	plx_guard_stop(dp);
	plx_drain_done(dp);
	xdp_program__close(dp->xdp_prog);
	observe_xdp__destroy(dp->xdp);
	if (dp->control)
		munmap(dp->control, sizeof(*dp->control));
	observe_tc__destroy(dp->tc);
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		for (int buffer = 0; buffer < PLX_NR_BUFFERS; buffer++)
			if (dp->tables[family][buffer] >= 0)
				close(dp->tables[family][buffer]);
	nl_socket_free(dp->nl);
	nl_socket_free(dp->links);
	for (size_t i = 0; i < dp->nr_ifaces; i++)
		free(dp->ifaces[i]);
	if (printing == dp)
		printing = NULL;
	free(dp);
}

/* Bytes that the kernel accounts for a map, from its fdinfo; 0 when it does not tell. */
static uint64_t map_memory(int fd)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	fclose(f);
	return bytes;
}

void plx_dataplane__tables(struct plx_dataplane *dp, struct plx_table_info *ret_info)
{
	uint32_t buffer = dp->control->epoch % PLX_NR_BUFFERS;
	struct bpf_map *map;

	/* Maps are preallocated: asked once is asked for good. */
	if (dp->info.memory_bytes == 0) {
		bpf_object__for_each_map (map, dp->tc->obj)
			dp->info.memory_bytes += map_memory(bpf_map__fd(map));
		for (int family = 0; family < PLX_NR_FAMILIES; family++)
			for (int i = 0; i < PLX_NR_BUFFERS; i++)
				dp->info.memory_bytes += map_memory(dp->tables[family][i]);
	}
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		dp->info.used[family] = dp->control->inserts[family][buffer].count;
	*ret_info = dp->info;
}
