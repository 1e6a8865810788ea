/* SPDX-License-Identifier: BSD-2-Clause */
/* See filterrun.h. */
#include "filterrun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "dataplane/emit.h"

#define SKB_MIN	   (14 + 40) /* a test run wants the IP header of an skb whole */
#define LOG_OCTETS (1 << 20)
#define CTX	   BPF_REG_6
#define BLOCK	   BPF_REG_7

static int field(size_t offset)
{
	return (int)offset;
}

static void emit_block(struct plx_emit *e, int map_fd)
{
	plx_emit(e, (struct bpf_insn){.code = BPF_LD | BPF_IMM | BPF_DW,
				      .dst_reg = BLOCK,
				      .src_reg = BPF_PSEUDO_MAP_VALUE,
				      .imm = map_fd});
	plx_emit(e, (struct bpf_insn){});
}

/* A tag beside the frame, and the end cut off: a test run cannot do either. */
static void emit_skb(struct plx_emit *e)
{
	int untagged = plx_emit_labels(e, 2), whole = untagged + 1;

	plx_emit(e, plx_load(BPF_W, BPF_REG_2, BLOCK,
			     field(offsetof(struct filterrun_block, tagged))));
	plx_emit_jump(e, plx_if(BPF_JMP, BPF_JEQ, BPF_REG_2, 0), untagged);
	plx_emit(e, plx_mov_reg(BPF_REG_1, CTX));
	plx_emit(e,
		 plx_load(BPF_W, BPF_REG_2, BLOCK, field(offsetof(struct filterrun_block, proto))));
	plx_emit(e,
		 plx_load(BPF_W, BPF_REG_3, BLOCK, field(offsetof(struct filterrun_block, tci))));
	plx_emit(e, plx_call(BPF_FUNC_skb_vlan_push));
	plx_emit_place(e, untagged);
	plx_emit(e,
		 plx_load(BPF_W, BPF_REG_2, BLOCK, field(offsetof(struct filterrun_block, cut))));
	plx_emit_jump(e, plx_if(BPF_JMP, BPF_JEQ, BPF_REG_2, 0), whole);
	plx_emit(e, plx_mov_reg(BPF_REG_1, CTX));
	plx_emit(e, plx_mov(BPF_REG_3, 0));
	plx_emit(e, plx_call(BPF_FUNC_skb_change_tail));
	plx_emit_place(e, whole);
}

/* The program in front: it calls all filters, which follow it. */
static void emit_front(struct plx_emit *e, enum plx_filter_hook hook, int map_fd, int first,
		       size_t nr)
{
	plx_emit(e, plx_mov_reg(CTX, BPF_REG_1));
	emit_block(e, map_fd);
	if (hook == PLX_FILTER_TC)
		emit_skb(e);
	for (size_t i = 0; i < nr; i++) {
		plx_emit(e, plx_mov_reg(BPF_REG_1, CTX));
		plx_emit_jump(
			e,
			(struct bpf_insn){.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL},
			first + (int)i);
		plx_emit(e,
			 plx_store(BPF_W, BLOCK,
				   field(offsetof(struct filterrun_block, results[i])), BPF_REG_0));
	}
	plx_emit(e, plx_mov(BPF_REG_0, 0));
	plx_emit(e, plx_exit());
}

static void emit_filter(struct plx_emit *e, enum plx_filter_hook hook, uint32_t direct,
			const struct plx_cbpf *program)
{
	struct plx_ebpf code;

	assert_int_equal(plx_cbpf__translate(program, hook, direct, &code), 0);
	for (size_t i = 0; i < code.nr; i++)
		plx_emit(e, ((struct bpf_insn *)code.insns)[i]);
	plx_ebpf__free(&code);
}

/* Calls have their distance in imm, which has room for more than off. */
static void set_calls(struct plx_emit *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->nr_jumps; i++) {
		const struct plx_jump *j = &e->jumps[i];
		struct bpf_insn *insn = &e->insns[j->from];

		if (insn->src_reg == BPF_PSEUDO_CALL && insn->code == (BPF_JMP | BPF_CALL))
			insn->imm = e->labels[j->label].at - (int)j->from - 1;
		else
			e->jumps[kept++] = *j;
	}
	e->nr_jumps = kept;
}

