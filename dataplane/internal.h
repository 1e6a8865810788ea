/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this folder share: the dataplane structure, attachments, and who implements
 * what. Read <plx/dataplane.h> first.
 */
#ifndef PLX_DATAPLANE_INTERNAL_H
#define PLX_DATAPLANE_INTERNAL_H

#include <sys/types.h>

#include <plx/dataplane.h>

#include "clock.h"

struct bpf_object;
struct nl_sock;
struct observe_tc;
struct observe_xdp;
struct ring_buffer;
struct xdp_program;

#define PLX_ERROR_MAX 256

/* Something on an interface that must come off again; the guard knows each one, too. */
enum plx_attachment_kind { PLX_ON_XDP = 1, PLX_ON_TC_IN, PLX_ON_TC_OUT, PLX_ON_CLSACT };

struct plx_attachment {
	uint32_t kind; /* enum plx_attachment_kind */
	uint32_t ifindex;
	uint32_t prog_id;  /* XDP and TC */
	uint32_t priority; /* TC */
	uint32_t xdp_mode; /* XDP: enum xdp_attach_mode of libxdp */
};

#define PLX_MAX_ATTACHMENTS (PLX_MAX_IFACES * 4)

/* Books of one direction of an interface. */
struct plx_books {
	struct plx_if_stats kernel[PLX_NR_BUFFERS]; /* as read at the last retirement */
	struct plx_if_stats total;		    /* of all retired epochs */
	struct plx_tally retired;   /* metered in the retired epoch, and to be in its tables */
	struct plx_tally drained;   /* found in the tables so far */
	struct plx_tally early;	    /* spilled in the epoch that is still active, delivered */
	struct plx_tally delivered; /* everything given to the callback but early */
	struct plx_tally evicted;
	struct plx_tally unexplained;
};

struct plx_iface {
	struct plx_iface_info info;
	char reason[192];
	size_t index; /* in plx_dataplane.ifaces */
	int slot;     /* of the control block and of if_stats; kept for the life of the process */
	bool attached;
	int lock_fd; /* abstract socket: this interface is metered by this process */
	struct plx_attachment on[4];
	size_t nr_on;
	struct plx_books books[PLX_NR_DIRS];
};

struct plx_dataplane {
	struct plx_dataplane_opts opts;
	char error[PLX_ERROR_MAX];
	uint32_t sampling_seed; /* the same in all programs */

	struct observe_tc *tc;
	struct observe_xdp *xdp;
	struct xdp_program *xdp_prog;
	struct ring_buffer *ring;
	struct ring_buffer *nat_ring;
	struct plx_control *control; /* mapped */
	int tables[PLX_NR_FAMILIES][PLX_NR_BUFFERS];
	struct nl_sock *nl;
	struct nl_sock *links;

	struct plx_iface *ifaces[PLX_MAX_IFACES];
	size_t nr_ifaces;
	struct plx_iface *by_slot[PLX_MAX_IFACES];

	int guard_fd; /* -1: no guard */
	pid_t guard_pid;

	bool draining;
	int drain_family;
	uint32_t drain_buffer;
	bool drain_started;   /* drain_token is valid */
	uint64_t drain_token; /* position in the table, opaque to us */
	uint64_t drained[PLX_NR_FAMILIES];
	uint64_t drain_begin_ns;
	void *keys, *values;
	int nr_cpus;
	struct plx_if_stats *percpu;
	unsigned int spill_budget;
	struct plx_table_info info;
	struct plx_kfunc_info kfuncs;
	char kfuncs_why[192];
};

/* dataplane.c */
int plx_fail(struct plx_dataplane *dp, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * attach_xdp.c, attach_tc.c: put one thing on, and take it off; on success *ret says what to take
 * off. plx_attachment_remove() needs no dataplane, since the guard calls it.
 */
int plx_xdp_attach(struct plx_dataplane *dp, uint32_t ifindex, bool generic,
		   struct plx_attachment *ret);
int plx_xdp_remove(const struct plx_attachment *on);
void plx_xdp_reclaim(uint32_t ifindex);
int plx_tc_clsact(struct plx_dataplane *dp, uint32_t ifindex, struct plx_attachment *ret,
		  bool *ret_made);
int plx_tc_attach(struct plx_dataplane *dp, uint32_t ifindex, int direction,
		  struct plx_attachment *ret);
void plx_tc_reclaim(uint32_t ifindex);
int plx_tc_remove(const struct plx_attachment *on);
int plx_attachment_remove(const struct plx_attachment *on);

/* True when program id has this name: ours, from this run or a former one. */
bool plx_prog_is(uint32_t prog_id, const char *name);

/* guard.c */
int plx_guard_start(struct plx_dataplane *dp);
int plx_guard_add(struct plx_dataplane *dp, const struct plx_attachment *on, int lock_fd);
int plx_guard_remove(struct plx_dataplane *dp, const struct plx_attachment *on);
void plx_guard_stop(struct plx_dataplane *dp);

/*
 * kfuncs.c: are there those of connection tracking? -ENOENT, and one line that says what is
 * missing. Where it is a module, it has to be loaded to be found.
 */
int plx_kfuncs_find(char *ret_why, size_t why_size);
void plx_kfuncs_load_module(void);

/* drain.c */
int plx_drain_init(struct plx_dataplane *dp);
void plx_drain_done(struct plx_dataplane *dp);

/* ledger.c */
void plx_ledger_retire(struct plx_dataplane *dp, uint32_t buffer);
void plx_ledger_settle(struct plx_dataplane *dp, bool evicted);
void plx_ledger_delivered(struct plx_dataplane *dp, const struct plx_flow_record *rec, bool ring,
			  bool early);

/* iface.c: the interface that ifindex was given a slot for, or NULL. */
struct plx_iface *plx_iface_find(const struct plx_dataplane *dp, uint32_t ifindex);
int plx_links_init(struct plx_dataplane *dp);

#endif
