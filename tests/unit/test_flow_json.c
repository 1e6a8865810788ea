/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON records: names, forms and presence of all members. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "control/flow_json.h"
#include "flows.h"

static const char *name_of(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 3 ? "eth\"3" : ifindex == 70000 ? "wg0" : NULL;
}

/* Numbers and labels that are easy to tell in text; octets beyond what a double holds. */
static struct plx_flow tcp4(void)
{
	struct plx_flow flow = tcp4_flow();
	struct plx_flow_first *first = &flow.stats.first;

	flow.stats.packets = 3;
	flow.stats.octets = 18446744073709551615ull;
	flow.stats.frame_octets = 300;
	flow.stats.first_ns = 1 * SECOND + 1;
	flow.stats.last_ns = 2 * SECOND + 2;
	flow.stats.marks = PLX_MARKS(0x40, 0x80000002);
	first->source_mac[5] = 0xaf;
	memset(first->dest_mac, 0xff, sizeof(first->dest_mac));
	first->customer_vlan = PLX_VLAN_PRESENT;
	memcpy(first->mpls, (uint8_t[2][3]){{0x00, 0x06, 0x4a}, {0xff, 0xff, 0xf1}}, 6);
	first->tcp_window = 65535;
	flow.id = 9;
	return flow;
}

/* A still living flow to a multicast address, with no link layer. */
static struct plx_flow udp6(void)
{
	struct plx_flow flow = udp6_flow();

	flow.key.dest[0] = htonl(0xff020000);
	flow.stats.octets = 48;
	flow.stats.frame_octets = 62;
	flow.stats.first_ns = flow.stats.last_ns = SECOND;
	flow.stats.shape = PLX_SHAPE(48, 48, 0, 255, 255);
	flow.stats.marks = 0;
	memset(flow.stats.first.source_mac, 0, 6);
	memset(flow.stats.first.dest_mac, 0, 6);
	flow.id = 10;
	flow.end_reason = PLX_END_NONE;
	return flow;
}

static void assert_json(const struct plx_flow *flow, const char *expected)
{
	struct json_object *object =
		plx_flow_json(flow, 1700000000 * (int64_t)SECOND, name_of, NULL);

	assert_non_null(object);
	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
			    expected);
	json_object_put(object);
}

static void ingress_flow_has_all_members(void **state)
{
	struct plx_flow flow = tcp4();

	(void)state;
	assert_json(&flow, "{\"sourceIPv4Address\":\"192.0.2.1\","
			   "\"destinationIPv4Address\":\"198.51.100.2\","
			   "\"sourceTransportPort\":49152,\"destinationTransportPort\":443,"
			   "\"protocolIdentifier\":6,\"ipVersion\":4,\"ipClassOfService\":184,"
			   "\"tcpControlBits\":3867,\"tcpWindowSize\":65535,"
			   "\"tcpOptions\":9223372036854776094,\"packetDeltaCount\":3,"
			   "\"octetDeltaCount\":18446744073709551615,"
			   "\"layer2OctetDeltaCount\":300,\"ingressInterface\":7,"
			   "\"egressInterface\":0,\"flowDirection\":0,\"vlanId\":291,"
			   "\"dot1qVlanId\":291,\"dot1qPriority\":5,\"dot1qCustomerVlanId\":0,"
			   "\"mplsTopLabelStackSection\":\"00064a\","
			   "\"mplsLabelStackSection2\":\"fffff1\","
			   "\"sourceMacAddress\":\"02:00:00:00:00:af\","
			   "\"destinationMacAddress\":\"ff:ff:ff:ff:ff:ff\",\"minimumTTL\":57,"
			   "\"maximumTTL\":64,\"minimumIpTotalLength\":40,"
			   "\"maximumIpTotalLength\":1500,\"fragmentFlags\":64,"
			   "\"ipv4Options\":2147483650,"
			   "\"flowStartNanoseconds\":1700000001000000001,"
			   "\"flowEndNanoseconds\":1700000002000000002,\"flowEndReason\":2,"
			   "\"flowId\":9}");
}

