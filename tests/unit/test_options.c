/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of IPFIX and NetFlow v9 against bytes written down by hand from RFC 7011, RFC 5476, RFC
 * 3954 and the IANA registry.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipfix_message.h"

static struct plx_ipfix session;
static struct plx_report told;
static const char *description;
static size_t nr_ifaces;

static void report(void *arg, struct plx_report *ret)
{
	assert_ptr_equal(arg, &session);
	*ret = told;
}

static bool iface(void *arg, size_t index, struct plx_report_iface *ret)
{
	assert_ptr_equal(arg, &session);
	*ret = (struct plx_report_iface){.ifindex = 7 + (uint32_t)index, .name = "eth7"};
	strcpy(ret->description, description);
	return index < nr_ifaces;
}

static void open_session(unsigned int seconds)
{
	const struct plx_options_source source = {report, iface, &session};

	told = (struct plx_report){
		.messages = 0x0102,
		.octets = 0x030405,
		.records = 0x0607,
		.ignored_packets = 40,
		.ignored_octets = 0x1000,
		.unsent_records = 3,
		.unsent_packets = 5,
		.unsent_octets = 0x800,
	};
	description = "up";
	nr_ifaces = 1;
	init(&session);
	plx_ipfix_options(&session, &source, seconds);
}

/* A message with one flow, if that fits. */
static size_t message(uint64_t now_ns, size_t size, bool *ret_fits)
{
	struct plx_flow flow = udp4_flow();
	bool fits;

	memset(msg, 0xee, sizeof(msg));
	plx_ipfix_begin(&session, msg, size, now_ns, WALL_OFFSET);
	fits = plx_ipfix_add(&session, &flow);
	if (ret_fits)
		*ret_fits = fits;
	else
		assert_true(fits);
	return plx_ipfix_end(&session, now_ns);
}

static void assert_bytes(const uint8_t *got, const uint8_t *want, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (got[i] != want[i])
			fail_msg("octet %zu is %02x, not %02x", i, got[i], want[i]);
}

/* clang-format off */
static const uint8_t templates[] = {
	/* RFC 7011, 3.4.2.2: set 3, length; id, fields, scopes. Each alone in its set. */
	0x00, 0x03, 0x00, 0x18,
	0x01, 0x0e, 0x00, 0x03, 0x00, 0x01,	/* 270: of an interface */
	0x00, 0x0a, 0x00, 0x04,			/* scope ingressInterface */
	0x00, 0x52, 0xff, 0xff,			/* interfaceName, variable */
	0x00, 0x53, 0xff, 0xff,			/* interfaceDescription */
	0x00, 0x00,				/* padding */
	0x00, 0x03, 0x00, 0x1c,
	0x01, 0x1e, 0x00, 0x04, 0x00, 0x01,	/* 286: 4.1, what was sent */
	0x00, 0x95, 0x00, 0x04,			/* scope observationDomainId */
	0x00, 0x29, 0x00, 0x08,			/* exportedMessageTotalCount */
	0x00, 0x2a, 0x00, 0x08,			/* exportedFlowRecordTotalCount */
	0x00, 0x28, 0x00, 0x08,			/* exportedOctetTotalCount */
	0x00, 0x00,
	0x00, 0x03, 0x00, 0x24,
	0x01, 0x2e, 0x00, 0x06, 0x00, 0x02,	/* 302: 4.2, reliability of metering */
	0x00, 0x95, 0x00, 0x04,			/* scopes observationDomainId, */
	0x00, 0x8f, 0x00, 0x04,			/* meteringProcessId */
	0x00, 0xa4, 0x00, 0x08,			/* ignoredPacketTotalCount */
	0x00, 0xa5, 0x00, 0x08,			/* ignoredOctetTotalCount */
	0x01, 0x43, 0x00, 0x08,			/* observationTimeMilliseconds, first, */
	0x01, 0x43, 0x00, 0x08,			/* and last */
	0x00, 0x00,
	0x00, 0x03, 0x00, 0x24,
	0x01, 0x3e, 0x00, 0x06, 0x00, 0x01,	/* 318: 4.3, reliability of exporting */
	0x00, 0x90, 0x00, 0x04,			/* scope exportingProcessId */
	0x00, 0xa6, 0x00, 0x08,			/* notSentFlowTotalCount */
	0x00, 0xa7, 0x00, 0x08,			/* notSentPacketTotalCount */
	0x00, 0xa8, 0x00, 0x08,			/* notSentOctetTotalCount */
	0x01, 0x43, 0x00, 0x08,
	0x01, 0x43, 0x00, 0x08,
	0x00, 0x00,
	0x00, 0x03, 0x00, 0x14,
	0x01, 0x6e, 0x00, 0x02, 0x00, 0x01,	/* 366: 4.4, flow keys */
	0x00, 0x91, 0x00, 0x02,			/* scope templateId */
	0x00, 0xad, 0x00, 0x08,			/* flowKeyIndicator */
	0x00, 0x00,
};

