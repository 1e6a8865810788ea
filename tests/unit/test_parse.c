/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser, compiled for user space, on every sample under every policy: the whole packet, and
 * the packet cut at every length, in a buffer that ends where the packet ends so that the address
 * sanitizer sees an overread. What a cut must give comes from the marks in the sample's bytes. Read
 * packet.h and samples.h in tests/lib first. With a folder as argument: no tests, the samples are
 * written there as the fuzzers' seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/types.h>

#include <plx/sample.h>

#include "samples.h"

#define GARBAGE	     0xa5
#define IFINDEX	     7
#define FRAME_OCTETS 9876
#define NOW	     123456789
#define NR_POLICIES  (PLX_POLICY_OUTER + 1)

static struct packet packet;

static struct plx_parse_in in_of(const struct sample *sample, size_t length, int policy)
{
	return (struct plx_parse_in){.length = length,
				     .vlan_tci = sample->moved_tci,
				     .vlan_tagged = sample->moved_out,
				     .super = sample->super,
				     .policy = policy};
}

/* The first size octets of packet, in memory of exactly that size. */
static unsigned int parse_in(size_t size, const struct plx_parse_in *in, struct plx_packet *p)
{
	uint8_t *copy = malloc(size ? size : 1);
	unsigned int verdict;

	assert_non_null(copy);
	memcpy(copy, packet.bytes, size);
	memset(p, GARBAGE, sizeof(*p));
	verdict = plx_parse(copy, copy + size, in, p);
	assert_memory_equal(copy, packet.bytes, size);
	free(copy);
	return verdict;
}

/* All of packet, of which nothing else is known. */
static unsigned int parse(struct plx_packet *p)
{
	const struct plx_parse_in in = {.length = packet.size};

	return parse_in(packet.size, &in, p);
}

static bool truncated(unsigned int verdict)
{
	return verdict == PLX_SKIP_TRUNC_L2 || verdict == PLX_SKIP_TRUNC_L3 ||
	       verdict == PLX_SKIP_TRUNC_L4;
}

static void check_fragment(const struct sample *sample, const struct sample_outcome *outcome,
			   const struct plx_packet *p)
{
	const struct sample_layer *layer = sample_layer(sample, outcome->depth);
	struct plx_frag_key key, want;

	assert_int_equal(p->layer.first_fragment, layer->first_fragment);
	assert_int_equal(p->layer.later_fragment, layer->later_fragment);
	assert_int_equal(plx_is_fragment(p), layer->first_fragment || layer->later_fragment);
	if (plx_is_fragment(p)) {
		plx_frag_key(p, &key);
		sample_frag_key(sample, outcome->depth, outcome->policy, &want);
		assert_memory_equal(&key, &want, sizeof(want));
	}
	assert_int_equal(p->outer_fragment, outcome->depth && sample->first_fragment);
	if (p->outer_fragment) {
		sample_frag_key(sample, 0, outcome->policy, &want);
		assert_memory_equal(&p->outer_frag, &want, sizeof(want));
	}
}

/* Lengths and offsets. Of a super-packet they are of all headers, whosever the flow is. */
static void check_octets(const struct sample *sample, const struct sample_outcome *outcome,
			 const struct sample_outcome *both, const struct plx_packet *p)
{
	const unsigned int depth = sample->super ? both->depth : outcome->depth;
	const bool all = depth == SAMPLE_TUNNELS || !sample->inner[depth].version;

	assert_int_equal(p->ip_octets, sample->octets);
	assert_int_equal(p->ip_offset, sample->l2_octets ? sample->l2_octets : 14);
	assert_int_equal(p->header_octets, sample_layer(sample, depth)->header_octets);
	assert_int_equal(p->phantom_octets, all ? sample->phantom_octets : 0);
}

