/* SPDX-License-Identifier: BSD-2-Clause */
/* See flow_filter.h. */
#include "flow_filter.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>
#include <pcap/namedb.h>

#include "filter_check.h"
#include "flow_fields.h"
#include "flow_header.h"

#define NR_TAGS 3 /* none, one, two */

struct plx_filter {
	struct bpf_program program;
	bool outer; /* it can be answered for outer headers, too */
};

/*
 * libpcap calls this for addresses and names, and would ask DNS for these; nothing in the daemon
 * may wait so long. In the program it takes precedence over the function in the library.
 */
struct addrinfo *pcap_nametoaddrinfo(const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *ret;

	return getaddrinfo(name, NULL, &hints, &ret) ? NULL : ret;
}

static int compile(const char *text, struct bpf_program *ret_program, char *ret_err,
		   size_t err_size)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	int err = 0;

	if (!pcap)
		return -ENOMEM;
	if (pcap_compile(pcap, ret_program, text, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(ret_err, err_size, "%s: '%s'", pcap_geterr(pcap), text);
		err = -EINVAL;
	}
	pcap_close(pcap);
	return err;
}

/* Labels as a record of this shape has them: nr of them, the last one with or without the bit. */
static void set_labels(struct plx_flow *flow, int nr, bool bottom)
{
	memset(flow->stats.first.mpls, 0, sizeof(flow->stats.first.mpls));
	for (int i = 0; i < nr; i++)
		flow->stats.first.mpls[i][2] = 0x10 | (bottom && i == nr - 1);
}

typedef void (*header_fn)(const struct plx_flow *flow, struct plx_flow_header *ret);

/* What cannot be answered of flow behind all kinds of tags and labels, or NULL. */
static const char *check_links(struct plx_filter_check *check, struct plx_flow *flow,
			       header_fn header)
{
	struct plx_flow_header shape;
	const char *what = NULL;

	for (int i = 0; i < NR_TAGS * (PLX_MPLS_KEPT + 2) && !what; i++) {
		int tags = i % NR_TAGS, labels = i / NR_TAGS;
		bool more = labels > PLX_MPLS_KEPT;

		flow->key.vlan = tags > 0 ? PLX_VLAN_PRESENT : 0;
		flow->stats.first.customer_vlan = tags > 1 ? PLX_VLAN_PRESENT : 0;
		set_labels(flow, more ? PLX_MPLS_KEPT : labels, !more);
		header(flow, &shape);
		what = plx_filter_check__run(check, &shape);
	}
	return what;
}

static const struct {
	uint8_t version, protocol;
} protocols[] = {
	{4, IPPROTO_TCP},    {4, IPPROTO_UDP},	   {4, IPPROTO_UDPLITE}, {4, IPPROTO_SCTP},
	{4, IPPROTO_DCCP},   {4, IPPROTO_ICMP},	   {4, IPPROTO_RAW},	 {6, IPPROTO_TCP},
	{6, IPPROTO_UDP},    {6, IPPROTO_UDPLITE}, {6, IPPROTO_SCTP},	 {6, IPPROTO_DCCP},
	{6, IPPROTO_ICMPV6}, {6, IPPROTO_RAW},
};
#define NR_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static const char *check_flows(struct plx_filter_check *check)
{
	const char *what = NULL;

	for (size_t i = 0; i < 2 * NR_PROTOCOLS && !what; i++) {
		struct plx_flow flow = {.key.protocol = protocols[i / 2].protocol};

		flow.key.flags = (protocols[i / 2].version == 4 ? PLX_KEY_IPV4 : 0) |
				 (i % 2 ? PLX_KEY_FRAGMENT : 0);
		what = check_links(check, &flow, plx_flow_header__before);
	}
	return what;
}

/* Of the outer headers there are, only UDP has a shape of its own. */
static const char *check_outer(struct plx_filter_check *check)
{
	const char *what = NULL;

	for (int i = 0; i < 4 && !what; i++) {
		struct plx_flow flow = {.key.flags = PLX_KEY_TUNNEL};

		flow.tunnel.version = i % 2 ? 4 : 6;
		flow.tunnel.protocol = i / 2 ? IPPROTO_UDP : IPPROTO_GRE;
		what = check_links(check, &flow, plx_flow_header__outer);
	}
	return what;
}

static const char *check_mappings(struct plx_filter_check *check)
{
	const char *what = NULL;

	for (size_t i = 0; i < NR_PROTOCOLS && !what; i++) {
		struct plx_nat_tuple tuple = {.version = protocols[i].version,
					      .protocol = protocols[i].protocol};
		struct plx_flow_header shape;

		plx_flow_header__tuple(&tuple, &shape);
		what = plx_filter_check__run(check, &shape);
	}
	return what;
}

static int check_program(struct plx_filter *filter, enum plx_filter_over over, const char *text,
			 char *ret_err, size_t err_size)
{
	struct plx_filter_check check;
	int err = plx_filter_check__init(&check, &filter->program);
	const char *what;

	if (err)
		return err;
	what = over == PLX_FILTER_FLOWS ? check_flows(&check) : check_mappings(&check);
	if (what) {
		snprintf(ret_err, err_size, "%s is not in a %s: '%s'", what,
			 over == PLX_FILTER_FLOWS ? "flow record" : "NAT mapping", text);
		err = -EINVAL;
	}
	filter->outer = !err && over == PLX_FILTER_FLOWS && !check_outer(&check);
	plx_filter_check__done(&check);
	return err;
}

int plx_filter__new(const char *text, enum plx_filter_over over, struct plx_filter **ret_filter,
		    char *ret_err, size_t err_size)
{
	struct plx_filter *filter;
	int err;

	if (strlen(text) > PLX_FILTER_TEXT_MAX) {
		snprintf(ret_err, err_size, "%zu octets, at most %d: '%s'", strlen(text),
			 PLX_FILTER_TEXT_MAX, text);
		return -EINVAL;
	}
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	err = compile(text, &filter->program, ret_err, err_size);
	if (!err)
		err = check_program(filter, over, text, ret_err, err_size);
	if (err) {
		plx_filter__free(filter);
		return err;
	}
	*ret_filter = filter;
	return 0;
}

void plx_filter__free(struct plx_filter *filter)
{
	if (!filter)
		return;
	pcap_freecode(&filter->program);
	free(filter);
}

static bool matches(const struct plx_filter *filter, const struct plx_flow_header *header)
{
	return bpf_filter(filter->program.bf_insns, header->octets, header->size, header->size);
}

bool plx_filter__flow(const struct plx_filter *filter, const struct plx_flow *flow)
{
	struct plx_flow_header header;

	plx_flow_header__before(flow, &header);
	if (matches(filter, &header))
		return true;
	if (plx_flow_is_translated(flow)) {
		plx_flow_header__after(flow, &header);
		return matches(filter, &header);
	}
	if (!filter->outer || !plx_flow_has_tunnel(flow))
		return false;
	plx_flow_header__outer(flow, &header);
	return matches(filter, &header);
}

bool plx_filter__mapping(const struct plx_filter *filter, const struct plx_nat_mapping *mapping)
{
	struct plx_flow_header header;

	plx_flow_header__tuple(&mapping->before, &header);
	if (matches(filter, &header))
		return true;
	plx_flow_header__tuple(&mapping->after, &header);
	return matches(filter, &header);
}
