/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX messages as a collector takes them apart: that they are well formed, that no record comes
 * before its template, which templates come when. What is in the records test_ipfix.c says.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipfix_message.h"

struct field {
	unsigned int element, size;
};

/* What a collector knows: templates by id. */
struct wire {
	struct {
		size_t nr_fields, record_size;
		unsigned int announced; /* how often */
		struct field fields[60];
	} known[65536];
	unsigned int templates; /* in the last message */
	unsigned int records;
	uint64_t next_id; /* flowId of the next record */
};

static struct wire wire;

static void forget_all(void)
{
	memset(&wire, 0, sizeof(wire));
}

static void walk_templates(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		unsigned int id = get16(p), nr_fields = get16(p + 2);

		assert_in_range(id, 256, 65535);
		assert_in_range(nr_fields, 1, 60);
		wire.known[id].nr_fields = nr_fields;
		wire.known[id].record_size = 0;
		wire.known[id].announced++;
		p += 4;
		for (unsigned int i = 0; i < nr_fields; i++, p += 4) {
			assert_false(p[0] & 0x80); /* no enterprise element */
			wire.known[id].fields[i] = (struct field){get16(p), get16(p + 2)};
			wire.known[id].record_size += get16(p + 2);
		}
		wire.templates++;
	}
	assert_ptr_equal(p, end);
}

/* Last value of an element, which is the inner one: where it is. */
static const uint8_t *find_field(const uint8_t *p, unsigned int id, unsigned int element)
{
	const uint8_t *found = NULL;

	for (size_t i = 0; i < wire.known[id].nr_fields; i++) {
		if (wire.known[id].fields[i].element == element)
			found = p;
		p += wire.known[id].fields[i].size;
	}
	assert_non_null(found);
	return found;
}

static void walk_records(unsigned int id, const uint8_t *p, const uint8_t *end)
{
	size_t size = wire.known[id].record_size;

	assert_int_not_equal(size, 0); /* the template came before */
	assert_true((size_t)(end - p) >= size);
	for (; (size_t)(end - p) >= size; p += size) {
		assert_int_equal(get64(find_field(p, id, 148)), wire.next_id++);
		assert_int_equal(*find_field(p, id, 60), id & 1 ? 6 : 4);
		wire.records++;
	}
	assert_true(end - p <= 3);
	for (; p < end; p++)
		assert_int_equal(*p, 0);
}

/* Check the structure of a whole message. */
static void walk(size_t size, uint32_t sequence)
{
	unsigned int last_id = 0;

	wire.templates = 0;
	wire.records = 0;
	assert_int_equal(get16(msg), 10);
	assert_int_equal(get16(msg + 2), size);
	assert_int_equal(get32(msg + 8), sequence);
	for (size_t at = 16; at < size;) {
		unsigned int id = get16(msg + at), len = get16(msg + at + 2);

		assert_int_equal(at % 4, 0);
		assert_in_range(len, 5, size - at);
		assert_int_not_equal(id, last_id); /* neighbours of one template share a set */
		if (id == 2)
			walk_templates(msg + at + 4, msg + at + len);
		else
			walk_records(id, msg + at + 4, msg + at + len);
		last_id = id;
		at += len;
	}
}

/* UDP, ICMP and TCP over two families, labels, options, around it, and whether it left */
#define NR_KINDS (2 * 3 * 4 * 2 * 12 * 4)

/* Flow i of the NR_KINDS that differ in what they have, and its template. */
static struct plx_flow flow_of_kind(unsigned int i, unsigned int *ret_id)
{
	static const struct {
		uint8_t type, protocol;
		unsigned int bits;
	} tunnels[5] = {
		{PLX_TUNNEL_IP, 4, 0},	       {PLX_TUNNEL_VXLAN, 17, 512},
		{PLX_TUNNEL_GREKEY, 47, 1024}, {PLX_TUNNEL_NVGRE, 47, 512 + 1024},
		{PLX_TUNNEL_GTPU, 17, 2048},
	};
	struct plx_flow flow = i % 2 ? udp6_flow() : udp4_flow();
	unsigned int id = 256 + i % 2, around = i / 48 % 12, tunnel;