/* The flow that becomes of it. */
static void check_sample(const struct sample *sample, const struct sample_outcome *outcome,
			 const struct plx_packet *p)
{
	const struct sample_layer *layer = sample_layer(sample, outcome->depth);
	const struct plx_flow_stats *stats = &p->sample.stats;
	const uint8_t ttl = layer->ttl ? layer->ttl : 64;
	struct plx_tunnel tunnel;
	struct plx_flow_first first;
	struct plx_flow_key key;

	sample_key(sample, outcome, IFINDEX, &key);
	sample_tunnel(sample, outcome, &tunnel);
	sample_first(sample, outcome, &first);
	assert_memory_equal(&p->sample.key, &key, sizeof(key));
	if (outcome->tunnel)
		assert_memory_equal(&p->sample.tunnel, &tunnel, sizeof(tunnel));
	assert_memory_equal(&stats->first, &first, sizeof(first));
	assert_int_equal(stats->packets, 1);
	assert_int_equal(stats->octets, sample->octets);
	assert_int_equal(stats->frame_octets, FRAME_OCTETS);
	assert_int_equal(stats->first_ns, NOW);
	assert_int_equal(stats->last_ns, NOW);
	assert_int_equal(stats->shape,
			 PLX_SHAPE(sample->octets, sample->octets, layer->tcp_flags, ttl, ttl));
	assert_int_equal(stats->marks, PLX_MARKS(layer->fragment_flags, layer->ip_options));
	assert_int_equal(stats->tcp_options, outcome->tcp_options);
	assert_int_equal(p->limits, outcome->limits);
}

/* Everything that the parser found, and what becomes of it in a program. */
static void check_result(const struct sample *sample, const struct sample_outcome *outcome,
			 const struct sample_outcome *both, int policy, struct plx_packet *p)
{
	struct plx_wire wire;
	bool attributed;

	assert_int_equal(p->tunnels, outcome->depth);
	assert_int_equal(p->layer.version, sample_layer(sample, outcome->depth)->version);
	assert_int_equal(p->layer.has_ports, packet_has_transport(&packet, outcome->depth));
	check_octets(sample, outcome, both, p);
	check_fragment(sample, outcome, p);
	attributed = !plx_is_fragment(p) || (p->layer.first_fragment && plx_frag_known(p));
	plx_wire_frame(&wire, FRAME_OCTETS, p->ip_octets);
	plx_sample_fill(p, &wire, IFINDEX, PLX_DIR_IN, policy, attributed, NOW);
	check_sample(sample, outcome, p);
}

/* given octets of a frame of length; what is behind the first valid ones must not be looked at. */
static void check(const struct sample *sample, size_t given, size_t valid, size_t length,
		  int policy)
{
	const struct plx_parse_in in = in_of(sample, length, policy);
	struct sample_outcome outcome, both;
	struct plx_packet p;
	unsigned int got;
	uint32_t limits;

	sample_outcome(sample, &packet, valid, length, policy, &outcome);
	sample_outcome(sample, &packet, valid, length, PLX_POLICY_BOTH, &both);
	got = parse_in(given, &in, &p);
	if (got != outcome.verdict)
		fail_msg("%zu of %zu octets: reason %u, not %u", valid, packet.size, got,
			 outcome.verdict);
	/* Would more have helped? In a super-packet all headers matter, whosever the flow is. */
	limits = sample->super ? both.limits : outcome.limits;
	assert_int_equal(plx_cut(got, &p),
			 got == SAMPLE_OK ? limits >> PLX_LIMIT_TUNNEL_TRUNC & 1 : truncated(got));
	if (got == SAMPLE_OK)
		check_result(sample, &outcome, &both, policy, &p);
}

static void whole(void **state)
{
	const struct sample *sample = *state;

	sample_build(sample, &packet);
	for (int policy = 0; policy < NR_POLICIES; policy++)
		check(sample, packet.size, packet.size, packet.size, policy);
	/* the marks and the numbers of the sample say the same */
	for (unsigned int depth = 0; depth <= SAMPLE_TUNNELS && sample->want == SAMPLE_OK; depth++)
		assert_int_equal(packet_tcp_options(&packet, packet.size, depth),
				 sample_layer(sample, depth)->tcp_options);
}

