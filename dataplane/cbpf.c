/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classic BPF to eBPF, one instruction after the other. A load is checked against the linear part
 * of the packet and read from there; what is not in it is read by a helper, in code that stands
 * behind the rest, and what is not in the packet at all ends the program with 0. At TC a tag that
 * the kernel keeps beside the packet is put back into the offsets: that is a second translation of
 * the whole program, which packets with such a tag take. README.md says more.
 */
#include <plx/filter.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <linux/bpf.h>
#include <linux/filter.h>

#include "emit.h"

/* Registers that calls leave alone. A and X are zero above their 32 bits. */
#define A    BPF_REG_7
#define X    BPF_REG_8
#define CTX  BPF_REG_6
#define DATA BPF_REG_9 /* where the packet begins */

/* The stack, from r10. */
#define BUFFER	  -8  /* what a helper has read */
#define FORGET	  -12 /* half of a slot, see forget() */
#define OFFSET	  -16 /* of a load that may touch the tag; not together with the former */
#define WINDOW	  -32 /* 12 octets of the wire, from WINDOW_AT */
#define TURNS	  -40 /* jumps back so far */
#define MEM(n)	  (-48 - 8 * (int)(n))
#define WINDOW_AT 8

#define TAG_AT	   12 /* octets of the wire image where the tag is */
#define TAG_OCTETS 4

/*
 * Headers in a chain that protochain looks at: the only jumps back that libpcap makes. The verifier
 * wants to know that they end, and follows each turn.
 */
#define MAX_TURNS 16

/* No packet is longer, and additions to offsets below this do not overflow. */
#define MAX_OFFSET 0x7ffffff0u

/* A load that the linear part does not have: the code for it stands at the end. */
struct detour {
	bool variable; /* the offset is in r2, else it is the next one */
	bool on_wire;  /* offset in r2 of the wire image, near the tag */
	uint32_t offset;
	int from, back; /* labels: here, and where the value is in network order */
	int done;	/* on_wire: where it is in ours */
	uint8_t size, dst;
};

struct translation {
	struct plx_emit emit;
	const struct plx_cbpf *program;
	const bool *reached; /* instructions that can be */
	enum plx_filter_hook hook;
	uint32_t direct;
	bool tagged; /* the version for packets with a tag beside them */
	int first;   /* label of the first classic instruction */
	int reject;  /* label */
	struct detour *detours;
	size_t nr_detours, detour_room;
};

static int octets_of(uint8_t size)
{
	return size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
}

static void emit(struct translation *t, struct bpf_insn insn)
{
	plx_emit(&t->emit, insn);
}

static void jump(struct translation *t, struct bpf_insn insn, int label)
{
	plx_emit_jump(&t->emit, insn, label);
}

static void reject_if(struct translation *t, struct bpf_insn insn)
{
	jump(t, insn, t->reject);
}

static void reject(struct translation *t)
{
	jump(t, plx_goto(), t->reject);
}

static void load_field(struct translation *t, uint8_t dst, size_t xdp, size_t tc)
{
	emit(t, plx_load(BPF_W, dst, CTX, t->hook == PLX_FILTER_XDP ? xdp : tc));
}

static void load_end(struct translation *t, uint8_t dst)
{
	load_field(t, dst, offsetof(struct xdp_md, data_end), offsetof(struct __sk_buff, data_end));
}

/* The label where the code for it will be. */
static int add_detour(struct translation *t, struct detour detour)
{
	detour.from = plx_emit_labels(&t->emit, 1);
	if (t->nr_detours == t->detour_room) {
		size_t room = t->detour_room ? 2 * t->detour_room : 32;
		struct detour *larger = reallocarray(t->detours, room, sizeof(*larger));

		if (!larger) {
			t->emit.err = -ENOMEM;
			return detour.from;
		}
		t->detours = larger;
		t->detour_room = room;
	}
	t->detours[t->nr_detours++] = detour;
	return detour.from;
}

/* From network order; one octet has none. */
static void to_host(struct translation *t, uint8_t dst, uint8_t size)
{
	if (size != BPF_B)
		emit(t, plx_from_be(dst, 8 * octets_of(size)));
}

