/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IPFIX encoder against bytes written down by hand from RFC 7011 and the IANA registry. Nothing
 * here uses the encoder's own field table.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/ipfix.h"

#define SECOND	    1000000000ull
#define MONO_NS	    (5000 * SECOND + 600000000)	     /* the clock at 5000.6 s */
#define WALL_OFFSET ((int64_t)(1700000000 * SECOND)) /* wall 1700005000.6 */
#define NO_REFRESH  86400, 1000000

static uint8_t msg[65536];

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

/* TCP at ingress of interface 7, two tags. */
static struct plx_flow tcp4_flow(void)
{
	return (struct plx_flow){
		.key =
			{
				.source = {htonl(0xc0000201)},
				.dest = {htonl(0xc6336402)},
				.source_port = htons(49152),
				.dest_port = htons(443),
				.ifindex = 7,
				.vlan = PLX_VLAN_PRESENT | 0x123,
				.protocol = 6,
				.flags = PLX_KEY_IPV4,
			},
		.stats =
			{
				.packets = 0x0102030405060708,
				.octets = 0x1112131415161718,
				.frame_octets = 0x2122232425262728,
				.first_ns = 4990 * SECOND + 1999999,
				.last_ns = 5000 * SECOND + 250999999,
				.shape = PLX_SHAPE(40, 1500, 0x11b, 57, 64),
				.first =
					{
						.source_mac = {2, 0, 0, 0, 0, 1},
						.dest_mac = {2, 0, 0, 0, 0, 2},
						.ingress_ifindex =
							99, /* means nothing at ingress */
						.customer_vlan = PLX_VLAN_PRESENT | 0xffe,
						.vlan_priority = 5,
						.tos = 0xb8,
					},
				.fragment_flags = 0x40,
			},
		.id = 0x3132333435363738,
		.end_reason = PLX_END_ACTIVE,
	};
}

/* UDP leaving by interface 70000, came in by 3, no tag. */
static struct plx_flow udp6_flow(void)
{
	return (struct plx_flow){
		.key =
			{
				.source = {htonl(0x20010db8), 0, 0, htonl(1)},
				.dest = {htonl(0x20010db8), 0, 0, htonl(2)},
				.source_port = htons(53),
				.dest_port = htons(5353),
				.ifindex = 70000,
				.protocol = 17,
				.flags = PLX_KEY_DIR_OUT,
			},
		.stats =
			{
				.packets = 1,
				.octets = 4294967296,
				.frame_octets = 4294967310,
				.first_ns = 5000 * SECOND,
				.last_ns = 5000 * SECOND,
				.shape = PLX_SHAPE(65535, 65535, 0, 0, 255),
				.first =
					{
						.source_mac = {2, 0, 0, 0, 0, 3},
						.dest_mac = {2, 0, 0, 0, 0, 4},
						.ingress_ifindex = 3,
						.flow_label = 0xabcde,
					},
				.fragment_flags = 0x20,
			},
		.id = 2,
		.end_reason = PLX_END_IDLE,
	};
}

static struct plx_flow icmp4_flow(void)
{
	struct plx_flow flow = tcp4_flow();

	flow.key.protocol = 1;
	flow.key.source_port = 0;
	flow.key.dest_port = htons(3 * 256 + 4);
	flow.stats.shape = PLX_SHAPE(40, 1500, 0, 57, 64);
	return flow;
}

static struct plx_flow icmp6_flow(void)
{
	struct plx_flow flow = udp6_flow();

	flow.key.protocol = 58;
	flow.key.source_port = 0;
	flow.key.dest_port = htons(135 * 256);
	return flow;
}

static void init(struct plx_ipfix *ipfix)
{
	plx_ipfix_init(ipfix, 0xa1a2a3a4, NO_REFRESH);
}

static void begin(struct plx_ipfix *ipfix, size_t size)
{
	/* What is not written must not look like zero padding. */
	memset(msg, 0xee, sizeof(msg));
	plx_ipfix_begin(ipfix, msg, size, MONO_NS, WALL_OFFSET);
}

