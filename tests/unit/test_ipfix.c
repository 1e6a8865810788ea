/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX records and templates against bytes written down by hand from RFC 7011 and the IANA
 * registry. Nothing here uses the encoder's own field table. See also test_ipfix_messages.c.
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

/* One flow in a message of its own, behind its template: the set that holds it. */
static const uint8_t *encode_one(const struct plx_flow *flow, size_t *ret_size)
{
	static struct plx_ipfix ipfix;
	size_t skip, size;

	init(&ipfix);
	begin(&ipfix, 1372);
	assert_true(plx_ipfix_add(&ipfix, flow));
	size = plx_ipfix_end(&ipfix, MONO_NS);
	assert_int_equal(get16(msg + 16), 2);
	skip = 16 + get16(msg + 18);
	*ret_size = size - skip;
	return msg + skip;
}

/* Fields that follow each other in many templates: element/size. */
#define IP4    "8/4 12/4 7/2 11/2 "
#define IP6    "27/16 28/16 7/2 11/2 "
#define OUTER4 "8/4 12/4 7/2 11/2 4/1 60/1 "
#define OUTER6 "27/16 28/16 7/2 11/2 4/1 60/1 "
#define HEADER "4/1 5/1 6/1 "
#define POST   "23/8 24/8 "
#define COUNTS                                                                                     \
	"1/8 2/8 152/8 153/8 10/4 14/4 61/1 136/1 58/2 243/2 56/6 80/6 60/1 52/1 53/1 25/2 26/2 "  \
	"352/8 197/1 244/1 245/2 "
#define COMMON HEADER COUNTS
#define NAT4   "225/4 226/4 "
#define NAT6   "281/16 282/16 "
#define NAPT   "227/2 228/2 "

/* The template at p, with fields like those above; returns what is behind it. */
static const uint8_t *assert_template(const uint8_t *p, unsigned int id, const char *fields)
{
	char text[1024] = "";
	size_t len = 0;

	assert_int_equal(get16(p), id);
	for (unsigned int left = get16(p + 2); left--; p += 4)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u/%u ", get16(p + 4),
					get16(p + 6));
	assert_string_equal(text, fields);
	return p + 4;
}

/* The message has the template and then a set of its records, no more. */
static void assert_announced(const struct plx_flow *flow, unsigned int id, const char *fields)
{
	size_t size;
	const uint8_t *set = encode_one(flow, &size);

	assert_ptr_equal(assert_template(msg + 20, id, fields), set);
	assert_int_equal(get16(set), id);
	assert_int_equal(get16(set + 2), size);
}

static void message_without_records_has_no_templates(void **state)
{
	struct plx_ipfix ipfix;

	(void)state;
	init(&ipfix);
	begin(&ipfix, 1372);
	assert_int_equal(plx_ipfix_end(&ipfix, MONO_NS), 16);
	assert_int_equal(ipfix.templates, 0);
	assert_int_equal(get16(msg), 10);
	assert_int_equal(get16(msg + 2), 16);
	assert_int_equal(get32(msg + 4), 1700005000);
	assert_int_equal(get32(msg + 8), 0);
	assert_int_equal(get32(msg + 12), 0xa1a2a3a4);
}

static void template_is_of_what_the_flow_has(void **state)
{
	struct plx_flow flow = udp4_flow();

	(void)state;
	assert_announced(&flow, 256, IP4 COMMON "148/8 ");
	flow = udp6_flow();
	assert_announced(&flow, 257, IP6 COMMON "31/4 148/8 ");
	flow = icmp4_flow();
	assert_announced(&flow, 258, IP4 "32/2 " COMMON "148/8 ");
	flow = icmp6_flow();
	assert_announced(&flow, 259, IP6 "139/2 " COMMON "31/4 148/8 ");
	flow = tcp4_flow();
	assert_announced(&flow, 260, IP4 COMMON "148/8 186/2 209/8 ");
	flow = udp6_flow();
	flow.key.protocol = 6;
	assert_announced(&flow, 261, IP6 COMMON "31/4 148/8 186/2 209/8 ");

	flow = udp4_flow();
	flow.stats.marks |= PLX_MARKS(0, 1);
	assert_announced(&flow, 256 + 8, IP4 COMMON "148/8 208/4 ");
	flow = udp6_flow();
	flow.stats.marks |= PLX_MARKS(0, 0x80000000);
	assert_announced(&flow, 257 + 8, IP6 COMMON "31/4 148/8 64/4 ");
}