/* A shorter frame, and a frame of which a capture has only the beginning. */
static void cut(void **state)
{
	const struct sample *sample = *state;

	sample_build(sample, &packet);
	for (int policy = 0; policy < NR_POLICIES; policy++)
		for (size_t size = 0; size < packet.size; size++) {
			if (!sample->super)
				check(sample, size, size, size, policy);
			check(sample, size, size, packet.size, policy);
		}
}

/*
 * What stands behind the end of the outermost IP packet is padding, whatever it looks like: of the
 * headers in a tunnel a shorter IP length cuts off the same as a shorter frame.
 */
static void ended_by_ip_length_anywhere(void **state)
{
	const struct sample *sample = *state;
	const size_t l2 = sample->l2_octets ? sample->l2_octets : 14;
	struct sample shorter = *sample;

	sample_build(sample, &packet);
	for (size_t size = sample->header_octets; size <= l2 + sample->octets; size++) {
		/* of UDP that has no room for a tunnel header nothing says that it is cut */
		if (size > packet.size || (sample->protocol == 17 && !sample->first_fragment &&
					   size < sample->header_octets + 8u))
			continue;
		shorter.octets = size - l2;
		if (sample->version == 4)
			packet_set16(&packet, l2 + 2, shorter.octets);
		else
			packet_set16(&packet, l2 + 4, shorter.octets - 40);
		check(&shorter, packet.size, size, packet.size, PLX_POLICY_BOTH);
	}
}

/* The 13 bits of the fragment offset, one at a time: each alone makes a later fragment. */
static void every_fragment_offset_bit_counts(void **state)
{
	struct plx_packet p;

	(void)state;
	sample_build(sample_find("later_fragment_has_no_ports"), &packet);
	for (int bit = 0; bit < 13; bit++) {
		packet_set16(&packet, 14 + 6, 1 << bit);
		assert_int_equal(parse(&p), SAMPLE_OK);
		assert_true(p.layer.later_fragment && !p.layer.first_fragment);
	}
	sample_build(sample_find("later_ipv6_fragment_has_no_ports"), &packet);
	for (int bit = 3; bit < 16; bit++) {
		packet_set16(&packet, 14 + 40 + 2, 1 << bit);
		assert_int_equal(parse(&p), SAMPLE_OK);
		assert_true(p.layer.later_fragment && !p.layer.first_fragment);
	}
}

/* A length and an option area for each of the 16 header lengths. */
static void every_ihl(void **state)
{
	struct plx_packet p;

	(void)state;
	for (unsigned int ihl = 0; ihl < 16; ihl++) {
		sample_build(sample_find("udp_over_ipv4"), &packet);
		packet.size = 14 + 20;
		packet.bytes[14] = 0x40 | ihl;
		for (unsigned int word = 5; word < ihl; word++)
			packet_hex(&packet, "01010101");
		packet_hex(&packet, "0001 0002 0008 0000");
		packet_set16(&packet, 14 + 2, packet.size - 14);
		assert_int_equal(parse(&p), ihl < 5 ? PLX_SKIP_BAD_IP : SAMPLE_OK);
		if (ihl < 5)
			continue;
		assert_int_equal(p.header_octets, 14 + ihl * 4 + 8);
		assert_memory_equal(&p.sample.key.source_port, "\0\1\0\2", 4);
	}
}

static void every_tcp_data_offset(void **state)
{
	struct plx_packet p;

	(void)state;
	for (unsigned int words = 0; words < 16; words++) {
		sample_build(sample_find("tcp_over_ipv4"), &packet);
		for (unsigned int word = 5; word < words; word++)
			packet_hex(&packet, "01010101");
		packet.bytes[14 + 20 + 12] = words << 4;
		packet_set16(&packet, 14 + 2, packet.size - 14);
		assert_int_equal(parse(&p), words < 5 ? PLX_SKIP_BAD_L4 : SAMPLE_OK);
		if (words >= 5)
			assert_int_equal(p.header_octets, 14 + 20 + words * 4);
	}
}