/* One flow in a message of its own, behind the templates: the set that holds it. */
static const uint8_t *encode_one(const struct plx_flow *flow, size_t *ret_size)
{
	static struct plx_ipfix ipfix;
	size_t skip, size;

	init(&ipfix);
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add(&ipfix, flow));
	size = plx_ipfix_end(&ipfix, MONO_NS);
	skip = 16 + get16(msg + 18);
	*ret_size = size - skip;
	return msg + skip;
}

struct field {
	unsigned int element, size;
};

static const struct field ip4_template[] = {
	{8, 4},	  {12, 4},  {7, 2},   {11, 2},	{4, 1},	  {5, 1},  {6, 1},   {1, 8},
	{2, 8},	  {152, 8}, {153, 8}, {10, 4},	{14, 4},  {61, 1}, {136, 1}, {58, 2},
	{243, 2}, {56, 6},  {80, 6},  {60, 1},	{52, 1},  {53, 1}, {25, 2},  {26, 2},
	{352, 8}, {197, 1}, {244, 1}, {245, 2}, {148, 8},
};
static const struct field ip6_template[] = {
	{27, 16}, {28, 16}, {7, 2},   {11, 2},	{4, 1},	 {5, 1},   {6, 1},   {1, 8},
	{2, 8},	  {152, 8}, {153, 8}, {10, 4},	{14, 4}, {61, 1},  {136, 1}, {58, 2},
	{243, 2}, {56, 6},  {80, 6},  {60, 1},	{52, 1}, {53, 1},  {25, 2},  {26, 2},
	{352, 8}, {197, 1}, {244, 1}, {245, 2}, {31, 4}, {148, 8},
};
static const struct field icmp4_template[] = {
	{8, 4},	 {12, 4},  {7, 2},   {11, 2},  {32, 2},	 {4, 1},   {5, 1},  {6, 1},
	{1, 8},	 {2, 8},   {152, 8}, {153, 8}, {10, 4},	 {14, 4},  {61, 1}, {136, 1},
	{58, 2}, {243, 2}, {56, 6},  {80, 6},  {60, 1},	 {52, 1},  {53, 1}, {25, 2},
	{26, 2}, {352, 8}, {197, 1}, {244, 1}, {245, 2}, {148, 8},
};
static const struct field icmp6_template[] = {
	{27, 16}, {28, 16}, {7, 2},   {11, 2},	{139, 2}, {4, 1},  {5, 1},   {6, 1},
	{1, 8},	  {2, 8},   {152, 8}, {153, 8}, {10, 4},  {14, 4}, {61, 1},  {136, 1},
	{58, 2},  {243, 2}, {56, 6},  {80, 6},	{60, 1},  {52, 1}, {53, 1},  {25, 2},
	{26, 2},  {352, 8}, {197, 1}, {244, 1}, {245, 2}, {31, 4}, {148, 8},
};

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t *assert_template(const uint8_t *p, unsigned int id, const struct field *fields,
				      size_t nr_fields)
{
	assert_int_equal(get16(p), id);
	assert_int_equal(get16(p + 2), nr_fields);
	p += 4;
	for (size_t i = 0; i < nr_fields; i++, p += 4) {
		assert_int_equal(get16(p), fields[i].element);
		assert_int_equal(get16(p + 2), fields[i].size);
	}
	return p;
}

static void first_message_begins_with_all_templates(void **state)
{
	struct plx_ipfix ipfix;
	const uint8_t *p;
	size_t size;

	(void)state;
	init(&ipfix);
	begin(&ipfix, 1372);
	size = plx_ipfix_end(&ipfix, MONO_NS);
	assert_int_equal(ipfix.templates, 4);
	assert_int_equal(get16(msg), 10);
	assert_int_equal(get16(msg + 2), size);
	assert_int_equal(get32(msg + 4), 1700005000);
	assert_int_equal(get32(msg + 8), 0);
	assert_int_equal(get32(msg + 12), 0xa1a2a3a4);
	assert_int_equal(get16(msg + 16), 2);
	assert_int_equal(get16(msg + 18), size - 16);
	p = assert_template(msg + 20, 256, ip4_template, LEN(ip4_template));
	p = assert_template(p, 257, ip6_template, LEN(ip6_template));
	p = assert_template(p, 258, icmp4_template, LEN(icmp4_template));
	p = assert_template(p, 259, icmp6_template, LEN(icmp6_template));
	assert_ptr_equal(p, msg + size);
}

