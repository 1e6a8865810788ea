/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See filter_check.h. Classic programs jump forward only, so one pass in order of the instructions
 * sees each with all that can come before it. Those that go back (protochain) are refused.
 */
#include "filter_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bits of a register: fixed ones are as in value; neither fixed nor unknown is known, but varies.
 */
struct value {
	uint32_t value;
	uint32_t fixed;
	uint32_t unknown;
	bool protocol;	  /* a protocol's number, none that makes a shape */
	const char *name; /* of what is unknown */
};

struct plx_filter_state {
	bool reached;
	struct value a, x, mem[BPF_MEMWORDS];
};

#define DEPENDS "octets whose place depends on the packet"

static struct value constant(uint32_t value)
{
	return (struct value){.value = value, .fixed = UINT32_MAX};
}

static bool is_constant(const struct value *v)
{
	return v->fixed == UINT32_MAX;
}

static void join_value(struct value *into, const struct value *from)
{
	into->fixed &= from->fixed & ~(into->value ^ from->value);
	into->unknown |= from->unknown;
	into->protocol = into->protocol && from->protocol;
	if (!into->name)
		into->name = from->name;
}

static void join(struct plx_filter_state *into, const struct plx_filter_state *from)
{
	if (!into->reached) {
		*into = *from;
		return;
	}
	join_value(&into->a, &from->a);
	join_value(&into->x, &from->x);
	for (int i = 0; i < BPF_MEMWORDS; i++)
		join_value(&into->mem[i], &from->mem[i]);
}

static const char *load_octets(const struct plx_flow_header *shape, uint64_t offset, int size,
			       struct value *ret)
{
	*ret = (struct value){.fixed = size == 4 ? 0 : UINT32_MAX << 8 * size};
	if (offset + size > shape->size)
		return shape->beyond;
	for (int i = 0; i < size; i++) {
		size_t at = offset + i;

		ret->value = ret->value << 8 | shape->octets[at];
		ret->fixed |= (uint32_t)shape->fixed[at] << 8 * (size - 1 - i);
		ret->unknown |= (uint32_t)shape->unknown[at] << 8 * (size - 1 - i);
		if (shape->names[at])
			ret->name = shape->names[at];
	}
	ret->protocol = size == 1 && shape->protocol && offset == shape->protocol;
	return NULL;
}

static int size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* LD and LDX */
static const char *load(const struct bpf_insn *insn, const struct plx_flow_header *shape,
			const struct plx_filter_state *state, struct value *to)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		*to = constant(insn->k);
		return NULL;
	case BPF_MEM:
		*to = state->mem[insn->k % BPF_MEMWORDS];
		return NULL;
	case BPF_ABS:
		return load_octets(shape, insn->k, size_of(insn->code), to);
	case BPF_IND:
		if (!is_constant(&state->x))
			return state->x.unknown ? state->x.name : DEPENDS;
		return load_octets(shape, (uint64_t)state->x.value + insn->k, size_of(insn->code),
				   to);
	case BPF_MSH: /* the length of the IP header: ours has no options */
		if (insn->k >= shape->size)
			return shape->beyond;
		if (insn->k != shape->ip)
			return DEPENDS;
		*to = constant(20);
		return NULL;
	default:
		return "the length of a packet";
	}
}

/* False: it divides by 0, so the program ends here. */
static bool compute(uint16_t op, uint32_t *a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		*a += b;
		return true;
	case BPF_SUB:
		*a -= b;
		return true;
	case BPF_MUL:
		*a *= b;
		return true;
	case BPF_DIV:
		*a = b ? *a / b : 0;
		return b;
	case BPF_MOD:
		*a = b ? *a % b : 0;
		return b;
	case BPF_OR:
		*a |= b;
		return true;
	case BPF_XOR:
		*a ^= b;
		return true;
	default: /* BPF_NEG */
		*a = -*a;
		return true;
	}
}

static struct value shift(struct value a, uint16_t op, uint32_t by)
{
	bool left = op == BPF_LSH;

	if (by > 31)
		return constant(0);
	a.value = left ? a.value << by : a.value >> by;
	a.unknown = left ? a.unknown << by : a.unknown >> by;
	a.fixed = left ? ~(~a.fixed << by) : ~(~a.fixed >> by);
	return a;
}

/* A op= b. *ret_goes_on: false when the program ends here. */
static const char *alu(uint16_t op, struct value *a, const struct value *b, bool *ret_goes_on)
{
	*ret_goes_on = true;
	a->protocol = false;
	if (op == BPF_AND && is_constant(b)) {
		a->value &= b->value;
		a->fixed |= ~b->value;
		a->unknown &= b->value;
		return NULL;
	}
	if ((op == BPF_LSH || op == BPF_RSH) && is_constant(b)) {
		*a = shift(*a, op, b->value);
		return NULL;
	}
	if (a->unknown || b->unknown)
		return a->unknown ? a->name : b->name;
	if (is_constant(a) && is_constant(b))
		*ret_goes_on = compute(op, &a->value, b->value);
	else
		*a = (struct value){};
	return NULL;
}