	switch (i / 2 % 3) {
	case 1:
		flow.key.protocol = i % 2 ? 58 : 1;
		id += 2;
		break;
	case 2:
		flow.key.protocol = 6;
		id += 4;
		break;
	}
	for (unsigned int label = 0; label < i / 6 % 4; label++) {
		flow.stats.first.mpls[label][2] = (uint8_t)(0x21 + label);
		id += 16u << label;
	}
	if (i / 24 % 2) {
		flow.stats.marks |= PLX_MARKS(0, 4);
		id += 8;
	}
	if (around == 11) {
		translate(&flow);
		id += flow.key.protocol == 6 || flow.key.protocol == 17 ? 16384 + 32768 : 16384;
	} else if (around) {
		uint8_t version = around % 2 ? 4 : 6;

		tunnel = (around - 1) / 2;
		put_in_tunnel(&flow, version, tunnels[tunnel].protocol, tunnels[tunnel].type, 77);
		id += tunnels[tunnel].bits + 128 + (version == 6 ? 256 : 0);
	}
	leave(&flow);
	if (i / 576 % 2)
		id += 4096;
	else
		flow.post.ifindex = 0;
	if (i / 1152 % 2)
		id += 8192;
	else
		flow.dropped = 0;
	if (ret_id)
		*ret_id = id;
	return flow;
}

static uint64_t get_number(const uint8_t *p, size_t size)
{
	uint64_t number = 0;

	while (size--)
		number = number << 8 | *p++;
	return number;
}

/* p is the value of field in the record of flow; outer: of its outer header. */
static void assert_field(const struct plx_flow *flow, const struct field *field, bool outer,
			 const uint8_t *p)
{
	const struct plx_flow_first *first = &flow->stats.first;
	bool ipv4 = outer ? flow->tunnel.version == 4 : flow->key.flags & PLX_KEY_IPV4;
	uint64_t number = get_number(p, field->size);

	switch (field->element) {
	case 8:
	case 27:
		assert_int_equal(field->element == 8, ipv4);
		assert_memory_equal(p, outer ? flow->tunnel.source : flow->key.source, field->size);
		break;
	case 12:
	case 28:
		assert_int_equal(field->element == 12, ipv4);
		assert_memory_equal(p, outer ? flow->tunnel.dest : flow->key.dest, field->size);
		break;
	case 7:
		assert_int_equal(number,
				 ntohs(outer ? first->outer_source_port : flow->key.source_port));
		break;
	case 11:
		assert_int_equal(number,
				 ntohs(outer ? first->outer_dest_port : flow->key.dest_port));
		break;
	case 4:
		assert_int_equal(number, outer ? flow->tunnel.protocol : flow->key.protocol);
		break;
	case 60:
		assert_int_equal(number, ipv4 ? 4 : 6);
		break;
	case 1:
		assert_int_equal(number, flow->stats.octets);
		break;
	case 2:
		assert_int_equal(number, flow->stats.packets);
		break;
	case 24:
		assert_int_equal(number, flow->post.packets);
		break;
	case 23:
		assert_int_equal(number, flow->post.octets);
		break;
	case 14:
		assert_int_equal(number, flow->key.flags & PLX_KEY_DIR_OUT ? flow->key.ifindex
									   : flow->post.ifindex);
		break;
	case 133:
		assert_int_equal(number, flow->dropped);
		break;
	case 225:
	case 281:
		assert_int_equal(field->element == 225, ipv4);
		assert_memory_equal(p, flow->after.source, field->size);
		break;
	case 226:
	case 282:
		assert_int_equal(field->element == 226, ipv4);
		assert_memory_equal(p, flow->after.dest, field->size);
		break;
	case 227:
		assert_int_equal(number, 40001);
		break;
	case 228:
		assert_int_equal(number, 8080);
		break;
	case 352:
		assert_int_equal(number, flow->stats.frame_octets);
		break;
	case 32:
	case 139:
		assert_int_equal(number, ntohs(flow->key.dest_port));
		break;
	case 186:
		assert_int_equal(number, first->tcp_window);
		break;
	case 209:
		assert_int_equal(number, flow->stats.tcp_options);
		break;
	case 208:
	case 64:
		assert_int_equal(field->element == 208, ipv4);
		assert_int_equal(number, 4);
		break;
	case 70:
	case 71:
	case 72:
		assert_int_equal(number, 0x21 + field->element - 70);
		break;
	case 351:
		assert_int_equal(number, flow->tunnel.type == PLX_TUNNEL_VXLAN
						 ? 0x0100000000000000 + 77
						 : 0x0200000000000000);
		break;
	case 296:
	case 507:
		assert_int_equal(number, 77);
		break;
	case 148:
		assert_int_equal(number, flow->id);
		break;
	}
}

