/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON records, and the JSON exporter into files, full and closed pipes, and standard output.
 * Readers count what they find themselves; the books must say the same.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "control/exporter.h"
#include "control/flow_json.h"

#define SECOND	    1000000000ull
#define DEADLINE_NS (20 * SECOND)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static const char *name_of(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 3 ? "eth\"3" : ifindex == 70000 ? "wg0" : NULL;
}

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
				.packets = 3,
				.octets = 18446744073709551615ull,
				.frame_octets = 300,
				.first_ns = 1 * SECOND + 1,
				.last_ns = 2 * SECOND + 2,
				.shape = PLX_SHAPE(40, 1500, 0xf1b, 57, 64),
				.first =
					{
						.source_mac = {2, 0, 0, 0, 0, 0xaf},
						.dest_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
						.ingress_ifindex = 99,
						.customer_vlan = PLX_VLAN_PRESENT,
						.mpls = {{0x00, 0x06, 0x4a}, {0xff, 0xff, 0xf1}},
						.tcp_window = 65535,
						.vlan_priority = 5,
						.tos = 0xb8,
					},
				.marks = PLX_MARKS(0x40, 0x80000002),
				.tcp_options = 0x800000000000011e,
			},
		.id = 9,
		.end_reason = PLX_END_ACTIVE,
	};
}

static struct plx_flow udp6_flow(void)
{
	return (struct plx_flow){
		.key =
			{
				.source = {htonl(0x20010db8), 0, 0, htonl(1)},
				.dest = {htonl(0xff020000), 0, 0, htonl(2)},
				.source_port = htons(53),
				.dest_port = htons(5353),
				.ifindex = 70000,
				.protocol = 17,
				.flags = PLX_KEY_DIR_OUT,
			},
		.stats =
			{
				.packets = 1,
				.octets = 48,
				.frame_octets = 62,
				.first_ns = SECOND,
				.last_ns = SECOND,
				.shape = PLX_SHAPE(48, 48, 0, 255, 255),
				.first = {.ingress_ifindex = 3, .flow_label = 0xabcde},
			},
		.id = 10,
	};
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
	struct plx_flow flow = tcp4_flow();

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
	struct plx_flow flow = udp6_flow();

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
	struct plx_flow flow = udp6_flow();

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
	struct plx_flow flow = udp6_flow();