static void egress_flow_has_both_interfaces_and_no_tags(void **state)
{
	struct plx_flow flow = udp6();

	(void)state;
	assert_json(&flow, "{\"sourceIPv6Address\":\"2001:db8::1\","
			   "\"destinationIPv6Address\":\"ff02::2\","
			   "\"sourceTransportPort\":53,\"destinationTransportPort\":5353,"
			   "\"protocolIdentifier\":17,\"ipVersion\":6,\"ipClassOfService\":0,"
			   "\"packetDeltaCount\":1,\"octetDeltaCount\":48,"
			   "\"layer2OctetDeltaCount\":62,\"ingressInterface\":3,"
			   "\"ingressInterfaceName\":\"eth\\\"3\",\"egressInterface\":70000,"
			   "\"egressInterfaceName\":\"wg0\",\"flowDirection\":1,"
			   "\"sourceMacAddress\":\"00:00:00:00:00:00\","
			   "\"destinationMacAddress\":\"00:00:00:00:00:00\",\"minimumTTL\":255,"
			   "\"maximumTTL\":255,\"minimumIpTotalLength\":48,"
			   "\"maximumIpTotalLength\":48,\"flowLabelIPv6\":703710,"
			   "\"fragmentFlags\":0,\"flowStartNanoseconds\":1700000001000000000,"
			   "\"flowEndNanoseconds\":1700000001000000000,\"flowId\":10}");
}

/* The member of flow is, in plain JSON text, as expected; NULL: there is none. */
static void assert_member(const struct plx_flow *flow, const char *member, const char *expected)
{
	struct json_object *object = plx_flow_json(flow, 0, NULL, NULL), *value = NULL;

	assert_non_null(object);
	assert_int_equal(json_object_object_get_ex(object, member, &value), expected != NULL);
	if (expected)
		assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
				    expected);
	json_object_put(object);
}

static void labels_are_six_digits_from_the_top(void **state)
{
	struct plx_flow flow = udp6();

	(void)state;
	assert_member(&flow, "mplsTopLabelStackSection", NULL);
	/* Explicit null (RFC 3032, label 0) on top of another. */
	flow.stats.first.mpls[1][2] = 0x11;
	assert_member(&flow, "mplsTopLabelStackSection", "\"000000\"");
	assert_member(&flow, "mplsLabelStackSection2", "\"000011\"");
	assert_member(&flow, "mplsLabelStackSection3", NULL);
	flow.stats.first.mpls[2][0] = 0xfe;
	assert_member(&flow, "mplsLabelStackSection3", "\"fe0000\"");
}

static void options_are_present_when_there_are_any(void **state)
{
	struct plx_flow flow = udp6();

	(void)state;
	assert_member(&flow, "ipv6ExtensionHeaders", NULL);
	flow.stats.marks = PLX_MARKS(0xff, 0x80000001);
	assert_member(&flow, "ipv6ExtensionHeaders", "2147483649");
	assert_member(&flow, "fragmentFlags", "255");
	assert_member(&flow, "ipv4Options", NULL);
	flow = tcp4();
	flow.stats.marks = PLX_MARKS(0, 1);
	flow.stats.tcp_options = 0;
	assert_member(&flow, "ipv4Options", "1");
	assert_member(&flow, "tcpOptions", NULL);
	flow.stats.marks = 0;
	flow.stats.first.tcp_window = 0;
	assert_member(&flow, "ipv4Options", NULL);
	assert_member(&flow, "tcpWindowSize", "0");
	/* A later fragment whose first one was not seen. */
	flow.key.flags |= PLX_KEY_FRAGMENT;
	assert_member(&flow, "tcpWindowSize", NULL);
	flow.key.protocol = 17;
	flow.key.flags &= (uint8_t)~PLX_KEY_FRAGMENT;
	assert_member(&flow, "tcpWindowSize", NULL);
}