/* dst = octets of the packet, at a place that is known now. */
static void load_at(struct translation *t, uint8_t dst, uint8_t size, uint32_t offset)
{
	uint32_t end = offset + octets_of(size);
	int back = plx_emit_labels(&t->emit, 1), detour;

	detour = add_detour(
		t, (struct detour){.offset = offset, .back = back, .size = size, .dst = dst});
	if (end > t->direct) {
		jump(t, plx_goto(), detour);
	} else {
		load_end(t, BPF_REG_3);
		emit(t, plx_mov_reg(BPF_REG_4, DATA));
		emit(t, plx_add(BPF_REG_4, end));
		jump(t, plx_if_reg(BPF_JMP, BPF_JGT, BPF_REG_4, BPF_REG_3), detour);
		emit(t, plx_load(size, dst, DATA, offset));
	}
	plx_emit_place(&t->emit, back);
	to_host(t, dst, size);
}

/* dst = octet of the tag */
static void load_tag(struct translation *t, uint8_t dst, uint32_t octet)
{
	if (octet < 2) {
		emit(t, plx_load(BPF_W, dst, CTX, offsetof(struct __sk_buff, vlan_proto)));
		emit(t, plx_from_be(dst, 16));
	} else {
		emit(t, plx_load(BPF_W, dst, CTX, offsetof(struct __sk_buff, vlan_tci)));
	}
	if (octet % 2 == 0)
		emit(t, plx_alu(BPF_ALU, BPF_RSH, dst, 8));
	emit(t, plx_alu(BPF_ALU, BPF_AND, dst, 0xff));
}

/* dst = octets of the wire image, some of which are in the tag: one by one. */
static void load_across(struct translation *t, uint8_t dst, uint8_t size, uint32_t offset)
{
	emit(t, plx_mov(dst, 0));
	for (int i = 0; i < octets_of(size); i++) {
		uint32_t at = offset + i;

		if (at < TAG_AT)
			load_at(t, BPF_REG_5, BPF_B, at);
		else if (at >= TAG_AT + TAG_OCTETS)
			load_at(t, BPF_REG_5, BPF_B, at - TAG_OCTETS);
		else
			load_tag(t, BPF_REG_5, at - TAG_AT);
		emit(t, plx_alu(BPF_ALU, BPF_LSH, dst, 8));
		emit(t, plx_alu_reg(BPF_ALU, BPF_OR, dst, BPF_REG_5));
	}
}

static void load_absolute(struct translation *t, uint8_t dst, uint8_t size, uint32_t offset)
{
	if (offset > MAX_OFFSET)
		reject(t);
	else if (!t->tagged || offset + octets_of(size) <= TAG_AT)
		load_at(t, dst, size, offset);
	else if (offset >= TAG_AT + TAG_OCTETS)
		load_at(t, dst, size, offset - TAG_OCTETS);
	else
		load_across(t, dst, size, offset);
}

/* The offset in r2, of the wire image, becomes that of the packet beside its tag. */
static void leave_tag_out(struct translation *t, uint8_t dst, uint8_t size, int done)
{
	int behind = plx_emit_labels(&t->emit, 2), before = behind + 1;
	int across = add_detour(
		t,
		(struct detour){
			.variable = true, .on_wire = true, .done = done, .size = size, .dst = dst});

	jump(t, plx_if(BPF_JMP, BPF_JGE, BPF_REG_2, TAG_AT + TAG_OCTETS), behind);
	jump(t, plx_if(BPF_JMP, BPF_JGT, BPF_REG_2, TAG_AT - octets_of(size)), across);
	jump(t, plx_goto(), before);
	plx_emit_place(&t->emit, behind);
	emit(t, plx_add(BPF_REG_2, -TAG_OCTETS));
	plx_emit_place(&t->emit, before);
}

/* A = octets of the packet at X + offset */
static void load_indirect(struct translation *t, uint8_t size, uint32_t offset)
{
	int back = plx_emit_labels(&t->emit, 2), done = back + 1, detour;
	uint32_t octets = octets_of(size);

	if (offset > MAX_OFFSET) {
		reject(t);
		return;
	}
	emit(t, plx_mov_reg(BPF_REG_2, X));
	emit(t, plx_add(BPF_REG_2, offset));
	if (t->tagged)
		leave_tag_out(t, A, size, done);
	detour = add_detour(
		t, (struct detour){.variable = true, .back = back, .size = size, .dst = A});
	if (t->direct < octets) {
		jump(t, plx_goto(), detour);
	} else {
		jump(t, plx_if(BPF_JMP, BPF_JGT, BPF_REG_2, t->direct - octets), detour);
		emit(t, plx_mov_reg(BPF_REG_3, DATA));
		emit(t, plx_alu_reg(BPF_ALU64, BPF_ADD, BPF_REG_3, BPF_REG_2));
		emit(t, plx_mov_reg(BPF_REG_4, BPF_REG_3));
		emit(t, plx_add(BPF_REG_4, octets));
		load_end(t, BPF_REG_5);
		jump(t, plx_if_reg(BPF_JMP, BPF_JGT, BPF_REG_4, BPF_REG_5), detour);
		emit(t, plx_load(size, A, BPF_REG_3, 0));
	}
	plx_emit_place(&t->emit, back);
	to_host(t, A, size);
	plx_emit_place(&t->emit, done);
}