	(void)state;
	assert_member(&flow, "ipv6ExtensionHeaders", NULL);
	flow.stats.marks = PLX_MARKS(0xff, 0x80000001);
	assert_member(&flow, "ipv6ExtensionHeaders", "2147483649");
	assert_member(&flow, "fragmentFlags", "255");
	assert_member(&flow, "ipv4Options", NULL);
	flow = tcp4_flow();
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

static void put_in_tunnel(struct plx_flow *flow, uint8_t protocol, uint8_t type, uint32_t id)
{
	flow->key.flags |= PLX_KEY_TUNNEL;
	flow->stats.first.outer_source_port = htons(protocol == 17 ? 50000 : 0);
	flow->stats.first.outer_dest_port = htons(protocol == 17 ? 4789 : 0);
	flow->tunnel = (struct plx_tunnel){
		.source = {htonl(0xcb007101)},
		.dest = {htonl(0xcb007102)},
		.id = id,
		.type = type,
		.version = 4,
		.protocol = protocol,
	};
}

static void outer_header_is_an_object_with_the_same_names(void **state)
{
	struct plx_flow flow = udp6_flow();

	(void)state;
	assert_member(&flow, "outer", NULL);
	put_in_tunnel(&flow, 17, PLX_TUNNEL_VXLAN, 5);
	assert_member(&flow, "outer",
		      "{\"sourceIPv4Address\":\"203.0.113.1\","
		      "\"destinationIPv4Address\":\"203.0.113.2\",\"sourceTransportPort\":50000,"
		      "\"destinationTransportPort\":4789,\"protocolIdentifier\":17,"
		      "\"ipVersion\":4}");
	assert_member(&flow, "sourceIPv6Address", "\"2001:db8::1\"");
	assert_member(&flow, "sourceTransportPort", "53");
	put_in_tunnel(&flow, 47, PLX_TUNNEL_GRE, 0);
	flow.tunnel.version = 6;
	assert_member(&flow, "outer",
		      "{\"sourceIPv6Address\":\"cb00:7101::\","
		      "\"destinationIPv6Address\":\"cb00:7102::\",\"protocolIdentifier\":47,"
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
	struct plx_flow flow = tcp4_flow();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_in_tunnel(&flow, 47, cases[i].type, cases[i].id);
		assert_member(&flow, "layer2SegmentId", cases[i].segment);
		assert_member(&flow, "greKey", cases[i].gre_key);
		assert_member(&flow, "gtpuTEid", cases[i].teid);
	}
}

static void what_left_is_present_when_it_was_seen_to_leave(void **state)
{
	struct plx_flow flow = tcp4_flow();

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

static void translate(struct plx_flow *flow, uint8_t version)
{
	flow->translated = true;
	flow->after = (struct plx_nat_tuple){
		.source = {htonl(0xcb007101)},
		.dest = {htonl(0xcb007102)},
		.source_port = htons(40001),
		.dest_port = htons(8080),
		.protocol = flow->key.protocol,
		.version = version,
	};
}

/* Members are there (IPv4: 4, IPv6: 6) or not (0). */
static void assert_nat(const struct plx_flow *flow, int version, bool ports)
{
	bool ipv4 = version == 4, ipv6 = version == 6;

	assert_member(flow, "postNATSourceIPv4Address", ipv4 ? "\"203.0.113.1\"" : NULL);
	assert_member(flow, "postNATDestinationIPv4Address", ipv4 ? "\"203.0.113.2\"" : NULL);
	assert_member(flow, "postNATSourceIPv6Address", ipv6 ? "\"cb00:7101::\"" : NULL);
	assert_member(flow, "postNATDestinationIPv6Address", ipv6 ? "\"cb00:7102::\"" : NULL);
	assert_member(flow, "postNAPTSourceTransportPort", ports ? "40001" : NULL);
	assert_member(flow, "postNAPTDestinationTransportPort", ports ? "8080" : NULL);
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
	struct plx_flow flow = tcp4_flow();

	(void)state;
	assert_nat(&flow, 0, false);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		flow.key.protocol = protocols[i].protocol;
		translate(&flow, 4);
		assert_nat(&flow, 4, protocols[i].ports);
		assert_member(&flow, "sourceIPv4Address", "\"192.0.2.1\"");
	}
	flow = udp6_flow();
	translate(&flow, 6);
	assert_nat(&flow, 6, true);
	assert_member(&flow, "sourceTransportPort", "53");
	flow.key.protocol = 58;
	assert_nat(&flow, 6, false);
}

static void tuple_that_is_not_of_the_flow_is_left_out(void **state)
{
	struct plx_flow flow = tcp4_flow();

	(void)state;
	translate(&flow, 6);
	assert_nat(&flow, 0, false);
	translate(&flow, 4);
	flow.translated = false;
	assert_nat(&flow, 0, false);
	/* A later fragment whose first one was not seen. */
	flow.translated = true;
	flow.key.flags |= PLX_KEY_FRAGMENT;
	assert_nat(&flow, 4, false);
	/* NAT is of the outer header. */
	flow = tcp4_flow();
	translate(&flow, 4);
	put_in_tunnel(&flow, 4, PLX_TUNNEL_IP, 0);
	assert_nat(&flow, 0, false);
	flow = udp6_flow();
	translate(&flow, 4);
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

/* An exporter with a folder of its own. */
struct rig {
	struct event_base *base;
	struct plx_exporter *exporter;
	char folder[32];
	char path[64];
	uint64_t next_id;
};

static void open_exporter(struct rig *rig, const char *path)
{
	struct plx_exporter_env env = {.base = rig->base, .ifname = name_of};
	char url[128], err[256] = "";

	snprintf(url, sizeof(url), "json:%s", path);
	if (plx_exporter__open(&env, url, &rig->exporter, err, sizeof(err)))
		fail_msg("%s", err);
}

static void start(struct rig *rig)
{
	*rig = (struct rig){.base = event_base_new(), .folder = "/tmp/plx-test-XXXXXX"};
	assert_non_null(rig->base);
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->path, sizeof(rig->path), "%s/flows", rig->folder);
}

static void stop(struct rig *rig)
{
	plx_exporter__close(rig->exporter);
	event_base_free(rig->base);
	unlink(rig->path);
	rmdir(rig->folder);
}

static struct plx_exporter_stats stats_of(const struct rig *rig)
{
	struct plx_exporter_stats s;