/* Which protocols have ports, type and code, or nothing: all 256, in both families. */
static void every_protocol_number(void **state)
{
	static const uint8_t with_ports[] = {6, 17, 33, 132, 136};
	static const uint8_t extension[] = {0, 43, 44, 51, 60};
	struct plx_packet p;

	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2)
		for (unsigned int protocol = 0; protocol < 256; protocol++) {
			uint8_t want[4] = {0};

			if (version == 6 && memchr(extension, protocol, sizeof(extension)))
				continue;
			sample_build(sample_find(version == 4 ? "tcp_over_ipv4" : "tcp_over_ipv6"),
				     &packet);
			packet.bytes[version == 4 ? 14 + 9 : 14 + 6] = protocol;
			assert_int_equal(parse(&p), SAMPLE_OK);
			if (memchr(with_ports, protocol, sizeof(with_ports)))
				memcpy(want, "\x13\x88\x01\xbb", 4);
			else if (protocol == (version == 4 ? 1 : 58))
				memcpy(want + 2, "\x13\x88", 2);
			assert_memory_equal(&p.sample.key.source_port, want, 4);
			assert_int_equal(p.sample.key.protocol, protocol);
			assert_int_equal(p.layer.tcp_flags, protocol == 6 ? 0x18 : 0);
		}
}

/* 256 bit patterns of an EtherType's high octet, and the edge between length and type. */
static void every_ethertype_ends_somewhere(void **state)
{
	const struct plx_parse_in in = {.length = 14};
	struct plx_packet p;

	(void)state;
	sample_build(sample_find("lldp_is_non_ip"), &packet);
	for (unsigned int type = 0; type < 0x10000; type++) {
		unsigned int want = type < 0x600 ? PLX_SKIP_LLC : PLX_SKIP_NON_IP;

		if (type == 0x0800 || type == 0x86dd)
			want = PLX_SKIP_TRUNC_L3;
		if (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x8847 ||
		    type == 0x8848 || type == 0x8864)
			want = PLX_SKIP_TRUNC_L2;
		if (type == 0x8863)
			want = PLX_SKIP_PPPOE;
		if (type == 0x0806)
			want = PLX_SKIP_ARP;
		packet_set16(&packet, 12, type);
		assert_int_equal(plx_parse(packet.bytes, packet.bytes + 14, &in, &p), want);
	}
}

/* The parser stops at 4 KiB of headers; a packet that has more is skipped, not misread. */
static void headers_beyond_4_kib_are_skipped(void **state)
{
	struct plx_packet p;

	(void)state;
	sample_build(sample_find("udp_over_ipv6"), &packet);
	packet.size = 14 + 40;
	packet.bytes[14 + 6] = 60;
	for (int i = 0; i < 2; i++) {
		packet_hex(&packet, i == 0 ? "3c ff" : "11 ff");
		packet_payload(&packet, 2046);
	}
	packet_hex(&packet, "1388 0035 0008 0000");
	packet_set16(&packet, 14 + 4, packet.size - 14 - 40);
	assert_int_equal(parse(&p), PLX_SKIP_TRUNC_L3);
	/* One header less than that is fine. */
	sample_build(sample_find("udp_over_ipv6"), &packet);
	packet.size = 14 + 40;
	packet.bytes[14 + 6] = 60;
	packet_hex(&packet, "11 ff");
	packet_payload(&packet, 2046);
	packet_hex(&packet, "1388 0035 0008 0000");
	packet_set16(&packet, 14 + 4, packet.size - 14 - 40);
	assert_int_equal(parse(&p), SAMPLE_OK);
	assert_int_equal(p.header_octets, 14 + 40 + 2048 + 8);
}

/* Of a BIG TCP packet, too: what the kernel adds and removes has the jumbo payload option. */
static void hop_by_hop_without_jumbo_payload_is_on_the_wire(void **state)
{
	const struct plx_parse_in in = {.super = 1};
	struct plx_packet p;

	(void)state;
	sample_build(sample_find("jumbo_payload_header_is_on_no_wire"), &packet);
	packet_set16(&packet, 14 + 40 + 2, 0x0104); /* PadN */
	assert_int_equal(parse_in(packet.size, &in, &p), SAMPLE_OK);
	assert_int_equal(p.phantom_octets, 0);
	assert_int_equal(p.layer.ip_options, 1 << 1);
	assert_int_equal(p.header_octets, 14 + 40 + 8 + 20);
}