static int load(const struct plx_emit *e, enum plx_filter_hook hook)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	static char log[LOG_OCTETS];
	int fd;

	if (hook == PLX_FILTER_XDP)
		opts.prog_flags = BPF_F_XDP_HAS_FRAGS;
	fd = bpf_prog_load(hook == PLX_FILTER_XDP ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
			   "filters", "GPL", e->insns, e->nr, &opts);
	if (fd >= 0)
		return fd;
	opts.log_buf = log;
	opts.log_size = sizeof(log);
	opts.log_level = 1;
	bpf_prog_load(hook == PLX_FILTER_XDP ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
		      "filters", "GPL", e->insns, e->nr, &opts);
	fail_msg("%zu instructions: %s\n%s", e->nr, strerror(-fd),
		 strlen(log) > 3000 ? log + strlen(log) - 3000 : log);
	return -1;
}

static void open_program(struct filterrun *run, uint32_t direct, const struct plx_cbpf *programs,
			 size_t nr)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t at = run->nr_programs++;
	struct plx_emit e = {};
	int first;

	run->map_fd[at] = bpf_map_create(BPF_MAP_TYPE_ARRAY, "filterrun", 4,
					 sizeof(struct filterrun_block), 1, &opts);
	assert_true(run->map_fd[at] >= 0);
	run->block[at] = mmap(NULL, sizeof(struct filterrun_block), PROT_READ | PROT_WRITE,
			      MAP_SHARED, run->map_fd[at], 0);
	assert_ptr_not_equal(run->block[at], MAP_FAILED);
	first = plx_emit_labels(&e, (int)nr);
	emit_front(&e, run->hook, run->map_fd[at], first, nr);
	for (size_t i = 0; i < nr; i++) {
		plx_emit_place(&e, first + (int)i);
		emit_filter(&e, run->hook, direct, &programs[i]);
	}
	set_calls(&e);
	assert_int_equal(plx_emit_finish(&e), 0);
	run->prog_fd[at] = load(&e, run->hook);
	plx_emit_done(&e);
	free(e.insns);
}

void filterrun_open(struct filterrun *run, enum plx_filter_hook hook, uint32_t direct,
		    const struct plx_cbpf *programs, size_t nr)
{
	*run = (struct filterrun){.hook = hook, .nr = nr};
	assert_true(nr <= FILTERRUN_PROGRAMS * FILTERRUN_FILTERS);
	for (size_t i = 0; i < nr; i += FILTERRUN_FILTERS)
		open_program(run, direct, &programs[i],
			     nr - i < FILTERRUN_FILTERS ? nr - i : FILTERRUN_FILTERS);
}

void filterrun_close(struct filterrun *run)
{
	for (size_t i = 0; i < run->nr_programs; i++) {
		close(run->prog_fd[i]);
		munmap(run->block[i], sizeof(struct filterrun_block));
		close(run->map_fd[i]);
	}
}

static int run_program(struct filterrun *run, size_t at, struct bpf_test_run_opts *opts)
{
	struct filterrun_block *block = run->block[at];
	int err;

	memset(block->results, 0xa5, sizeof(block->results));
	err = bpf_prog_test_run_opts(run->prog_fd[at], opts);
	memcpy(&run->results[at * FILTERRUN_FILTERS], block->results, sizeof(block->results));
	return err;
}

void filterrun_packet(struct filterrun *run, const void *bytes, size_t size, const uint16_t tag[2])
{
	uint8_t padded[SKB_MIN] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = (uint32_t)size,
		    .repeat = 1);
	bool pad = run->hook == PLX_FILTER_TC && size < SKB_MIN;

	if (pad) {
		memcpy(padded, bytes, size);
		opts.data_in = padded;
		opts.data_size_in = sizeof(padded);
	}
	for (size_t i = 0; i < run->nr_programs; i++) {
		struct filterrun_block *block = run->block[i];
		int err;

		block->tagged = tag != NULL;
		block->proto = tag ? htons(tag[0]) : 0;
		block->tci = tag ? tag[1] : 0;
		block->cut = pad ? size : 0;
		err = run_program(run, i, &opts);
		if (err)
			fail_msg("test run of %zu octets: %s", size, strerror(-err));
	}
}

bool filterrun_frags(struct filterrun *run, const void *bytes, size_t size, size_t first)
{
	struct xdp_md ctx = {.data_end = (uint32_t)first};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = (uint32_t)size,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	for (size_t i = 0; i < run->nr_programs; i++)
		if (run_program(run, i, &opts))
			return false;
	return true;
}