	plx_exporter__stats(rig->exporter, &s);
	assert_int_equal(s.handed.records,
			 s.sent.records + s.queued.records + s.lost[0].records + s.lost[1].records);
	assert_int_equal(s.handed.packets,
			 s.sent.packets + s.queued.packets + s.lost[0].packets + s.lost[1].packets);
	assert_int_equal(s.handed.bytes,
			 s.sent.bytes + s.queued.bytes + s.lost[0].bytes + s.lost[1].bytes);
	assert_int_equal(s.messages, s.sent.records);
	return s;
}

static void export_one(struct rig *rig)
{
	struct plx_flow flow = ++rig->next_id & 1 ? tcp4_flow() : udp6_flow();

	flow.id = rig->next_id;
	flow.stats.packets = rig->next_id;
	flow.stats.frame_octets = rig->next_id * 100;
	plx_exporter__export(rig->exporter, &flow);
	stats_of(rig);
}

static void spin(struct rig *rig)
{
	event_base_loopexit(rig->base, &(struct timeval){.tv_usec = 20000});
	event_base_loop(rig->base, EVLOOP_ONCE);
	stats_of(rig);
}

/* Parse all lines; the ids must rise. Returns how many; consumes text. */
static uint64_t count_lines(char *text, uint64_t *ret_last_id)
{
	uint64_t lines = 0, last_id = 0, id;
	struct json_object *object, *value;
	char *line;

	while ((line = strsep(&text, "\n")) && *line) {
		assert_non_null(text); /* the line has its end */
		object = json_tokener_parse(line);
		assert_non_null(object);
		assert_true(json_object_object_get_ex(object, "flowId", &value));
		id = json_object_get_uint64(value);
		assert_true(id > last_id);
		last_id = id;
		json_object_put(object);
		lines++;
	}
	if (ret_last_id)
		*ret_last_id = last_id;
	return lines;
}

static char text[4 << 20];

static size_t read_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t size;

	assert_true(fd >= 0);
	size = read(fd, text, sizeof(text) - 1);
	assert_true(size >= 0);
	text[size] = '\0';
	close(fd);
	return (size_t)size;
}

static void file_gets_one_object_a_line_and_is_appended_to(void **state)
{
	struct plx_exporter_stats s;
	uint64_t last_id;
	struct stat st;
	mode_t mask = umask(022);
	struct rig rig;

	(void)state;
	start(&rig);
	open_exporter(&rig, rig.path);
	umask(mask);
	for (int i = 0; i < 500; i++)
		export_one(&rig);
	plx_exporter__flush(rig.exporter);
	assert_true(plx_exporter__idle(rig.exporter));
	s = stats_of(&rig);
	assert_int_equal(s.sent.records, 500);
	assert_int_equal(s.sent.packets, 500 * 501 / 2);
	assert_int_equal(s.octets, read_file(rig.path));
	assert_int_equal(count_lines(text, &last_id), 500);
	assert_int_equal(last_id, 500);
	assert_return_code(stat(rig.path, &st), errno);
	assert_int_equal(st.st_mode & 0777, 0644);

	plx_exporter__close(rig.exporter);
	open_exporter(&rig, rig.path);
	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	read_file(rig.path);
	assert_int_equal(count_lines(text, NULL), 501);
	stop(&rig);
}

static void lines_are_written_without_a_flush(void **state)
{
	uint64_t deadline_ns = now_ns() + DEADLINE_NS;
	struct rig rig;

	(void)state;
	start(&rig);
	open_exporter(&rig, rig.path);
	export_one(&rig);
	assert_int_equal(stats_of(&rig).queued.records, 1);
	while (!plx_exporter__idle(rig.exporter)) {
		assert_true(now_ns() < deadline_ns);
		spin(&rig);
	}
	read_file(rig.path);
	assert_int_equal(count_lines(text, NULL), 1);
	stop(&rig);
}

