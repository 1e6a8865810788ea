/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dataplane library: load the programs, attach them to interfaces, swap and drain the flow
 * tables, keep the kernel's half of the ledger. It never prints and knows nothing of exporters.
 * Not thread safe: one thread owns a struct plx_dataplane. Functions return 0 or a negative errno;
 * where a text helps, plx_dataplane__error() has one line on the last failure.
 */
#ifndef PLX_DATAPLANE_H
#define PLX_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include <plx/abi.h>

struct plx_dataplane;

/* One flow as counted in one epoch by one table, or one packet: spilled, or of a capture. */
struct plx_flow_record {
	struct plx_flow_key key;
	struct plx_tunnel tunnel; /* with PLX_KEY_TUNNEL; else zeroed */
	struct plx_flow_stats stats;
};

/* Receives records while draining; rec is valid during the call. */
typedef void (*plx_record_fn)(void *arg, const struct plx_flow_record *rec);

/* Receives connections under NAT that programs have seen packets of; seen is valid during the call.
 */
typedef void (*plx_nat_seen_fn)(void *arg, const struct plx_nat_seen *seen);

enum plx_log_level { PLX_LOG_ERROR, PLX_LOG_WARNING, PLX_LOG_NOTICE, PLX_LOG_INFO, PLX_LOG_DEBUG };

/* One line of text without a newline: what libbpf, libxdp and this library would have printed. */
typedef void (*plx_print_fn)(void *arg, enum plx_log_level level, const char *line);

/* 1 in interval packets is metered, or all packets of 1 in interval flows. */
struct plx_sampling {
	uint32_t interval; /* 1: all; 0 counts as 1 */
	bool flows;
};

struct plx_dataplane_opts {
	uint32_t flows;	     /* capacity of a table: per address family and epoch */
	uint32_t tunnels;    /* same, for flows in tunnels of both families */
	uint32_t ring_bytes; /* spill ring; a power of two, at least a page */
	uint32_t fragments;  /* fragment table entries */
	struct plx_sampling sampling;
	plx_record_fn record;
	plx_nat_seen_fn nat; /* NULL: programs do not ask for NAT */
	plx_print_fn print;  /* may be NULL */
	void *arg;	     /* of all three */
};

enum plx_hook { PLX_HOOK_AUTO, PLX_HOOK_XDP, PLX_HOOK_TC };
enum plx_xdp_mode { PLX_XDP_AUTO, PLX_XDP_NATIVE, PLX_XDP_GENERIC };
enum plx_direction { PLX_DIRECTION_BOTH, PLX_DIRECTION_IN, PLX_DIRECTION_OUT };

struct plx_iface_opts {
	enum plx_hook hook; /* where ingress is counted; egress is always at TC */
	enum plx_xdp_mode xdp_mode;
	enum plx_direction direction;
	enum plx_policy tunnel; /* which header's flow a packet in a tunnel is of */
};

/* What was asked for and what came of it. Lives until the interface is removed. */
struct plx_iface_info {
	char name[16];
	uint32_t ifindex;
	struct plx_iface_opts asked;
	bool present;	      /* false: the interface disappeared, its ledger is kept */
	const char *hook_in;  /* "xdp", "tc" or "none" */
	const char *xdp_mode; /* "native", "generic" or "" */
	const char *hook_out; /* "tc" or "none" */
	const char *reason;   /* why hook_in is what it is, one line */
	bool exact;	      /* false: super-packets cannot be told apart (generic XDP) */
};

/*
 * The kernel's half of the ledger of one interface and direction: totals over all completed epochs,
 * and the spilled packets already delivered of the current one. Exact: nothing here is read while
 * a program may write it. seen = metered + unsampled + skipped; metered = delivered + held + the
 * lost ones.
 */
struct plx_if_ledger {
	struct plx_tally seen;
	struct plx_tally skipped[PLX_SKIP_MAX];
	struct plx_tally limited[PLX_LIMIT_MAX]; /* of metered, in no equation */
	struct plx_tally unsampled;
	struct plx_tally metered;
	struct plx_tally delivered;   /* handed to the record callback */
	struct plx_tally ring_full;   /* lost: neither table nor ring had room */
	struct plx_tally evicted;     /* lost: taken by the LRU */
	struct plx_tally unexplained; /* metered, not delivered, and no eviction to blame: a bug */
	struct plx_tally held;	      /* in the tables and the ring, not yet drained */
};

