/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NAT event log in IPFIX, byte by byte: written down by hand from RFC 7011, RFC 8158 and the
 * IANA registry.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipfix_message.h"

static struct plx_ipfix ipfix;

static struct plx_nat_event event4(void)
{
	return nat_event4(5000 * SECOND + 500000000);
}

static struct plx_nat_event event6(void)
{
	return (struct plx_nat_event){
		.before = {.source = {htonl(0xfd010000), 0, 0, htonl(2)},
			   .dest = {htonl(0xfd070000), 0, 0, htonl(1)},
			   .source_port = htons(4000),
			   .dest_port = htons(80),
			   .protocol = 17,
			   .version = 6},
		.after = {.source = {htonl(0xfd020000), 0, 0, htonl(0x100)},
			  .dest = {htonl(0xfd020000), 0, 0, htonl(2)},
			  .source_port = htons(4000),
			  .dest_port = htons(8080),
			  .protocol = 17,
			  .version = 6},
		.at_ns = 5000 * SECOND,
	};
}

/* clang-format off */
static const uint8_t golden4[] = {
	0x00, 0x0a, 0x00, 0x6c,	/* RFC 7011, 3.1: version 10, length 108 */
	0x65, 0x54, 0x04, 0x89,	/* export time: the second after the event */
	0x00, 0x00, 0x00, 0x00,	/* sequence number: no data record before */
	0xa1, 0xa2, 0xa3, 0xa4,	/* observation domain */
	0x00, 0x02, 0x00, 0x34,	/* 3.3.2: set of templates, 52 octets */
	0x01, 0x06, 0x00, 0x0b,	/* 3.4.1: template 262 of 11 fields, RFC 8158, 5.5: */
	0x01, 0x43, 0x00, 0x08,	/* observationTimeMilliseconds (323) */
	0x00, 0x08, 0x00, 0x04,	/* sourceIPv4Address (8) */
	0x00, 0xe1, 0x00, 0x04,	/* postNATSourceIPv4Address (225) */
	0x00, 0x0c, 0x00, 0x04,	/* destinationIPv4Address (12) */
	0x00, 0xe2, 0x00, 0x04,	/* postNATDestinationIPv4Address (226) */
	0x00, 0x04, 0x00, 0x01,	/* protocolIdentifier (4) */
	0x00, 0x07, 0x00, 0x02,	/* sourceTransportPort (7) */
	0x00, 0xe3, 0x00, 0x02,	/* postNAPTSourceTransportPort (227) */
	0x00, 0x0b, 0x00, 0x02,	/* destinationTransportPort (11) */
	0x00, 0xe4, 0x00, 0x02,	/* postNAPTDestinationTransportPort (228) */
	0x00, 0xe6, 0x00, 0x01,	/* natEvent (230) */
	0x01, 0x06, 0x00, 0x28,	/* RFC 7011, 3.3.2: set of data, 40 octets */
	0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb5, 0x34,	/* 1700005000500 */
	10, 1, 0, 2,
	198, 51, 100, 1,
	198, 51, 100, 2,
	198, 51, 100, 2,
	6,
	0x0f, 0xa0,		/* 4000 */
	0x9c, 0x41,		/* 40001 */
	0x01, 0xbb,		/* 443 */
	0x01, 0xbb,
	4,			/* RFC 8158, 4.3: NAT44 session create */
	0x00, 0x00,		/* RFC 7011, 3.3.1: padding */
};