static void unusable_path_is_an_error_that_names_it(void **state)
{
	static const struct {
		const char *url;
		int err;
		const char *message;
	} cases[] = {
		{"json:/nonexistent/x", -ENOENT,
		 "json: \"/nonexistent/x\": No such file or directory"},
		{"json:/tmp", -EISDIR, "json: \"/tmp\": Is a directory"},
		{"json:/dev/null/x", -ENOTDIR, "json: \"/dev/null/x\": Not a directory"},
	};
	struct plx_exporter *exporter = NULL;
	struct plx_exporter_env env;
	char url[128], err[256];
	struct rig rig;

	(void)state;
	start(&rig);
	env = (struct plx_exporter_env){.base = rig.base};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			plx_exporter__open(&env, cases[i].url, &exporter, err, sizeof(err)),
			cases[i].err);
		assert_string_equal(err, cases[i].message);
	}
	/* A FIFO without a reader must not hang. */
	assert_return_code(mkfifo(rig.path, 0600), errno);
	snprintf(url, sizeof(url), "json:%s", rig.path);
	assert_int_equal(plx_exporter__open(&env, url, &exporter, err, sizeof(err)), -ENXIO);
	assert_null(exporter);
	stop(&rig);
}

static void full_disk_is_counted_per_record(void **state)
{
	struct plx_exporter_stats s;
	struct rig rig;

	(void)state;
	start(&rig);
	open_exporter(&rig, "/dev/full");
	for (int i = 0; i < 1000; i++)
		export_one(&rig);
	plx_exporter__flush(rig.exporter);
	s = stats_of(&rig);
	assert_int_equal(s.lost[PLX_LOSS_SEND].records, 1000);
	assert_true(s.errors >= 1);
	assert_string_equal(s.state, "error");
	assert_string_equal(s.last_error, "No space left on device");
	assert_true(plx_exporter__ready(rig.exporter));
	stop(&rig);
}

/* Let the reader take all there is, and the exporter write all it has. */
static size_t read_until_idle(struct rig *rig, int fd)
{
	uint64_t deadline_ns = now_ns() + DEADLINE_NS;
	size_t size = 0;
	ssize_t ret;

	for (;;) {
		ret = read(fd, text + size, sizeof(text) - 1 - size);
		if (ret > 0) {
			size += (size_t)ret;
			continue;
		}
		if (plx_exporter__idle(rig->exporter))
			break;
		assert_true(now_ns() < deadline_ns);
		spin(rig);
	}
	text[size] = '\0';
	return size;
}

