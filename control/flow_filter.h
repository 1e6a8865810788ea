/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap-filter(7) over flow records and NAT mappings: the classic program of libpcap is run over the
 * headers that their packets have (flow_header.h). README.md says what a filter means there.
 */
#ifndef PLX_FLOW_FILTER_H
#define PLX_FLOW_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "flow.h"

/* The optimiser of libpcap takes up to 0.1 s for so many octets, and with their square. */
#define PLX_FILTER_TEXT_MAX 512

struct plx_filter;

enum plx_filter_over {
	PLX_FILTER_FLOWS,
	PLX_FILTER_MAPPINGS,
};

/*
 * -EINVAL with one line in ret_err for what is not an expression, or cannot be answered; -ENOMEM.
 * Names of hosts are not looked up. Free with plx_filter__free().
 */
int plx_filter__new(const char *text, enum plx_filter_over over, struct plx_filter **ret_filter,
		    char *ret_err, size_t err_size);
void plx_filter__free(struct plx_filter *filter); /* NULL is allowed */

/* Does it match the flow as it came in, or as it left NAT, or its tunnel? */
bool plx_filter__flow(const struct plx_filter *filter, const struct plx_flow *flow);
/* Before NAT, or after it? */
bool plx_filter__mapping(const struct plx_filter *filter, const struct plx_nat_mapping *mapping);

#endif
