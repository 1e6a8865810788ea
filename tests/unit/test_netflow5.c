/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetFlow v5 packets against bytes written down by hand. There is no RFC: offsets are those of
 * Cisco's table of the export format, version 5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/netflow5.h"
#include "ipfix_message.h"

static struct plx_netflow5 session;

static void begin5(size_t size)
{
	memset(msg, 0xee, sizeof(msg));
	plx_netflow5_begin(&session, msg, size, MONO_NS, WALL_OFFSET);
}

/* clang-format off */
static const uint8_t golden[] = {
	/* header, 24 octets */
	0x00, 0x05, 0x00, 0x01,	/* 0: version 5, one record */
	0x00, 0x4c, 0x4d, 0x98,	/* 4: sysUptime 5000600 ms */
	0x65, 0x54, 0x04, 0x88,	/* 8: unix_secs 1700005000 */
	0x23, 0xc3, 0x46, 0x00,	/* 12: unix_nsecs 600000000 */
	0x00, 0x00, 0x00, 0x00,	/* 16: flow_sequence, records before */
	0x00, 0xa4,		/* 20: engine_type, engine_id: low octet of the domain */
	0x00, 0x00,		/* 22: no sampling */
	/* record, 48 octets */
	192, 0, 2, 1,		/* 0: srcaddr */
	198, 51, 100, 2,	/* 4: dstaddr */
	0, 0, 0, 0,		/* 8: nexthop */
	0x00, 0x07, 0x00, 0x00,	/* 12: input, output */
	0xff, 0xff, 0xff, 0xff,	/* 16: dPkts, more than 32 bits */
	0xff, 0xff, 0xff, 0xff,	/* 20: dOctets, same */
	0x00, 0x4c, 0x24, 0x31,	/* 24: First 4990001 ms */
	0x00, 0x4c, 0x4c, 0x3a,	/* 28: Last 5000250 ms */
	0xc0, 0x00, 0x01, 0xbb,	/* 32: srcport 49152, dstport 443 */
	0x00,			/* 36: pad */
	0x1b, 0x06, 0xb8,	/* 37: tcp_flags, prot, tos */
	0x00, 0x00, 0x00, 0x00,	/* 40: src_as, dst_as */
	0x00, 0x00, 0x00, 0x00,	/* 44: src_mask, dst_mask, pad */
};
/* clang-format on */

static void packet_is_as_written_down(void **state)
{
	struct plx_flow flow = tcp4_flow();
	size_t size;

	(void)state;
	plx_netflow5_init(&session, 0xa1a2a3a4);
	begin5(1464);
	assert_true(plx_netflow5_add(&session, &flow));
	size = plx_netflow5_end(&session, MONO_NS);
	for (size_t i = 0; i < size && i < sizeof(golden); i++)
		if (msg[i] != golden[i])
			fail_msg("octet %zu is %02x, not %02x", i, msg[i], golden[i]);
	assert_int_equal(size, sizeof(golden));
}

static void counters_are_clamped_at_32_bits(void **state)
{
	static const struct {
		uint64_t count;
		uint32_t told;
	} cases[] = {{4294967294, 4294967294}, {4294967295, 4294967295}, {4294967296, 4294967295}};
	struct plx_flow flow = tcp4_flow();

	(void)state;
	plx_netflow5_init(&session, 1);
	for (size_t i = 0; i < LEN(cases); i++) {
		flow.stats.packets = flow.stats.octets = cases[i].count;
		begin5(1464);
		assert_true(plx_netflow5_add(&session, &flow));
		plx_netflow5_end(&session, MONO_NS);
		assert_int_equal(get32(msg + 24 + 16), cases[i].told);
		assert_int_equal(get32(msg + 24 + 20), cases[i].told);
	}
}