static void outer_header_is_an_object_with_the_same_names(void **state)
{
	struct plx_flow flow = udp6();

	(void)state;
	assert_member(&flow, "outer", NULL);
	put_in_tunnel(&flow, 4, 17, PLX_TUNNEL_VXLAN, 5);
	assert_member(&flow, "outer",
		      "{\"sourceIPv4Address\":\"203.0.113.1\","
		      "\"destinationIPv4Address\":\"203.0.113.2\",\"sourceTransportPort\":4660,"
		      "\"destinationTransportPort\":22136,\"protocolIdentifier\":17,"
		      "\"ipVersion\":4}");
	assert_member(&flow, "sourceIPv6Address", "\"2001:db8::1\"");
	assert_member(&flow, "sourceTransportPort", "53");
	put_in_tunnel(&flow, 6, 47, PLX_TUNNEL_GRE, 0);
	assert_member(&flow, "outer",
		      "{\"sourceIPv6Address\":\"2001:db8::a\","
		      "\"destinationIPv6Address\":\"2001:db8::b\",\"protocolIdentifier\":47,"
		      "\"ipVersion\":6}");
}

static void tunnel_id_is_in_the_member_of_its_kind(void **state)
{
	static const struct {
		enum plx_tunnel_type type;
		uint32_t id;
		const char *segment, *gre_key, *teid;
	} cases[] = {
		{PLX_TUNNEL_IP, 0, NULL, NULL, NULL},
		{PLX_TUNNEL_GRE, 0, NULL, NULL, NULL},
		{PLX_TUNNEL_GREKEY, 4294967295, NULL, "4294967295", NULL},
		{PLX_TUNNEL_GREKEY, 0, NULL, "0", NULL},
		/* 2 << 56 | id >> 8 */
		{PLX_TUNNEL_NVGRE, 0x12345678, "144115188077048918", "305419896", NULL},
		/* 1 << 56 | id */
		{PLX_TUNNEL_VXLAN, 0xabcdef, "72057594049187311", NULL, NULL},
		{PLX_TUNNEL_GENEVE, 0xabcdef, "11259375", NULL, NULL},
		{PLX_TUNNEL_GTPU, 4294967295, NULL, NULL, "4294967295"},
	};
	struct plx_flow flow = tcp4();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_in_tunnel(&flow, 4, 47, cases[i].type, cases[i].id);
		assert_member(&flow, "layer2SegmentId", cases[i].segment);
		assert_member(&flow, "greKey", cases[i].gre_key);
		assert_member(&flow, "gtpuTEid", cases[i].teid);
	}
}

static void what_left_is_present_when_it_was_seen_to_leave(void **state)
{
	struct plx_flow flow = tcp4();

	(void)state;
	assert_member(&flow, "postPacketDeltaCount", NULL);
	assert_member(&flow, "postOctetDeltaCount", NULL);
	assert_member(&flow, "droppedPacketDeltaCount", NULL);
	flow.post.ifindex = 70000; /* nothing left since the last export */
	assert_member(&flow, "postPacketDeltaCount", "0");
	assert_member(&flow, "postOctetDeltaCount", "0");
	flow.post.packets = 2;
	flow.post.octets = 18446744073709551615ull;
	flow.dropped = 1;
	assert_member(&flow, "packetDeltaCount", "3");
	assert_member(&flow, "postPacketDeltaCount", "2");
	assert_member(&flow, "postOctetDeltaCount", "18446744073709551615");
	assert_member(&flow, "droppedPacketDeltaCount", "1");
	assert_member(&flow, "ingressInterface", "7");
	assert_member(&flow, "egressInterface", "70000");
	assert_member(&flow, "flowDirection", "0");
}

