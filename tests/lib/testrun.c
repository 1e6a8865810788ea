/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Test runs of the BPF programs, and the comparison of what came of them with what a sample wants.
 * Read testrun.h first. What BPF_PROG_TEST_RUN takes and refuses is in tests/README.md.
 */
#include "testrun.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <plx/headers.h>

#include "bpf/observe_tc.skel.h"
#include "bpf/observe_xdp.skel.h"

#define VERDICT_XDP_PASS  2
#define VERDICT_TC_UNSPEC 0xffffffffU
#define MAX_RECORDS	  131072
#define CLOCK_SLACK_NS	  200000000ULL /* of the cached clock: a jiffy, and what a busy host adds */
#define NR_POLICIES	  (PLX_POLICY_OUTER + 1)

int hook_direction(enum testrun_hook hook)
{
	return hook == HOOK_TC_OUT ? PLX_DIR_OUT : PLX_DIR_IN;
}

static void on_record(void *arg, const struct plx_flow_record *rec)
{
	struct testrun *t = arg;

	if (t->nr_records < t->max_records)
		t->records[t->nr_records] = *rec;
	t->nr_records++;
	t->delivered.packets += rec->stats.packets;
	t->delivered.bytes += rec->stats.frame_octets;
}

/*
 * BPF_PROG_TEST_RUN refuses the VLAN fields of an skb, and (Linux 6.18) IP packets shorter than an
 * IP header. So a program in front of the one under test, then a tail call: with skb->mark not 0 it
 * pushes a tag with that TCI, which stays beside the frame when it is the first; with skb->cb[0]
 * not 0 it cuts the skb to that length. Verdict 99: it could not.
 */
static void load_front_program(struct testrun *t)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1},
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = 3,
		 .src_reg = 6,
		 .off = offsetof(struct __sk_buff, mark)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 3, .off = 3},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = plx_be16(0x8100)},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_push},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 0, .off = 11},
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = 2,
		 .src_reg = 6,
		 .off = offsetof(struct __sk_buff, cb)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 2, .off = 4},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_change_tail},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 0, .off = 5},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6},
		{.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 99},
		{.code = BPF_JMP | BPF_EXIT},
	};

	t->calls_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "calls", 4, 4, 1, NULL);
	assert_true(t->calls_fd >= 0);
	insns[13].imm = t->calls_fd;
	t->front_fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "front", "GPL", insns,
				    sizeof(insns) / sizeof(insns[0]), &opts);
	if (t->front_fd < 0)
		fail_msg("program in front: %s", strerror(errno));
}

/* As the dataplane does, which leaves loading to libxdp and the first interface. */
static void load_xdp(struct testrun *t)
{
	struct bpf_map *map, *shared;
	int err;

	t->xdp = observe_xdp__open();
	assert_non_null(t->xdp);
	t->xdp->rodata->flows_limit = t->dp->opts.flows;
	t->xdp->rodata->tunnels_limit = t->dp->opts.tunnels;
	t->xdp->rodata->sampling_interval = t->dp->opts.sampling.interval;
	t->xdp->rodata->sampling_flows = t->dp->opts.sampling.flows;
	t->xdp->rodata->sampling_seed = t->dp->sampling_seed;
	bpf_object__for_each_map (map, t->xdp->obj) {
		if (bpf_map__is_internal(map))
			continue;
		shared = bpf_object__find_map_by_name(t->dp->tc->obj, bpf_map__name(map));
		assert_non_null(shared);
		assert_int_equal(bpf_map__reuse_fd(map, bpf_map__fd(shared)), 0);
	}
	err = observe_xdp__load(t->xdp);
	if (err)
		fail_msg("loading the XDP program: %s", strerror(-err));
	t->prog_fd[HOOK_XDP] = bpf_program__fd(t->xdp->progs.plx_xdp);
}

static void open_with(struct testrun *t, struct plx_dataplane_opts *opts)
{
	char error[256];

	memset(t, 0, sizeof(*t));
	t->front_fd = t->calls_fd = t->called_fd = -1;
	t->max_records = MAX_RECORDS;
	t->records = calloc(t->max_records, sizeof(*t->records));
	assert_non_null(t->records);
	opts->record = on_record;
	opts->arg = t;
	if (plx_dataplane__open(opts, &t->dp, error, sizeof(error)))
		fail_msg("%s", error);
	t->nr_cpus = libbpf_num_possible_cpus();
	t->prog_fd[HOOK_TC_IN] = bpf_program__fd(t->dp->tc->progs.plx_tc_in);
	t->prog_fd[HOOK_TC_OUT] = bpf_program__fd(t->dp->tc->progs.plx_tc_out);
	load_xdp(t);
	load_front_program(t);
	testrun_register(t, TESTRUN_IFINDEX);
}