static void tcp_over_ipv4_is_encoded_field_by_field(void **state)
{
	static const uint8_t expected[] = {
		0x01, 0x00, 0x00, 0x68,				/* set 256, 104 bytes */
		192,  0,    2,	  1,	198,  51,   100,  2,	/* addresses */
		0xc0, 0x00, 0x01, 0xbb,				/* ports */
		6,    0xb8, 0x1b,				/* protocol, TOS, flags */
		0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, /* octets */
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, /* packets */
		0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0x8c, 0x31, /* 1700004990001 ms */
		0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb4, 0x3a, /* 1700005000250 ms */
		0,    0,    0,	  7,	0,    0,    0,	  0,	/* interfaces */
		0,    2,					/* direction, end reason */
		0x01, 0x23, 0x01, 0x23,				/* VLAN, twice */
		2,    0,    0,	  0,	0,    1,    2,	  0,	0, 0, 0, 2, /* MAC addresses */
		4,    57,   64,						    /* version, TTL */
		0x00, 0x28, 0x05, 0xdc,					    /* lengths */
		0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,		    /* layer-2 octets */
		0x40, 5,    0x0f, 0xfe,				/* fragment flags, PCP, inner tag */
		0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, /* flow id */
	};
	struct plx_flow flow = tcp4_flow();
	const uint8_t *set;
	size_t size;

	(void)state;
	set = encode_one(&flow, &size);
	assert_int_equal(size, sizeof(expected));
	assert_memory_equal(set, expected, sizeof(expected));
}

static void udp_over_ipv6_at_egress_is_encoded_field_by_field(void **state)
{
	static const uint8_t expected[] = {
		0x01, 0x01, 0x00, 0x84, /* set 257 */
		0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,	  0,	0, 0, 0, 0,
		0,    0,    0,	  1, /* source */
		0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,	  0,	0, 0, 0, 0,
		0,    0,    0,	  2,					    /* destination */
		0,    53,   0x14, 0xe9,					    /* ports */
		17,   0,    0,						    /* protocol ... */
		0,    0,    0,	  1,	0,    0,    0,	  0,		    /* octets */
		0,    0,    0,	  0,	0,    0,    0,	  1,		    /* packets */
		0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb3, 0x40,		    /* start */
		0x00, 0x00, 0x01, 0x8b, 0xd0, 0x31, 0xb3, 0x40,		    /* end */
		0,    0,    0,	  3,	0x00, 0x01, 0x11, 0x70,		    /* interfaces */
		1,    1,						    /* egress, idle */
		0,    0,    0,	  0,					    /* VLAN */
		2,    0,    0,	  0,	0,    3,    2,	  0,	0, 0, 0, 4, /* MAC addresses */
		6,    0,    255,					    /* version, TTL */
		0xff, 0xff, 0xff, 0xff,					    /* lengths */
		0,    0,    0,	  1,	0,    0,    0,	  14,		    /* layer-2 octets */
		0x20, 0,    0,	  0,					    /* fragment ... */
		0x00, 0x0a, 0xbc, 0xde,					    /* flow label */
		0,    0,    0,	  0,	0,    0,    0,	  2,		    /* flow id */
	};
	struct plx_flow flow = udp6_flow();
	const uint8_t *set;
	size_t size;

	(void)state;
	set = encode_one(&flow, &size);
	assert_int_equal(size, sizeof(expected));
	assert_memory_equal(set, expected, sizeof(expected));
}