/* Read octets from the offset in r2 to r10 + to. r0 is not 0 when the packet has not so many. */
static void call_load(struct translation *t, int to, int octets)
{
	emit(t, plx_mov_reg(BPF_REG_1, CTX));
	emit(t, plx_mov_reg(BPF_REG_3, BPF_REG_10));
	emit(t, plx_add(BPF_REG_3, to));
	emit(t, plx_mov(BPF_REG_4, octets));
	emit(t, plx_call(t->hook == PLX_FILTER_XDP ? BPF_FUNC_xdp_load_bytes
						   : BPF_FUNC_skb_load_bytes));
}

static void take_detour(struct translation *t, const struct detour *d)
{
	if (d->variable)
		reject_if(t, plx_if(BPF_JMP, BPF_JGT, BPF_REG_2, MAX_OFFSET));
	else
		emit(t, plx_mov(BPF_REG_2, d->offset));
	call_load(t, BUFFER, octets_of(d->size));
	reject_if(t, plx_if(BPF_JMP, BPF_JNE, BPF_REG_0, 0));
	emit(t, plx_load(d->size, d->dst, BPF_REG_10, BUFFER));
	jump(t, plx_goto(), d->back);
}

/* The wire image from WINDOW_AT, as far as the packet goes. */
static void build_window(struct translation *t)
{
	emit(t, plx_store_imm(BPF_DW, BPF_REG_10, WINDOW, 0));
	emit(t, plx_store_imm(BPF_W, BPF_REG_10, WINDOW + 8, 0));
	emit(t, plx_mov(BPF_REG_2, WINDOW_AT));
	call_load(t, WINDOW, TAG_AT - WINDOW_AT);
	emit(t, plx_load(BPF_W, BPF_REG_3, CTX, offsetof(struct __sk_buff, vlan_proto)));
	emit(t, plx_store(BPF_H, BPF_REG_10, WINDOW + 4, BPF_REG_3));
	emit(t, plx_load(BPF_W, BPF_REG_3, CTX, offsetof(struct __sk_buff, vlan_tci)));
	emit(t, plx_from_be(BPF_REG_3, 16));
	emit(t, plx_store(BPF_H, BPF_REG_10, WINDOW + 6, BPF_REG_3));
	for (int i = 0; i < 4; i++) {
		emit(t, plx_mov(BPF_REG_2, TAG_AT + i));
		call_load(t, WINDOW + 8 + i, 1);
	}
}

/* A load at the offset in r2 that begins less than 4 octets before the tag's end. */
static void take_detour_across(struct translation *t, const struct detour *d)
{
	int octets = octets_of(d->size);

	emit(t, plx_load(BPF_W, BPF_REG_3, CTX, offsetof(struct __sk_buff, len)));
	emit(t, plx_add(BPF_REG_3, TAG_OCTETS - octets));
	reject_if(t, plx_if_reg(BPF_JMP, BPF_JSGT, BPF_REG_2, BPF_REG_3));
	emit(t, plx_store(BPF_DW, BPF_REG_10, OFFSET, BPF_REG_2));
	build_window(t);
	emit(t, plx_load(BPF_DW, BPF_REG_2, BPF_REG_10, OFFSET));
	emit(t, plx_mov_reg(BPF_REG_3, BPF_REG_10));
	emit(t, plx_alu_reg(BPF_ALU64, BPF_ADD, BPF_REG_3, BPF_REG_2));
	emit(t, plx_mov(d->dst, 0));
	for (int i = 0; i < octets; i++) {
		emit(t, plx_load(BPF_B, BPF_REG_4, BPF_REG_3, WINDOW - WINDOW_AT + i));
		emit(t, plx_alu(BPF_ALU, BPF_LSH, d->dst, 8));
		emit(t, plx_alu_reg(BPF_ALU, BPF_OR, d->dst, BPF_REG_4));
	}
	jump(t, plx_goto(), d->done);
}