/* Number and, in the upper bits, copied flag and class (IANA, IP Option Numbers). */
static void every_ipv4_option(void **state)
{
	static const uint8_t known[] = {0,   1,	  130, 131, 68,	 133, 134, 7,	136, 137,
					10,  11,  12,  205, 142, 15,  144, 145, 82,  147,
					148, 149, 150, 151, 152, 25,  30,  94,	158, 222};
	struct plx_packet p;

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		const uint32_t want = memchr(known, type, sizeof(known)) ? 1u << (type & 0x1f) : 0;

		sample_build(sample_find("ipv4_with_one_option"), &packet);
		packet.bytes[14 + 20] = type;
		assert_int_equal(parse(&p), SAMPLE_OK);
		/* behind a NOP stands a type 4 whose class is wrong, and length 0 */
		assert_int_equal(p.layer.ip_options, want);
	}
}

static void every_tcp_option_kind(void **state)
{
	struct plx_packet p;

	(void)state;
	for (unsigned int kind = 0; kind < 256; kind++) {
		uint64_t want = kind < 64 ? 1ULL << kind : 0;

		sample_build(sample_find("tcp_over_ipv4"), &packet);
		packet.bytes[14 + 20 + 12] = 0x70;
		packet_hex(&packet, "00 02 22 02 01 01 01 00");
		packet.bytes[14 + 40] = kind;
		packet_set16(&packet, 14 + 2, packet.size - 14);
		assert_int_equal(parse(&p), SAMPLE_OK);
		/* 0 ends the list; behind 1, which has no length, stands one that is too long */
		if (kind > 1)
			want |= 1ULL << 34 | 1 << 1 | 1 << 0;
		assert_int_equal(p.layer.tcp_options, want);
	}
}

/* A packet of 29 octets inside of a tunnel that is inside of UDP over IPv4. */
static void build_udp_tunnel(uint16_t port, const uint8_t *header, size_t size, bool frame)
{
	sample_build(sample_find("vxlan"), &packet);
	packet.size = 42;
	packet_set16(&packet, 14 + 20 + 2, port);
	memcpy(packet.bytes + packet.size, header, size);
	packet.size += size;
	if (frame)
		packet_hex(&packet, "02cccccccccc 02dddddddddd 0800");
	packet_hex(&packet, "4528001d 56780000 3f110000 ac100102 ac1f0304 1770 0050 0009 0000 aa");
	packet_set16(&packet, 14 + 2, packet.size - 14);
	packet_set16(&packet, 14 + 20 + 4, packet.size - 34);
}

/* Metered as depth says, at the one limit that there is; -1: none. */
static void check_tunnel(unsigned int depth, int type, uint32_t id, int limit)
{
	struct plx_packet p;

	assert_int_equal(parse(&p), SAMPLE_OK);
	assert_int_equal(p.tunnels, depth);
	assert_int_equal(p.limits, limit < 0 ? 0 : 1 << limit);
	if (depth == 0) {
		assert_memory_equal(p.sample.key.source, sample_source4[0], 4);
		return;
	}
	assert_memory_equal(p.sample.key.source, sample_source4[1], 4);
	assert_memory_equal(&p.sample.key.source_port, "\x17\x70\x00\x50", 4);
	assert_int_equal(p.header_octets, packet.size - 1);
	assert_int_equal(p.sample.tunnel.type, type);
	assert_int_equal(p.sample.tunnel.id, id);
}