static void template_has_as_many_labels_as_the_flow(void **state)
{
	struct plx_flow flow = udp4_flow();

	(void)state;
	flow.stats.first.mpls[0][1] = 1;
	assert_announced(&flow, 256 + 16, IP4 COMMON "148/8 70/3 ");
	flow.stats.first.mpls[1][0] = 1;
	assert_announced(&flow, 256 + 16 + 32, IP4 COMMON "148/8 70/3 71/3 ");
	flow.stats.first.mpls[2][2] = 1;
	assert_announced(&flow, 256 + 16 + 32 + 64, IP4 COMMON "148/8 70/3 71/3 72/3 ");
	/* Explicit null (RFC 3032, label 0) on top of another. */
	memset(flow.stats.first.mpls, 0, sizeof(flow.stats.first.mpls));
	flow.stats.first.mpls[1][2] = 1;
	assert_announced(&flow, 256 + 16 + 32, IP4 COMMON "148/8 70/3 71/3 ");
}

static void template_of_a_tunnel_begins_with_the_outer_header(void **state)
{
	struct plx_flow flow = udp4_flow();

	(void)state;
	put_in_tunnel(&flow, 4, 4, PLX_TUNNEL_IP, 0);
	assert_announced(&flow, 256 + 128, OUTER4 IP4 COMMON "148/8 ");
	put_in_tunnel(&flow, 4, 47, PLX_TUNNEL_GRE, 0);
	assert_announced(&flow, 256 + 128, OUTER4 IP4 COMMON "148/8 ");
	put_in_tunnel(&flow, 6, 4, PLX_TUNNEL_IP, 0);
	assert_announced(&flow, 256 + 128 + 256, OUTER6 IP4 COMMON "148/8 ");
	put_in_tunnel(&flow, 4, 17, PLX_TUNNEL_VXLAN, 5);
	assert_announced(&flow, 256 + 128 + 512, OUTER4 IP4 COMMON "148/8 351/8 ");
	put_in_tunnel(&flow, 4, 17, PLX_TUNNEL_GENEVE, 5);
	assert_announced(&flow, 256 + 128 + 512, OUTER4 IP4 COMMON "148/8 351/8 ");
	put_in_tunnel(&flow, 4, 47, PLX_TUNNEL_GREKEY, 5);
	assert_announced(&flow, 256 + 128 + 1024, OUTER4 IP4 COMMON "148/8 296/4 ");
	put_in_tunnel(&flow, 4, 17, PLX_TUNNEL_GTPU, 5);
	assert_announced(&flow, 256 + 128 + 2048, OUTER4 IP4 COMMON "148/8 507/4 ");

	/* All that one flow can have. */
	flow = udp6_flow();
	flow.key.protocol = 6;
	flow.stats.marks |= PLX_MARKS(0, 1);
	flow.stats.first.mpls[2][2] = 1;
	leave(&flow);
	put_in_tunnel(&flow, 6, 47, PLX_TUNNEL_NVGRE, 5);
	assert_announced(&flow,
			 256 + 1 + 4 + 8 + 16 + 32 + 64 + 128 + 256 + 512 + 1024 + 4096 + 8192,
			 OUTER6 IP6 HEADER POST COUNTS
			 "31/4 148/8 186/2 209/8 64/4 70/3 71/3 72/3 351/8 296/4 133/8 ");
}

static void template_has_what_left_when_it_was_seen_to_leave(void **state)
{
	struct plx_flow flow = udp4_flow();

	(void)state;
	flow.post.ifindex = 5; /* nothing left since the last export */
	assert_announced(&flow, 256 + 4096, IP4 HEADER POST COUNTS "148/8 ");
	flow.dropped = 1;
	assert_announced(&flow, 256 + 4096 + 8192, IP4 HEADER POST COUNTS "148/8 133/8 ");
	flow.post.ifindex = 0;
	assert_announced(&flow, 256 + 8192, IP4 COMMON "148/8 133/8 ");
	flow = udp6_flow();
	leave(&flow);
	assert_announced(&flow, 257 + 4096 + 8192, IP6 HEADER POST COUNTS "31/4 148/8 133/8 ");
}