static void take_detours(struct translation *t)
{
	for (size_t i = 0; i < t->nr_detours; i++) {
		plx_emit_place(&t->emit, t->detours[i].from);
		if (t->detours[i].on_wire)
			take_detour_across(t, &t->detours[i]);
		else
			take_detour(t, &t->detours[i]);
	}
	t->nr_detours = 0;
}

static void load_length(struct translation *t, uint8_t dst)
{
	if (t->hook == PLX_FILTER_TC) {
		emit(t, plx_load(BPF_W, dst, CTX, offsetof(struct __sk_buff, len)));
		if (t->tagged)
			emit(t, plx_add(dst, TAG_OCTETS));
		return;
	}
	emit(t, plx_mov_reg(BPF_REG_1, CTX));
	emit(t, plx_call(BPF_FUNC_xdp_get_buff_len));
	emit(t, plx_alu_reg(BPF_ALU, BPF_MOV, dst, BPF_REG_0));
}

/* LD and LDX */
static void load(struct translation *t, const struct plx_cbpf_insn *insn, uint8_t dst)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		emit(t, plx_mov(dst, insn->k));
		break;
	case BPF_MEM:
		emit(t, plx_load(BPF_DW, dst, BPF_REG_10, MEM(insn->k)));
		break;
	case BPF_LEN:
		load_length(t, dst);
		break;
	case BPF_ABS:
		load_absolute(t, dst, BPF_SIZE(insn->code), insn->k);
		break;
	case BPF_IND:
		load_indirect(t, BPF_SIZE(insn->code), insn->k);
		break;
	case BPF_MSH:
		load_absolute(t, dst, BPF_B, insn->k);
		if (insn->k > MAX_OFFSET)
			break;
		emit(t, plx_alu(BPF_ALU, BPF_AND, dst, 0x0f));
		emit(t, plx_alu(BPF_ALU, BPF_LSH, dst, 2));
		break;
	}
}

/* Shifts by more than 31 give 0 in classic BPF, and less in eBPF. */
static void shift_by_x(struct translation *t, uint8_t op)
{
	int small = plx_emit_labels(&t->emit, 2), done = small + 1;

	jump(t, plx_if(BPF_JMP, BPF_JLE, X, 31), small);
	emit(t, plx_mov(A, 0));
	jump(t, plx_goto(), done);
	plx_emit_place(&t->emit, small);
	emit(t, plx_alu_reg(BPF_ALU, op, A, X));
	plx_emit_place(&t->emit, done);
}

/* A program that divides by 0 ends with 0; eBPF would go on. */
static void alu(struct translation *t, const struct plx_cbpf_insn *insn)
{
	uint8_t op = BPF_OP(insn->code);
	bool by_x = BPF_SRC(insn->code) == BPF_X;
	bool divides = op == BPF_DIV || op == BPF_MOD, shifts = op == BPF_LSH || op == BPF_RSH;

	if (op == BPF_NEG) {
		emit(t, plx_alu(BPF_ALU, BPF_NEG, A, 0));
	} else if (by_x && shifts) {
		shift_by_x(t, op);
	} else if (by_x) {
		if (divides)
			reject_if(t, plx_if(BPF_JMP, BPF_JEQ, X, 0));
		emit(t, plx_alu_reg(BPF_ALU, op, A, X));
	} else if (divides && insn->k == 0) {
		reject(t);
	} else if (shifts && insn->k > 31) {
		emit(t, plx_mov(A, 0));
	} else {
		emit(t, plx_alu(BPF_ALU, op, A, insn->k));
	}
}

/*
 * Take a register through the stack, so that the verifier forgets which values it can have: with
 * what it remembers of the lengths of headers the ways through a chain multiply. Half of a stack
 * slot that is not its beginning: it does not track these.
 */
static void forget(struct translation *t, uint8_t reg)
{
	emit(t, plx_store(BPF_W, BPF_REG_10, FORGET, reg));
	emit(t, plx_load(BPF_W, reg, BPF_REG_10, FORGET));
}

static void jump_always(struct translation *t, size_t i)
{
	int32_t k = t->program->insns[i].k;

	if (k < 0) {
		emit(t, plx_load(BPF_DW, BPF_REG_0, BPF_REG_10, TURNS));
		emit(t, plx_add(BPF_REG_0, 1));
		emit(t, plx_store(BPF_DW, BPF_REG_10, TURNS, BPF_REG_0));
		reject_if(t, plx_if(BPF_JMP, BPF_JGT, BPF_REG_0, MAX_TURNS));
		forget(t, A);
		forget(t, X);
	}
	jump(t, plx_goto(), t->first + (int)i + 1 + k);
}

