/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser, compiled for user space, on every sample: the whole packet, and the packet cut at
 * every length, in a buffer that ends where the packet ends so that the address sanitizer sees an
 * overread. What a cut must give comes from the marks in the sample's bytes. Read packet.h and
 * samples.h in tests/lib first. With a folder as argument: no tests, the samples are written there
 * as the fuzzer's seeds.
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

#include <plx/parse.h>

#include "samples.h"

#define GARBAGE 0xa5

static struct packet packet;

static struct plx_parse_in in_of(const struct sample *sample)
{
	return (struct plx_parse_in){.vlan_tci = sample->moved_tci,
				     .vlan_tagged = sample->moved_out,
				     .super = sample->super};
}

/* The first size octets of packet, in memory of exactly that size. */
static unsigned int parse(size_t size, const struct plx_parse_in *in, struct plx_packet *p)
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

static bool reads_transport_header(void)
{
	for (size_t i = 0; i < packet.nr_marks; i++)
		if (packet.marks[i].cut == PLX_SKIP_TRUNC_L4)
			return true;
	return false;
}

static void check_fragment(const struct sample *sample, const struct plx_packet *p)
{
	uint8_t raw[4] = {sample->fragment_id >> 24, sample->fragment_id >> 16,
			  sample->fragment_id >> 8, sample->fragment_id};
	uint16_t id4;
	uint32_t id6;

	assert_int_equal(p->first_fragment, sample->first_fragment);
	assert_int_equal(p->later_fragment, sample->later_fragment);
	assert_int_equal(p->sample.stats.fragment_flags, sample->fragment_flags);
	if (!sample->first_fragment && !sample->later_fragment)
		return;
	memcpy(&id4, raw + 2, sizeof(id4));
	memcpy(&id6, raw, sizeof(id6));
	assert_int_equal(p->fragment_id, sample->version == 4 ? id4 : id6);
	assert_int_equal(p->fragment_protocol, sample->fragment_protocol);
}

/* Everything that the parser found, and nothing that is the hook's to fill. */
static void check_result(const struct sample *sample, const struct plx_packet *p)
{
	struct plx_flow_first first;
	struct plx_flow_key key;

	sample_key(sample, 0, &key);
	sample_first(sample, &first);
	assert_memory_equal(&p->sample.key, &key, sizeof(key));
	assert_memory_equal(&p->sample.stats.first, &first, sizeof(first));
	assert_int_equal(p->version, sample->version);
	assert_int_equal(p->ip_octets, sample->octets);
	assert_int_equal(p->ip_offset, sample->l2_octets ? sample->l2_octets : 14);
	assert_int_equal(p->header_octets, sample->header_octets);
	assert_int_equal(p->phantom_octets, sample->phantom_octets);
	assert_int_equal(p->ttl, sample->ttl ? sample->ttl : 64);
	assert_int_equal(p->tcp_flags, sample->tcp_flags);
	assert_int_equal(p->has_ports, reads_transport_header());
	check_fragment(sample, p);
	assert_int_equal(p->sample.epoch, 0);
	assert_int_equal(p->sample.stats.packets, 0);
	assert_int_equal(p->sample.stats.octets, 0);
	assert_int_equal(p->sample.stats.frame_octets, 0);
	assert_int_equal(p->sample.stats.shape, 0);
}

static void whole(void **state)
{
	const struct sample *sample = *state;
	struct plx_parse_in in = in_of(sample);
	struct plx_packet p;

	sample_build(sample, &packet);
	assert_int_equal(parse(packet.size, &in, &p), sample->want);
	if (sample->want == SAMPLE_OK)
		check_result(sample, &p);
}

static void cut(void **state)
{
	const struct sample *sample = *state;
	struct plx_parse_in in = in_of(sample);
	struct plx_packet p;

	sample_build(sample, &packet);
	for (size_t size = 0; size < packet.size; size++) {
		unsigned int want = packet_verdict(&packet, size, sample->want);
		unsigned int got = parse(size, &in, &p);

		if (got != want)
			fail_msg("cut after %zu of %zu octets: reason %u, not %u", size,
				 packet.size, got, want);
		assert_int_equal(plx_truncated(got), want == PLX_SKIP_TRUNC_L2 ||
							     want == PLX_SKIP_TRUNC_L3 ||
							     want == PLX_SKIP_TRUNC_L4);
		/* Behind what is read, a cut changes nothing. */
		if (got == SAMPLE_OK)
			check_result(sample, &p);
	}
}

