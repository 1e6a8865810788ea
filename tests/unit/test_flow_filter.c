/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters over flow records and NAT mappings: which of a set of records each expression finds, and
 * which expressions are refused. Whatever is answered must not depend on what a record does not
 * have: with those bits and the payload at random, libpcap has to give the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <pcap/pcap.h>

#include "control/flow_filter.h"
#include "control/flow_header.h"
#include "flows.h"

/* The records, and their bits in what an expression finds. */
enum {
	TCP4, /* 192.0.2.1:49152 > 198.51.100.2:443, TOS 0xb8, TTL 57, SYN FIN PSH ACK and more */
	UDP4,
	UDP6,  /* 2001:db8::1 port 53 > 2001:db8::2 port 5353, flow label 0xabcde */
	ICMP4, /* 3/4 */
	ICMP6, /* 135/0 */
	NAT4,  /* TCP4 behind 203.0.113.1:40001 > 203.0.113.2:8080 */
	NAT6,
	TAGGED,	 /* TCP4 with tag 0x123, priority 5 */
	STACKED, /* TCP4 with tags 0x123 and 0xffe */
	LABELS,	 /* TCP4 below labels 100, 200 */
	DEEP,	 /* UDP4 below labels 100, 200, 300 and more */
	FRAG4,	 /* later fragments of UDP, as above without ports */
	FRAG6,
	VXLAN, /* UDP6 in 203.0.113.1:4660 > 203.0.113.2:22136 */
	GRE6,  /* TCP4 in GRE 2001:db8::a > 2001:db8::b */
	ESP,   /* 192.0.2.1 > 198.51.100.2 */
	SCTP6, /* as UDP6 */
	NR_RECORDS,
};
#define B(record) (1u << (record))
#define ALL	  (B(NR_RECORDS) - 1)
/* With IPv4, or IPv6, behind the Ethernet header; outer headers aside. */
#define PLAIN4 (B(TCP4) | B(UDP4) | B(ICMP4) | B(NAT4) | B(FRAG4) | B(GRE6) | B(ESP))
#define PLAIN6 (B(UDP6) | B(ICMP6) | B(NAT6) | B(FRAG6) | B(VXLAN) | B(SCTP6))

static struct plx_flow records[NR_RECORDS];

static void label(struct plx_flow *flow, int i, uint32_t number, bool bottom)
{
	uint32_t entry = number << 4 | 5 << 1 | bottom;

	flow->stats.first.mpls[i][0] = entry >> 16;
	flow->stats.first.mpls[i][1] = entry >> 8;
	flow->stats.first.mpls[i][2] = entry;
}

static struct plx_flow without_tags(struct plx_flow flow)
{
	flow.key.vlan = flow.stats.first.customer_vlan = 0;
	return flow;
}

static int make_records(void **state)
{
	(void)state;
	for (int i = 0; i < NR_RECORDS; i++)
		records[i] = without_tags(tcp4_flow());
	records[UDP4] = without_tags(udp4_flow());
	records[UDP6] = udp6_flow();
	records[ICMP4] = without_tags(icmp4_flow());
	records[ICMP6] = icmp6_flow();
	translate(&records[NAT4]);
	records[NAT6] = udp6_flow();
	translate(&records[NAT6]);
	records[TAGGED] = records[STACKED] = tcp4_flow();
	records[TAGGED].stats.first.customer_vlan = 0;
	label(&records[LABELS], 0, 100, false);
	label(&records[LABELS], 1, 200, true);
	records[DEEP] = records[FRAG4] = records[UDP4];
	label(&records[DEEP], 0, 100, false);
	label(&records[DEEP], 1, 200, false);
	label(&records[DEEP], 2, 300, false);
	records[FRAG4].stats.marks = PLX_MARKS(0x20, 0);
	records[FRAG6] = udp6_flow();
	records[VXLAN] = udp6_flow();
	put_in_tunnel(&records[VXLAN], 4, 17, PLX_TUNNEL_VXLAN, 42);
	put_in_tunnel(&records[GRE6], 6, 47, PLX_TUNNEL_GRE, 0);
	for (int i = FRAG4; i <= FRAG6; i++) {
		records[i].key.flags |= PLX_KEY_FRAGMENT;
		records[i].key.source_port = records[i].key.dest_port = 0;
	}
	records[ESP].key.protocol = 50;
	records[ESP].key.source_port = records[ESP].key.dest_port = 0;
	records[SCTP6] = udp6_flow();
	records[SCTP6].key.protocol = 132;
	return 0;
}

#define TCPS (B(TCP4) | B(NAT4) | B(GRE6))
#define UDPS (B(UDP4) | B(UDP6) | B(NAT6) | B(FRAG4) | B(FRAG6) | B(VXLAN))