static void jump_if(struct translation *t, size_t i)
{
	const struct plx_cbpf_insn *insn = &t->program->insns[i];
	int yes = t->first + (int)i + 1 + insn->jt, no = t->first + (int)i + 1 + insn->jf;
	uint8_t op = BPF_OP(insn->code);

	if (insn->jt == 0 && insn->jf && op != BPF_JSET) { /* which has no opposite */
		op = op == BPF_JEQ ? BPF_JNE : op == BPF_JGT ? BPF_JLE : BPF_JLT;
		yes = no;
	}
	if (BPF_SRC(insn->code) == BPF_X)
		jump(t, plx_if_reg(BPF_JMP32, op, A, X), yes);
	else
		jump(t, plx_if(BPF_JMP32, op, A, insn->k), yes);
	if (insn->jf && yes != no)
		jump(t, plx_goto(), no);
}

static void translate(struct translation *t, size_t i)
{
	const struct plx_cbpf_insn *insn = &t->program->insns[i];

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		load(t, insn, A);
		break;
	case BPF_LDX:
		load(t, insn, X);
		break;
	case BPF_ST:
		emit(t, plx_store(BPF_DW, BPF_REG_10, MEM(insn->k), A));
		break;
	case BPF_STX:
		emit(t, plx_store(BPF_DW, BPF_REG_10, MEM(insn->k), X));
		break;
	case BPF_ALU:
		alu(t, insn);
		break;
	case BPF_JMP:
		if (BPF_OP(insn->code) == BPF_JA)
			jump_always(t, i);
		else
			jump_if(t, i);
		break;
	case BPF_RET:
		if (BPF_RVAL(insn->code) == BPF_A)
			emit(t, plx_alu_reg(BPF_ALU, BPF_MOV, BPF_REG_0, A));
		else
			emit(t, plx_mov(BPF_REG_0, insn->k));
		emit(t, plx_exit());
		break;
	case BPF_MISC:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			emit(t, plx_mov_reg(X, A));
		else
			emit(t, plx_mov_reg(A, X));
		break;
	}
}

/* The whole program, for packets with a tag beside them or for all others. */
static void translate_all(struct translation *t)
{
	t->first = plx_emit_labels(&t->emit, t->program->nr);
	for (size_t i = 0; i < t->program->nr; i++) {
		plx_emit_place(&t->emit, t->first + (int)i);
		if (t->reached[i])
			translate(t, i);
	}
	take_detours(t);
}

static bool is_in_memory(const struct plx_cbpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		return BPF_MODE(insn->code) == BPF_MEM;
	case BPF_ST:
	case BPF_STX:
		return true;
	default:
		return false;
	}
}

static bool jumps_back(const struct plx_cbpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_JA) && (int32_t)insn->k < 0;
}

static void begin(struct translation *t)
{
	uint32_t used = 0;
	bool back = false;

	for (size_t i = 0; i < t->program->nr; i++) {
		if (is_in_memory(&t->program->insns[i]))
			used |= 1u << t->program->insns[i].k;
		back = back || jumps_back(&t->program->insns[i]);
	}
	emit(t, plx_mov_reg(CTX, BPF_REG_1));
	emit(t, plx_mov(A, 0));
	emit(t, plx_mov(X, 0));
	if (back)
		emit(t, plx_store_imm(BPF_DW, BPF_REG_10, TURNS, 0));
	for (int n = 0; n < BPF_MEMWORDS; n++)
		if (used & 1u << n)
			emit(t, plx_store_imm(BPF_DW, BPF_REG_10, MEM(n), 0));
	load_field(t, DATA, offsetof(struct xdp_md, data), offsetof(struct __sk_buff, data));
}

/* Codes that libpcap makes, and nothing that would make the above go wrong. */
static bool is_valid(const struct plx_cbpf_insn *insn)
{
	uint16_t mode = BPF_MODE(insn->code), op = BPF_OP(insn->code);

	if (insn->code > 0xff)
		return false;
	if (is_in_memory(insn) && insn->k >= BPF_MEMWORDS)
		return false;
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		return mode <= BPF_LEN && BPF_SIZE(insn->code) != BPF_DW;
	case BPF_LDX:
		return mode == BPF_IMM || mode == BPF_MEM || mode == BPF_LEN ||
		       (mode == BPF_MSH && BPF_SIZE(insn->code) == BPF_B);
	case BPF_ALU:
		return op <= BPF_XOR;
	case BPF_JMP:
		return op <= BPF_JSET;
	default:
		return true;
	}
}