static void icmp_has_type_and_code_in_two_places(void **state)
{
	struct plx_flow flow = icmp4_flow();
	const uint8_t *set;
	size_t size;

	(void)state;
	set = encode_one(&flow, &size);
	assert_int_equal(get16(set), 258);
	assert_int_equal(size, 4 + 102 + 2);
	assert_int_equal(get16(set + 2), size);
	/* Ports 0 and type * 256 + code, icmpTypeCodeIPv4, protocol. */
	assert_memory_equal(set + 12, ((uint8_t[]){0, 0, 3, 4, 3, 4, 1}), 7);
	assert_memory_equal(set + 106, ((uint8_t[]){0, 0}), 2);

	flow = icmp6_flow();
	set = encode_one(&flow, &size);
	assert_int_equal(get16(set), 259);
	assert_int_equal(size, 4 + 130 + 2);
	assert_memory_equal(set + 36, ((uint8_t[]){0, 0, 135, 0, 135, 0, 58}), 7);
	assert_memory_equal(set + 134, ((uint8_t[]){0, 0}), 2);
}

static void icmp_fragment_without_type_is_no_echo_reply(void **state)
{
	struct plx_flow flow = icmp4_flow();
	const uint8_t *set;
	size_t size;

	(void)state;
	flow.key.dest_port = 0;
	flow.key.flags |= PLX_KEY_FRAGMENT;
	set = encode_one(&flow, &size);
	assert_int_equal(get16(set), 256);
	/* ICMPv6 in IPv4 is not ICMP either. */
	flow = icmp4_flow();
	flow.key.protocol = 58;
	set = encode_one(&flow, &size);
	assert_int_equal(get16(set), 256);
}

/* Offsets of 152 and 153 in an IPv4 set of one record. */
#define START_OFFSET (4 + 31)
#define END_OFFSET   (4 + 39)

static void times_are_ordered_whatever_the_clocks_said(void **state)
{
	static const struct {
		uint64_t first_ns, last_ns, start_ms, end_ms;
		uint32_t export_s;
	} cases[] = {
		/* the usual */
		{4000 * SECOND, 4999 * SECOND, 1700004000000, 1700004999000, 1700005000},
		/* ended within the second of the export: the header rounds up */
		{4000 * SECOND, 5000 * SECOND + 1000000, 1700004000000, 1700005000001, 1700005001},
		/* ended later than now */
		{4000 * SECOND, 6000 * SECOND, 1700004000000, 1700005000600, 1700005001},
		/* started after its end, both after now */
		{7000 * SECOND, 6000 * SECOND, 1700005000600, 1700005000600, 1700005001},
		{4001 * SECOND, 4000 * SECOND, 1700004000000, 1700004000000, 1700005000},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct plx_flow flow = tcp4_flow();
		const uint8_t *set;
		size_t size;

		flow.stats.first_ns = cases[i].first_ns;
		flow.stats.last_ns = cases[i].last_ns;
		set = encode_one(&flow, &size);
		assert_int_equal(get64(set + START_OFFSET), cases[i].start_ms);
		assert_int_equal(get64(set + END_OFFSET), cases[i].end_ms);
		assert_int_equal(get32(msg + 4), cases[i].export_s);
	}
}

/* One clock offset per message: a clock step shows between messages, never inside one. */
static void wall_clock_before_1970_is_zero(void **state)
{
	struct plx_flow flow = tcp4_flow();
	struct plx_ipfix ipfix;
	size_t skip;

	(void)state;
	init(&ipfix);
	plx_ipfix_begin(&ipfix, msg, 1372, MONO_NS, -(int64_t)(9000 * SECOND));
	assert_true(plx_ipfix_add(&ipfix, &flow));
	plx_ipfix_end(&ipfix, MONO_NS);
	skip = 16 + get16(msg + 18);
	assert_int_equal(get32(msg + 4), 0);
	assert_int_equal(get64(msg + skip + START_OFFSET), 0);
	assert_int_equal(get64(msg + skip + END_OFFSET), 0);
}