/* Of the second event of a message, of IPv6, all from its template on. */
static const uint8_t golden6[] = {
	0x00, 0x02, 0x00, 0x34,
	0x01, 0x07, 0x00, 0x0b,	/* template 263 */
	0x01, 0x43, 0x00, 0x08,
	0x00, 0x1b, 0x00, 0x10,	/* sourceIPv6Address (27) */
	0x01, 0x19, 0x00, 0x10,	/* postNATSourceIPv6Address (281) */
	0x00, 0x1c, 0x00, 0x10,	/* destinationIPv6Address (28) */
	0x01, 0x1a, 0x00, 0x10,	/* postNATDestinationIPv6Address (282) */
	0x00, 0x04, 0x00, 0x01,
	0x00, 0x07, 0x00, 0x02,
	0x00, 0xe3, 0x00, 0x02,
	0x00, 0x0b, 0x00, 0x02,
	0x00, 0xe4, 0x00, 0x02,
	0x00, 0xe6, 0x00, 0x01,
	0x01, 0x07, 0x00, 0x58,	/* 88 octets */
	0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb3, 0x40,	/* 1700005000000 */
	0xfd, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	0xfd, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
	0xfd, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	0xfd, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	17,
	0x0f, 0xa0,
	0x0f, 0xa0,
	0x00, 0x50,		/* 80 */
	0x1f, 0x90,		/* 8080 */
	2,			/* NAT translation delete: there is none for IPv6 to IPv6 */
	0x00, 0x00,
};
/* clang-format on */

static void session_create_of_ipv4_is_as_written_down(void **state)
{
	struct plx_nat_event event = event4();

	(void)state;
	init(&ipfix);
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add_event(&ipfix, &event));
	assert_int_equal(plx_ipfix_end(&ipfix, MONO_NS), sizeof(golden4));
	assert_memory_equal(msg, golden4, sizeof(golden4));
	assert_int_equal(ipfix.records, 1);
	assert_int_equal(ipfix.templates, 1);
	/* the next one ends, needs no template, and is the second data record */
	event.begins = false;
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add_event(&ipfix, &event));
	assert_int_equal(plx_ipfix_end(&ipfix, MONO_NS), 16 + 40);
	assert_int_equal(get32(msg + 8), 1);
	assert_int_equal(msg[16 + 4 + 33], 5);
}

static void translation_delete_of_ipv6_is_as_written_down(void **state)
{
	struct plx_nat_event first = event4(), event = event6();

	(void)state;
	init(&ipfix);
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add_event(&ipfix, &first));
	assert_true(plx_ipfix_add_event(&ipfix, &event));
	assert_int_equal(plx_ipfix_end(&ipfix, MONO_NS), sizeof(golden4) + sizeof(golden6));
	assert_memory_equal(msg + sizeof(golden4), golden6, sizeof(golden6));
	event.begins = true;
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add_event(&ipfix, &event));
	plx_ipfix_end(&ipfix, MONO_NS);
	assert_int_equal(msg[16 + 4 + 81], 1); /* NAT translation create */
}

/* A record that does not fit is refused and changes nothing. */
static void events_and_flows_share_messages_and_numbers(void **state)
{
	struct plx_nat_event event = event6();
	struct plx_flow flow = tcp4_flow();
	size_t size, records = 0;

	(void)state;
	init(&ipfix);
	begin(&ipfix, PLX_IPFIX_SIZE_MIN);
	assert_true(plx_ipfix_add(&ipfix, &flow));
	while (plx_ipfix_add_event(&ipfix, &event))
		records++;
	size = plx_ipfix_end(&ipfix, MONO_NS);
	assert_true(size <= PLX_IPFIX_SIZE_MIN);
	assert_int_equal(ipfix.records, 1 + records);
	begin(&ipfix, PLX_IPFIX_SIZE_MIN);
	assert_true(plx_ipfix_add_event(&ipfix, &event));
	assert_true(plx_ipfix_add(&ipfix, &flow));
	plx_ipfix_end(&ipfix, MONO_NS);
	assert_int_equal(get32(msg + 8), 1 + records);
}

static void an_event_is_never_later_than_its_message(void **state)
{
	struct plx_nat_event event = event4();

	(void)state;
	event.at_ns = MONO_NS + 10 * SECOND;
	init(&ipfix);
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add_event(&ipfix, &event));
	plx_ipfix_end(&ipfix, MONO_NS);
	assert_true(get64(msg + 16 + 52 + 4) == 1700005000600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_create_of_ipv4_is_as_written_down),
		cmocka_unit_test(translation_delete_of_ipv6_is_as_written_down),
		cmocka_unit_test(events_and_flows_share_messages_and_numbers),
		cmocka_unit_test(an_event_is_never_later_than_its_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
