/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TC clsact filters with a handle of our own, in front of what others have attached where there is
 * room. The qdisc is removed only when we made it and nobody else uses it.
 */
#include "internal.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>
#include <netlink/netlink.h>
#include <netlink/route/classifier.h>

#include "bpf/observe_tc.skel.h"

#define FILTER_HANDLE 0x504c5801 /* "PLX", 1 */
#define PRIORITY_MAX  16	 /* the first of 1 .. 16 that is free or takes a BPF filter */

static enum bpf_tc_attach_point attach_point(uint32_t kind)
{
	return kind == PLX_ON_TC_IN ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static const char *prog_name(uint32_t kind)
{
	return kind == PLX_ON_TC_IN ? "plx_tc_in" : "plx_tc_out";
}

/* Program id of the filter at (ifindex, kind, priority) with our handle; 0: none. */
static uint32_t query(uint32_t ifindex, uint32_t kind, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = attach_point(kind));
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = priority);

	if (bpf_tc_query(&hook, &opts))
		return 0;
	return opts.prog_id;
}

static int detach(uint32_t ifindex, uint32_t kind, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = attach_point(kind));
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = priority);

	return bpf_tc_detach(&hook, &opts);
}

static uint32_t parent_of(uint32_t kind)
{
	return TC_H_MAKE(TC_H_CLSACT, kind == PLX_ON_TC_IN ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

/* The filters of one side of the clsact qdisc; NULL when they cannot be read. */
static struct nl_cache *read_filters(uint32_t ifindex, uint32_t kind)
{
	struct nl_sock *nl = nl_socket_alloc();
	struct nl_cache *cache = NULL;

	if (nl && nl_connect(nl, NETLINK_ROUTE) == 0 &&
	    rtnl_cls_alloc_cache(nl, ifindex, parent_of(kind), &cache) < 0)
		cache = NULL;
	nl_socket_free(nl);
	return cache;
}

static bool side_unused(uint32_t ifindex, uint32_t kind)
{
	struct nl_cache *cache = read_filters(ifindex, kind);
	bool unused = cache && nl_cache_nitems(cache) == 0;

	nl_cache_free(cache);
	return unused;
}

static bool clsact_unused(uint32_t ifindex)
{
	return side_unused(ifindex, PLX_ON_TC_IN) && side_unused(ifindex, PLX_ON_TC_OUT);
}

static bool reclaim_side(uint32_t ifindex, uint32_t kind)
{
	struct nl_cache *cache = read_filters(ifindex, kind);
	bool found = false;

	for (struct nl_object *obj = cache ? nl_cache_get_first(cache) : NULL; obj;
	     obj = nl_cache_get_next(obj)) {
		uint32_t priority = rtnl_cls_get_prio((struct rtnl_cls *)obj);

		if (rtnl_tc_get_handle(TC_CAST(obj)) == FILTER_HANDLE &&
		    plx_prog_is(query(ifindex, kind, priority), prog_name(kind)) &&
		    detach(ifindex, kind, priority) == 0)
			found = true;
	}
	nl_cache_free(cache);
	return found;
}

/*
 * Take off the filters of a former run that was killed together with its guard, and the qdisc when
 * they were its only users.
 */
void plx_tc_reclaim(uint32_t ifindex)
{
	bool in = reclaim_side(ifindex, PLX_ON_TC_IN);
	bool out = reclaim_side(ifindex, PLX_ON_TC_OUT);

	if (in || out)
		(void)plx_tc_remove(
			&(struct plx_attachment){.kind = PLX_ON_CLSACT, .ifindex = ifindex});
}

/* Make sure that there is a clsact qdisc. *ret_made: it was made now, so it is ours to remove. */
int plx_tc_clsact(struct plx_dataplane *dp, uint32_t ifindex, struct plx_attachment *ret,
		  bool *ret_made)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err;

	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return plx_fail(dp, err, "clsact qdisc: %s", strerror(-err));
	*ret_made = err == 0;
	*ret = (struct plx_attachment){.kind = PLX_ON_CLSACT, .ifindex = ifindex};
	return 0;
}

int plx_tc_attach(struct plx_dataplane *dp, uint32_t ifindex, int direction,
		  struct plx_attachment *ret)
{
	uint32_t kind = direction == PLX_DIR_IN ? PLX_ON_TC_IN : PLX_ON_TC_OUT;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = attach_point(kind));
	struct bpf_program *prog =
		kind == PLX_ON_TC_IN ? dp->tc->progs.plx_tc_in : dp->tc->progs.plx_tc_out;
	int err = -ENOSPC;

	for (uint32_t priority = 1; priority <= PRIORITY_MAX; priority++) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog),
			    .handle = FILTER_HANDLE, .priority = priority);

		err = bpf_tc_attach(&hook, &opts);
		if (err == 0) {
			*ret = (struct plx_attachment){.kind = kind,
						       .ifindex = ifindex,
						       .prog_id = opts.prog_id,
						       .priority = priority};
			return 0;
		}
		/* The priority belongs to another kind of filter, or to another protocol. */
		if (err != -EINVAL && err != -EEXIST)
			break;
	}
	return plx_fail(dp, err, "TC %s filter: %s", direction == PLX_DIR_IN ? "ingress" : "egress",
			strerror(-err));
}

int plx_tc_remove(const struct plx_attachment *on)
{
	if (on->kind == PLX_ON_CLSACT) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = on->ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

		if (!clsact_unused(on->ifindex))
			return 0;
		return bpf_tc_hook_destroy(&hook);
	}
	if (query(on->ifindex, on->kind, on->priority) != on->prog_id)
		return 0; /* gone, or replaced by a later run */
	return detach(on->ifindex, on->kind, on->priority);
}