/* Members are there (IPv4: 4, IPv6: 6) or not (0). */
static void assert_nat(const struct plx_flow *flow, int version, bool ports)
{
	bool ipv4 = version == 4, ipv6 = version == 6;

	assert_member(flow, "postNATSourceIPv4Address", ipv4 ? "\"203.0.113.1\"" : NULL);
	assert_member(flow, "postNATDestinationIPv4Address", ipv4 ? "\"203.0.113.2\"" : NULL);
	assert_member(flow, "postNATSourceIPv6Address", ipv6 ? "\"2001:db8::c\"" : NULL);
	assert_member(flow, "postNATDestinationIPv6Address", ipv6 ? "\"2001:db8::d\"" : NULL);
	assert_member(flow, "postNAPTSourceTransportPort", ports ? "40001" : NULL);
	assert_member(flow, "postNAPTDestinationTransportPort", ports ? "8080" : NULL);
}

/* The same for the outer header of a tunnel, in IPv4. */
static void assert_outer_nat(const struct plx_flow *flow, bool there, bool ports)
{
	struct json_object *object = plx_flow_json(flow, 0, NULL, NULL), *outer = NULL,
			   *value = NULL;

	assert_non_null(object);
	assert_true(json_object_object_get_ex(object, "outer", &outer));
	assert_int_equal(json_object_object_get_ex(outer, "postNATSourceIPv4Address", &value),
			 there);
	if (there)
		assert_string_equal(json_object_get_string(value), "203.0.113.1");
	assert_int_equal(json_object_object_get_ex(outer, "postNATDestinationIPv4Address", NULL),
			 there);
	assert_false(json_object_object_get_ex(outer, "postNATSourceIPv6Address", NULL));
	assert_int_equal(json_object_object_get_ex(outer, "postNAPTSourceTransportPort", &value),
			 ports);
	if (ports)
		assert_int_equal(json_object_get_int(value), 40001);
	assert_int_equal(json_object_object_get_ex(outer, "postNAPTDestinationTransportPort", NULL),
			 ports);
	json_object_put(object);
}

static void tuple_behind_nat_is_beside_the_one_before(void **state)
{
	static const struct {
		uint8_t protocol;
		bool ports;
	} protocols[] = {
		{6, true},   {17, true}, {33, true},  {132, true},
		{136, true}, {1, false}, {47, false}, {50, false},
	};
	struct plx_flow flow = tcp4();

	(void)state;
	assert_nat(&flow, 0, false);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		flow.key.protocol = protocols[i].protocol;
		translate(&flow);
		assert_nat(&flow, 4, protocols[i].ports);
		assert_member(&flow, "sourceIPv4Address", "\"192.0.2.1\"");
	}
	flow = udp6();
	translate(&flow);
	assert_nat(&flow, 6, true);
	assert_member(&flow, "sourceTransportPort", "53");
	flow.key.protocol = 58;
	assert_nat(&flow, 6, false);
}

static void tuple_that_is_not_of_the_flow_is_left_out(void **state)
{
	struct plx_flow flow = tcp4();

	(void)state;
	translate(&flow);
	flow.after.version = 6;
	assert_nat(&flow, 0, false);
	translate(&flow);
	flow.translated = false;
	assert_nat(&flow, 0, false);
	/* A later fragment whose first one was not seen. */
	flow.translated = true;
	flow.key.flags |= PLX_KEY_FRAGMENT;
	assert_nat(&flow, 4, false);
	/* NAT is of the outer header. */
	flow = tcp4();
	translate(&flow);
	put_in_tunnel(&flow, 4, 4, PLX_TUNNEL_IP, 0);
	assert_nat(&flow, 0, false);
	assert_outer_nat(&flow, true, false);
	put_in_tunnel(&flow, 4, 17, PLX_TUNNEL_VXLAN, 5);
	assert_outer_nat(&flow, true, true);
	put_in_tunnel(&flow, 6, 17, PLX_TUNNEL_VXLAN, 5);
	assert_outer_nat(&flow, false, false);
	flow = udp6();
	translate(&flow);
	flow.after.version = 4;
	assert_nat(&flow, 0, false);
}

