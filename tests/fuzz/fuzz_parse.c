/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzer of the parser. The first four octets of the input choose what the hook knows beside the
 * packet, the rest is the packet, copied to memory of its exact size for the address sanitizer.
 * Checks what must hold of any result. The corpus is the samples of the tests: see tests/README.md.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

#include <plx/parse.h>

#define IN_SIZE 4 /* tagged in bit 0, super in bit 1; reserved; TCI */

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ports(const struct plx_packet *p)
{
	const struct plx_flow_key *key = &p->sample.key;

	if (!p->has_ports) {
		CHECK(key->source_port == 0 && key->dest_port == 0);
		CHECK(p->tcp_flags == 0);
	}
	if (p->later_fragment)
		CHECK(!p->has_ports && !p->first_fragment);
	if (p->has_ports)
		CHECK(plx_l4_header(key->protocol, p->version) > 0);
	else
		CHECK(p->first_fragment || p->later_fragment ||
		      plx_l4_header(key->protocol, p->version) == 0);
	CHECK(p->tcp_flags < 0x200 && (p->tcp_flags == 0 || key->protocol == PLX_IPPROTO_TCP));
	if (key->protocol == PLX_IPPROTO_ICMP || key->protocol == PLX_IPPROTO_ICMPV6)
		CHECK(key->source_port == 0);
}

static void check_offsets(const struct plx_packet *p, const struct plx_parse_in *in, size_t size)
{
	const uint32_t ip_header = p->version == 4 ? 20 : 40;
	/* a TCP header with options, of which the parser reads the first 20 octets */
	const uint32_t unread = 40;

	/* 4 tags, 10 labels, a PPPoE header */
	CHECK(p->ip_offset >= 14 && p->ip_offset <= 14 + 16 + 40 + 8 && p->ip_offset % 4 == 2);
	CHECK(p->header_octets >= p->ip_offset + ip_header);
	CHECK(p->header_octets < PLX_HEADERS_MAX + 60);
	CHECK(p->header_octets <= size + unread);
	CHECK(p->phantom_octets == 0 ||
	      (p->phantom_octets == 8 && in->super && p->version == 6 && p->ip_octets == 0));
	CHECK(p->ip_octets >= ip_header || (in->super && p->ip_octets == 0));
	CHECK(p->ip_octets <= 0xffff + ip_header);
	if (p->ip_octets && !p->first_fragment && p->sample.key.protocol == PLX_IPPROTO_TCP)
		CHECK(p->header_octets - p->ip_offset <= p->ip_octets);
}

static void check_key(const struct plx_packet *p, const struct plx_parse_in *in)
{
	const struct plx_flow_key *key = &p->sample.key;
	const struct plx_flow_first *first = &p->sample.stats.first;

	CHECK(p->version == 4 || p->version == 6);
	CHECK(key->flags == (p->version == 4 ? PLX_KEY_IPV4 : 0));
	for (int i = 1; i < 4 && p->version == 4; i++)
		CHECK(key->source[i] == 0 && key->dest[i] == 0);
	CHECK(key->ifindex == 0);
	CHECK(key->vlan == 0 || (key->vlan & 0xf000) == PLX_VLAN_PRESENT);
	CHECK(first->customer_vlan == 0 || (first->customer_vlan & 0xf000) == PLX_VLAN_PRESENT);
	CHECK(!first->customer_vlan || key->vlan);
	CHECK(first->vlan_priority < 8);
	CHECK(first->flow_label < 1 << 20);
	if (in->vlan_tagged)
		CHECK(key->vlan == (PLX_VLAN_PRESENT | (in->vlan_tci & 0xfff)));
	CHECK((p->sample.stats.fragment_flags & ~(PLX_FRAG_DF | PLX_FRAG_MF)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plx_parse_in in = {};
	struct plx_packet p, again;
	enum plx_skip skip;
	uint8_t *copy;

	if (size < IN_SIZE)
		return 0;
	in.vlan_tagged = data[0] & 1;
	in.super = data[0] >> 1 & 1;
	in.vlan_tci = data[2] << 8 | data[3];
	data += IN_SIZE;
	size -= IN_SIZE;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	/* The result must not depend on what was there before. */
	memset(&p, 0x00, sizeof(p));
	memset(&again, 0xff, sizeof(again));
	skip = plx_parse(copy, copy + size, &in, &p);
	CHECK(plx_parse(copy, copy + size, &in, &again) == skip);
	CHECK(memcmp(&p, &again, sizeof(p)) == 0);
	CHECK(skip <= PLX_SKIP_MAX && skip != PLX_SKIP_NONLINEAR);
	CHECK(memcmp(copy, data, size) == 0);
	if (skip == PLX_PARSE_OK) {
		check_ports(&p);
		check_offsets(&p, &in, size);
		check_key(&p, &in);
	}
	free(copy);
	return 0;
}