void testrun_open(struct testrun *t, uint32_t flows, uint32_t tunnels, uint32_t ring_bytes,
		  uint32_t fragments)
{
	struct plx_dataplane_opts opts = {.flows = flows,
					  .tunnels = tunnels,
					  .ring_bytes = ring_bytes,
					  .fragments = fragments};

	open_with(t, &opts);
}

void testrun_open_sampling(struct testrun *t, uint32_t flows, struct plx_sampling sampling)
{
	struct plx_dataplane_opts opts = {.flows = flows,
					  .tunnels = flows,
					  .ring_bytes = 65536,
					  .fragments = 64,
					  .sampling = sampling};

	open_with(t, &opts);
}

/* Also of what open() left when it failed, and of what is closed. */
void testrun_close(struct testrun *t)
{
	if (!t->records)
		return;
	if (t->front_fd >= 0)
		close(t->front_fd);
	if (t->calls_fd >= 0)
		close(t->calls_fd);
	observe_xdp__destroy(t->xdp);
	plx_dataplane__close(t->dp);
	free(t->records);
	memset(t, 0, sizeof(*t));
}

void testrun_register(struct testrun *t, uint32_t ifindex)
{
	struct plx_iface *iface = calloc(1, sizeof(*iface));

	assert_non_null(iface);
	assert_null(plx_iface_find(t->dp, ifindex));
	iface->slot = ifindex % PLX_MAX_IFACES;
	while (t->dp->by_slot[iface->slot])
		iface->slot = (iface->slot + 1) % PLX_MAX_IFACES;
	iface->lock_fd = -1;
	iface->info.ifindex = ifindex;
	iface->info.reason = iface->reason;
	t->dp->by_slot[iface->slot] = iface;
	t->dp->ifaces[t->dp->nr_ifaces++] = iface;
	t->dp->control->if_index[iface->slot] = ifindex;
}

void testrun_policy(struct testrun *t, int policy)
{
	t->dp->control->if_tunnel[plx_iface_find(t->dp, TESTRUN_IFINDEX)->slot] = policy;
}

/* Make the program in front call the one of fd. Not for threads: what is called is one for all. */
static int call_behind_front(struct testrun *t, int fd)
{
	uint32_t zero = 0;

	if (t->called_fd == fd)
		return 0;
	if (bpf_map_update_elem(t->calls_fd, &zero, &fd, BPF_ANY))
		return -errno;
	t->called_fd = fd;
	return 0;
}

int testrun_try(struct testrun *t, enum testrun_hook hook, const void *bytes, size_t size,
		const struct testrun_skb *skb, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = size,
		    .repeat = repeat);
	struct __sk_buff ctx = {};
	int fd = t->prog_fd[hook];
	int err;

	if (hook != HOOK_XDP && skb) {
		ctx.gso_size = skb->gso_size;
		ctx.gso_segs = skb->gso_segs;
		ctx.ingress_ifindex = skb->ingress_ifindex;
		ctx.mark = skb->moved_out ? 0x10000 | skb->moved_tci : 0;
		ctx.cb[0] = skb->cut;
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	if (hook != HOOK_XDP && skb && (skb->moved_out || skb->cut)) {
		err = call_behind_front(t, fd);
		if (err)
			return err;
		fd = t->front_fd;
	}
	if (bpf_prog_test_run_opts(fd, &opts))
		return -errno;
	return opts.retval == (hook == HOOK_XDP ? VERDICT_XDP_PASS : VERDICT_TC_UNSPEC) ? 0 : 1;
}

void testrun_packet(struct testrun *t, enum testrun_hook hook, const void *bytes, size_t size,
		    const struct testrun_skb *skb)
{
	int err = testrun_try(t, hook, bytes, size, skb, 1);

	if (err < 0)
		fail_msg("test run of %zu octets: %s", size, strerror(-err));
	if (err)
		fail_msg("test run of %zu octets: the packet would not pass on", size);
}