static const struct {
	const char *text;
	uint32_t finds;
} found[] = {
	{"", ALL},
	{"ip", PLAIN4 | B(VXLAN)},
	{"ip6", PLAIN6 | B(GRE6)},
	{"arp", 0},
	{"tcp", TCPS},
	{"udp", UDPS},
	{"icmp", B(ICMP4)},
	{"icmp6", B(ICMP6)},
	{"ip proto 50", B(ESP)},
	{"ip proto \\esp", B(ESP)},
	{"proto 47", B(GRE6)},
	{"ip6 proto 132", B(SCTP6)},
	{"sctp", B(SCTP6)},
	{"not udp", ALL & ~UDPS},
	{"host 192.0.2.1", PLAIN4},
	{"src host 192.0.2.1", PLAIN4},
	{"dst host 192.0.2.1", 0},
	{"host 203.0.113.2", B(NAT4) | B(VXLAN)},
	{"dst net 203.0.113.0/24 and src port 40001", B(NAT4)},
	{"src host 203.0.113.1 and udp dst port 22136", B(VXLAN)},
	{"ip host 203.0.113.1 and udp port 53", 0},
	{"net 198.51.100.0/24 and port 443", B(TCP4) | B(UDP4) | B(NAT4) | B(GRE6)},
	{"host 2001:db8::c", B(NAT6)},
	{"net 2001:db8::/32", PLAIN6 | B(GRE6)},
	{"host 2001:db8::b", B(GRE6)},
	{"port 53", B(UDP6) | B(NAT6) | B(VXLAN) | B(SCTP6)},
	{"udp port 53", B(UDP6) | B(NAT6) | B(VXLAN)},
	{"portrange 50-60", B(UDP6) | B(NAT6) | B(VXLAN) | B(SCTP6)},
	{"tcp portrange 8000-8100", B(NAT4)},
	{"port 8080 or host 2001:db8::d", B(NAT4) | B(NAT6)},
	{"port 0", 0},
	{"src port 443", 0},
	{"vlan", B(TAGGED) | B(STACKED)},
	{"vlan 291", B(TAGGED) | B(STACKED)},
	{"vlan 292", 0},
	{"vlan and tcp", B(TAGGED)},
	{"vlan 291 and vlan 4094 and tcp port 443", B(STACKED)},
	{"vlan and vlan and vlan", 0},
	{"ether[14] >> 5 = 5", B(TAGGED) | B(STACKED)},
	{"mpls", B(LABELS) | B(DEEP)},
	{"mpls 100", B(LABELS) | B(DEEP)},
	{"mpls 200", 0},
	{"mpls 100 and mpls 200", B(LABELS) | B(DEEP)},
	{"mpls 100 and mpls 200 and host 192.0.2.1", B(LABELS)},
	{"mpls 100 and mpls 200 and mpls 300", B(DEEP)},
	{"mpls and mpls and mpls and ip", 0},
	{"mpls and mpls and mpls and mpls", B(DEEP)},
	{"ether src 02:00:00:00:00:01", ALL & ~(PLAIN6 & ~B(GRE6))},
	{"ether dst 02:00:00:00:00:04", PLAIN6 & ~B(GRE6)},
	{"ether multicast", 0},
	{"ether proto 0x8847", B(LABELS) | B(DEEP)},
	{"ip[1] = 0xb8", PLAIN4},
	{"ip[1] & 0xfc = 0xb8 and not net 10.0.0.0/8", PLAIN4},
	{"ip[8] < 58", PLAIN4},
	{"ip[8] = 64", 0},
	{"ip[6] & 0x40 != 0", (PLAIN4 & ~B(FRAG4))},
	{"ip[6:2] & 0x1fff != 0", B(FRAG4)},
	{"ip[6:2] & 0x3fff != 0", B(FRAG4)},
	{"ip[9] = 50", B(ESP)},
	{"ip[12:4] = 0xc0000201", PLAIN4},
	{"ip6[0:4] & 0xfffff = 0xabcde", PLAIN6},
	{"ip6[6] = 44", B(FRAG6)},
	{"ip6[7] = 0", PLAIN6},
	{"tcp[tcpflags] & tcp-syn != 0", TCPS},
	{"tcp[tcpflags] & (tcp-rst|tcp-urg) != 0", 0},
	{"tcp[tcpflags] = 0x1b", TCPS},
	{"tcp[12] & 0x0f = 0xf", TCPS},
	{"tcp[14:2] = 0x4142", TCPS},
	{"tcp[0:2] = 49152", TCPS},
	{"tcp[2:2] = 8080", B(NAT4)},
	{"icmp[icmptype] = icmp-unreach", B(ICMP4)},
	{"icmp[icmpcode] = 4 and icmp[0] = 3", B(ICMP4)},
	{"icmp[icmptype] = icmp-echo", 0},
	{"icmp6[icmp6type] = icmp6-neighborsolicit", B(ICMP6)},
	{"udp[2:2] = 5353", 0},
	{"udp[0:2] = 4660", B(VXLAN)},
	{"arp[6:2] = 1", 0},
	{"pppoes", 0},
	{"ether[12:2] = 0x0800", PLAIN4 | B(VXLAN)},
};

