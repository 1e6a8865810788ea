/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetFlow v9: what differs from IPFIX, byte by byte, written down by hand from RFC 3954. The
 * records are those of test_ipfix.c.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ipfix_message.h"

static struct plx_ipfix session;

static void open_session(bool uptime)
{
	init(&session);
	plx_ipfix_netflow9(&session, uptime);
}

/* A UDP flow over IPv4 without anything special, which began 10 s before its message, ended 0.3501
 * s. */
static struct plx_flow plain_flow(void)
{
	return (struct plx_flow){
		.key = {.source = {htonl(0xc0000201)},
			.dest = {htonl(0xc6336402)},
			.source_port = htons(49152),
			.dest_port = htons(53),
			.ifindex = 7,
			.protocol = 17,
			.flags = PLX_KEY_IPV4},
		.stats = {.packets = 3,
			  .octets = 300,
			  .frame_octets = 342,
			  .first_ns = MONO_NS - 10 * SECOND,
			  .last_ns = MONO_NS - 350100000,
			  .shape = PLX_SHAPE(90, 120, 0, 64, 64),
			  .first = {.source_mac = {2, 0, 0, 0, 0, 1},
				    .dest_mac = {2, 0, 0, 0, 0, 2},
				    .tos = 0x10}},
		.id = 9,
		.end_reason = PLX_END_IDLE,
	};
}

/* clang-format off */
static const uint8_t golden[] = {
	0x00, 0x09, 0x00, 0x02,	/* RFC 3954, 5.1: version 9; 2 records, one is the template */
	0x00, 0x4c, 0x4f, 0x28,	/* sysUptime 5001000 at the full second of the next field */
	0x65, 0x54, 0x04, 0x89,	/* 1700005001, the second after the end of the flow */
	0x00, 0x00, 0x00, 0x00,	/* sequence number of the message */
	0xa1, 0xa2, 0xa3, 0xa4,	/* source id */
	0x00, 0x00, 0x00, 0x78,	/* 5.2: template FlowSet, 120 octets */
	0x01, 0x00, 0x00, 0x1c,	/* template 256 of 28 fields */
	0x00, 0x08, 0x00, 0x04,	/* IPV4_SRC_ADDR */
	0x00, 0x0c, 0x00, 0x04,	/* IPV4_DST_ADDR */
	0x00, 0x07, 0x00, 0x02,	/* L4_SRC_PORT */
	0x00, 0x0b, 0x00, 0x02,	/* L4_DST_PORT */
	0x00, 0x04, 0x00, 0x01,	/* PROTOCOL */
	0x00, 0x05, 0x00, 0x01,	/* TOS */
	0x00, 0x06, 0x00, 0x01,	/* TCP_FLAGS */
	0x00, 0x01, 0x00, 0x08,	/* IN_BYTES */
	0x00, 0x02, 0x00, 0x08,	/* IN_PKTS */
	0x00, 0x16, 0x00, 0x04,	/* FIRST_SWITCHED (22) */
	0x00, 0x15, 0x00, 0x04,	/* LAST_SWITCHED (21) */
	0x00, 0x0a, 0x00, 0x04,	/* INPUT_SNMP */
	0x00, 0x0e, 0x00, 0x04,	/* OUTPUT_SNMP */
	0x00, 0x3d, 0x00, 0x01,	/* DIRECTION */
	0x00, 0x88, 0x00, 0x01,	/* 136, as in IPFIX, and so are others above 127 */
	0x00, 0x3a, 0x00, 0x02,	/* SRC_VLAN */
	0x00, 0xf3, 0x00, 0x02,	/* 243 */
	0x00, 0x38, 0x00, 0x06,	/* IN_SRC_MAC */
	0x00, 0x50, 0x00, 0x06,	/* IN_DST_MAC */
	0x00, 0x3c, 0x00, 0x01,	/* IP_PROTOCOL_VERSION */
	0x00, 0x34, 0x00, 0x01,	/* MIN_TTL */
	0x00, 0x35, 0x00, 0x01,	/* MAX_TTL */
	0x00, 0x19, 0x00, 0x02,	/* MIN_PKT_LNGTH */
	0x00, 0x1a, 0x00, 0x02,	/* MAX_PKT_LNGTH */
	0x01, 0x60, 0x00, 0x08,	/* 352 */
	0x00, 0xc5, 0x00, 0x01,	/* 197 */
	0x00, 0xf4, 0x00, 0x01,	/* 244 */
	0x00, 0xf5, 0x00, 0x02,	/* 245 */
	0x01, 0x00, 0x00, 0x58,	/* 5.3: data FlowSet of template 256, 88 octets */
	192, 0, 2, 1, 198, 51, 100, 2, 0xc0, 0x00, 0x00, 0x35, 17, 0x10, 0x00,
	0, 0, 0, 0, 0, 0, 0x01, 0x2c,
	0, 0, 0, 0, 0, 0, 0, 3,
	0x00, 0x4c, 0x26, 0x88,	/* 4990600 ms since boot */
	0x00, 0x4c, 0x4c, 0x39,	/* 5000249 */
	0, 0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 4, 64, 64, 0, 90, 0, 120,
	0, 0, 0, 0, 0, 0, 0x01, 0x56, 0, 0, 0, 0,
};
/* clang-format on */