static void template_has_the_tuple_behind_nat(void **state)
{
	static const struct {
		uint8_t protocol;
		bool ports;
	} protocols[] = {{17, true},  {33, true},  {132, true},
			 {136, true}, {47, false}, {50, false}};
	struct plx_flow flow;

	(void)state;
	for (size_t i = 0; i < LEN(protocols); i++) {
		flow = udp4_flow();
		flow.key.protocol = protocols[i].protocol;
		translate(&flow);
		if (protocols[i].ports)
			assert_announced(&flow, 256 + 16384 + 32768, IP4 COMMON "148/8 " NAT4 NAPT);
		else
			assert_announced(&flow, 256 + 16384, IP4 COMMON "148/8 " NAT4);
	}
	flow = udp6_flow();
	translate(&flow);
	assert_announced(&flow, 257 + 16384 + 32768, IP6 COMMON "31/4 148/8 " NAT6 NAPT);
	flow = icmp4_flow();
	translate(&flow);
	assert_announced(&flow, 258 + 16384, IP4 "32/2 " COMMON "148/8 " NAT4);
	flow = icmp6_flow();
	translate(&flow);
	assert_announced(&flow, 259 + 16384, IP6 "139/2 " COMMON "31/4 148/8 " NAT6);
	/* A later fragment whose first one was not seen. */
	flow = udp4_flow();
	flow.key.flags |= PLX_KEY_FRAGMENT;
	translate(&flow);
	assert_announced(&flow, 256 + 16384, IP4 COMMON "148/8 " NAT4);
}

static void tuple_that_is_not_of_the_flow_is_left_out(void **state)
{
	struct plx_flow flow = udp4_flow();

	(void)state;
	translate(&flow);
	flow.after.version = 6;
	assert_announced(&flow, 256, IP4 COMMON "148/8 ");
	flow.after.version = 0;
	assert_announced(&flow, 256, IP4 COMMON "148/8 ");
	flow.after.version = 4;
	flow.translated = false;
	assert_announced(&flow, 256, IP4 COMMON "148/8 ");
	flow = udp6_flow();
	translate(&flow);
	flow.after.version = 4;
	assert_announced(&flow, 257, IP6 COMMON "31/4 148/8 ");
	/* NAT is of the outer header. */
	flow = udp4_flow();
	translate(&flow);
	put_in_tunnel(&flow, 4, 4, PLX_TUNNEL_IP, 0);
	assert_announced(&flow, 256 + 128, OUTER4 IP4 COMMON "148/8 ");
}

/* The set that holds flow is as hex says: pairs of digits; blanks between them do not count. */
static void assert_set(const struct plx_flow *flow, const char *hex)
{
	uint8_t expected[512];
	size_t size, len = 0;
	const uint8_t *set = encode_one(flow, &size);

	for (const char *c = hex; *c; c++) {
		unsigned int octet;

		if (*c == ' ')
			continue;
		assert_int_equal(sscanf(c++, "%2x", &octet), 1);
		expected[len++] = (uint8_t)octet;
	}
	assert_int_equal(size, len);
	assert_memory_equal(set, expected, size);
}

/* The record of tcp4_flow(): up to its counters, and from them on, behind where it left. */
#define TCP4_HEADER                                                                                \
	"c0000201 c6336402" /* addresses */                                                        \
	"c000 01bb"	    /* ports */                                                            \
	"06 b8 1b"	    /* protocol, TOS, flags without the upper 4 bits */
#define TCP4_COUNTS(egress)                                                                        \
	"1112131415161718"	    /* octets */                                                   \
	"0102030405060708"	    /* packets */                                                  \
	"0000018bd0318c31"	    /* 1700004990001 ms */                                         \
	"0000018bd031b43a"	    /* 1700005000250 ms */                                         \
	"00000007" egress	    /* interfaces */                                               \
	"00 02"			    /* direction, end reason */                                    \
	"0123 0123"		    /* VLAN, twice */                                              \
	"020000000001 020000000002" /* MAC addresses */                                            \
	"04 39 40"		    /* version, TTL */                                             \
	"0028 05dc"		    /* lengths */                                                  \
	"2122232425262728"	    /* layer-2 octets */                                           \
	"40 05 0ffe"		    /* fragment flags, PCP, inner tag */                           \
	"3132333435363738"	    /* flow id */                                                  \
	"4142 800000000000011e"	    /* TCP window, options */
