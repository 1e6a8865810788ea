/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters translated to eBPF against libpcap: every expression of expressions.c over every packet,
 * at XDP, at TC, and at TC with a tag beside the frame, which libpcap sees in the frame. Packets
 * are all samples whole and cut, those of a corpus of captures if there is one, and noise.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "expressions.h"
#include "filterrun.h"
#include "testrun.h"

#define NR_MAX	   (FILTERRUN_PROGRAMS * FILTERRUN_FILTERS)
#define NOISE	   10000
#define TAG_OCTETS 4
#define FRAME_MAX  65536

static struct plx_cbpf programs[NR_MAX];
static size_t nr_programs;
static struct filterrun xdp, tc, xdp_far, tc_far; /* far: nothing is read directly */
#define LONG_CHAINS 100000 /* results, of which one may be that of a chain too long for eBPF */

static uint64_t nr_checked, nr_too_long, seed;
static bool matched[NR_MAX], missed[NR_MAX];

static void fail_at(const char *hook, size_t filter, uint32_t says, uint32_t libpcap,
		    const uint8_t *bytes, size_t size)
{
	print_error("%s: '%s' gives %u, libpcap %u, for %zu octets:\n", hook, expressions[filter],
		    says, libpcap, size);
	for (size_t i = 0; i < size && i < 200; i++)
		print_error("%02x%s", bytes[i], i % 16 == 15 ? "\n" : "");
	fail_msg("%s and libpcap differ", hook);
}

/*
 * Chains of headers are followed to a limit, beyond which the result is 0. That is the only way in
 * which the two may differ; noise has such chains, seldom.
 */
static bool is_too_long(size_t filter, uint32_t says)
{
	if (says || !strstr(expressions[filter], "protochain"))
		return false;
	nr_too_long++;
	return true;
}

/* bytes is the wire image. */
static void compare(const char *hook, const struct filterrun *run, const uint8_t *bytes,
		    size_t size)
{
	for (size_t i = 0; i < nr_programs; i++) {
		uint32_t libpcap = plx_cbpf__run(&programs[i], bytes, size, size);

		if (run->results[i] != libpcap && !is_too_long(i, run->results[i]))
			fail_at(hook, i, run->results[i], libpcap, bytes, size);
		*(libpcap ? &matched[i] : &missed[i]) = true;
	}
	nr_checked += nr_programs;
}

/* The packet with the tag beside it, and for libpcap in it. */
static void check_tagged(struct filterrun *run, const uint8_t *bytes, size_t size,
			 const uint16_t tag[2])
{
	static uint8_t wire[FRAME_MAX + TAG_OCTETS];

	memcpy(wire, bytes, 12);
	wire[12] = tag[0] >> 8;
	wire[13] = (uint8_t)tag[0];
	wire[14] = tag[1] >> 8;
	wire[15] = (uint8_t)tag[1];
	memcpy(wire + 16, bytes + 12, size - 12);
	filterrun_packet(run, bytes, size, tag);
	compare("TC with a tag beside the frame", run, wire, size + TAG_OCTETS);
}

static void check_with(struct filterrun *at_xdp, struct filterrun *at_tc, const uint8_t *bytes,
		       size_t size)
{
	uint16_t tag[2];

	if (size < TESTRUN_MIN_SIZE)
		return;
	filterrun_packet(at_xdp, bytes, size, NULL);
	compare("XDP", at_xdp, bytes, size);
	if (size > FILTERRUN_SKB_MAX)
		return;
	filterrun_packet(at_tc, bytes, size, NULL);
	compare("TC", at_tc, bytes, size);
	tag[0] = random_next(&seed) % 2 ? 0x8100 : 0x88a8;
	tag[1] = random_next(&seed) % 2 ? 0x6123 : random_next(&seed);
	check_tagged(at_tc, bytes, size, tag);
}

static void check(const uint8_t *bytes, size_t size)
{
	check_with(&xdp, &tc, bytes, size);
}

static void samples_whole_and_cut(void **state)
{
	static struct packet p;

	(void)state;
	for (size_t i = 0; i < nr_samples; i++) {
		sample_build(&samples[i], &p);
		check(p.bytes, p.size);
		check_with(&xdp_far, &tc_far, p.bytes, p.size);
		for (size_t size = TESTRUN_MIN_SIZE + i % 5; size < p.size; size += 5)
			check(p.bytes, size);
	}
}

/* Every length of some that take many ways through the programs. */
static void samples_cut_at_every_length(void **state)
{
	static const char *const names[] = {"tcp_over_ipv4", "udp_over_ipv6"};
	static struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sample_build(sample_find(names[i]), &p);
		packet_payload(&p, 20);
		for (size_t size = TESTRUN_MIN_SIZE; size < p.size; size++) {
			check(p.bytes, size);
			check_with(&xdp_far, &tc_far, p.bytes, size);
		}
	}
}