/* The 13 bits of the fragment offset, one at a time: each alone makes a later fragment. */
static void every_fragment_offset_bit_counts(void **state)
{
	const struct plx_parse_in in = {};
	struct plx_packet p;

	(void)state;
	sample_build(sample_find("later_fragment_has_no_ports"), &packet);
	for (int bit = 0; bit < 13; bit++) {
		packet_set16(&packet, 14 + 6, 1 << bit);
		assert_int_equal(parse(packet.size, &in, &p), SAMPLE_OK);
		assert_true(p.later_fragment && !p.first_fragment);
	}
	sample_build(sample_find("later_ipv6_fragment_has_no_ports"), &packet);
	for (int bit = 3; bit < 16; bit++) {
		packet_set16(&packet, 14 + 40 + 2, 1 << bit);
		assert_int_equal(parse(packet.size, &in, &p), SAMPLE_OK);
		assert_true(p.later_fragment && !p.first_fragment);
	}
}

/* A length and an option area for each of the 16 header lengths. */
static void every_ihl(void **state)
{
	const struct plx_parse_in in = {};
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
		assert_int_equal(parse(packet.size, &in, &p),
				 ihl < 5 ? PLX_SKIP_BAD_IP : SAMPLE_OK);
		if (ihl < 5)
			continue;
		assert_int_equal(p.header_octets, 14 + ihl * 4 + 8);
		assert_memory_equal(&p.sample.key.source_port, "\0\1\0\2", 4);
	}
}

static void every_tcp_data_offset(void **state)
{
	const struct plx_parse_in in = {};
	struct plx_packet p;

	(void)state;
	for (unsigned int words = 0; words < 16; words++) {
		sample_build(sample_find("tcp_over_ipv4"), &packet);
		for (unsigned int word = 5; word < words; word++)
			packet_hex(&packet, "01010101");
		packet.bytes[14 + 20 + 12] = words << 4;
		packet_set16(&packet, 14 + 2, packet.size - 14);
		assert_int_equal(parse(packet.size, &in, &p),
				 words < 5 ? PLX_SKIP_BAD_L4 : SAMPLE_OK);
		if (words >= 5)
			assert_int_equal(p.header_octets, 14 + 20 + words * 4);
	}
}

/* Which protocols have ports, type and code, or nothing: all 256, in both families. */
static void every_protocol_number(void **state)
{
	static const uint8_t with_ports[] = {6, 17, 33, 132, 136};
	static const uint8_t extension[] = {0, 43, 44, 51, 60};
	const struct plx_parse_in in = {};
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
			assert_int_equal(parse(packet.size, &in, &p), SAMPLE_OK);
			if (memchr(with_ports, protocol, sizeof(with_ports)))
				memcpy(want, "\x13\x88\x01\xbb", 4);
			else if (protocol == (version == 4 ? 1 : 58))
				memcpy(want + 2, "\x13\x88", 2);
			assert_memory_equal(&p.sample.key.source_port, want, 4);
			assert_int_equal(p.sample.key.protocol, protocol);
			assert_int_equal(p.tcp_flags, protocol == 6 ? 0x18 : 0);
		}
}

/* 256 bit patterns of an EtherType's high octet, and the edge between length and type. */
static void every_ethertype_ends_somewhere(void **state)
{
	const struct plx_parse_in in = {};
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
	const struct plx_parse_in in = {};
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
	assert_int_equal(parse(packet.size, &in, &p), PLX_SKIP_TRUNC_L3);
	/* One header less than that is fine. */
	sample_build(sample_find("udp_over_ipv6"), &packet);
	packet.size = 14 + 40;
	packet.bytes[14 + 6] = 60;
	packet_hex(&packet, "11 ff");
	packet_payload(&packet, 2046);
	packet_hex(&packet, "1388 0035 0008 0000");
	packet_set16(&packet, 14 + 4, packet.size - 14 - 40);
	assert_int_equal(parse(packet.size, &in, &p), SAMPLE_OK);
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
	assert_int_equal(parse(packet.size, &in, &p), SAMPLE_OK);
	assert_int_equal(p.phantom_octets, 0);
	assert_int_equal(p.header_octets, 14 + 40 + 8 + 20);
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
		cmocka_unit_test(shapes_merge_to_bounds_and_all_flags),
	};
	const size_t nr_more = sizeof(more) / sizeof(more[0]);
	struct CMUnitTest *tests;
	char(*names)[128];
	size_t nr = 0;
	int failed;

	if (argc > 1)
		return write_seeds(argv[1]);
	tests = calloc(nr_samples * 2 + nr_more, sizeof(*tests));
	names = calloc(nr_samples, sizeof(*names));
	if (!tests || !names)
		return 1;
	for (size_t i = 0; i < nr_samples; i++) {
		void *sample = (void *)&samples[i];

		snprintf(names[i], sizeof(names[i]), "cut_anywhere: %s", samples[i].name);
		tests[nr++] = (struct CMUnitTest){samples[i].name, whole, NULL, NULL, sample};
		tests[nr++] = (struct CMUnitTest){names[i], cut, NULL, NULL, sample};
	}
	for (size_t i = 0; i < nr_more; i++)
		tests[nr++] = more[i];
	failed = _cmocka_run_group_tests("parse", tests, nr, NULL, NULL);
	free(names);
	free(tests);
	return failed;
}