/* Flags and version of GRE: which fields there are, and what is not looked into. */
static void every_gre_flag(void **state)
{
	(void)state;
	for (unsigned int high = 0; high < 16; high++)
		for (unsigned int version = 0; version < 8; version++) {
			const bool none = high & 4 || version;

			sample_build(sample_find("gre"), &packet);
			packet.size = 34;
			packet_hex(&packet, "0000 0800");
			packet_set16(&packet, 34, high << 12 | version);
			if (high & 8)
				packet_hex(&packet, "abcd0000");
			if (high & 2)
				packet_hex(&packet, "12345678");
			if (high & 1)
				packet_hex(&packet, "00000001");
			packet_hex(&packet, "4528001d 56780000 3f110000 ac100102 ac1f0304");
			packet_hex(&packet, "1770 0050 0009 0000 aa");
			packet_set16(&packet, 14 + 2, packet.size - 14);
			check_tunnel(!none, high & 2 ? PLX_TUNNEL_GREKEY : PLX_TUNNEL_GRE,
				     high & 2 ? 0x12345678 : 0,
				     none ? PLX_LIMIT_TUNNEL_PAYLOAD : -1);
		}
}

static void every_protocol_of_gre_and_geneve(void **state)
{
	(void)state;
	for (unsigned int type = 0; type < 0x10000; type++) {
		const uint8_t geneve[8] = {0, 0, type >> 8, type, 0, 1, 0x23, 0};
		/* IPv4, too short for IPv6, and no IP behind what would be labels or a frame */
		int limit = type == 0x0800   ? -1
			    : type == 0x86dd ? PLX_LIMIT_TUNNEL_TRUNC
					     : PLX_LIMIT_TUNNEL_PAYLOAD;

		sample_build(sample_find("gre"), &packet);
		packet_set16(&packet, 34 + 2, type);
		check_tunnel(limit < 0, PLX_TUNNEL_GRE, 0, limit);
		build_udp_tunnel(6081, geneve, sizeof(geneve), false);
		check_tunnel(limit < 0, PLX_TUNNEL_GENEVE, 0x123, limit);
	}
}

static void every_udp_port(void **state)
{
	static const uint8_t vxlan[8] = {0x08, 0, 0, 0, 0, 1, 0x23, 0};

	(void)state;
	for (unsigned int port = 0; port < 0x10000; port++) {
		const bool is_vxlan = port == 4789 || port == 8472 || port == 4790;

		build_udp_tunnel(port, vxlan, sizeof(vxlan), true);
		/* as Geneve it has 32 octets of options, and no protocol */
		check_tunnel(is_vxlan, PLX_TUNNEL_VXLAN, 0x123,
			     port == 6081 ? PLX_LIMIT_TUNNEL_PAYLOAD : -1);
	}
}

static void every_flag_of_vxlan(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		const uint8_t vxlan[8] = {flags, 0, 0, 1, 0, 1, 0x23, 0};
		const bool valid = flags & 0x08;

		build_udp_tunnel(4789, vxlan, sizeof(vxlan), true);
		check_tunnel(valid, PLX_TUNNEL_VXLAN, 0x123, -1);
		/* GPE: next protocol IPv4, or a frame when there is none; version 0 */
		build_udp_tunnel(4790, vxlan, sizeof(vxlan), !(flags & 0x04));
		check_tunnel(valid && !(flags & 0x30), PLX_TUNNEL_VXLAN, 0x123, -1);
	}
}

static void every_next_protocol_of_gpe(void **state)
{
	(void)state;
	for (unsigned int next = 0; next < 256; next++) {
		const uint8_t gpe[8] = {0x0c, 0, 0, next, 0, 1, 0x23, 0};

		build_udp_tunnel(4790, gpe, sizeof(gpe), next == 3);
		if (next == 1 || next == 3)
			check_tunnel(1, PLX_TUNNEL_VXLAN, 0x123, -1);
		else /* too short for IPv6, or no IP */
			check_tunnel(0, 0, 0,
				     next == 2 ? PLX_LIMIT_TUNNEL_TRUNC : PLX_LIMIT_TUNNEL_PAYLOAD);
	}
}