static void thirty_records_fill_a_packet(void **state)
{
	static const size_t sizes[][2] = {{1464, 30}, {65535, 30}, {1463, 29}, {72, 1}, {119, 1}};
	struct plx_flow flow = udp4_flow();
	uint32_t sent = 0;

	(void)state;
	plx_netflow5_init(&session, 1);
	for (size_t i = 0; i < LEN(sizes); i++) {
		begin5(sizes[i][0]);
		for (size_t n = 0; n < sizes[i][1]; n++)
			assert_true(plx_netflow5_add(&session, &flow));
		assert_false(plx_netflow5_add(&session, &flow));
		assert_int_equal(plx_netflow5_end(&session, MONO_NS), 24 + 48 * sizes[i][1]);
		assert_int_equal(get16(msg + 2), sizes[i][1]);
		assert_int_equal(get32(msg + 16), sent);
		assert_int_equal(msg[24 + 48 * sizes[i][1]], 0xee);
		sent += (uint32_t)sizes[i][1];
	}
	/* A record that was lost is a gap. */
	plx_netflow5_skip(&session);
	begin5(1464);
	plx_netflow5_end(&session, MONO_NS);
	assert_int_equal(get32(msg + 16), sent + 1);
	/* 2^32 records */
	session.sequence = UINT32_MAX;
	begin5(1464);
	assert_true(plx_netflow5_add(&session, &flow));
	plx_netflow5_end(&session, MONO_NS);
	begin5(1464);
	plx_netflow5_end(&session, MONO_NS);
	assert_int_equal(get32(msg + 16), 0);
}

static void only_ipv4_can_be_told(void **state)
{
	struct plx_flow flow = udp4_flow();

	(void)state;
	assert_true(plx_netflow5_takes(&flow));
	flow = icmp6_flow();
	assert_false(plx_netflow5_takes(&flow));
	/* Of a tunnel it is the inner flow that counts. */
	flow = udp4_flow();
	put_in_tunnel(&flow, 6, 4, PLX_TUNNEL_IP, 0);
	assert_true(plx_netflow5_takes(&flow));
}

static void icmp_type_and_code_are_the_destination_port(void **state)
{
	struct plx_flow flow = icmp4_flow();

	(void)state;
	plx_netflow5_init(&session, 1);
	begin5(1464);
	assert_true(plx_netflow5_add(&session, &flow));
	plx_netflow5_end(&session, MONO_NS);
	assert_int_equal(get32(msg + 24 + 32), 3 * 256 + 4);
	assert_int_equal(msg[24 + 38], 1);
}

static void interface_of_more_than_16_bits_is_unknown(void **state)
{
	static const uint32_t indices[][2] = {{65535, 65535}, {65536, 0}, {70000, 0}};
	struct plx_flow flow = udp4_flow();

	(void)state;
	plx_netflow5_init(&session, 1);
	for (size_t i = 0; i < LEN(indices); i++) {
		flow.key.ifindex = flow.post.ifindex = indices[i][0];
		begin5(1464);
		assert_true(plx_netflow5_add(&session, &flow));
		plx_netflow5_end(&session, MONO_NS);
		assert_int_equal(get16(msg + 24 + 12), indices[i][1]);
		assert_int_equal(get16(msg + 24 + 14), indices[i][1]);
	}
}

static void sampling_is_in_the_header(void **state)
{
	static const struct {
		uint32_t interval;
		unsigned int field;
	} cases[] = {{0, 0}, {1, 0}, {2, 0x4002}, {16383, 0x7fff}, {1000000, 0x7fff}};
	struct plx_flow flow = udp4_flow();

	(void)state;
	plx_netflow5_init(&session, 1);
	for (size_t i = 0; i < LEN(cases); i++) {
		flow.sampling_interval = cases[i].interval;
		begin5(1464);
		assert_true(plx_netflow5_add(&session, &flow));
		flow.sampling_interval = 77; /* of another packet */
		assert_false(plx_netflow5_add(&session, &flow));
		plx_netflow5_end(&session, MONO_NS);
		assert_int_equal(get16(msg + 22), cases[i].field);
	}
}