static const struct {
	const char *text, *why;
} refused[] = {
	{"len > 100", "the length of a packet is not in a flow record"},
	{"greater 100", "the length of a packet"},
	{"less 100 and tcp", "the length of a packet"},
	{"ip[2:2] > 100", "the length of a packet"},
	{"ip6[4:2] > 100", "the length of a packet"},
	{"ip[4:2] = 7", "the IP identification"},
	{"ip[10:2] = 7", "the IP checksum"},
	{"ip[0] & 0xf > 5", "the length of the IP header"},
	{"ip[6] & 0x80 != 0", "the reserved bit"},
	{"tcp[4:4] = 1", "TCP sequence numbers"},
	{"tcp[8:4] = 1", "TCP sequence numbers"},
	{"tcp[12] > 0x50", "the length of the TCP header"},
	{"tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "the length of the TCP header"},
	{"tcp[20] = 1", "what follows the headers"},
	{"udp[4:2] = 8", "what stands behind the ports"},
	{"udp[8] = 8", "what follows the headers"},
	{"icmp[4:2] = 1", "what follows the headers"},
	{"icmp[2:2] = 1", "the ICMP checksum"},
	{"ip[20] = 1", "what follows the headers"},
	{"ip[9] & 0x7f = 6 and ip[24:4] = 1", "TCP sequence numbers"},
	{"ether[ip[8]] = 1", "octets whose place depends"},
	{"ether[200] = 1", "what follows the headers"},
	{"ether[14] & 0x10 != 0", "DEI"},
	{"vlan and vlan and ether[18] >> 5 = 3", "inner VLAN tag"},
	{"mpls and ether[17] = 64", "the TTL of an MPLS label"},
	{"mpls and mpls and mpls and mpls 400", "MPLS labels below the third"},
	{"ip protochain 6", "what follows the headers"},
	{"ip6 protochain 6", "what is in a fragment header"},
	{"tcp port 80 and ip[4:2] & 1 = 0", "the IP identification"},
	{"geneve 5 and tcp", "what follows the headers"},
};

static const struct {
	const char *text, *why;
} wrong[] = {
	{"tcp prot 80", "syntax error: 'tcp prot 80'"},
	{"port 70000", "illegal port number 70000 > 65535: 'port 70000'"},
	{"host www.example.com", "unknown host 'www.example.com'"},
	{"(tcp", "'(tcp'"},
	{"inbound", "'inbound'"},
	{"ip broadcast", "netmask not known"},
};

/* The header of a record with what is not known of it at random, and a payload. */
static size_t fill(const struct plx_flow_header *header, uint8_t octets[2 * PLX_FLOW_HEADER_MAX])
{
	for (size_t i = 0; i < 2 * PLX_FLOW_HEADER_MAX; i++) {
		octets[i] = random();
		if (i >= header->size)
			continue;
		octets[i] &= header->unknown[i];
		if (i == header->ip) /* the header has no options */
			octets[i] = 0x05 & header->unknown[i];
		octets[i] |= header->octets[i];
	}
	return header->size + random() % PLX_FLOW_HEADER_MAX;
}

static void assert_independent(const char *text, const struct bpf_program *program,
			       const struct plx_flow_header *header)
{
	uint8_t octets[2 * PLX_FLOW_HEADER_MAX];
	u_int plain = bpf_filter(program->bf_insns, header->octets, header->size, header->size);

	for (int i = 0; i < 20; i++) {
		size_t size = fill(header, octets);

		if (bpf_filter(program->bf_insns, octets, size, size) != plain)
			fail_msg("'%s' depends on what is not in the record", text);
	}
}

static void compile(const char *text, struct bpf_program *program)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);

	assert_int_equal(pcap_compile(pcap, program, text, 0, PCAP_NETMASK_UNKNOWN), 0);
	pcap_close(pcap);
}

static void independent_of_the_unknown(const char *text)
{
	struct plx_flow_header header;
	struct bpf_program program;

	compile(text, &program);
	for (int i = 0; i < NR_RECORDS; i++) {
		plx_flow_header__before(&records[i], &header);
		assert_independent(text, &program, &header);
	}
	pcap_freecode(&program);
}