/* Record sizes as the wire says, per template id from 256 on. */
struct wire {
	size_t record_size[4];
	unsigned int templates; /* seen in the last message */
	unsigned int records;
};

static void walk_templates(struct wire *wire, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		unsigned int id = get16(p), nr_fields = get16(p + 2);
		size_t size = 0;

		assert_in_range(id, 256, 259);
		assert_in_range(nr_fields, 1, 60);
		for (p += 4; nr_fields--; p += 4) {
			assert_false(p[0] & 0x80); /* no enterprise element */
			size += get16(p + 2);
		}
		wire->record_size[id - 256] = size;
		wire->templates++;
	}
	assert_ptr_equal(p, end);
}

static void walk_records(struct wire *wire, unsigned int id, const uint8_t *p, const uint8_t *end)
{
	size_t size;

	assert_in_range(id, 256, 259);
	size = wire->record_size[id - 256];
	assert_int_not_equal(size, 0); /* the template came before */
	assert_true((size_t)(end - p) >= size);
	for (; (size_t)(end - p) >= size; p += size) {
		/* ipVersion says the same as the template. */
		assert_int_equal(p[size - (id & 1 ? 8 + 4 : 8) - 4 - 8 - 4 - 2 - 1],
				 id & 1 ? 6 : 4);
		wire->records++;
	}
	assert_true(end - p <= 3);
	for (; p < end; p++)
		assert_int_equal(*p, 0);
}

/* Check the structure of a whole message. */
static void walk(struct wire *wire, size_t size, uint32_t sequence)
{
	unsigned int last_id = 0;

	wire->templates = 0;
	wire->records = 0;
	assert_int_equal(get16(msg), 10);
	assert_int_equal(get16(msg + 2), size);
	assert_int_equal(get32(msg + 8), sequence);
	for (size_t at = 16; at < size;) {
		unsigned int id = get16(msg + at), len = get16(msg + at + 2);

		assert_int_equal(at % 4, 0);
		assert_in_range(len, 5, size - at);
		assert_int_not_equal(id, last_id); /* neighbours of one template share a set */
		if (id == 2)
			walk_templates(wire, msg + at + 4, msg + at + len);
		else
			walk_records(wire, id, msg + at + 4, msg + at + len);
		last_id = id;
		at += len;
	}
}

static void fill_and_walk(size_t limit, uint32_t sequence, uint32_t template_messages)
{
	struct plx_flow flows[4] = {tcp4_flow(), udp6_flow(), icmp4_flow(), icmp6_flow()};
	struct plx_ipfix ipfix;
	struct wire wire = {};
	unsigned int records = 0, messages = 0, no_data = 0;
	size_t size;

	plx_ipfix_init(&ipfix, 1, 86400, template_messages);
	ipfix.sequence = sequence;
	srand(limit);
	begin(&ipfix, limit);
	while (records < 5000) {
		/* Runs of one kind as well as changes. */
		const struct plx_flow *flow = &flows[rand() % 16 < 8 ? 0 : rand() % 4];

		while (!plx_ipfix_add(&ipfix, flow)) {
			size = plx_ipfix_end(&ipfix, MONO_NS);
			assert_true(size <= limit);
			walk(&wire, size, sequence + records - ipfix.records);
			assert_int_equal(wire.records, ipfix.records);
			assert_int_equal(wire.templates, ipfix.templates);
			no_data = wire.records ? 0 : no_data + 1;
			assert_true(no_data <= PLX_IPFIX_REFRESH_MSGS);
			/* No room was wasted: the largest record would not have fitted. */
			if (wire.records)
				assert_true(size + 4 + 130 + 2 > limit - 3);
			messages++;
			begin(&ipfix, limit);
		}
		records++;
	}
	size = plx_ipfix_end(&ipfix, MONO_NS);
	walk(&wire, size, sequence + records - ipfix.records);
	assert_int_equal(ipfix.sequence, sequence + records);
	assert_true(messages > 5000 * 100 / 65535);
}