/* Common templates have code of their own: all must agree with what they announce. */
static void records_of_all_kinds_are_as_their_templates_say(void **state)
{
	static struct plx_ipfix ipfix;

	(void)state;
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		unsigned int id;
		struct plx_flow flow = flow_of_kind(i, &id);
		const uint8_t *p;

		init(&ipfix);
		begin(&ipfix, 464);
		assert_true(plx_ipfix_add(&ipfix, &flow));
		forget_all();
		wire.next_id = flow.id;
		walk(plx_ipfix_end(&ipfix, MONO_NS), 0);
		assert_int_equal(wire.templates, 1);
		assert_int_equal(wire.records, 1);
		p = msg + 16 + get16(msg + 18);
		assert_int_equal(get16(p), id);
		p += 4;
		for (size_t k = 0; k < wire.known[id].nr_fields; k++) {
			const struct field *field = &wire.known[id].fields[k];

			/* The outer header is 6 fields. */
			assert_field(&flow, field, flow.key.flags & PLX_KEY_TUNNEL && k < 6, p);
			p += field->size;
		}
	}
}

/* nr_kinds: of the kinds above, from the first one on. */
static void fill_and_walk(size_t limit, uint32_t sequence, uint32_t template_messages,
			  unsigned int nr_kinds)
{
	static struct plx_ipfix ipfix;
	unsigned int records = 0, messages = 0, no_data = 0;
	size_t size;

	plx_ipfix_init(&ipfix, 1, 86400, template_messages);
	ipfix.sequence = sequence;
	forget_all();
	srand(limit);
	begin(&ipfix, limit);
	while (records < 5000) {
		/* Runs of one kind as well as changes. */
		unsigned int kind = rand() % 16 < 8 ? 0 : (unsigned int)rand() % nr_kinds;
		struct plx_flow flow = flow_of_kind(kind, NULL);

		flow.id = records;
		while (!plx_ipfix_add(&ipfix, &flow)) {
			size = plx_ipfix_end(&ipfix, MONO_NS);
			assert_true(size <= limit);
			walk(size, sequence + records - ipfix.records);
			assert_int_equal(wire.records, ipfix.records);
			assert_int_equal(wire.templates, ipfix.templates);
			no_data = wire.records ? 0 : no_data + 1;
			assert_true(no_data <= PLX_IPFIX_REFRESH_MSGS);
			/* No room was wasted: the longest record with its template would not have
			 * fitted. */
			if (wire.records)
				assert_true(size + 4 + 192 + 4 + 227 > limit - 3);
			messages++;
			begin(&ipfix, limit);
		}
		records++;
	}
	size = plx_ipfix_end(&ipfix, MONO_NS);
	walk(size, sequence + records - ipfix.records);
	assert_int_equal(ipfix.sequence, sequence + records);
	assert_true(messages > 5000 * 100 / 65535);
}

static void messages_stay_within_the_limit(void **state)
{
	(void)state;
	for (size_t limit = PLX_IPFIX_SIZE_MIN; limit < PLX_IPFIX_SIZE_MIN + 200; limit++)
		fill_and_walk(limit, 0, 1000, limit % 2 ? 6 : NR_KINDS);
	fill_and_walk(1372, 0, 1000, 6);
	fill_and_walk(1372, 0, 1, 6);
	fill_and_walk(1372, 0, 1, NR_KINDS);
	fill_and_walk(PLX_IPFIX_SIZE_MIN, 0, 1, 6);
	fill_and_walk(PLX_IPFIX_SIZE_MIN, 0, 1, NR_KINDS);
	fill_and_walk(8972, 0, 3, NR_KINDS);
	fill_and_walk(65507, 0, 1000, NR_KINDS);
}

static void sequence_counts_data_records_and_wraps(void **state)
{
	(void)state;
	fill_and_walk(1372, 0xfffffffd, 1000, 6);
}

/* Set ids of the message, as many as there are. */
static size_t set_ids(size_t size, unsigned int *ids)
{
	size_t nr = 0;

	for (size_t at = 16; at < size; at += get16(msg + at + 2))
		ids[nr++] = get16(msg + at);
	return nr;
}

static void assert_sets(size_t size, const unsigned int *expected, size_t nr_expected)
{
	unsigned int ids[100];

	assert_int_equal(set_ids(size, ids), nr_expected);
	assert_memory_equal(ids, expected, nr_expected * sizeof(*ids));
}

#define SETS(...) ((const unsigned int[]){__VA_ARGS__}), LEN(((const unsigned int[]){__VA_ARGS__}))