static void take_table(struct testrun *t, int family)
{
	uint32_t buffer = t->dp->control->epoch % PLX_NR_BUFFERS;
	struct plx_inserts *inserts = &t->dp->control->inserts[family][buffer];
	int fd = t->dp->tables[family][buffer];
	struct plx_flow_record rec;
	uint64_t found = 0;
	union {
		struct plx_flow_key wide;
		struct plx_flow_key4 narrow;
		struct plx_flow_key_tunnel tunnel;
	} key;

	while (inserts->count > 0 && bpf_map_get_next_key(fd, NULL, &key) == 0) {
		memset(&rec, 0, sizeof(rec));
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &rec.stats), 0);
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
		if (family == PLX_FAMILY_IPV4)
			rec.key = (struct plx_flow_key){.source = {key.narrow.source},
							.dest = {key.narrow.dest},
							.source_port = key.narrow.source_port,
							.dest_port = key.narrow.dest_port,
							.ifindex = key.narrow.ifindex,
							.vlan = key.narrow.vlan,
							.protocol = key.narrow.protocol,
							.flags = key.narrow.flags};
		else
			rec.key = key.wide;
		if (family == PLX_FAMILY_TUNNEL)
			rec.tunnel = key.tunnel.tunnel;
		on_record(t, &rec);
		found++;
	}
	assert_int_equal(found, inserts->count);
	inserts->count = 0;
}

void testrun_take(struct testrun *t)
{
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		take_table(t, family);
	while (plx_dataplane__spill(t->dp) > 0)
		;
}

void testrun_clear(struct testrun *t)
{
	int fd = bpf_map__fd(t->dp->tc->maps.fragments);
	struct plx_frag_key key;

	testrun_policy(t, PLX_POLICY_BOTH);
	testrun_take(t);
	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	t->nr_records = 0;
	t->delivered = (struct plx_tally){};
}

void testrun_drain(struct testrun *t)
{
	int err;

	do
		err = plx_dataplane__drain(t->dp);
	while (err == 1);
	while (err == 0 && plx_dataplane__spill(t->dp) > 0)
		;
	if (err)
		fail_msg("%s", plx_dataplane__error(t->dp));
}

void testrun_books(struct testrun *t, int direction, struct plx_if_stats *ret_books)
{
	enum { NR = sizeof(*ret_books) / sizeof(struct plx_tally) };
	struct plx_tally *sum = (struct plx_tally *)ret_books;
	const int slot = plx_iface_find(t->dp, TESTRUN_IFINDEX)->slot;
	struct plx_if_stats *percpu = t->dp->percpu;

	memset(ret_books, 0, sizeof(*ret_books));
	for (int buffer = 0; buffer < PLX_NR_BUFFERS; buffer++) {
		uint32_t index = PLX_IF_STATS_INDEX(slot, direction, buffer);

		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(t->dp->tc->maps.if_stats), &index, percpu),
			0);
		for (int cpu = 0; cpu < t->nr_cpus; cpu++)
			for (int i = 0; i < NR; i++) {
				sum[i].packets += ((struct plx_tally *)&percpu[cpu])[i].packets;
				sum[i].bytes += ((struct plx_tally *)&percpu[cpu])[i].bytes;
			}
	}
}

void testrun_balanced(const struct plx_if_stats *books)
{
	struct plx_tally sum = books->metered;

	sum.packets += books->unsampled.packets;
	sum.bytes += books->unsampled.bytes;
	for (int reason = 0; reason < PLX_SKIP_MAX; reason++) {
		sum.packets += books->skipped[reason].packets;
		sum.bytes += books->skipped[reason].bytes;
	}
	assert_int_equal(books->seen.packets, sum.packets);
	assert_int_equal(books->seen.bytes, sum.bytes);
}