static void expressions_find_records(void **state)
{
	char why[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		struct plx_filter *filter;
		uint32_t finds = 0;

		why[0] = 0;
		if (plx_filter__new(found[i].text, PLX_FILTER_FLOWS, &filter, why, sizeof(why)))
			fail_msg("'%s' is refused: %s", found[i].text, why);
		for (int k = 0; k < NR_RECORDS; k++)
			finds |= plx_filter__flow(filter, &records[k]) ? B(k) : 0;
		plx_filter__free(filter);
		if (finds != found[i].finds)
			fail_msg("'%s': 0x%05x found, 0x%05x expected", found[i].text, finds,
				 found[i].finds);
		independent_of_the_unknown(found[i].text);
	}
}

static void assert_refused(const char *text, enum plx_filter_over over, const char *part)
{
	struct plx_filter *filter = NULL;
	char why[1024] = "";

	if (plx_filter__new(text, over, &filter, why, sizeof(why)) != -EINVAL)
		fail_msg("'%s' is not refused", text);
	assert_null(filter);
	if (!strstr(why, part) || !strstr(why, text))
		fail_msg("'%s': no '%s' in '%s'", text, part, why);
}

static void what_records_do_not_have_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_refused(refused[i].text, PLX_FILTER_FLOWS, refused[i].why);
}

static void what_is_no_expression_is_refused(void **state)
{
	char text[PLX_FILTER_TEXT_MAX + 2];
	struct plx_filter *filter;
	char why[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_refused(wrong[i].text, PLX_FILTER_FLOWS, wrong[i].why);
	memset(text, ' ', sizeof(text));
	memcpy(text, "tcp", 3);
	text[PLX_FILTER_TEXT_MAX + 1] = 0;
	assert_refused(text, PLX_FILTER_FLOWS, "513 octets, at most 512");
	text[PLX_FILTER_TEXT_MAX] = 0;
	assert_int_equal(plx_filter__new(text, PLX_FILTER_FLOWS, &filter, why, sizeof(why)), 0);
	plx_filter__free(filter);
}

static bool finds_mapping(const char *text, const struct plx_nat_mapping *mapping)
{
	struct plx_filter *filter;
	char why[1024];
	bool finds;

	if (plx_filter__new(text, PLX_FILTER_MAPPINGS, &filter, why, sizeof(why)))
		fail_msg("'%s' is refused: %s", text, why);
	finds = plx_filter__mapping(filter, mapping);
	plx_filter__free(filter);
	return finds;
}

static void mappings_match_before_or_after(void **state)
{
	struct plx_nat_mapping mapping = {
		.before = {.source = {htonl(0x0a010002)},
			   .dest = {htonl(0xc6336402)},
			   .source_port = htons(5000),
			   .dest_port = htons(443),
			   .protocol = 6,
			   .version = 4},
	};
	static const char *const matching[] = {
		"",
		"tcp",
		"host 10.1.0.2",
		"src 10.1.0.2 and dst port 443",
		"port 61000",
		"host 198.51.100.1 and port 61000",
		"net 10.0.0.0/8",
		"not host 10.1.0.2",
		"ip",
	};
	static const char *const others[] = {
		"udp", "dst host 10.1.0.2", "host 10.1.0.2 and port 61000", "ip6", "vlan", "icmp",
	};

	(void)state;
	mapping.after = mapping.before;
	mapping.after.source[0] = htonl(0xc6336401);
	mapping.after.source_port = htons(61000);
	for (size_t i = 0; i < sizeof(matching) / sizeof(matching[0]); i++)
		if (!finds_mapping(matching[i], &mapping))
			fail_msg("'%s' does not find it", matching[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (finds_mapping(others[i], &mapping))
			fail_msg("'%s' finds it", others[i]);
	mapping.before.protocol = mapping.after.protocol = 1;
	mapping.before.dest_port = mapping.after.dest_port = htons(8 * 256);
	mapping.before.source_port = mapping.after.source_port = 0;
	assert_true(finds_mapping("icmp[icmptype] = icmp-echo", &mapping));
	assert_false(finds_mapping("icmp[icmptype] = icmp-echoreply", &mapping));
}

static void mappings_have_tuples_only(void **state)
{
	static const char *const texts[][2] = {
		{"tcp[tcpflags] & tcp-syn != 0", "TCP flags is not in a NAT mapping"},
		{"ip[8] = 64", "the TTL"},
		{"ip[1] = 0", "the type of service"},
		{"ip[6] & 0x40 = 0", "the flags of fragments"},
		{"ip6[0] = 0x60", "the traffic class"},
		{"ether host 02:00:00:00:00:01", "MAC addresses"},
		{"len > 10", "the length"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i][0], PLX_FILTER_MAPPINGS, texts[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_find_records),
		cmocka_unit_test(what_records_do_not_have_is_refused),
		cmocka_unit_test(what_is_no_expression_is_refused),
		cmocka_unit_test(mappings_match_before_or_after),
		cmocka_unit_test(mappings_have_tuples_only),
	};

	return cmocka_run_group_tests(tests, make_records, NULL);
}