/* As a collector computes it, in 64 bits and without regard to wraps. */
static uint64_t told_ms(const uint8_t *time)
{
	return get32(msg + 8) * 1000ull + get32(msg + 12) / 1000000 - get32(msg + 4) + get32(time);
}

static void check_times(uint64_t now_ns, int64_t offset_ns, uint64_t first_ns, uint64_t last_ns)
{
	struct plx_flow flow = udp4_flow();

	flow.stats.first_ns = first_ns;
	flow.stats.last_ns = last_ns;
	plx_netflow5_init(&session, 1);
	plx_netflow5_begin(&session, msg, 1464, now_ns, offset_ns);
	assert_true(plx_netflow5_add(&session, &flow));
	plx_netflow5_end(&session, now_ns);
	assert_int_equal(told_ms(msg + 24 + 24), (first_ns + (uint64_t)offset_ns) / 1000000);
	assert_int_equal(told_ms(msg + 24 + 28), (last_ns + (uint64_t)offset_ns) / 1000000);
	/* not later than its packet */
	assert_true(get32(msg + 24 + 28) <= get32(msg + 4));
}

static void no_time_wraps(void **state)
{
	const uint64_t wrap_ns = (1ull << 32) * 1000000;
	static const uint64_t hours = 3600 * SECOND;

	(void)state;
	check_times(MONO_NS, WALL_OFFSET, MONO_NS - 60 * SECOND, MONO_NS);
	for (int64_t at = -20; at <= 20; at += 2) {
		uint64_t now = wrap_ns + (uint64_t)(at * (int64_t)SECOND);

		check_times(now, WALL_OFFSET, now - 10 * SECOND, now - SECOND);
	}
	check_times(10 * wrap_ns, WALL_OFFSET, 10 * wrap_ns - 24 * hours, 10 * wrap_ns);
	/* a capture of 2010, told today */
	check_times(1700000000 * SECOND, 0, 1262304000 * SECOND, 1262304060 * SECOND);
	/* and one that goes on */
	check_times(1700000000 * SECOND, 0, 1699999000 * SECOND, 1700000000 * SECOND);
}

/* Flows that one time of boot cannot tell are in two packets. */
static void flows_of_captures_years_apart_are_in_two_packets(void **state)
{
	struct plx_flow old = udp4_flow(), new = udp4_flow();

	(void)state;
	old.stats.first_ns = 1262304000 * SECOND;
	old.stats.last_ns = 1262304060 * SECOND;
	new.stats.first_ns = 1500000000 * SECOND;
	new.stats.last_ns = 1500000060 * SECOND;
	plx_netflow5_init(&session, 1);
	plx_netflow5_begin(&session, msg, 1464, 1700000000 * SECOND, 0);
	assert_true(plx_netflow5_add(&session, &old));
	assert_false(plx_netflow5_add(&session, &new));
	plx_netflow5_end(&session, 1700000000 * SECOND);
	assert_int_equal(told_ms(msg + 24 + 24), 1262304000000);
	plx_netflow5_begin(&session, msg, 1464, 1700000000 * SECOND, 0);
	assert_true(plx_netflow5_add(&session, &new));
	plx_netflow5_end(&session, 1700000000 * SECOND);
	assert_int_equal(told_ms(msg + 24 + 24), 1500000000000);
	assert_int_equal(get32(msg + 16), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_is_as_written_down),
		cmocka_unit_test(counters_are_clamped_at_32_bits),
		cmocka_unit_test(thirty_records_fill_a_packet),
		cmocka_unit_test(only_ipv4_can_be_told),
		cmocka_unit_test(icmp_type_and_code_are_the_destination_port),
		cmocka_unit_test(interface_of_more_than_16_bits_is_unknown),
		cmocka_unit_test(sampling_is_in_the_header),
		cmocka_unit_test(no_time_wraps),
		cmocka_unit_test(flows_of_captures_years_apart_are_in_two_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