/* now is before with exactly tally added, in the columns that a packet of this outcome has. */
static void check_books(const struct plx_if_stats *before, const struct plx_if_stats *now,
			const struct sample_outcome *want, const struct plx_tally *tally)
{
	struct plx_if_stats wanted = *before;
	struct plx_tally *column = &wanted.metered;

	testrun_balanced(now);
	if (want->verdict != SAMPLE_OK)
		column = &wanted.skipped[want->verdict];
	wanted.seen.packets += tally->packets;
	wanted.seen.bytes += tally->bytes;
	column->packets += tally->packets;
	column->bytes += tally->bytes;
	for (int reason = 0; reason < PLX_SKIP_MAX; reason++)
		if (now->skipped[reason].packets != wanted.skipped[reason].packets)
			fail_msg("%s: %llu packets, not %llu", plx_skip_name(reason),
				 now->skipped[reason].packets - before->skipped[reason].packets,
				 wanted.skipped[reason].packets - before->skipped[reason].packets);
	for (int i = 0; i < PLX_LIMIT_MAX; i++) {
		if (want->verdict == SAMPLE_OK && want->limits >> i & 1) {
			wanted.limited[i].packets += tally->packets;
			wanted.limited[i].bytes += tally->bytes;
		}
		if (now->limited[i].packets != wanted.limited[i].packets)
			fail_msg("%s: %llu packets, not %llu", plx_limit_name(i),
				 now->limited[i].packets - before->limited[i].packets,
				 wanted.limited[i].packets - before->limited[i].packets);
	}
	assert_int_equal(now->seen.packets, wanted.seen.packets);
	assert_int_equal(now->seen.bytes, wanted.seen.bytes);
	assert_memory_equal(now, &wanted, sizeof(wanted));
}

static void check_flow(const struct testrun *t, enum testrun_hook hook, const struct sample *sample,
		       const struct testrun_skb *skb, const struct sample_outcome *want,
		       const struct testrun_wire *wire)
{
	const struct sample_layer *layer = sample_layer(sample, want->depth);
	const struct plx_flow_stats *stats = &t->records[0].stats;
	const uint8_t ttl = layer->ttl ? layer->ttl : 64;
	struct plx_flow_first first;
	struct plx_tunnel tunnel;
	struct plx_flow_key key;

	assert_int_equal(t->nr_records, 1);
	sample_key(sample, want, TESTRUN_IFINDEX, &key);
	if (hook == HOOK_TC_OUT)
		key.flags |= PLX_KEY_DIR_OUT;
	sample_tunnel(sample, want, &tunnel);
	sample_first(sample, want, &first);
	if (hook == HOOK_TC_OUT && skb)
		first.ingress_ifindex = skb->ingress_ifindex;
	assert_memory_equal(&t->records[0].key, &key, sizeof(key));
	assert_memory_equal(&t->records[0].tunnel, &tunnel, sizeof(tunnel));
	assert_memory_equal(&stats->first, &first, sizeof(first));
	assert_int_equal(stats->packets, wire->packets);
	assert_int_equal(stats->octets, wire->octets);
	assert_int_equal(stats->frame_octets, wire->frame_octets);
	assert_int_equal(PLX_SHAPE_MIN_LEN(stats->shape), wire->min_length);
	assert_int_equal(PLX_SHAPE_MAX_LEN(stats->shape), wire->max_length);
	assert_int_equal(PLX_SHAPE_TCP_FLAGS(stats->shape), layer->tcp_flags);
	assert_int_equal(PLX_SHAPE_MIN_TTL(stats->shape), ttl);
	assert_int_equal(PLX_SHAPE_MAX_TTL(stats->shape), ttl);
	assert_int_equal(PLX_MARKS_FRAGMENT_FLAGS(stats->marks), layer->fragment_flags);
	assert_int_equal(PLX_MARKS_IP_OPTIONS(stats->marks), layer->ip_options);
	assert_int_equal(stats->tcp_options, want->tcp_options);
	assert_int_equal(stats->first_ns, stats->last_ns);
}

void testrun_expect(struct testrun *t, enum testrun_hook hook, const struct sample *sample,
		    const struct packet *p, size_t size, const struct testrun_skb *skb,
		    const struct sample_outcome *want, const struct testrun_wire *wire)
{
	const struct plx_tally tally = {wire->packets, wire->frame_octets};
	struct plx_if_stats before[PLX_NR_DIRS], now[PLX_NR_DIRS];
	const int direction = hook_direction(hook);
	uint64_t begin, end;

	testrun_clear(t);
	testrun_policy(t, want->policy);
	for (int dir = 0; dir < PLX_NR_DIRS; dir++)
		testrun_books(t, dir, &before[dir]);
	begin = plx_now_ns();
	/* what is to be cut by the program in front is given whole */
	testrun_packet(t, hook, p->bytes, hook != HOOK_XDP && skb && skb->cut ? p->size : size,
		       skb);
	end = plx_now_ns();
	for (int dir = 0; dir < PLX_NR_DIRS; dir++)
		testrun_books(t, dir, &now[dir]);
	testrun_take(t);
	check_books(&before[direction], &now[direction], want, &tally);
	assert_memory_equal(&before[!direction], &now[!direction], sizeof(now[0]));
	if (want->verdict != SAMPLE_OK) {
		assert_int_equal(t->nr_records, 0);
		return;
	}
	check_flow(t, hook, sample, skb, want, wire);
	assert_in_range(t->records[0].stats.first_ns, begin - CLOCK_SLACK_NS, end);
}