static void template_is_announced_where_it_is_first_needed(void **state)
{
	struct plx_flow udp4 = udp4_flow(), udp6 = udp6_flow();
	struct plx_ipfix ipfix;
	size_t size;

	(void)state;
	init(&ipfix);
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add(&ipfix, &udp4));
	assert_true(plx_ipfix_add(&ipfix, &udp4));
	assert_true(plx_ipfix_add(&ipfix, &udp6));
	assert_true(plx_ipfix_add(&ipfix, &udp4));
	size = plx_ipfix_end(&ipfix, MONO_NS);
	assert_int_equal(ipfix.templates, 2);
	assert_sets(size, SETS(2, 256, 2, 257, 256));
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add(&ipfix, &udp6));
	assert_sets(plx_ipfix_end(&ipfix, MONO_NS), SETS(257));
}

/* Both or none. */
static void template_never_comes_without_room_for_its_record(void **state)
{
	struct plx_flow udp4 = udp4_flow(), tcp4 = tcp4_flow();
	struct plx_ipfix ipfix;
	size_t size, full;

	(void)state;
	/* Header, template and record, template and record with padding. */
	full = 16 + (4 + 120) + (4 + 100) + (4 + 128) + (4 + 110 + 2);
	for (size_t limit = full - 8; limit <= full + 4; limit += 4) {
		init(&ipfix);
		begin(&ipfix, limit);
		assert_true(plx_ipfix_add(&ipfix, &udp4));
		if (limit >= full) {
			assert_true(plx_ipfix_add(&ipfix, &tcp4));
			assert_int_equal(plx_ipfix_end(&ipfix, MONO_NS), full);
			assert_sets(full, SETS(2, 256, 2, 260));
			continue;
		}
		assert_false(plx_ipfix_add(&ipfix, &tcp4));
		size = plx_ipfix_end(&ipfix, MONO_NS);
		assert_sets(size, SETS(2, 256));
		begin(&ipfix, 1372);
		assert_true(plx_ipfix_add(&ipfix, &tcp4));
		assert_sets(plx_ipfix_end(&ipfix, MONO_NS), SETS(2, 260));
		assert_int_equal(ipfix.templates, 1);
	}
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
		assert_int_equal(templates_at(&ipfix, MONO_NS), i % 5 ? 0 : 1);
}

static void templates_are_repeated_after_so_much_time(void **state)
{
	struct plx_ipfix ipfix;

	(void)state;
	plx_ipfix_init(&ipfix, 1, 60, 1000000);
	assert_int_equal(templates_at(&ipfix, MONO_NS), 1);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 60 * SECOND - 1), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 60 * SECOND), 1);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 60 * SECOND), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 120 * SECOND - 1), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 500 * SECOND), 1);
}

static void templates_are_repeated_on_request_once_a_second(void **state)
{
	struct plx_ipfix ipfix;

	(void)state;
	plx_ipfix_init(&ipfix, 1, 60, 1000000);
	assert_int_equal(templates_at(&ipfix, MONO_NS), 1);
	plx_ipfix_renew(&ipfix);
	assert_int_equal(templates_at(&ipfix, MONO_NS + SECOND - 1), 0);
	assert_int_equal(templates_at(&ipfix, MONO_NS + SECOND), 1);
	assert_int_equal(templates_at(&ipfix, MONO_NS + 3 * SECOND), 0);
}

static void refresh_is_of_all_templates_that_were_ever_needed(void **state)
{
	struct plx_flow flows[3] = {icmp6_flow(), tcp4_flow(), udp4_flow()};
	const uint8_t *p = msg + 20;
	struct plx_ipfix ipfix;

	(void)state;
	plx_ipfix_init(&ipfix, 1, 60, 1000000);
	begin(&ipfix, 1372);
	for (int i = 0; i < 3; i++)
		assert_true(plx_ipfix_add(&ipfix, &flows[i]));
	plx_ipfix_end(&ipfix, MONO_NS);
	assert_int_equal(ipfix.templates, 3);
	/* One set, in the order of their first use; icmp6 and udp4 have no record in here. */
	assert_int_equal(templates_at(&ipfix, MONO_NS + 60 * SECOND), 3);
	assert_sets(get16(msg + 2), SETS(2, 260));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get16(p), ((unsigned int[]){259, 260, 256})[i]);
		p += 4 + 4 * get16(p + 2);
	}
	assert_ptr_equal(p, msg + 16 + get16(msg + 18));
}