static void every_first_octet_of_geneve(void **state)
{
	(void)state;
	for (unsigned int octet = 0; octet < 256; octet++) {
		const uint8_t geneve[8 + 252] = {octet, 0, 0x08, 0, 0, 1, 0x23, 0};

		build_udp_tunnel(6081, geneve, 8 + (octet & 0x3f) * 4, false);
		check_tunnel(octet < 0x40, PLX_TUNNEL_GENEVE, 0x123, -1);
	}
}

/* Version 1, protocol type 1, and which fields there are; and the type of message. */
static void every_flag_and_message_of_gtpu(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		const uint8_t gtpu[12] = {flags, 255, 0, 33, 0, 0, 0xbe, 0xef};

		build_udp_tunnel(2152, gtpu, flags & 7 ? 12 : 8, false);
		check_tunnel((flags & 0xf0) == 0x30, PLX_TUNNEL_GTPU, 0xbeef, -1);
	}
	for (unsigned int message = 0; message < 256; message++) {
		const uint8_t gtpu[8] = {0x30, message, 0, 29, 0, 0, 0xbe, 0xef};

		build_udp_tunnel(2152, gtpu, sizeof(gtpu), false);
		check_tunnel(message == 255, PLX_TUNNEL_GTPU, 0xbeef, -1);
	}
}

/* One header that large is fine; two reach beyond 4 KiB: the flow is that of the header around. */
static void headers_beyond_4_kib_in_a_tunnel_leave_the_outer_flow(void **state)
{
	struct plx_packet p;

	(void)state;
	for (int headers = 1; headers <= 2; headers++) {
		sample_build(sample_find("ipv6_in_ipv4"), &packet);
		packet.size = 34 + 40;
		packet.bytes[34 + 6] = 60;
		for (int i = 0; i < headers; i++) {
			packet_hex(&packet, i == headers - 1 ? "11 ff" : "3c ff");
			packet_payload(&packet, 2046);
		}
		packet_hex(&packet, "1770 0050 0008 0000");
		packet_set16(&packet, 34 + 4, packet.size - 34 - 40);
		packet_set16(&packet, 14 + 2, packet.size - 14);
		assert_int_equal(parse(&p), SAMPLE_OK);
		assert_int_equal(p.tunnels, headers == 1);
		assert_int_equal(p.limits, headers == 1 ? 0 : 1 << PLX_LIMIT_TUNNEL_TRUNC);
		assert_int_equal(p.header_octets, headers == 1 ? packet.size : 34);
	}
}

/* One octet more than the frame has, and as many as it has. */
static void ip_length_beyond_the_frame_is_a_limit(void **state)
{
	static const char *const names[] = {"udp_over_ipv4", "udp_over_ipv6", "vxlan",
					    "gre_over_ipv6"};
	struct plx_packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct sample *sample = sample_find(names[i]);

		sample_build(sample, &packet);
		for (int policy = 0; policy < NR_POLICIES; policy++)
			for (int more = -1; more <= 1; more++) {
				struct plx_parse_in in = in_of(sample, packet.size + more, policy);

				assert_int_equal(parse_in(packet.size, &in, &p), SAMPLE_OK);
				assert_int_equal(p.limits, more < 0 ? 1 << PLX_LIMIT_IP_LENGTH : 0);
			}
	}
}

static void shapes_merge_to_bounds_and_all_flags(void **state)
{
	const __u64 a = PLX_SHAPE(40, 1500, 0x002, 64, 64);
	const __u64 b = PLX_SHAPE(60, 65535, 0x110, 1, 255);

	(void)state;
	assert_int_equal(plx_shape_merge(a, b), PLX_SHAPE(40, 65535, 0x112, 1, 255));
	assert_int_equal(plx_shape_merge(b, a), PLX_SHAPE(40, 65535, 0x112, 1, 255));
	assert_int_equal(plx_shape_merge(a, a), a);
	assert_int_equal(PLX_SHAPE_MIN_LEN(b), 60);
	assert_int_equal(PLX_SHAPE_MAX_LEN(b), 65535);
	assert_int_equal(PLX_SHAPE_TCP_FLAGS(b), 0x110);
	assert_int_equal(PLX_SHAPE_MIN_TTL(b), 1);
	assert_int_equal(PLX_SHAPE_MAX_TTL(b), 255);
}