void testrun_expect_whole(struct testrun *t, enum testrun_hook hook, const struct sample *sample,
			  const struct packet *p, const struct testrun_skb *skb, int policy,
			  const struct testrun_wire *wire)
{
	struct sample_outcome want;

	sample_outcome(sample, p, p->size, p->size, policy, &want);
	testrun_expect(t, hook, sample, p, p->size, skb, &want, wire);
}

static void run_cut(struct testrun *t, enum testrun_hook hook, const struct sample *sample,
		    const struct packet *p, size_t size, int policy)
{
	const struct testrun_skb skb = {.ingress_ifindex = 7,
					.moved_out = sample->moved_out,
					.moved_tci = sample->moved_tci,
					.cut = size < p->size ? size : 0};
	const struct testrun_wire wire = {.packets = 1,
					  .octets = sample->octets,
					  .frame_octets = size + (sample->moved_out ? 4 : 0),
					  .min_length = sample->octets,
					  .max_length = sample->octets};
	struct sample_outcome want;

	sample_outcome(sample, p, size, size, policy, &want);
	testrun_expect(t, hook, sample, p, size, &skb, &want, &wire);
}

/* One sample through one hook. */
struct sample_test {
	struct testrun *t;
	enum testrun_hook hook;
	const struct sample *sample;
	char whole[128];
	char cut[128];
};

static void whole(void **state)
{
	const struct sample_test *test = *state;
	static struct packet p;

	sample_build(test->sample, &p);
	for (int policy = 0; policy < NR_POLICIES; policy++)
		run_cut(test->t, test->hook, test->sample, &p, p.size, policy);
}

static void cut_anywhere(void **state)
{
	const struct sample_test *test = *state;
	static struct packet p;

	sample_build(test->sample, &p);
	for (int policy = 0; policy < NR_POLICIES; policy++)
		for (size_t size = TESTRUN_MIN_SIZE; size < p.size; size++)
			run_cut(test->t, test->hook, test->sample, &p, size, policy);
}

/* Of a super-packet only its skb tells; XDP comes before there is one, or a moved-out tag. */
static bool takes(enum testrun_hook hook, const struct sample *sample)
{
	return !sample->super && (hook != HOOK_XDP || !sample->moved_out);
}

static struct testrun *group; /* cmocka gives a group's fixtures nothing but a place for theirs */

static int open_group(void **state)
{
	(void)state;
	testrun_open(group, 64, 64, 1 << 18, 1024);
	return 0;
}

static int close_group(void **state)
{
	(void)state;
	testrun_close(group);
	return 0;
}

int testrun_main(const char *name, struct testrun *t, const enum testrun_hook *hooks,
		 size_t nr_hooks, const struct CMUnitTest *more, size_t nr_more)
{
	static const char *const hook_names[HOOK_MAX] = {"xdp", "tc_in", "tc_out"};
	const size_t max = nr_hooks * nr_samples;
	struct sample_test *of_sample = calloc(max + 1, sizeof(*of_sample));
	struct CMUnitTest *tests = calloc(max * 2 + nr_more, sizeof(*tests));
	size_t nr = 0;
	int failed;

	if (!of_sample || !tests)
		return 1;
	for (size_t i = 0; i < max; i++) {
		struct sample_test *test = &of_sample[i];

		test->t = t;
		test->hook = hooks[i / nr_samples];
		test->sample = &samples[i % nr_samples];
		if (!takes(test->hook, test->sample))
			continue;
		snprintf(test->whole, sizeof(test->whole), "%s: %s", hook_names[test->hook],
			 test->sample->name);
		snprintf(test->cut, sizeof(test->cut), "%s: cut_anywhere: %s",
			 hook_names[test->hook], test->sample->name);
		tests[nr++] = (struct CMUnitTest){test->whole, whole, NULL, NULL, test};
		tests[nr++] = (struct CMUnitTest){test->cut, cut_anywhere, NULL, NULL, test};
	}
	for (size_t i = 0; i < nr_more; i++)
		tests[nr++] = more[i];
	group = t;
	failed = _cmocka_run_group_tests(name, tests, nr, open_group, close_group);
	free(tests);
	free(of_sample);
	return failed;
}