static void message_is_as_written_down(void **state)
{
	struct plx_flow flow = plain_flow();
	size_t size;

	(void)state;
	open_session(true);
	begin(&session, 1372);
	assert_true(plx_ipfix_add(&session, &flow));
	size = plx_ipfix_end(&session, MONO_NS);
	for (size_t i = 0; i < size && i < sizeof(golden); i++)
		if (msg[i] != golden[i])
			fail_msg("octet %zu is %02x, not %02x", i, msg[i], golden[i]);
	assert_int_equal(size, sizeof(golden));
}

/* Not by records, and also of what never became a message. */
static void messages_are_numbered(void **state)
{
	struct plx_flow flow = plain_flow();

	(void)state;
	open_session(true);
	for (uint32_t i = 0; i < 3; i++) {
		begin(&session, 1372);
		for (int k = 0; k < 5; k++)
			assert_true(plx_ipfix_add(&session, &flow));
		plx_ipfix_end(&session, MONO_NS);
		assert_int_equal(get32(msg + 12), i);
		assert_int_equal(get16(msg + 2), i == 0 ? 6 : 5);
	}
	for (int i = 0; i < 20; i++)
		plx_ipfix_skip(&session);
	begin(&session, 1372);
	plx_ipfix_end(&session, MONO_NS);
	assert_int_equal(get32(msg + 12), 4);
}

/* As nfcapd computes it, without regard to wraps. */
static uint64_t told_ms(const uint8_t *time)
{
	return get32(msg + 8) * 1000ull - get32(msg + 4) + get32(time);
}

/* 49.7 days after boot 32 bits of milliseconds are used up. */
static void uptime_never_wraps(void **state)
{
	const uint64_t wrap_ns = (1ull << 32) * 1000000;
	struct plx_flow flow = plain_flow();

	(void)state;
	for (int64_t at = -100000; at <= 100000; at += 1000) {
		uint64_t now_ns = wrap_ns + (uint64_t)(at * (int64_t)SECOND) + 600000000;

		open_session(true);
		flow.stats.first_ns = now_ns - 60 * SECOND;
		flow.stats.last_ns = now_ns - SECOND / 10;
		plx_ipfix_begin(&session, msg, 1372, now_ns, WALL_OFFSET);
		assert_true(plx_ipfix_add(&session, &flow));
		plx_ipfix_end(&session, now_ns + SECOND);
		assert_int_equal(told_ms(msg + 20 + 120 + 4 + 31),
				 (flow.stats.first_ns + (uint64_t)WALL_OFFSET) / 1000000);
		assert_int_equal(told_ms(msg + 20 + 120 + 4 + 35),
				 (flow.stats.last_ns + (uint64_t)WALL_OFFSET) / 1000000);
		assert_true(get32(msg + 20 + 120 + 4 + 35) <= get32(msg + 4));
	}
}

/* Of a capture flows may be older than 32 bits of milliseconds: times are those of IPFIX. */
static void captures_have_absolute_times(void **state)
{
	struct plx_flow flow = plain_flow();
	bool has[256] = {};

	(void)state;
	open_session(false);
	begin(&session, 1372);
	assert_true(plx_ipfix_add(&session, &flow));
	plx_ipfix_end(&session, MONO_NS);
	for (unsigned int i = 0; i < get16(msg + 26); i++)
		if (get16(msg + 28 + 4 * i) < 256)
			has[get16(msg + 28 + 4 * i)] = true;
	assert_true(has[152] && has[153]);
	assert_false(has[21] || has[22] || has[148]);
}

/* Here and in IPFIX: samplingInterval, the last field but what few flows have. */
static void records_of_a_sample_say_so(void **state)
{
	struct plx_flow flow = plain_flow();

	(void)state;
	flow.sampling_interval = 100;
	for (int netflow9 = 0; netflow9 < 2; netflow9++) {
		unsigned int header = netflow9 ? 20 : 16, last, size;

		init(&session);
		plx_ipfix_sampled(&session);
		if (netflow9)
			plx_ipfix_netflow9(&session, true);
		begin(&session, 1372);
		assert_true(plx_ipfix_add(&session, &flow));
		size = plx_ipfix_end(&session, MONO_NS);
		last = get16(msg + header + 6) - 1;
		assert_int_equal(get16(msg + header + 8 + 4 * last), 34);
		assert_int_equal(get16(msg + header + 10 + 4 * last), 4);
		/* at the end of the record; padding is up to three octets */
		size -= session.set_size % 4 ? 4 - session.set_size % 4 : 0;
		assert_int_equal(get32(msg + size - 4), 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_is_as_written_down),
		cmocka_unit_test(messages_are_numbered),
		cmocka_unit_test(uptime_never_wraps),
		cmocka_unit_test(captures_have_absolute_times),
		cmocka_unit_test(records_of_a_sample_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