/* The samples as seeds for tests/fuzz/fuzz_parse.c, which says what the first four octets are. */
static int write_seeds(const char *folder)
{
	for (size_t i = 0; i < nr_samples; i++) {
		const struct sample *sample = &samples[i];
		const uint8_t in[4] = {sample->moved_out | sample->super << 1, 0,
				       sample->moved_tci >> 8, sample->moved_tci};
		char path[4096];
		size_t written;
		FILE *file;

		sample_build(sample, &packet);
		snprintf(path, sizeof(path), "%s/%s", folder, sample->name);
		file = fopen(path, "w");
		if (!file) {
			perror(path);
			return 1;
		}
		written = fwrite(in, 1, sizeof(in), file);
		written += fwrite(packet.bytes, 1, packet.size, file);
		if (fclose(file) || written != sizeof(in) + packet.size) {
			perror(path);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(every_fragment_offset_bit_counts),
		cmocka_unit_test(every_ihl),
		cmocka_unit_test(every_tcp_data_offset),
		cmocka_unit_test(every_protocol_number),
		cmocka_unit_test(every_ethertype_ends_somewhere),
		cmocka_unit_test(headers_beyond_4_kib_are_skipped),
		cmocka_unit_test(hop_by_hop_without_jumbo_payload_is_on_the_wire),
		cmocka_unit_test(every_ipv4_option),
		cmocka_unit_test(every_tcp_option_kind),
		cmocka_unit_test(every_gre_flag),
		cmocka_unit_test(every_protocol_of_gre_and_geneve),
		cmocka_unit_test(every_udp_port),
		cmocka_unit_test(every_flag_of_vxlan),
		cmocka_unit_test(every_next_protocol_of_gpe),
		cmocka_unit_test(every_first_octet_of_geneve),
		cmocka_unit_test(every_flag_and_message_of_gtpu),
		cmocka_unit_test(headers_beyond_4_kib_in_a_tunnel_leave_the_outer_flow),
		cmocka_unit_test(ip_length_beyond_the_frame_is_a_limit),
		cmocka_unit_test(shapes_merge_to_bounds_and_all_flags),
	};
	static const struct {
		const char *name;
		void (*run)(void **state);
		bool tunnels; /* has to do with these only */
	} of_sample[] = {{"", whole, false},
			 {"cut_anywhere: ", cut, false},
			 {"ended_by_ip_length_anywhere: ", ended_by_ip_length_anywhere, true}};
	const size_t nr_of_sample = sizeof(of_sample) / sizeof(of_sample[0]);
	const size_t nr_more = sizeof(more) / sizeof(more[0]);
	struct CMUnitTest *tests;
	char(*names)[128];
	size_t nr = 0;
	int failed;

	if (argc > 1)
		return write_seeds(argv[1]);
	tests = calloc(nr_samples * nr_of_sample + nr_more, sizeof(*tests));
	names = calloc(nr_samples * nr_of_sample, sizeof(*names));
	if (!tests || !names)
		return 1;
	for (size_t i = 0; i < nr_samples * nr_of_sample; i++) {
		const struct sample *sample = &samples[i / nr_of_sample];
		const bool tunnel = sample->inner[0].version || sample->limits;
		const size_t kind = i % nr_of_sample;

		if (of_sample[kind].tunnels && (!tunnel || sample->super))
			continue;
		snprintf(names[nr], sizeof(names[nr]), "%s%s", of_sample[kind].name, sample->name);
		tests[nr] = (struct CMUnitTest){names[nr], of_sample[kind].run, NULL, NULL,
						(void *)sample};
		nr++;
	}
	for (size_t i = 0; i < nr_more; i++)
		tests[nr++] = more[i];
	failed = _cmocka_run_group_tests("parse", tests, nr, NULL, NULL);
	free(names);
	free(tests);
	return failed;
}