/* Loads at offsets that a packet tells, all around the tag and the end of the frame. */
static void frames_that_end_at_the_tag(void **state)
{
	static struct packet p;

	(void)state;
	sample_build(sample_find("tcp_over_ipv4"), &p);
	for (unsigned int octet = 0; octet < 8; octet++) {
		p.bytes[5] = p.bytes[11] = octet;
		for (size_t size = TESTRUN_MIN_SIZE; size < 24; size++) {
			check(p.bytes, size);
			check_with(&xdp_far, &tc_far, p.bytes, size);
		}
	}
}

static void frames_of_several_buffers(void **state)
{
	static struct packet p;

	(void)state;
	sample_build(sample_find("tcp_over_ipv4"), &p);
	packet_payload(&p, 9000);
	filterrun_packet(&xdp, p.bytes, p.size, NULL);
	compare("XDP, 9 kB", &xdp, p.bytes, p.size);
	for (size_t i = 0; i < nr_samples; i++) {
		sample_build(&samples[i], &p);
		packet_payload(&p, 100);
		for (size_t first = TESTRUN_MIN_SIZE; first < 100; first += 3) {
			if (!filterrun_frags(&xdp, p.bytes, p.size, first)) {
				print_message("a first buffer of chosen size needs Linux 6.18\n");
				skip();
			}
			compare("XDP, two buffers", &xdp, p.bytes, p.size);
		}
	}
}

static uint64_t check_capture(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, why);
	struct pcap_pkthdr *header;
	const u_char *bytes;
	uint64_t nr = 0;

	if (!pcap)
		fail_msg("%s: %s", path, why);
	for (; pcap_datalink(pcap) == DLT_EN10MB && pcap_next_ex(pcap, &header, &bytes) == 1; nr++)
		check(bytes, header->caplen);
	pcap_close(pcap);
	return nr;
}

static void captures_of_the_corpus(void **state)
{
	const char *folder = getenv("PLX_CORPUS") ? getenv("PLX_CORPUS") : "../shared/pcaps";
	DIR *dir = opendir(folder);
	struct dirent *entry;
	uint64_t nr = 0;

	(void)state;
	if (!dir) {
		print_message("no capture corpus\n");
		skip();
	}
	while ((entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');
		char path[1024];

		if (!end || strncmp(end, ".pcap", 5) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		nr += check_capture(path);
	}
	closedir(dir);
	assert_true(nr > 0);
	print_message("%lu packets of the corpus\n", nr);
}

static void noise(void **state)
{
	const char *wanted = getenv("PLX_TEST_RANDOM");
	uint64_t nr = wanted ? strtoull(wanted, NULL, 10) : NOISE;
	static struct packet p;

	(void)state;
	for (uint64_t i = 0; i < nr; i++) {
		testrun_random_packet(&p, &seed);
		if (i % 10)
			check(p.bytes, p.size);
		else
			check_with(&xdp_far, &tc_far, p.bytes, p.size);
	}
	print_message("%lu results of chains that are too long\n", nr_too_long);
	assert_true(nr_too_long <= nr_checked / LONG_CHAINS);
}

/* Agreement says little of filters that give the same for all packets: there may be a few. */
static void filters_tell_packets_apart(void **state)
{
	size_t both = 0;

	(void)state;
	for (size_t i = 0; i < nr_programs; i++)
		both += matched[i] && missed[i];
	print_message("%lu results compared, %zu of %zu filters tell packets apart\n", nr_checked,
		      both, nr_programs);
	assert_true(both > nr_programs * 3 / 4);
}

static int open_filters(void **state)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	char why[512];

	(void)state;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	for (nr_programs = 0; expressions[nr_programs]; nr_programs++) {
		assert_true(nr_programs < NR_MAX);
		if (plx_cbpf__compile(expressions[nr_programs], &programs[nr_programs], why,
				      sizeof(why)))
			fail_msg("%s", why);
	}
	filterrun_open(&xdp, PLX_FILTER_XDP, PLX_FILTER_DIRECT, programs, nr_programs);
	filterrun_open(&tc, PLX_FILTER_TC, PLX_FILTER_DIRECT, programs, nr_programs);
	filterrun_open(&xdp_far, PLX_FILTER_XDP, 0, programs, nr_programs);
	filterrun_open(&tc_far, PLX_FILTER_TC, 0, programs, nr_programs);
	seed = random_seed();
	return 0;
}

static int close_filters(void **state)
{
	(void)state;
	filterrun_close(&xdp);
	filterrun_close(&tc);
	filterrun_close(&xdp_far);
	filterrun_close(&tc_far);
	for (size_t i = 0; i < nr_programs; i++)
		plx_cbpf__free(&programs[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_whole_and_cut),
		cmocka_unit_test(samples_cut_at_every_length),
		cmocka_unit_test(frames_that_end_at_the_tag),
		cmocka_unit_test(frames_of_several_buffers),
		cmocka_unit_test(captures_of_the_corpus),
		cmocka_unit_test(noise),
		cmocka_unit_test(filters_tell_packets_apart),
	};

	return cmocka_run_group_tests(tests, open_filters, close_filters);
}