#define TCP4_RECORD TCP4_HEADER TCP4_COUNTS("00000000")

static void tcp_over_ipv4_is_encoded_field_by_field(void **state)
{
	struct plx_flow flow = tcp4_flow();

	(void)state;
	assert_set(&flow, "0104 0074" /* set 260, 116 octets */
		   TCP4_RECORD "0000");
}

static void udp_over_ipv6_at_egress_is_encoded_field_by_field(void **state)
{
	struct plx_flow flow = udp6_flow();

	(void)state;
	assert_set(&flow, "0101 0084" /* set 257 */
			  "20010db8000000000000000000000001"
			  "20010db8000000000000000000000002"
			  "0035 14e9"		      /* ports */
			  "11 00 00"		      /* protocol ... */
			  "0000000100000000"	      /* octets */
			  "0000000000000001"	      /* packets */
			  "0000018bd031b340"	      /* start */
			  "0000018bd031b340"	      /* end */
			  "00000003 00011170"	      /* interfaces */
			  "01 01"		      /* egress, idle */
			  "0000 0000"		      /* VLAN */
			  "020000000003 020000000004" /* MAC addresses */
			  "06 00 ff"		      /* version, TTL */
			  "ffff ffff"		      /* lengths */
			  "000000010000000e"	      /* layer-2 octets */
			  "20 00 0000"		      /* fragment ... */
			  "000abcde"		      /* flow label */
			  "0000000000000002" /* flow id */);
}

static void tcp_in_vxlan_has_the_outer_header_first(void **state)
{
	struct plx_flow flow = tcp4_flow();

	(void)state;
	put_in_tunnel(&flow, 4, 17, PLX_TUNNEL_VXLAN, 0xabcdef);
	assert_set(&flow, "0384 0088"	      /* set 256 + 4 + 128 + 512 */
			  "cb007101 cb007102" /* outer addresses */
			  "1234 5678 11 04"   /* ports, protocol, version */
		   TCP4_RECORD "0100000000abcdef" /* VXLAN, VNI */);
}

static void nvgre_over_ipv6_below_labels_has_all_there_is(void **state)
{
	struct plx_flow flow = tcp4_flow();

	(void)state;
	flow.stats.marks |= PLX_MARKS(0, 0x80000102);
	memcpy(flow.stats.first.mpls, "\x00\x00\x00\xff\xfe\xfd\x00\x01\x41", 9);
	put_in_tunnel(&flow, 6, 47, PLX_TUNNEL_NVGRE, 0x12345678);
	assert_set(&flow, "08fc 00b4" /* set 256 + 4 + 8 + 112 + 384 + 512 + 1024 */
			  "20010db800000000000000000000000a"
			  "20010db800000000000000000000000b"
			  "0000 0000 2f 06"	 /* no ports, protocol, version */
		   TCP4_RECORD "80000102"	 /* IPv4 options */
			  "000000 fffefd 000141" /* labels */
			  "0200000000123456"	 /* NVGRE, VSID */
			  "12345678"		 /* key: VSID and flow id */
			  "000000");
}

static void forwarded_tcp_behind_nat_is_encoded_field_by_field(void **state)
{
	struct plx_flow flow = tcp4_flow();

	(void)state;
	leave(&flow);
	translate(&flow);
	assert_set(&flow, "f104 0098"		  /* set 256 + 4 + 4096 + 8192 + 16384 + 32768 */
		   TCP4_HEADER "6162636465666768" /* octets that left */
			  "5152535455565758"	  /* packets */
		   TCP4_COUNTS("00000005") "8182838485868788"  /* dropped */
					   "cb007101 cb007102" /* addresses and ports behind NAT */
					   "9c41 1f90"
					   "0000");
}

static void udp_over_ipv6_behind_nat_ends_with_addresses_and_ports(void **state)
{
	struct plx_flow flow = udp6_flow();
	const uint8_t *set;
	size_t size;

	(void)state;
	translate(&flow);
	set = encode_one(&flow, &size);
	assert_int_equal(get16(set), 257 + 16384 + 32768);
	assert_int_equal(size, 4 + 128 + 36);
	assert_memory_equal(set + size - 36,
			    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x0c"
			    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x0d\x9c\x41\x1f\x90",
			    36);
}