static const uint8_t records[] = {
	0x01, 0x0e, 0x00, 0x10,			/* interfaces */
	0x00, 0x00, 0x00, 0x07,
	0x04, 'e', 't', 'h', '7',		/* RFC 7011, 7 */
	0x02, 'u', 'p',
	0x01, 0x1e, 0x00, 0x20,			/* what was sent */
	0xa1, 0xa2, 0xa3, 0xa4,
	0, 0, 0, 0, 0, 0, 0x01, 0x02,
	0, 0, 0, 0, 0, 0, 0x06, 0x07,
	0, 0, 0, 0, 0, 0x03, 0x04, 0x05,
	0x01, 0x2e, 0x00, 0x2c,			/* ignored */
	0xa1, 0xa2, 0xa3, 0xa4,
	0, 0, 0, 1,
	0, 0, 0, 0, 0, 0, 0, 40,
	0, 0, 0, 0, 0, 0, 0x10, 0x00,
	0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb5, 0x98, /* 1700005000600 ms */
	0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb5, 0x98,
	0x01, 0x3e, 0x00, 0x30,			/* not sent */
	0, 0, 0, 1,
	0, 0, 0, 0, 0, 0, 0, 3,
	0, 0, 0, 0, 0, 0, 0, 5,
	0, 0, 0, 0, 0, 0, 0x08, 0x00,
	0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb5, 0x98,
	0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb5, 0x98,
	0x01, 0x6e, 0x00, 0x10,			/* keys */
	0x01, 0x00,				/* of template 256: */
	/* the first is bit 0: 8 12 7 11 4 - - - - - - 10 14 61 - 58 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xb8, 0x1f,
	0x00, 0x00,
};
/* clang-format on */

static void templates_come_one_message_before_their_records(void **state)
{
	size_t size;

	(void)state;
	open_session(60);
	size = message(MONO_NS, 1372, NULL);
	assert_bytes(msg + 16, templates, sizeof(templates));
	assert_int_equal(session.templates, 6); /* and that of the flow */
	assert_int_equal(get32(msg + 8), 0);
	assert_true(size > 16 + sizeof(templates));

	size = message(MONO_NS, 1372, NULL);
	assert_bytes(msg + 16, records, sizeof(records));
	assert_int_equal(session.options, 5);
	assert_int_equal(session.records, 1);
	assert_int_equal(get32(msg + 8), 1);
	assert_int_equal(get16(msg + 16 + sizeof(records)), 256);

	/* Records of options are numbered, too (RFC 7011, 3.1). */
	message(MONO_NS + SECOND, 1372, NULL);
	assert_int_equal(get32(msg + 8), 1 + 5 + 1);
	assert_int_equal(session.options, 0);
	assert_int_equal(session.templates, 0);
}

static void they_are_repeated_after_their_time(void **state)
{
	(void)state;
	open_session(10);
	message(MONO_NS, 1372, NULL);
	message(MONO_NS, 1372, NULL);
	message(MONO_NS + 10 * SECOND - 1, 1372, NULL);
	assert_int_equal(session.templates, 0);
	told.ignored_packets++;
	message(MONO_NS + 10 * SECOND, 1372, NULL);
	assert_int_equal(session.templates, 5);
	message(MONO_NS + 10 * SECOND, 1372, NULL);
	assert_int_equal(session.options, 5);
	/* the first time stays, the last moves; what has not risen has its old one */
	assert_int_equal(get64(msg + 16 + 16 + 32 + 28), 1700005000600);
	assert_int_equal(get64(msg + 16 + 16 + 32 + 36), 1700005010600);
	assert_int_equal(get64(msg + 16 + 16 + 32 + 44 + 40), 1700005000600);
}

static void without_a_time_there_are_none(void **state)
{
	(void)state;
	open_session(0);
	for (int i = 0; i < 5; i++) {
		message(MONO_NS + (uint64_t)i * 100000 * SECOND, 1372, NULL);
		assert_int_equal(session.options, 0);
		assert_true(session.templates <= 1);
	}
}

/* Few fit into each message, and flows get on all the same. */
static void flows_get_on_in_small_messages(void **state)
{
	unsigned int options = 0, option_templates = 0, messages = 0;
	uint32_t sequence = 0;
	bool fits;

	(void)state;
	open_session(60);
	nr_ifaces = 50;
	while (options < 54) {
		message(MONO_NS, PLX_IPFIX_SIZE_MIN, &fits);
		assert_int_equal(get32(msg + 8), sequence);
		sequence += session.records + session.options;
		options += session.options;
		option_templates += session.templates;
		assert_true(fits || session.options || session.templates);
		if (!fits) {
			message(MONO_NS, PLX_IPFIX_SIZE_MIN, NULL);
			assert_int_equal(session.options, 0);
			assert_int_equal(get32(msg + 8), sequence);
			option_templates += session.templates;
			sequence++;
		}
		assert_true(messages++ < 60);
	}
	assert_int_equal(options, 54);
	assert_int_equal(option_templates, 6);
}

/* Length octets, and characters that are not cut. */
static void texts_are_of_any_length(void **state)
{
	static const size_t lengths[] = {0, 1, 254, 255};
	char text[256];

	(void)state;
	for (size_t i = 0; i < LEN(lengths); i++) {
		const uint8_t *p = msg + 16 + 4 + 4 + 5;

		open_session(60);
		memset(text, 'x', sizeof(text));
		text[lengths[i]] = '\0';
		description = text;
		message(MONO_NS, 1372, NULL);
		message(MONO_NS, 1372, NULL);
		if (lengths[i] < 255) {
			assert_int_equal(*p++, lengths[i]);
		} else {
			assert_int_equal(*p++, 255);
			assert_int_equal(get16(p), 255);
			p += 2;
		}
		assert_memory_equal(p, text, lengths[i]);
		/* what follows is padding and the next set */
		p += lengths[i];
		while ((p - msg) % 4)
			assert_int_equal(*p++, 0);
		assert_int_equal(get16(p), 286);
	}
}

static void sampling_is_told_in_two_ways(void **state)
{
	/* clang-format off */
	static const uint8_t wanted[] = {
		0x01, 0x4e, 0x00, 0x18,			/* RFC 5476, 6.5.2: 334 */
		0, 0, 0, 0, 0, 0, 0, 1,			/* selectorId */
		0x00, 0x04,				/* uniform probabilistic */
		0x3f, 0x84, 0x7a, 0xe1, 0x47, 0xae, 0x14, 0x7b, /* 0.01 */
		0x00, 0x00,
		0x01, 0x5e, 0x00, 0x0c,			/* 350 */
		0xa1, 0xa2, 0xa3, 0xa4,			/* observationDomainId */
		0x00, 0x00, 0x00, 0x64,			/* samplingInterval */
	};
	/* clang-format on */
	const size_t before = 16 + 16 + 32 + 44 + 48;

	(void)state;
	open_session(60);
	told.sampling_interval = 100;
	message(MONO_NS, 1372, NULL);
	message(MONO_NS, 1372, NULL);
	assert_bytes(msg + before, wanted, sizeof(wanted));
	/* Of flows there is no selector of packets. */
	open_session(60);
	told.sampling_interval = 100;
	told.sampling_flows = true;
	message(MONO_NS, 1372, NULL);
	message(MONO_NS, 1372, NULL);
	assert_bytes(msg + before, wanted + 24, sizeof(wanted) - 24);
}

/* clang-format off */
static const uint8_t netflow9_templates[] = {
	/* RFC 3954, 6.1: FlowSet 1, length; id, octets of scopes, octets of options */
	0x00, 0x01, 0x00, 0x18,
	0x01, 0x0e, 0x00, 0x04, 0x00, 0x08,
	0x00, 0x02, 0x00, 0x04,			/* scope Interface */
	0x00, 0x52, 0x00, 0x10,			/* IF_NAME */
	0x00, 0x53, 0x00, 0x40,			/* IF_DESC */
	0x00, 0x00,				/* padding, in the length */
	0x00, 0x01, 0x00, 0x1c,
	0x01, 0x1e, 0x00, 0x04, 0x00, 0x0c,
	0x00, 0x01, 0x00, 0x04,			/* scope System */
	0x00, 0x29, 0x00, 0x08,			/* TOTAL_PKTS_EXP */
	0x00, 0x2a, 0x00, 0x08,			/* TOTAL_FLOWS_EXP */
	0x00, 0x28, 0x00, 0x08,			/* TOTAL_BYTES_EXP */
	0x00, 0x00,
};
static const uint8_t netflow9_records[] = {
	0x01, 0x0e, 0x00, 0x58,
	0x00, 0x00, 0x00, 0x07,
	'e', 't', 'h', '7', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	'u', 'p', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x01, 0x1e, 0x00, 0x20,
	0xa1, 0xa2, 0xa3, 0xa4,
	0, 0, 0, 0, 0, 0, 0x01, 0x02,
	0, 0, 0, 0, 0, 0, 0x06, 0x07,
	0, 0, 0, 0, 0, 0x03, 0x04, 0x05,
};
/* clang-format on */

static void netflow_v9_has_scopes_of_its_own(void **state)
{
	(void)state;
	open_session(60);
	plx_ipfix_netflow9(&session, true);
	message(MONO_NS, 1372, NULL);
	assert_bytes(msg + 20, netflow9_templates, sizeof(netflow9_templates));
	assert_int_equal(get16(msg + 2), 2 + 1 + 1); /* all records */
	message(MONO_NS, 1372, NULL);
	assert_bytes(msg + 20, netflow9_records, sizeof(netflow9_records));
	assert_int_equal(get16(msg + 2), 2 + 1);
	assert_int_equal(get32(msg + 12), 1); /* messages are numbered */
}

/* nfdump's form of interface names; the last octet is NUL, whatever the name. */
static void lean_sessions_have_names_as_nfdump_reads_them(void **state)
{
	/* clang-format off */
	static const uint8_t template[] = {
		0x00, 0x03, 0x00, 0x18,
		0x01, 0x0e, 0x00, 0x03, 0x00, 0x01,
		0x00, 0x8f, 0x00, 0x04,	/* scope meteringProcessId */
		0x00, 0x0a, 0x00, 0x04,	/* ingressInterface */
		0x00, 0x53, 0x00, 0x40,	/* interfaceDescription, fixed */
		0x00, 0x00,
	};
	static const uint8_t record[] = {
		0x01, 0x0e, 0x00, 0x4c,
		0x00, 0x00, 0x00, 0x01,
		0x00, 0x00, 0x00, 0x07,
		'e', 't', 'h', '7', 0,
	};
	/* clang-format on */

	(void)state;
	open_session(60);
	plx_ipfix_fields(&session, PLX_FIELDS_NFDUMP);
	message(MONO_NS, 1372, NULL);
	assert_bytes(msg + 16, template, sizeof(template));
	message(MONO_NS, 1372, NULL);
	assert_bytes(msg + 16, record, sizeof(record));
}

static void characters_are_not_cut(void **state)
{
	char text[256];

	(void)state;
	open_session(60);
	plx_ipfix_netflow9(&session, true);
	memset(text, 'x', sizeof(text));
	strcpy(text + 62, "\xc3\xbc"); /* 63 octets have room for its first one only */
	description = text;
	message(MONO_NS, 1372, NULL);
	message(MONO_NS, 1372, NULL);
	assert_int_equal(msg[20 + 4 + 4 + 16 + 61], 'x');
	assert_int_equal(msg[20 + 4 + 4 + 16 + 62], 0);
	assert_int_equal(msg[20 + 4 + 4 + 16 + 63], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates_come_one_message_before_their_records),
		cmocka_unit_test(they_are_repeated_after_their_time),
		cmocka_unit_test(without_a_time_there_are_none),
		cmocka_unit_test(flows_get_on_in_small_messages),
		cmocka_unit_test(texts_are_of_any_length),
		cmocka_unit_test(sampling_is_told_in_two_ways),
		cmocka_unit_test(netflow_v9_has_scopes_of_its_own),
		cmocka_unit_test(lean_sessions_have_names_as_nfdump_reads_them),
		cmocka_unit_test(characters_are_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
