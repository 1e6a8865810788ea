/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can a filter be answered from a record? Data flow over its classic program: what its registers
 * hold, bit by bit, when it is run over any header of a shape. It cannot when a result depends on a
 * bit that is unknown, or on how long the packet is.
 */
#ifndef PLX_FILTER_CHECK_H
#define PLX_FILTER_CHECK_H

#include <pcap/pcap.h>

#include "flow_header.h"

struct plx_filter_state;

struct plx_filter_check {
	const struct bpf_program *program;
	struct plx_filter_state *states; /* in front of each instruction */
};

/* -ENOMEM. To be done also then. */
int plx_filter_check__init(struct plx_filter_check *check, const struct bpf_program *program);
void plx_filter_check__done(struct plx_filter_check *check);

/* NULL: it can be answered for all headers of this shape. Else what it asks for. */
const char *plx_filter_check__run(struct plx_filter_check *check,
				  const struct plx_flow_header *shape);

#endif
