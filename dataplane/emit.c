/* SPDX-License-Identifier: BSD-2-Clause */
/* See emit.h. */
#include "emit.h"

#include <errno.h>
#include <stdlib.h>

/* Room for one more element of an array, which is returned: as it was when there is no memory. */
static void *grow(struct plx_emit *e, void *array, size_t nr, size_t *room, size_t size)
{
	size_t wanted = *room ? 2 * *room : 64;
	void *larger;

	if (nr < *room)
		return array;
	larger = reallocarray(array, wanted, size);
	if (!larger) {
		e->err = -ENOMEM;
		return array;
	}
	*room = wanted;
	return larger;
}

void plx_emit(struct plx_emit *e, struct bpf_insn insn)
{
	e->insns = grow(e, e->insns, e->nr, &e->room, sizeof(*e->insns));
	if (!e->err)
		e->insns[e->nr++] = insn;
}

int plx_emit_labels(struct plx_emit *e, int nr)
{
	int first = e->nr_labels;

	for (int i = 0; i < nr && !e->err; i++) {
		e->labels = grow(e, e->labels, e->nr_labels, &e->label_room, sizeof(*e->labels));
		if (!e->err)
			e->labels[e->nr_labels++] = (struct plx_label){.at = -1};
	}
	return first;
}

void plx_emit_place(struct plx_emit *e, int label)
{
	if (!e->err)
		e->labels[label].at = e->nr;
}

void plx_emit_jump(struct plx_emit *e, struct bpf_insn insn, int label)
{
	e->jumps = grow(e, e->jumps, e->nr_jumps, &e->jump_room, sizeof(*e->jumps));
	if (!e->err) {
		e->jumps[e->nr_jumps++] = (struct plx_jump){.from = e->nr, .label = label};
		e->labels[label].used = true;
	}
	plx_emit(e, insn);
}

bool plx_emit_is_used(const struct plx_emit *e, int label)
{
	return !e->err && e->labels[label].used;
}

int plx_emit_finish(struct plx_emit *e)
{
	for (size_t i = 0; i < e->nr_jumps && !e->err; i++) {
		const struct plx_jump *jump = &e->jumps[i];
		long distance = e->labels[jump->label].at - (long)jump->from - 1;

		if (distance < INT16_MIN || distance > INT16_MAX)
			e->err = -E2BIG;
		else
			e->insns[jump->from].off = distance;
	}
	return e->err;
}

void plx_emit_done(struct plx_emit *e)
{
	free(e->labels);
	free(e->jumps);
}