static int start_fifo(struct rig *rig)
{
	int fd;

	start(rig);
	assert_return_code(mkfifo(rig->path, 0600), errno);
	fd = open(rig->path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	open_exporter(rig, rig->path);
	return fd;
}

static void slow_reader_fills_the_buffer_and_then_gets_whole_lines(void **state)
{
	struct plx_exporter_stats s;
	uint64_t last_id;
	struct rig rig;
	size_t size;
	int fd;

	(void)state;
	fd = start_fifo(&rig);
	while (plx_exporter__ready(rig.exporter)) {
		assert_true(rig.next_id < 10000);
		export_one(&rig);
	}
	assert_int_equal(stats_of(&rig).lost[PLX_LOSS_QUEUE].records, 0);
	plx_exporter__flush(rig.exporter);
	for (int i = 0; i < 10; i++)
		export_one(&rig);
	s = stats_of(&rig);
	assert_int_equal(s.lost[PLX_LOSS_QUEUE].records, 10);
	assert_true(s.queued.records > 500);
	assert_string_equal(s.state, "ready");
	size = read_until_idle(&rig, fd);
	assert_int_equal(size, stats_of(&rig).octets);
	assert_int_equal(count_lines(text, &last_id), rig.next_id - 10);
	assert_int_equal(last_id, rig.next_id - 10);
	assert_true(plx_exporter__ready(rig.exporter));
	close(fd);
	stop(&rig);
}

static void closed_pipe_is_an_error_and_a_new_reader_loses_one_line(void **state)
{
	struct plx_exporter_stats s;
	uint64_t sent;
	struct rig rig;
	char *torn;
	int fd;

	(void)state;
	fd = start_fifo(&rig);
	/* Until the pipe is full in the middle of a line: 64 KiB is no multiple of its size. */
	while (plx_exporter__ready(rig.exporter))
		export_one(&rig);
	sent = stats_of(&rig).sent.records;
	assert_true(sent > 0);
	close(fd);
	for (int i = 0; i < 100 && !plx_exporter__idle(rig.exporter); i++)
		spin(&rig);
	s = stats_of(&rig);
	assert_int_equal(s.lost[PLX_LOSS_SEND].records, s.handed.records - sent);
	assert_string_equal(s.state, "error");
	assert_string_equal(s.last_error, "Broken pipe");
	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	assert_int_equal(stats_of(&rig).lost[PLX_LOSS_SEND].records, s.lost[1].records + 1);

	fd = open(rig.path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	export_one(&rig);
	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	read_until_idle(&rig, fd);
	/* The pipe still had what it was full of: whole lines, then one without its end. */
	torn = text;
	for (uint64_t i = 0; i < sent; i++)
		torn = strchr(torn, '\n') + 1;
	assert_int_equal(*torn, '{');
	torn = strchr(torn, '\n');
	assert_int_not_equal(torn[-1], '}');
	assert_int_equal(count_lines(torn + 1, NULL), 2);
	assert_int_equal(stats_of(&rig).sent.records, sent + 2);
	assert_string_equal(stats_of(&rig).state, "ready");
	close(fd);
	stop(&rig);
}

/* Export to standard output while it is fd; returns what stats_of() then says. */
static void export_to_stdout(struct rig *rig, int fd, int lines)
{
	int saved, flags;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	open_exporter(rig, "-");
	for (int i = 0; i < lines; i++)
		export_one(rig);
	plx_exporter__flush(rig->exporter);
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	/* Others who write there must not meet EAGAIN. */
	assert_false(flags & O_NONBLOCK);
}

static void pipe_as_standard_output_stays_blocking_for_others(void **state)
{
	struct rig rig;
	int fds[2];

	(void)state;
	start(&rig);
	assert_return_code(pipe(fds), errno);
	assert_return_code(fcntl(fds[0], F_SETFL, O_NONBLOCK), errno);
	/* More than the pipe takes: this would hang if a write could block. */
	export_to_stdout(&rig, fds[1], 300);
	assert_true(stats_of(&rig).queued.records > 0);
	read_until_idle(&rig, fds[0]);
	assert_int_equal(count_lines(text, NULL), 300);
	close(fds[0]);
	close(fds[1]);
	stop(&rig);
}

static void socket_as_standard_output_stays_blocking_for_others(void **state)
{
	struct rig rig;
	int fds[2];

	(void)state;
	start(&rig);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), errno);
	assert_return_code(fcntl(fds[0], F_SETFL, O_NONBLOCK), errno);
	export_to_stdout(&rig, fds[1], 1000);
	assert_true(stats_of(&rig).queued.records > 0);
	read_until_idle(&rig, fds[0]);
	assert_int_equal(count_lines(text, NULL), 1000);
	close(fds[0]);
	close(fds[1]);
	stop(&rig);
}

static void file_as_standard_output_is_written_where_it_stands(void **state)
{
	struct rig rig;
	int fd;

	(void)state;
	start(&rig);
	fd = open(rig.path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"flowId\":0.5}\n", 15), 15);
	export_to_stdout(&rig, fd, 2);
	assert_int_equal(write(fd, "{\"flowId\":99}\n", 14), 14);
	close(fd);
	read_file(rig.path);
	assert_memory_equal(text, "{\"flowId\":0.5}\n", 15);
	assert_int_equal(count_lines(text + 15, NULL), 3);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(file_gets_one_object_a_line_and_is_appended_to),
		cmocka_unit_test(lines_are_written_without_a_flush),
		cmocka_unit_test(unusable_path_is_an_error_that_names_it),
		cmocka_unit_test(full_disk_is_counted_per_record),
		cmocka_unit_test(slow_reader_fills_the_buffer_and_then_gets_whole_lines),
		cmocka_unit_test(closed_pipe_is_an_error_and_a_new_reader_loses_one_line),
		cmocka_unit_test(pipe_as_standard_output_stays_blocking_for_others),
		cmocka_unit_test(socket_as_standard_output_stays_blocking_for_others),
		cmocka_unit_test(file_as_standard_output_is_written_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
