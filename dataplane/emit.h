/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eBPF instructions one after the other, with jumps to labels that may be placed later. What goes
 * wrong is kept in err and told at the end; until then all calls are allowed.
 */
#ifndef PLX_EMIT_H
#define PLX_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

struct plx_label {
	int at; /* index of an instruction; -1: not placed yet */
	bool used;
};

struct plx_jump {
	size_t from;
	int label;
};

struct plx_emit {
	struct bpf_insn *insns;
	size_t nr, room;
	struct plx_label *labels;
	size_t nr_labels, label_room;
	struct plx_jump *jumps;
	size_t nr_jumps, jump_room;
	int err;
};

void plx_emit(struct plx_emit *e, struct bpf_insn insn);
/* The first of nr new labels, which have consecutive numbers. */
int plx_emit_labels(struct plx_emit *e, int nr);
/* The next instruction is where label is. */
void plx_emit_place(struct plx_emit *e, int label);
/* A jump of any kind, whose offset is set when the label is known. */
void plx_emit_jump(struct plx_emit *e, struct bpf_insn insn, int label);
bool plx_emit_is_used(const struct plx_emit *e, int label);
/* Set all offsets. Returns e->err; -E2BIG for a jump that is too far. */
int plx_emit_finish(struct plx_emit *e);
/* All but insns. */
void plx_emit_done(struct plx_emit *e);

/* Instructions. Sizes are BPF_B, BPF_H, BPF_W and BPF_DW. */
static inline struct bpf_insn plx_alu(uint8_t class, uint8_t op, uint8_t dst, int32_t imm)
{
	return (struct bpf_insn){.code = class | op | BPF_K, .dst_reg = dst, .imm = imm};
}

static inline struct bpf_insn plx_alu_reg(uint8_t class, uint8_t op, uint8_t dst, uint8_t src)
{
	return (struct bpf_insn){.code = class | op | BPF_X, .dst_reg = dst, .src_reg = src};
}

static inline struct bpf_insn plx_mov(uint8_t dst, int32_t imm)
{
	return plx_alu(BPF_ALU, BPF_MOV, dst, imm);
}

static inline struct bpf_insn plx_mov_reg(uint8_t dst, uint8_t src)
{
	return plx_alu_reg(BPF_ALU64, BPF_MOV, dst, src);
}

static inline struct bpf_insn plx_add(uint8_t dst, int32_t imm)
{
	return plx_alu(BPF_ALU64, BPF_ADD, dst, imm);
}

static inline struct bpf_insn plx_load(uint8_t size, uint8_t dst, uint8_t src, int16_t off)
{
	return (struct bpf_insn){
		.code = BPF_LDX | BPF_MEM | size, .dst_reg = dst, .src_reg = src, .off = off};
}

static inline struct bpf_insn plx_store(uint8_t size, uint8_t dst, int16_t off, uint8_t src)
{
	return (struct bpf_insn){
		.code = BPF_STX | BPF_MEM | size, .dst_reg = dst, .src_reg = src, .off = off};
}

static inline struct bpf_insn plx_store_imm(uint8_t size, uint8_t dst, int16_t off, int32_t imm)
{
	return (struct bpf_insn){
		.code = BPF_ST | BPF_MEM | size, .dst_reg = dst, .off = off, .imm = imm};
}

/* From network order; bits is 16 or 32. */
static inline struct bpf_insn plx_from_be(uint8_t dst, int bits)
{
	return (struct bpf_insn){
		.code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = dst, .imm = bits};
}

static inline struct bpf_insn plx_call(int helper)
{
	return (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = helper};
}

static inline struct bpf_insn plx_exit(void)
{
	return (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
}

/* For plx_emit_jump(). */
static inline struct bpf_insn plx_goto(void)
{
	return (struct bpf_insn){.code = BPF_JMP | BPF_JA};
}

static inline struct bpf_insn plx_if(uint8_t class, uint8_t op, uint8_t dst, int32_t imm)
{
	return plx_alu(class, op, dst, imm);
}

static inline struct bpf_insn plx_if_reg(uint8_t class, uint8_t op, uint8_t dst, uint8_t src)
{
	return plx_alu_reg(class, op, dst, src);
}

#endif