static bool mark(bool *reached, size_t nr, int64_t i, size_t *ret_found)
{
	if (i < 0 || i >= (int64_t)nr)
		return false;
	if (!reached[i]) {
		reached[i] = true;
		++*ret_found;
	}
	return true;
}

/* Mark what can come after instruction i. False when that is no instruction. */
static bool mark_next(const struct plx_cbpf *program, bool *reached, size_t i, size_t *ret_found)
{
	const struct plx_cbpf_insn *insn = &program->insns[i];
	int64_t next = i + 1;
	uint16_t mode = BPF_MODE(insn->code), op = BPF_OP(insn->code);
	bool loads = (BPF_CLASS(insn->code) == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) ||
		     (BPF_CLASS(insn->code) == BPF_LDX && mode == BPF_MSH);

	if (!is_valid(insn))
		return false;
	if (BPF_CLASS(insn->code) == BPF_RET || (loads && insn->k > MAX_OFFSET))
		return true;
	if (BPF_CLASS(insn->code) == BPF_ALU && (op == BPF_DIV || op == BPF_MOD) &&
	    BPF_SRC(insn->code) == BPF_K && insn->k == 0)
		return true;
	if (BPF_CLASS(insn->code) != BPF_JMP)
		return mark(reached, program->nr, next, ret_found);
	if (op == BPF_JA)
		return mark(reached, program->nr, next + (int32_t)insn->k, ret_found);
	return mark(reached, program->nr, next + insn->jt, ret_found) &&
	       mark(reached, program->nr, next + insn->jf, ret_found);
}

/* Which instructions can be reached: the verifier refuses code that cannot. */
static int find_reached(const struct plx_cbpf *program, bool *reached)
{
	size_t found = 0;

	if (!mark(reached, program->nr, 0, &found))
		return -EINVAL;
	while (found) {
		found = 0;
		for (size_t i = 0; i < program->nr; i++)
			if (reached[i] && !mark_next(program, reached, i, &found))
				return -EINVAL;
	}
	return 0;
}

static int translate_program(struct translation *t)
{
	bool *reached = calloc(t->program->nr + 1, sizeof(*reached));
	int tagged, err;

	if (!reached)
		return -ENOMEM;
	err = find_reached(t->program, reached);
	if (err)
		goto out;
	t->reached = reached;
	t->reject = plx_emit_labels(&t->emit, 2);
	tagged = t->reject + 1;
	begin(t);
	if (t->hook == PLX_FILTER_TC) {
		emit(t, plx_load(BPF_W, BPF_REG_0, CTX, offsetof(struct __sk_buff, vlan_present)));
		jump(t, plx_if(BPF_JMP, BPF_JNE, BPF_REG_0, 0), tagged);
	}
	translate_all(t);
	if (t->hook == PLX_FILTER_TC) {
		plx_emit_place(&t->emit, tagged);
		t->tagged = true;
		translate_all(t);
	}
	if (plx_emit_is_used(&t->emit, t->reject)) {
		plx_emit_place(&t->emit, t->reject);
		emit(t, plx_mov(BPF_REG_0, 0));
		emit(t, plx_exit());
	}
	err = plx_emit_finish(&t->emit);
out:
	free(reached);
	return err;
}

int plx_cbpf__translate(const struct plx_cbpf *program, enum plx_filter_hook hook, uint32_t direct,
			struct plx_ebpf *ret_code)
{
	struct translation t = {.program = program, .hook = hook, .direct = direct};
	int err;

	if (direct > PLX_FILTER_DIRECT)
		return -EINVAL;
	if (program->nr > BPF_MAXINSNS)
		return -E2BIG;
	err = translate_program(&t);
	free(t.detours);
	plx_emit_done(&t.emit);
	if (err) {
		free(t.emit.insns);
		return err;
	}
	*ret_code = (struct plx_ebpf){.insns = t.emit.insns, .nr = t.emit.nr};
	return 0;
}

void plx_ebpf__free(struct plx_ebpf *code)
{
	free(code->insns);
	*code = (struct plx_ebpf){};
}