/* type is the value of the member, or -1 when it must be absent. */
static void assert_icmp(uint8_t protocol, uint8_t flags, const char *member, int type)
{
	struct plx_flow flow = {
		.key = {.protocol = protocol, .flags = flags, .dest_port = htons(3 * 256 + 4)},
	};
	struct json_object *object = plx_flow_json(&flow, 0, NULL, NULL), *value = NULL;

	assert_non_null(object);
	assert_int_equal(json_object_object_get_ex(object, member, &value), type >= 0);
	if (type >= 0)
		assert_int_equal(json_object_get_int(value), type);
	assert_false(json_object_object_get_ex(object, "sourceTransportPort", NULL));
	assert_false(json_object_object_get_ex(object, "destinationTransportPort", NULL));
	json_object_put(object);
}

static void icmp_has_type_and_code_instead_of_ports(void **state)
{
	(void)state;
	assert_icmp(1, PLX_KEY_IPV4, "icmpTypeCodeIPv4", 772);
	assert_icmp(58, 0, "icmpTypeCodeIPv6", 772);
	/* A later fragment whose first one was not seen. */
	assert_icmp(1, PLX_KEY_IPV4 | PLX_KEY_FRAGMENT, "icmpTypeCodeIPv4", -1);
	assert_icmp(58, PLX_KEY_FRAGMENT, "icmpTypeCodeIPv6", -1);
}

static void assert_event(const struct plx_nat_event *event, const char *text)
{
	struct json_object *object = plx_nat_event_json(event, 1000);

	assert_non_null(object);
	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), text);
	json_object_put(object);
}

static void nat_events_have_the_names_of_ipfix(void **state)
{
	struct plx_nat_event event = nat_event4(1700000000 * SECOND);

	(void)state;
	assert_event(
		&event,
		"{\"observationTimeNanoseconds\":1700000000000001000,\"natEvent\":4,"
		"\"sourceIPv4Address\":\"10.1.0.2\",\"destinationIPv4Address\":\"198.51.100.2\","
		"\"postNATSourceIPv4Address\":\"198.51.100.1\","
		"\"postNATDestinationIPv4Address\":\"198.51.100.2\","
		"\"sourceTransportPort\":4000,\"destinationTransportPort\":443,"
		"\"postNAPTSourceTransportPort\":40001,\"postNAPTDestinationTransportPort\":443,"
		"\"protocolIdentifier\":6,\"ipVersion\":4}");
	/* ICMPv6: no ports, and translation delete */
	event.before = (struct plx_nat_tuple){.source = {htonl(0xfd010000), 0, 0, htonl(2)},
					      .dest = {htonl(0xfd020000), 0, 0, htonl(2)},
					      .dest_port = htons(128 << 8),
					      .protocol = 58,
					      .version = 6};
	event.after = event.before;
	event.after.source[3] = htonl(9);
	event.begins = false;
	assert_event(&event,
		     "{\"observationTimeNanoseconds\":1700000000000001000,\"natEvent\":2,"
		     "\"sourceIPv6Address\":\"fd01::2\",\"destinationIPv6Address\":\"fd02::2\","
		     "\"postNATSourceIPv6Address\":\"fd01::9\","
		     "\"postNATDestinationIPv6Address\":\"fd02::2\",\"icmpTypeCodeIPv6\":32768,"
		     "\"protocolIdentifier\":58,\"ipVersion\":6}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ingress_flow_has_all_members),
		cmocka_unit_test(egress_flow_has_both_interfaces_and_no_tags),
		cmocka_unit_test(labels_are_six_digits_from_the_top),
		cmocka_unit_test(options_are_present_when_there_are_any),
		cmocka_unit_test(outer_header_is_an_object_with_the_same_names),
		cmocka_unit_test(tunnel_id_is_in_the_member_of_its_kind),
		cmocka_unit_test(what_left_is_present_when_it_was_seen_to_leave),
		cmocka_unit_test(tuple_behind_nat_is_beside_the_one_before),
		cmocka_unit_test(tuple_that_is_not_of_the_flow_is_left_out),
		cmocka_unit_test(icmp_has_type_and_code_instead_of_ports),
		cmocka_unit_test(nat_events_have_the_names_of_ipfix),
	};

	return cmocka_run_group_tests_name("flow JSON", tests, NULL, NULL);
}