static void options_and_extension_headers_follow_the_flow_id(void **state)
{
	struct plx_flow flow = udp6_flow();
	const uint8_t *set;
	size_t size;

	(void)state;
	flow.stats.marks |= PLX_MARKS(0, 0x81234567);
	set = encode_one(&flow, &size);
	assert_int_equal(size, 4 + 128 + 4);
	assert_memory_equal(set + size - 8, "\x00\x00\x00\x02\x81\x23\x45\x67", 8);
	flow = udp4_flow();
	flow.stats.marks |= PLX_MARKS(0, 0x81234567);
	set = encode_one(&flow, &size);
	assert_int_equal(size, 4 + 100 + 4);
	assert_memory_equal(set + size - 8, "\x35\x36\x37\x38\x81\x23\x45\x67", 8);
}

/* The last octets of a record in a tunnel over IPv4, and how many more than without an id. */
static void assert_tail(uint8_t type, uint32_t id, const char *expected, size_t expected_size)
{
	struct plx_flow flow = tcp4_flow();
	const uint8_t *set;
	size_t size;

	put_in_tunnel(&flow, 4, 47, type, id);
	set = encode_one(&flow, &size);
	assert_int_equal(size, 4 + 14 + 110 + expected_size);
	assert_memory_equal(set + size - expected_size, expected, expected_size);
}

static void tunnel_id_is_in_the_element_of_its_kind(void **state)
{
	(void)state;
	assert_tail(PLX_TUNNEL_GENEVE, 0xfedcba, "\0\0\0\0\0\xfe\xdc\xba", 8);
	assert_tail(PLX_TUNNEL_VXLAN, 0, "\1\0\0\0\0\0\0\0", 8);
	assert_tail(PLX_TUNNEL_GREKEY, 0xfedcba98, "\xfe\xdc\xba\x98", 4);
	assert_tail(PLX_TUNNEL_GTPU, 0xfedcba98, "\xfe\xdc\xba\x98", 4);
	assert_tail(PLX_TUNNEL_GRE, 0, "", 0);
	assert_tail(PLX_TUNNEL_IP, 0, "", 0);
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

static void fragment_without_its_first_one_has_nothing_of_layer_4(void **state)
{
	struct plx_flow flow = icmp4_flow();
	const uint8_t *set;
	size_t size;

	(void)state;
	flow.key.dest_port = 0;
	flow.key.flags |= PLX_KEY_FRAGMENT;
	set = encode_one(&flow, &size);
	assert_int_equal(get16(set), 256);
	flow = tcp4_flow();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_without_records_has_no_templates),
		cmocka_unit_test(template_is_of_what_the_flow_has),
		cmocka_unit_test(template_has_as_many_labels_as_the_flow),
		cmocka_unit_test(template_of_a_tunnel_begins_with_the_outer_header),
		cmocka_unit_test(template_has_what_left_when_it_was_seen_to_leave),
		cmocka_unit_test(template_has_the_tuple_behind_nat),
		cmocka_unit_test(tuple_that_is_not_of_the_flow_is_left_out),
		cmocka_unit_test(tcp_over_ipv4_is_encoded_field_by_field),
		cmocka_unit_test(udp_over_ipv6_at_egress_is_encoded_field_by_field),
		cmocka_unit_test(tcp_in_vxlan_has_the_outer_header_first),
		cmocka_unit_test(nvgre_over_ipv6_below_labels_has_all_there_is),
		cmocka_unit_test(forwarded_tcp_behind_nat_is_encoded_field_by_field),
		cmocka_unit_test(udp_over_ipv6_behind_nat_ends_with_addresses_and_ports),
		cmocka_unit_test(options_and_extension_headers_follow_the_flow_id),
		cmocka_unit_test(tunnel_id_is_in_the_element_of_its_kind),
		cmocka_unit_test(icmp_has_type_and_code_in_two_places),
		cmocka_unit_test(fragment_without_its_first_one_has_nothing_of_layer_4),
		cmocka_unit_test(times_are_ordered_whatever_the_clocks_said),
		cmocka_unit_test(wall_clock_before_1970_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