/* Which ways a comparison of A with b can go: bit 0 false, bit 1 true. */
static const char *compare(uint16_t op, const struct value *a, const struct value *b,
			   const struct plx_flow_header *shape, unsigned int *ret_ways)
{
	uint32_t fixed = a->fixed & b->fixed, depends;

	*ret_ways = 3;
	if (op == BPF_JEQ) {
		if ((a->value ^ b->value) & fixed)
			*ret_ways = 1;
		else if (fixed == UINT32_MAX)
			*ret_ways = 2;
		else if (a->protocol && is_constant(b) &&
			 plx_flow_header_is_shape(shape->octets[shape->ip] >> 4, b->value))
			*ret_ways = 1;
		depends = a->unknown | b->unknown;
	} else if (op == BPF_JSET && is_constant(b)) {
		if (a->value & fixed & b->value)
			*ret_ways = 2;
		else if (!(b->value & ~a->fixed))
			*ret_ways = 1;
		depends = a->unknown & b->value;
	} else {
		if (fixed == UINT32_MAX && op != BPF_JSET)
			*ret_ways = (op == BPF_JGT ? a->value > b->value : a->value >= b->value)
					    ? 2
					    : 1;
		depends = a->unknown | b->unknown;
	}
	if (*ret_ways != 3 || !depends)
		return NULL;
	return a->unknown ? a->name : b->name;
}

static const char *jump(struct plx_filter_check *check, const struct plx_flow_header *shape,
			u_int i)
{
	const struct bpf_insn *insn = &check->program->bf_insns[i];
	struct plx_filter_state *state = &check->states[i];
	struct value k = constant(insn->k);
	unsigned int ways;
	const char *what;

	if (BPF_OP(insn->code) == BPF_JA) {
		if (insn->k >= check->program->bf_len - i - 1)
			return "a chain of headers";
		join(&state[1 + insn->k], state);
		return NULL;
	}
	what = compare(BPF_OP(insn->code), &state->a, BPF_SRC(insn->code) == BPF_X ? &state->x : &k,
		       shape, &ways);
	if (what)
		return what;
	if (ways & 2)
		join(&state[1 + insn->jt], state);
	if (ways & 1)
		join(&state[1 + insn->jf], state);
	return NULL;
}

/* What follows instruction i gets the state that it leaves. */
static const char *step(struct plx_filter_check *check, const struct plx_flow_header *shape,
			u_int i)
{
	const struct bpf_insn *insn = &check->program->bf_insns[i];
	struct plx_filter_state next = check->states[i];
	struct value k = constant(insn->k);
	const char *what = NULL;
	bool goes_on = true;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		what = load(insn, shape, &next, &next.a);
		break;
	case BPF_LDX:
		what = load(insn, shape, &next, &next.x);
		break;
	case BPF_ST:
		next.mem[insn->k % BPF_MEMWORDS] = next.a;
		break;
	case BPF_STX:
		next.mem[insn->k % BPF_MEMWORDS] = next.x;
		break;
	case BPF_ALU:
		what = alu(BPF_OP(insn->code), &next.a, BPF_SRC(insn->code) == BPF_X ? &next.x : &k,
			   &goes_on);
		break;
	case BPF_JMP:
		return jump(check, shape, i);
	case BPF_RET:
		return BPF_RVAL(insn->code) == BPF_A && next.a.unknown ? next.a.name : NULL;
	default:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			next.x = next.a;
		else
			next.a = next.x;
	}
	if (!what && goes_on)
		join(&check->states[i + 1], &next);
	return what;
}

int plx_filter_check__init(struct plx_filter_check *check, const struct bpf_program *program)
{
	check->program = program;
	check->states = calloc(program->bf_len, sizeof(*check->states));
	return check->states ? 0 : -ENOMEM;
}

void plx_filter_check__done(struct plx_filter_check *check)
{
	free(check->states);
}

const char *plx_filter_check__run(struct plx_filter_check *check,
				  const struct plx_flow_header *shape)
{
	u_int len = check->program->bf_len;
	const char *what = NULL;

	for (u_int i = 0; i < len; i++)
		check->states[i].reached = false;
	check->states[0] =
		(struct plx_filter_state){.reached = true, .a = constant(0), .x = constant(0)};
	for (u_int i = 0; i < len && !what; i++)
		if (check->states[i].reached)
			what = step(check, shape, i);
	return what;
}