static void messages_stay_within_the_limit(void **state)
{
	(void)state;
	for (size_t limit = PLX_IPFIX_SIZE_MIN; limit < PLX_IPFIX_SIZE_MIN + 200; limit++)
		fill_and_walk(limit, 0, 1000);
	fill_and_walk(1372, 0, 1000);
	fill_and_walk(1372, 0, 1);
	fill_and_walk(PLX_IPFIX_SIZE_MIN, 0, 1);
	fill_and_walk(8972, 0, 3);
	fill_and_walk(65507, 0, 1000);
}

static void sequence_counts_data_records_and_wraps(void **state)
{
	(void)state;
	fill_and_walk(1372, 0xfffffffd, 1000);
}

static void skipped_record_is_a_gap(void **state)
{
	struct plx_flow flow = tcp4_flow();
	struct plx_ipfix ipfix;

	(void)state;
	init(&ipfix);
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add(&ipfix, &flow));
	plx_ipfix_end(&ipfix, MONO_NS);
	plx_ipfix_skip(&ipfix);
	plx_ipfix_skip(&ipfix);
	begin(&ipfix, 1372);
	plx_ipfix_end(&ipfix, MONO_NS);
	assert_int_equal(get32(msg + 8), 3);
}

/* Templates in a message with one record that begins at now_ns. */
static unsigned int templates_at(struct plx_ipfix *ipfix, uint64_t now_ns)
{
	struct plx_flow flow = tcp4_flow();

	plx_ipfix_begin(ipfix, msg, 1372, now_ns, WALL_OFFSET);
	assert_true(plx_ipfix_add(ipfix, &flow));
	plx_ipfix_end(ipfix, now_ns);
	/* Ahead of the data, or not at all. */
	assert_int_equal(get16(msg + 16) == 2, ipfix->templates > 0);
	return ipfix->templates;
}

static void templates_are_repeated_after_so_many_messages(void **state)
{
	struct plx_ipfix ipfix;

	(void)state;
	plx_ipfix_init(&ipfix, 1, 86400, 5);
	for (int i = 0; i < 23; i++)
		assert_int_equal(templates_at(&ipfix, MONO_NS), i % 5 ? 0 : 4);
}

static void templates_are_repeated_after_so_much_time(void **state)
{
	struct plx_ipfix ipfix;

	(void)state;
	plx_ipfix_init(&ipfix, 1, 60, 1000000);
	assert_int_equal(templates_at(&ipfix, MONO_NS), 4);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 60 * SECOND - 1), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 60 * SECOND), 4);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 60 * SECOND), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 120 * SECOND - 1), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 500 * SECOND), 4);
}

static void templates_are_repeated_on_request_once_a_second(void **state)
{
	struct plx_ipfix ipfix;

	(void)state;
	plx_ipfix_init(&ipfix, 1, 60, 1000000);
	assert_int_equal(templates_at(&ipfix, MONO_NS), 4);
	plx_ipfix_renew(&ipfix);
	assert_int_equal(templates_at(&ipfix, MONO_NS + SECOND - 1), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + SECOND), 4);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 3 * SECOND), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_message_begins_with_all_templates),
		cmocka_unit_test(tcp_over_ipv4_is_encoded_field_by_field),
		cmocka_unit_test(udp_over_ipv6_at_egress_is_encoded_field_by_field),
		cmocka_unit_test(icmp_has_type_and_code_in_two_places),
		cmocka_unit_test(icmp_fragment_without_type_is_no_echo_reply),
		cmocka_unit_test(times_are_ordered_whatever_the_clocks_said),
		cmocka_unit_test(wall_clock_before_1970_is_zero),
		cmocka_unit_test(messages_stay_within_the_limit),
		cmocka_unit_test(sequence_counts_data_records_and_wraps),
		cmocka_unit_test(skipped_record_is_a_gap),
		cmocka_unit_test(templates_are_repeated_after_so_many_messages),
		cmocka_unit_test(templates_are_repeated_after_so_much_time),
		cmocka_unit_test(templates_are_repeated_on_request_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