struct plx_table_info {
	uint32_t flows;			/* capacity per family and epoch */
	uint32_t tunnels;		/* same, of the tables of flows in tunnels */
	uint64_t used[PLX_NR_FAMILIES]; /* flows in the active tables */
	uint64_t epochs;		/* completed drains */
	uint64_t records;		/* delivered from tables */
	uint64_t spilled;		/* delivered from the ring */
	uint64_t evicted_flows;		/* inserts - drained */
	uint64_t swap_ns;		/* last swap, the wait for running programs included */
	uint64_t drain_ns;		/* last drain, callbacks included */
	uint64_t drain_records;		/* records of the last drain */
	uint64_t memory_bytes;		/* of all maps, as the kernel accounts them */
};

/* Do the programs ask connection tracking for NAT, by kfuncs (Linux 5.18)? */
struct plx_kfunc_info {
	bool used;
	const char *reason; /* why not, one line; "" when they do */
	uint64_t told;	    /* connections told of, some of them again */
	uint64_t lost;	    /* times that there was no room to tell; tried again at the next flow */
};

/*
 * Load the programs and maps and start the guard process (README.md), which takes off what is
 * attached should this process die. Needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON. *ret_dp is to be
 * closed with plx_dataplane__close(). On failure ret_err (size err_size) has one line.
 */
int plx_dataplane__open(const struct plx_dataplane_opts *opts, struct plx_dataplane **ret_dp,
			char *ret_err, size_t err_size);

/* Detach everything and deliver what is left; what remains is to read the ledger and to close. */
void plx_dataplane__stop(struct plx_dataplane *dp);

/*
 * Take off interface name what a killed run and its guard left there; a run that goes on keeps
 * what is its own. Needs no open dataplane. Returns 0, -EADDRINUSE when name is being metered, or
 * -ENODEV.
 */
int plx_dataplane__reclaim(const char *name);

/* Stop, free, end the guard. NULL is allowed. */
void plx_dataplane__close(struct plx_dataplane *dp);

/* One line on the last failure of any call on dp; never NULL, valid until the next failure. */
const char *plx_dataplane__error(const struct plx_dataplane *dp);

/* Attach to interface name. -EEXIST when it is attached already, -ENODEV when there is none. */
int plx_dataplane__attach(struct plx_dataplane *dp, const char *name,
			  const struct plx_iface_opts *opts);

/* Detach; its counters stay in the tables until drained, its ledger until the process ends. */
int plx_dataplane__detach(struct plx_dataplane *dp, const char *name);
void plx_dataplane__detach_all(struct plx_dataplane *dp);

/* Interfaces ever attached, index 0 .. n - 1; NULL past the end. */
const struct plx_iface_info *plx_dataplane__iface(const struct plx_dataplane *dp, size_t index);
/* Index of the interface that was given ifindex, or -1. */
int plx_dataplane__iface_index(const struct plx_dataplane *dp, uint32_t ifindex);
int plx_dataplane__ledger(const struct plx_dataplane *dp, size_t index, int direction,
			  struct plx_if_ledger *ret_ledger);
void plx_dataplane__tables(struct plx_dataplane *dp, struct plx_table_info *ret_info);

/*
 * End the epoch: make the spare tables active, wait until no program writes the retired ones, and
 * begin to drain them. -EBUSY while the last drain goes on.
 */
int plx_dataplane__swap(struct plx_dataplane *dp);

/*
 * Deliver up to one batch of records of the retired tables. Returns 1 when more is left, 0 when
 * the tables are empty, negative errno on failure.
 */
int plx_dataplane__drain(struct plx_dataplane *dp);

/* File descriptor that polls readable when the spill ring has records; consume with __spill(). */
int plx_dataplane__ring_fd(const struct plx_dataplane *dp);

/* Deliver what the spill ring has. Returns records delivered or negative errno. */
int plx_dataplane__spill(struct plx_dataplane *dp);

/*
 * Same for connections under NAT: the descriptor polls readable when half of the room is used up.
 * Those of all flows of a retired table are there when __swap() has returned. Without opts.nat the
 * descriptor is -1, and there is nothing to deliver.
 */
int plx_dataplane__nat_fd(const struct plx_dataplane *dp);
int plx_dataplane__nat(struct plx_dataplane *dp);
void plx_dataplane__kfuncs(const struct plx_dataplane *dp, struct plx_kfunc_info *ret_info);

/* File descriptor that polls readable on link changes; handle with __links(). */
int plx_dataplane__link_fd(const struct plx_dataplane *dp);
/* Notice interfaces that disappeared or were renamed; the former are detached. */
void plx_dataplane__links(struct plx_dataplane *dp);

/* Name of a skip reason, or of a limit, as in the ledger. */
const char *plx_skip_name(enum plx_skip reason);
const char *plx_limit_name(enum plx_limit limit);

#endif