/* Add, with as many messages as it takes; returns the templates in those that were ended. */
static unsigned int add_and_walk(struct plx_ipfix *ipfix, size_t limit, struct plx_flow *flow,
				 unsigned int *no_data)
{
	unsigned int templates = 0;
	size_t size;

	flow->id = wire.next_id + ipfix->records;
	while (!plx_ipfix_add(ipfix, flow)) {
		size = plx_ipfix_end(ipfix, ipfix->now_ns);
		walk(size, get32(msg + 8));
		templates += wire.templates;
		*no_data = wire.records ? 0 : *no_data + 1;
		assert_true(*no_data <= PLX_IPFIX_REFRESH_MSGS);
		plx_ipfix_begin(ipfix, msg, limit, ipfix->now_ns, WALL_OFFSET);
	}
	return templates;
}

/*
 * A collector that lost them all can read every record from the refresh on, whatever the turn of
 * its template, and gets each one once.
 */
static void check_refresh_of_many(size_t limit)
{
	static struct plx_ipfix ipfix;
	unsigned int templates = 0, no_data = 0;
	struct plx_flow flow;
	size_t size;

	init(&ipfix);
	forget_all();
	plx_ipfix_begin(&ipfix, msg, limit, MONO_NS, WALL_OFFSET);
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		flow = flow_of_kind(i, NULL);
		templates += add_and_walk(&ipfix, limit, &flow, &no_data);
	}
	size = plx_ipfix_end(&ipfix, MONO_NS);
	walk(size, get32(msg + 8));
	assert_int_equal(templates + wire.templates, NR_KINDS);

	memset(wire.known, 0, sizeof(wire.known));
	templates = 0;
	plx_ipfix_renew(&ipfix);
	plx_ipfix_begin(&ipfix, msg, limit, MONO_NS + SECOND, WALL_OFFSET);
	for (unsigned int i = NR_KINDS - 1; i >= NR_KINDS - 20; i--) {
		flow = flow_of_kind(i, NULL);
		templates += add_and_walk(&ipfix, limit, &flow, &no_data);
	}
	for (unsigned int i = 0; templates < NR_KINDS; i++) {
		assert_true(i < 100 * NR_KINDS);
		flow = flow_of_kind(0, NULL);
		templates += add_and_walk(&ipfix, limit, &flow, &no_data);
	}
	for (unsigned int i = 0; i < 100 * limit / 100; i++)
		templates += add_and_walk(&ipfix, limit, &flow, &no_data);
	assert_int_equal(templates, NR_KINDS);
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		unsigned int id;

		(void)flow_of_kind(i, &id);
		assert_int_not_equal(wire.known[id].nr_fields, 0);
	}
}

static void refresh_of_many_templates_lets_records_through(void **state)
{
	(void)state;
	check_refresh_of_many(PLX_IPFIX_SIZE_MIN);
	check_refresh_of_many(1372);
	check_refresh_of_many(65507);
}

/* Otherwise the first ones alone would be sent again and again. */
static void refresh_that_goes_on_does_not_start_over(void **state)
{
	static struct plx_ipfix ipfix;
	unsigned int no_data = 0;
	struct plx_flow flow;

	(void)state;
	plx_ipfix_init(&ipfix, 1, 86400, 1);
	forget_all();
	plx_ipfix_begin(&ipfix, msg, PLX_IPFIX_SIZE_MIN, MONO_NS, WALL_OFFSET);
	for (unsigned int i = 0; i < 20; i++) {
		flow = flow_of_kind(i, NULL);
		(void)add_and_walk(&ipfix, PLX_IPFIX_SIZE_MIN, &flow, &no_data);
	}
	for (unsigned int i = 0; i < 200; i++) {
		flow = flow_of_kind(0, NULL);
		(void)add_and_walk(&ipfix, PLX_IPFIX_SIZE_MIN, &flow, &no_data);
	}
	for (unsigned int i = 0; i < 20; i++) {
		unsigned int id;

		(void)flow_of_kind(i, &id);
		assert_in_range(wire.known[id].announced, 5, 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_all_kinds_are_as_their_templates_say),
		cmocka_unit_test(messages_stay_within_the_limit),
		cmocka_unit_test(sequence_counts_data_records_and_wraps),
		cmocka_unit_test(template_is_announced_where_it_is_first_needed),
		cmocka_unit_test(template_never_comes_without_room_for_its_record),
		cmocka_unit_test(skipped_record_is_a_gap),
		cmocka_unit_test(templates_are_repeated_after_so_many_messages),
		cmocka_unit_test(templates_are_repeated_after_so_much_time),
		cmocka_unit_test(templates_are_repeated_on_request_once_a_second),
		cmocka_unit_test(refresh_is_of_all_templates_that_were_ever_needed),
		cmocka_unit_test(refresh_of_many_templates_lets_records_through),
		cmocka_unit_test(refresh_that_goes_on_does_not_start_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
