/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plx_xdp by BPF_PROG_TEST_RUN: every sample whole and cut, frames of several buffers, fragments,
 * noise. Packet in, contents of tables and books out. Read tests/lib/testrun.h first.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "testrun.h"

#define JUMBO	       9000 /* IP octets; with Ethernet 9014, three buffers */
#define RANDOM_PACKETS 200000

static struct testrun run;
static struct packet packet;

static void build_jumbo(void)
{
	sample_build(sample_find("tcp_over_ipv4"), &packet);
	packet_set16(&packet, 14 + 2, JUMBO);
	packet_payload(&packet, 14 + JUMBO - packet.size);
}

static void jumbo_frame_counts_all_its_buffers(void **state)
{
	const struct testrun_wire wire = {1, JUMBO, 14 + JUMBO, JUMBO, JUMBO};

	(void)state;
	build_jumbo();
	assert_int_equal(packet.size, 9014);
	testrun_expect_whole(&run, HOOK_XDP, sample_find("tcp_over_ipv4"), &packet, NULL,
			     PLX_POLICY_BOTH, &wire);
}

/* Test run with size octets in the first buffer. 0 or negative errno. */
static int run_linear(uint32_t size)
{
	struct xdp_md ctx = {.data_end = size};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet.bytes, .data_size_in = packet.size,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(run.prog_fd[HOOK_XDP], &opts))
		return -errno;
	assert_int_equal(opts.retval, 2);
	return 0;
}

static void headers_outside_the_first_buffer_are_nonlinear(void **state)
{
	struct plx_if_stats before, now;

	(void)state;
	sample_build(sample_find("ipv4_with_40_octets_of_options"), &packet);
	packet_payload(&packet, 1000);
	testrun_clear(&run);
	testrun_books(&run, PLX_DIR_IN, &before);
	/* all from an Ethernet header to one octet less than the headers */
	for (uint32_t size = 14; size < 94; size++)
		if (run_linear(size)) {
			print_message("a first buffer of chosen size needs Linux 6.18\n");
			skip();
		}
	testrun_take(&run);
	assert_int_equal(run.nr_records, 0);
	testrun_books(&run, PLX_DIR_IN, &now);
	testrun_balanced(&now);
	assert_int_equal(now.skipped[PLX_SKIP_NONLINEAR].packets -
				 before.skipped[PLX_SKIP_NONLINEAR].packets,
			 80);
	assert_int_equal(now.skipped[PLX_SKIP_NONLINEAR].bytes -
				 before.skipped[PLX_SKIP_NONLINEAR].bytes,
			 80 * packet.size);
	assert_int_equal(run_linear(94), 0);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	assert_int_equal(run.records[0].stats.frame_octets, packet.size);
}

/* The headers of a tunnel, too, but then there is a flow: that of the header around it. */
static void tunnel_headers_outside_the_first_buffer_leave_the_outer_flow(void **state)
{
	const struct sample *sample = sample_find("geneve_with_252_octets_of_options");
	const uint32_t inner = sample->inner[0].header_octets;
	struct plx_if_stats before, now;
	struct sample_outcome want;
	struct plx_flow_key key;

	(void)state;
	for (uint32_t size = sample->header_octets - 1; size <= inner; size++) {
		sample_build(sample, &packet);
		sample_outcome(sample, &packet, size, packet.size, PLX_POLICY_BOTH, &want);
		packet_payload(&packet, 1000);
		testrun_clear(&run);
		testrun_books(&run, PLX_DIR_IN, &before);
		if (run_linear(size)) {
			print_message("a first buffer of chosen size needs Linux 6.18\n");
			skip();
		}
		testrun_take(&run);
		testrun_books(&run, PLX_DIR_IN, &now);
		testrun_balanced(&now);
		assert_int_equal(run.nr_records, size >= sample->header_octets);
		assert_int_equal(now.skipped[PLX_SKIP_NONLINEAR].packets -
					 before.skipped[PLX_SKIP_NONLINEAR].packets,
				 size < sample->header_octets);
		assert_int_equal(now.limited[PLX_LIMIT_TUNNEL_TRUNC].packets -
					 before.limited[PLX_LIMIT_TUNNEL_TRUNC].packets,
				 size >= sample->header_octets && size < inner);
		if (size < sample->header_octets)
			continue;
		sample_key(sample, &want, TESTRUN_IFINDEX, &key);
		assert_memory_equal(&run.records[0].key, &key, sizeof(key));
		assert_int_equal(run.records[0].stats.frame_octets, packet.size);
	}
}

static void ingress_interface_is_that_of_the_queue(void **state)
{
	struct xdp_md ctx = {.ingress_ifindex = TESTRUN_IFINDEX};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet.bytes, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	(void)state;
	testrun_clear(&run);
	sample_build(sample_find("udp_over_ipv4"), &packet);
	ctx.data_end = packet.size;
	opts.data_size_in = packet.size;
	assert_int_equal(bpf_prog_test_run_opts(run.prog_fd[HOOK_XDP], &opts), 0);
	testrun_take(&run);
	assert_int_equal(run.nr_records, 1);
	assert_int_equal(run.records[0].key.ifindex, TESTRUN_IFINDEX);
	assert_int_equal(run.records[0].stats.first.ingress_ifindex, 0);
}

static void random_packets_pass_and_balance(void **state)
{
	(void)state;
	testrun_random(&run, HOOK_XDP, RANDOM_PACKETS);
}

int main(void)
{
	static const enum testrun_hook hooks[] = {HOOK_XDP};
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(jumbo_frame_counts_all_its_buffers),
		cmocka_unit_test(headers_outside_the_first_buffer_are_nonlinear),
		cmocka_unit_test(tunnel_headers_outside_the_first_buffer_leave_the_outer_flow),
		cmocka_unit_test(ingress_interface_is_that_of_the_queue),
		cmocka_unit_test(random_packets_pass_and_balance),
	};

	return testrun_main("xdp", &run, hooks, 1, more, sizeof(more) / sizeof(more[0]));
}
