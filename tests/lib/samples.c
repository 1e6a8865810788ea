/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sample packets. Each is written from the RFC of its headers, and what is wanted of it from
 * the rules in bpf/README.md; neither was copied from what the parser says. Checksums are 0: no
 * hook looks at them. Read samples.h first; outcome.c says what a sample's numbers mean.
 */
#include "samples.h"

const uint8_t sample_dest_mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
const uint8_t sample_source_mac[6] = {0x02, 0x66, 0x77, 0x88, 0x99, 0xaa};
const uint8_t sample_source4[SAMPLE_TUNNELS + 1][4] = {
	{10, 1, 2, 3}, {172, 16, 1, 2}, {198, 51, 100, 7}};
const uint8_t sample_dest4[SAMPLE_TUNNELS + 1][4] = {
	{192, 168, 4, 5}, {172, 31, 3, 4}, {203, 0, 113, 9}};
const uint8_t sample_source6[SAMPLE_TUNNELS + 1][16] = {
	{0x20, 0x01, 0x0d, 0xb8, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
	 0xbb},
	{0xfd, 0x00, 0, 0x01, 0, 0x02, 0, 0x03, 0, 0x04, 0, 0x05, 0, 0x06, 0, 0x07},
	{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0x11, 0x22, 0xff, 0xfe, 0x33, 0x44, 0x55}};
const uint8_t sample_dest6[SAMPLE_TUNNELS + 1][16] = {
	{0x20, 0x01, 0x0d, 0xb8, 0xcc, 0xdd, 0xee, 0xff, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
	 0xef},
	{0xfd, 0x00, 0, 0x11, 0, 0x12, 0, 0x13, 0, 0x14, 0, 0x15, 0, 0x16, 0, 0x17},
	{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb}};

#define MACS	   "021122334455 0266778899aa "
#define ADDRESSES4 "0a010203 c0a80405 "
#define ADDRESSES6 "20010db8 00112233 44556677 8899aabb 20010db8 ccddeeff 01234567 89abcdef "

/* EtherType and header. IPv4: type of service, total length, fragment word; id 0x1234, TTL 64. */
#define IPV4(tos, length, fragment, protocol)                                                      \
	"0800 |2 45" tos length "1234" fragment "40" protocol "0000" ADDRESSES4 "|3 "
/* Same with options; ihl is the low digit of the first octet. */
#define IPV4_OPTIONS(ihl, length, fragment, protocol, options)                                     \
	"0800 |2 4" ihl "00" length "1234" fragment "40" protocol "0000" ADDRESSES4 options "|3 "
#define RAW4(length, protocol)                                                                     \
	"|2 4500" length "1234 0000 40" protocol "0000" ADDRESSES4 "|3 "
#define RAW6(length, next) "|2 60000000" length next "40" ADDRESSES6 "|3 "
#define LABELS_9                                                                                   \
	" 00001040 00002040 00003040 00004040 00005040 00006040 00007040 00008040 00009040 "
#define IPV6(length, next) "86dd |2 60000000" length next "40" ADDRESSES6 "|3 "

/* Transport headers from port 5000, cut where the parser may stop looking. */
#define UDP_53	"1388 0035 0009 0000 |4 aa "
#define TCP_443 "1388 01bb 00000001 00000002 5018 ffff 0000 0000 |4 "
#define ECHO4	"08 00 0000 |4 0001 0001 "
#define ECHO6	"80 00 0000 |4 0001 0001 "
/* A transport header that the parser must not ask for. */
#define UNREAD "1388 0035 0009 0000 aa "
/* TCP like TCP_443, with options of octets, a multiple of 4; words: data offset, 5 + octets / 4. */
#define TCP_OPTIONS(words, options)                                                                \
	"1388 01bb 00000001 00000002 " words "010 ffff 0000 0000 |4 " options
#define TIMESTAMPS "01|o 01|o 08 0a|o 00000001 00000002 "

/* Extension headers of 8 octets. PAD: a PadN option that fills it. */
#define PAD			 "0104 00000000 |3 "
#define HOP(next)		 next "00" PAD
#define DST(next)		 next "00" PAD
#define ROUTING(next)		 next "00 fd00 00000000 |3 "
#define FRAGMENT(next, fragment) next "00" fragment "cafe0001 |3 "
/* Authentication header with 12 octets of ICV: 24 octets, length 24 / 4 - 2. */
#define AH(next) next "04 0000 00000100 00000001 aabbccddaabbccddaabbccdd |3 "
/* Their bits in IPFIX ipv6ExtensionHeaders: fragment header of a first fragment, of a later one */
#define BIT_DST	 (1 << 0)
#define BIT_HOP	 (1 << 1)
#define BIT_FRA0 (1 << 4)
#define BIT_RH	 (1 << 5)
#define BIT_FRA1 (1 << 6)
#define BIT_MOB	 (1 << 12)
#define BIT_ESP	 (1 << 13)
#define BIT_AH	 (1 << 14)

#define ZEROS_8	 "00000000 00000000 "
#define ZEROS_40 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8

/* What all UDP or TCP samples have. */
#define UDP4 .version = 4, .protocol = 17, .source_port = 5000, .dest_port = 53
#define UDP6 .version = 6, .protocol = 17, .source_port = 5000, .dest_port = 53
#define PORTS_443 .protocol = 6, .source_port = 5000, .dest_port = 443
#define TCP4	  .version = 4, PORTS_443, .tcp_window = 0xffff
#define TCP6	  .version = 6, PORTS_443, .tcp_window = 0xffff

/*
 * In a tunnel, and in two: other addresses, classes, TTLs, identifications and ports, so that no
 * layer passes for another. FRAME: Ethernet addresses. IP headers are without their EtherType.
 */
#define FRAME		"02cccccccccc 02dddddddddd "
#define IN_ADDRESSES4	"ac100102 ac1f0304 "
#define IN_ADDRESSES6	"fd000001 00020003 00040005 00060007 fd000011 00120013 00140015 00160017 "
#define DEEP_ADDRESSES4 "c6336407 cb007109 "
#define DEEP_ADDRESSES6 "fe800000 00000000 021122ff fe334455 ff020000 00000000 00000000 000000fb "
#define IN4(length, fragment, protocol)                                                            \
	"4528" length "5678" fragment "3f" protocol "0000" IN_ADDRESSES4 "|3 "
#define IN6(length, next)	"65c54321" length next "3e" IN_ADDRESSES6 "|3 "
#define DEEP4(length, protocol) "4550" length "9abc 0000 3d" protocol "0000" DEEP_ADDRESSES4 "|3 "
#define DEEP6(length, next)	"6a067890" length next "3c" DEEP_ADDRESSES6 "|3 "

/* Transport headers of a tunnel, from port 49153, and in tunnels. */
#define UDP(port, length) "c001" port length "0000 |4 "
#define UDP_80		  "1770 0050 0009 0000 |4 aa "
#define UDP_90		  "1b58 005a 0009 0000 |4 aa "
#define TCP_80		  "1770 0050 00000003 00000004 5012 1000 0000 0000 |4 "

/* Packets in tunnels, of 29, 49, 40 and 60 octets; 14 more as a frame. */
#define IN_UDP4	 IN4("001d", "0000", "11") UDP_80
#define IN_UDP6	 IN6("0009", "11") UDP_80
#define IN_TCP4	 IN4("0028", "4000", "06") TCP_80
#define IN_TCP6	 IN6("0014", "06") TCP_80
#define ETH_UDP4 FRAME "0800 |2" IN_UDP4
#define ETH_UDP6 FRAME "86dd |2" IN_UDP6
#define ETH_TCP6 FRAME "86dd |2" IN_TCP6
/* What the parser must not look at: the packet of 29 octets, as a frame 43. */
#define UNREAD_IN4  "4528001d 56780000 3f110000" IN_ADDRESSES4 "1770 0050 0009 0000 aa "
#define UNREAD_ETH4 FRAME "0800" UNREAD_IN4

/* Tunnel headers, of 8 octets: VNI 0x123, TEID 0xbeef. */
#define VXLAN		      "|> 08000000 00012300 |t "
#define GPE(next)	      "|> 0c0000" next "00012300 |t "
#define GENEVE(options, type) "|> " options "00" type "00012300 "
#define GTPU(flags, length)   "|> " flags "ff" length "0000beef "

/* What their layers have. */
#define IN4_LAYER   .version = 4, .tos = 0x28, .ttl = 63
#define IN6_LAYER   .version = 6, .tos = 0x5c, .ttl = 62, .flow_label = 0x54321
#define DEEP4_LAYER .version = 4, .tos = 0x50, .ttl = 61
#define DEEP6_LAYER .version = 6, .tos = 0xa0, .ttl = 60, .flow_label = 0x67890
#define PORTS_80    .source_port = 6000, .dest_port = 80
#define PORTS_90    .source_port = 7000, .dest_port = 90
#define TO(port)    .protocol = 17, .source_port = 49153, .dest_port = port
#define UDP4_80	    IN4_LAYER, .protocol = 17, PORTS_80
#define UDP6_80	    IN6_LAYER, .protocol = 17, PORTS_80
#define TCP4_80                                                                                    \
	IN4_LAYER, .protocol = 6, PORTS_80, .tcp_flags = 0x12, .tcp_window = 0x1000,               \
		.fragment_flags = 0x40
#define TCP6_80 IN6_LAYER, .protocol = 6, PORTS_80, .tcp_flags = 0x12, .tcp_window = 0x1000

/* Outer headers of tunnels, up to their end. */
#define OUTER4(next)	 .version = 4, .protocol = next, .header_octets = 34
#define OUTER6(next)	 .version = 6, .protocol = next, .header_octets = 54
#define OUTER_UDP4(port) .version = 4, TO(port), .header_octets = 42
#define OUTER_UDP6(port) .version = 6, TO(port), .header_octets = 62

/* Which tunnel it is, id 0 where there is none; what of it could not be looked into. */
#define TUNNEL(kind, id) .tunnel = PLX_TUNNEL_##kind, .tunnel_id = id
#define LIMIT(reason)	 .limits = 1 << PLX_LIMIT_##reason

#define OK	     .want = SAMPLE_OK
#define SKIP(reason) .want = PLX_SKIP_##reason

/* clang-format off */
const struct sample samples[] = {
/* Layer 2 */
{"arp_is_skipped", MACS "0806 |2 0001 0800 06 04 0001" MACS "0a010203 c0a80405", SKIP(ARP)},
{"spanning_tree_is_llc", MACS "0026 |2 424203 0000000000" ZEROS_40, SKIP(LLC)},
{"length_05ff_is_llc", MACS "05ff |2 aaaa03 000000 0800", SKIP(LLC)},
{"ethertype_0600_is_non_ip", MACS "0600 |2" ZEROS_8, SKIP(NON_IP)},
{"lldp_is_non_ip", MACS "88cc |2 0207 04 021122334455 0000", SKIP(NON_IP)},
{"vlan_8021q_is_in_the_key", MACS "8100 a064" IPV4("00", "001d", "0000", "11") UDP_53, OK,
	UDP4, .vlan = 0x1064, .priority = 5, .octets = 29, .l2_octets = 18, .header_octets = 46},
{"vlan_8021ad_is_in_the_key", MACS "88a8 6fff" IPV4("00", "001d", "0000", "11") UDP_53, OK,
	UDP4, .vlan = 0x1fff, .priority = 3, .octets = 29, .l2_octets = 18, .header_octets = 46},
{"vlan_9100_is_in_the_key", MACS "9100 0001" IPV6("0009", "11") UDP_53, OK,
	UDP6, .vlan = 0x1001, .octets = 49, .l2_octets = 18, .header_octets = 66},
{"priority_tag_is_vlan_0", MACS "8100 e000" IPV4("00", "001d", "0000", "11") UDP_53, OK,
	UDP4, .vlan = 0x1000, .priority = 7, .octets = 29, .l2_octets = 18, .header_octets = 46},
{"dei_bit_is_no_part_of_vlan", MACS "8100 1005" IPV4("00", "001d", "0000", "11") UDP_53, OK,
	UDP4, .vlan = 0x1005, .octets = 29, .l2_octets = 18, .header_octets = 46},
{"inner_tag_is_customer_vlan", MACS "88a8 40c8 8100 e064" IPV4("00", "001d", "0000", "11") UDP_53,
	OK, UDP4, .vlan = 0x10c8, .customer_vlan = 0x1064, .priority = 2, .octets = 29,
	.l2_octets = 22, .header_octets = 50},
{"two_8021q_tags_before_ipv6", MACS "8100 0002 8100 0003" IPV6("0014", "06") TCP_443, OK,
	TCP6, .vlan = 0x1002, .customer_vlan = 0x1003, .octets = 60, .l2_octets = 22,
	.header_octets = 82, .tcp_flags = 0x18},
{"of_three_tags_two_are_recorded", MACS "88a8 0001 8100 0002 8100 0003"
	IPV4("00", "001d", "0000", "11") UDP_53, OK, UDP4, .vlan = 0x1001, .customer_vlan = 0x1002,
	.octets = 29, .l2_octets = 26, .header_octets = 54},
{"four_tags_before_ipv6", MACS "88a8 0001 8100 0002 8100 0003 8100 0004" IPV6("0009", "11") UDP_53,
	OK, UDP6, .vlan = 0x1001, .customer_vlan = 0x1002, .octets = 49, .l2_octets = 30,
	.header_octets = 78},
{"five_tags_are_too_deep", MACS "8100 0001 8100 0002 8100 0003 8100 0004 8100 |2 0005 0800" ZEROS_8,
	SKIP(VLAN_DEPTH)},
{"tagged_arp_is_arp", MACS "8100 0064 0806 |2 0001 0800", SKIP(ARP)},
{"tagged_length_is_llc", MACS "8100 0064 0026 |2 424203", SKIP(LLC)},
{"moved_out_tag_is_the_outer_one", MACS IPV4("00", "001d", "0000", "11") UDP_53, OK,
	.moved_out = true, .moved_tci = 0x6123,
	UDP4, .vlan = 0x1123, .priority = 3, .octets = 29, .header_octets = 42},
{"tag_behind_a_moved_out_one_is_customer", MACS "8100 e064" IPV6("0009", "11") UDP_53, OK,
	.moved_out = true, .moved_tci = 0x0123,
	UDP6, .vlan = 0x1123, .customer_vlan = 0x1064, .octets = 49, .l2_octets = 18,
	.header_octets = 66},
{"three_tags_behind_a_moved_out_one", MACS "8100 0064 8100 0065 8100 0066"
	IPV4("00", "001d", "0000", "11") UDP_53, OK, .moved_out = true, .moved_tci = 0x0123,
	UDP4, .vlan = 0x1123, .customer_vlan = 0x1064, .octets = 29, .l2_octets = 26,
	.header_octets = 54},
{"four_tags_behind_a_moved_out_one_are_too_deep",
	MACS "8100 0064 8100 0065 8100 0066 8100 |2 0067 0800" ZEROS_8,
	SKIP(VLAN_DEPTH), .moved_out = true, .moved_tci = 0x0123},
{"mpls_label_before_ipv4", MACS "8847 00064b40" RAW4("001d", "11") UDP_53, OK,
	UDP4, .mpls = {{0x00, 0x06, 0x4b}}, .octets = 29, .l2_octets = 18, .header_octets = 46},
{"three_mpls_labels_before_ipv6", MACS "8848 00010040 00020240 ffffff01" RAW6("0014", "06") TCP_443,
	OK, TCP6, .mpls = {{0x00, 0x01, 0x00}, {0x00, 0x02, 0x02}, {0xff, 0xff, 0xff}},
	.octets = 60, .l2_octets = 26, .header_octets = 86, .tcp_flags = 0x18},
{"mpls_behind_two_tags", MACS "88a8 0001 8100 0002 8847 00064140" RAW4("001d", "11") UDP_53, OK,
	UDP4, .vlan = 0x1001, .customer_vlan = 0x1002, .mpls = {{0x00, 0x06, 0x41}}, .octets = 29,
	.l2_octets = 26, .header_octets = 54},
{"of_ten_mpls_labels_three_are_recorded", MACS "8847" LABELS_9 "000a0140"
	RAW4("001d", "11") UDP_53, OK,
	UDP4, .mpls = {{0x00, 0x00, 0x10}, {0x00, 0x00, 0x20}, {0x00, 0x00, 0x30}}, .octets = 29,
	.l2_octets = 54, .header_octets = 82},
{"eleven_mpls_labels_are_too_deep", MACS "8847" LABELS_9 "000a0040 |2 000b0140 4500", SKIP(MPLS_DEPTH)},
{"mpls_pseudowire_is_skipped", MACS "8847 00064140 |2 00 |3 000000 0211", SKIP(MPLS_PAYLOAD)},
{"pppoe_session_with_ipv4", MACS "8864 1100 0001 001f 0021" RAW4("001d", "11") UDP_53, OK,
	UDP4, .octets = 29, .l2_octets = 22, .header_octets = 50},
{"pppoe_session_with_ipv6", MACS "8864 1100 0001 0033 0057" RAW6("0009", "11") UDP_53, OK,
	UDP6, .octets = 49, .l2_octets = 22, .header_octets = 70},
{"pppoe_behind_two_tags", MACS "8100 0001 8100 0002 8864 1100 0001 001f 0021"
	RAW4("001d", "11") UDP_53, OK, UDP4, .vlan = 0x1001, .customer_vlan = 0x1002, .octets = 29,
	.l2_octets = 30, .header_octets = 58},
{"mpls_in_pppoe", MACS "8864 1100 0001 0023 0281 00064140" RAW4("001d", "11") UDP_53, OK,
	UDP4, .mpls = {{0x00, 0x06, 0x41}}, .octets = 29, .l2_octets = 26, .header_octets = 54},
{"pppoe_link_control_is_skipped", MACS "8864 1100 0001 000a c021 |2 0901 0008", SKIP(PPPOE)},
{"pppoe_discovery_is_skipped", MACS "8863 |2 1109 0000 0000", SKIP(PPPOE)},
{"pppoe_of_another_version_is_skipped", MACS "8864 2100 0001 001f 0021 |2 45", SKIP(PPPOE)},
{"pppoe_code_in_a_session_is_skipped", MACS "8864 11a7 0001 0000 0000 |2 00", SKIP(PPPOE)},
{"moved_out_tag_before_arp", MACS "0806 |2 0001 0800", SKIP(ARP),
	.moved_out = true, .moved_tci = 0x0123},

/* IPv4 */
{"udp_over_ipv4", MACS IPV4("00", "001d", "0000", "11") UDP_53, OK,
	UDP4, .octets = 29, .header_octets = 42},
{"tcp_over_ipv4", MACS IPV4("00", "0028", "4000", "06") TCP_443, OK,
	TCP4, .octets = 40, .header_octets = 54, .tcp_flags = 0x18, .fragment_flags = 0x40},
{"type_of_service_and_ttl", MACS "0800 |2 45b8001d 12344000 01110000" ADDRESSES4 "|3" UDP_53, OK,
	UDP4, .tos = 0xb8, .ttl = 1, .octets = 29, .header_octets = 42, .fragment_flags = 0x40},
{"reserved_fragment_bit_is_no_flag", MACS IPV4("00", "001d", "8000", "11") UDP_53, OK,
	UDP4, .octets = 29, .header_octets = 42},
{"ipv4_with_one_option", MACS IPV4_OPTIONS("6", "0021", "0000", "11", "94040000") UDP_53, OK,
	UDP4, .octets = 33, .header_octets = 46, .ip_options = 1 << 20},
{"ipv4_with_40_octets_of_options",
	MACS IPV4_OPTIONS("f", "0050", "0000", "06", ZEROS_40) TCP_443, OK,
	TCP4, .octets = 80, .header_octets = 94, .tcp_flags = 0x18, .ip_options = 1 << 0},
{"ipv4_options_of_many_kinds", MACS IPV4_OPTIONS("f", "0045", "0000", "11",
	"01 070304 44040500 830304 890304 88040001 94040000 820300 860600000001 1e0300 00"
	"cdcdcdcdcd") UDP_53, OK, UDP4, .octets = 69, .header_octets = 82,
	.ip_options = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8 |
		      1 << 9 | 1 << 20 | 1 << 30},
{"ipv4_option_with_the_wrong_copied_bit",
	MACS IPV4_OPTIONS("7", "0025", "0000", "11", "14040000 87040000") UDP_53, OK,
	UDP4, .octets = 37, .header_octets = 50},
{"ipv4_option_of_the_wrong_class",
	MACS IPV4_OPTIONS("7", "0025", "0000", "11", "47040000 04040000") UDP_53, OK,
	UDP4, .octets = 37, .header_octets = 50},
{"ipv4_option_of_length_1_ends_the_list",
	MACS IPV4_OPTIONS("7", "0025", "0000", "11", "01070101 94040000") UDP_53, OK,
	UDP4, .octets = 37, .header_octets = 50, .ip_options = 1 << 1},
{"ipv4_option_that_is_longer_than_the_header",
	MACS IPV4_OPTIONS("6", "0021", "0000", "11", "01440405") UDP_53, OK,
	UDP4, .octets = 33, .header_octets = 46, .ip_options = 1 << 1},
{"ihl_4_is_malformed", MACS "0800 |2 4400001d 12340000 40110000" ADDRESSES4 "|3" UNREAD,
	SKIP(BAD_IP)},
{"ihl_0_is_malformed", MACS "0800 |2 4000001d 12340000 40110000" ADDRESSES4 "|3" UNREAD,
	SKIP(BAD_IP)},
{"version_6_under_0800_is_malformed", MACS "0800 |2 6500001d 12340000 40110000" ADDRESSES4 "|3",
	SKIP(BAD_IP)},
{"total_length_19_is_malformed", MACS IPV4("00", "0013", "0000", "11") UNREAD, SKIP(BAD_IP)},
{"total_length_inside_options_is_malformed",
	MACS IPV4_OPTIONS("6", "0017", "0000", "11", "94040000") UNREAD, SKIP(BAD_IP)},
{"total_length_0_is_malformed", MACS IPV4("00", "0000", "0000", "06") UNREAD, SKIP(BAD_IP)},
{"total_length_0_of_a_super_packet", MACS IPV4("00", "0000", "4000", "06") TCP_443, OK,
	.super = true, TCP4, .octets = 0, .header_octets = 54, .tcp_flags = 0x18,
	.fragment_flags = 0x40},
{"total_length_19_of_a_super_packet_is_malformed", MACS IPV4("00", "0013", "0000", "06") UNREAD,
	SKIP(BAD_IP), .super = true},
{"total_length_beyond_the_frame_is_taken", MACS IPV4("00", "05dc", "0000", "11") UDP_53, OK,
	UDP4, .octets = 1500, .header_octets = 42},
{"ethernet_padding_is_not_ip", MACS IPV4("00", "001d", "0000", "11") UDP_53 ZEROS_8 ZEROS_8, OK,
	UDP4, .octets = 29, .header_octets = 42},

/* IPv4 fragments */
{"first_fragment_has_ports", MACS IPV4("00", "0024", "2000", "11") "1388 0035 0100 0000 |4" ZEROS_8,
	OK, UDP4, .octets = 36, .header_octets = 42, .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 17},
{"later_fragment_has_no_ports", MACS IPV4("00", "001c", "2001", "11") ZEROS_8, OK,
	.version = 4, .protocol = 17, .octets = 28, .header_octets = 34, .fragment_flags = 0x20,
	.later_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 17},
{"last_fragment_has_no_ports", MACS IPV4("00", "001c", "1fff", "06") ZEROS_8, OK,
	.version = 4, .protocol = 6, .octets = 28, .header_octets = 34,
	.later_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 6},
{"df_and_mf_are_both_kept", MACS IPV4("00", "0024", "6000", "11") "1388 0035 0100 0000 |4" ZEROS_8,
	OK, UDP4, .octets = 36, .header_octets = 42, .fragment_flags = 0x60,
	.first_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 17},
{"tcp_first_fragment_of_8_octets_has_ports",
	MACS IPV4("00", "001c", "2000", "06") "1388 01bb |4 00000001", OK,
	.version = 4, PORTS_443, .octets = 28, .header_octets = 34, .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 6},
{"tcp_options_may_be_in_the_next_fragment",
	MACS IPV4("00", "002c", "2000", "06") "1388 01bb 00000001 00000002 a002 ffff 0000 0000 |4"
	"02 04|o 05b4", OK,
	TCP4, .octets = 44, .header_octets = 74, .tcp_flags = 0x02, .tcp_options = 1 << 2,
	.fragment_flags = 0x20, .first_fragment = true, .fragment_id = 0x1234,
	.fragment_protocol = 6},
{"padding_behind_a_first_fragment_is_no_option",
	MACS IPV4("00", "002c", "2000", "06") "1388 01bb 00000001 00000002 a002 ffff 0000 0000 |4"
	"02 04|o 05b4 0000", OK,
	TCP4, .octets = 44, .header_octets = 74, .tcp_flags = 0x02, .tcp_options = 1 << 2,
	.fragment_flags = 0x20, .first_fragment = true, .fragment_id = 0x1234,
	.fragment_protocol = 6},
{"empty_first_fragment_has_no_ports", MACS IPV4("00", "0014", "2000", "11"), OK,
	.version = 4, .protocol = 17, .octets = 20, .header_octets = 34, .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 17},
{"icmp_first_fragment_has_type_and_code", MACS IPV4("00", "001c", "2000", "01") ECHO4, OK,
	.version = 4, .protocol = 1, .dest_port = 0x0800, .octets = 28, .header_octets = 42,
	.fragment_flags = 0x20, .first_fragment = true, .fragment_id = 0x1234,
	.fragment_protocol = 1},

/* Transport headers */
{"ninth_tcp_flag_is_kept", MACS IPV4("00", "0028", "0000", "06")
	"1388 01bb 00000001 00000002 51ff ffff 0000 0000 |4", OK,
	TCP4, .octets = 40, .header_octets = 54, .tcp_flags = 0x1ff},
{"reserved_tcp_bits_are_kept", MACS IPV4("00", "0028", "0000", "06")
	"1388 01bb 00000001 00000002 5e02 ffff 0000 0000 |4", OK,
	TCP4, .octets = 40, .header_octets = 54, .tcp_flags = 0xe02},
{"tcp_with_options", MACS IPV4("00", "0034", "0000", "06") TCP_OPTIONS("8", TIMESTAMPS), OK,
	TCP4, .octets = 52, .header_octets = 66, .tcp_flags = 0x10, .tcp_options = 1 << 1 | 1 << 8},
{"tcp_options_of_a_syn", MACS IPV4("00", "003c", "0000", "06")
	"1388 01bb 00000001 00000000 a002 faf0 0000 0000 |4 02 04|o 05b4 04 02|o"
	"08 0a|o 00000001 00000000 01|o 03 03|o 07", OK,
	.version = 4, PORTS_443, .octets = 60, .header_octets = 74, .tcp_flags = 0x02,
	.tcp_window = 0xfaf0, .tcp_options = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8},
{"tcp_sack_block", MACS IPV4("00", "0034", "0000", "06")
	TCP_OPTIONS("8", "01|o 01|o 05 0a|o 00000001 00000002"), OK,
	TCP4, .octets = 52, .header_octets = 66, .tcp_flags = 0x10, .tcp_options = 1 << 1 | 1 << 5},
{"tcp_timestamps_and_sack_blocks", MACS IPV6("0034", "06")
	TCP_OPTIONS("d", TIMESTAMPS "01|o 01|o 05 12|o" ZEROS_8 ZEROS_8), OK,
	TCP6, .octets = 92, .header_octets = 106, .tcp_flags = 0x10,
	.tcp_options = 1 << 1 | 1 << 5 | 1 << 8},
{"tcp_timestamps_first", MACS IPV4("00", "0034", "0000", "06")
	TCP_OPTIONS("8", "08 0a|o 00000001 00000002 01|o 01|o"), OK,
	TCP4, .octets = 52, .header_octets = 66, .tcp_flags = 0x10, .tcp_options = 1 << 1 | 1 << 8},
{"tcp_option_kinds_from_64_have_no_bit", MACS IPV4("00", "0038", "0000", "06")
	TCP_OPTIONS("9", "40 040000 fd 04f989 ff 02 22 02|o 3f 02|o 01|o 00|o"), OK,
	TCP4, .octets = 56, .header_octets = 70, .tcp_flags = 0x10,
	.tcp_options = 1ULL << 63 | 1ULL << 34 | 1 << 1 | 1 << 0},
{"tcp_option_of_length_0_ends_the_list", MACS IPV4("00", "0030", "0000", "06")
	TCP_OPTIONS("7", "01|o 22 00 04 02 01 01 01"), OK,
	TCP4, .octets = 48, .header_octets = 62, .tcp_flags = 0x10, .tcp_options = 1 << 1},
{"tcp_option_of_length_1_ends_the_list", MACS IPV4("00", "0030", "0000", "06")
	TCP_OPTIONS("7", "01|o 22 01 04 02 01 01 01"), OK,
	TCP4, .octets = 48, .header_octets = 62, .tcp_flags = 0x10, .tcp_options = 1 << 1},
{"tcp_option_that_is_longer_than_the_header", MACS IPV4("00", "0030", "0000", "06")
	TCP_OPTIONS("6", "01|o 22 04 aa 04020101"), OK,
	TCP4, .octets = 48, .header_octets = 58, .tcp_flags = 0x10, .tcp_options = 1 << 1},
{"tcp_option_without_room_for_its_length", MACS IPV4("00", "0030", "0000", "06")
	TCP_OPTIONS("6", "01|o 01|o 01|o 22 02020202"), OK,
	TCP4, .octets = 48, .header_octets = 58, .tcp_flags = 0x10, .tcp_options = 1 << 1},
{"end_of_tcp_options_ends_the_list", MACS IPV4("00", "0030", "0000", "06")
	TCP_OPTIONS("7", "03 03|o 07 00|o 04020101"), OK,
	TCP4, .octets = 48, .header_octets = 62, .tcp_flags = 0x10, .tcp_options = 1 << 3 | 1 << 0},
{"forty_octets_of_tcp_options", MACS IPV4("00", "0050", "0000", "06")
	TCP_OPTIONS("f", "01|o 01010101010101 01010101010101010101 01010101010101010101"
	"01010101010101010101 22 02|o"), OK,
	TCP4, .octets = 80, .header_octets = 94, .tcp_flags = 0x10,
	.tcp_options = 1ULL << 34 | 1 << 1},
{"tcp_data_offset_4_is_malformed", MACS IPV4("00", "0028", "0000", "06")
	"1388 01bb 00000001 00000002 4018 ffff 0000 0000 |4", SKIP(BAD_L4)},
{"tcp_data_offset_beyond_ip_is_malformed", MACS IPV4("00", "0028", "0000", "06")
	"1388 01bb 00000001 00000002 6018 ffff 0000 0000 |4 00000000", SKIP(BAD_L4)},
{"tcp_in_19_octets_is_malformed", MACS IPV4("00", "0027", "0000", "06")
	"1388 01bb 00000001 00000002 5018 ffff 0000 0000", SKIP(BAD_L4)},
{"udp_in_7_octets_is_malformed", MACS IPV4("00", "001b", "0000", "11") "1388 0035 0009 0000",
	SKIP(BAD_L4)},
{"udp_in_no_octets_is_malformed", MACS IPV4("00", "0014", "0000", "11") "1388 0035 0009 0000",
	SKIP(BAD_L4)},
{"udp_lite_has_ports", MACS IPV4("00", "001d", "0000", "88") UDP_53, OK,
	.version = 4, .protocol = 136, .source_port = 5000, .dest_port = 53, .octets = 29,
	.header_octets = 42},
{"sctp_has_ports", MACS IPV4("00", "0024", "4000", "84") "1388 0b59 00000001 00000000 |4 00030004",
	OK, .version = 4, .protocol = 132, .source_port = 5000, .dest_port = 2905, .octets = 36,
	.header_octets = 46, .fragment_flags = 0x40},
{"sctp_in_11_octets_is_malformed", MACS IPV4("00", "001f", "0000", "84")
	"1388 0b59 00000001 00000000", SKIP(BAD_L4)},
{"dccp_has_ports", MACS IPV4("00", "0024", "0000", "21") "1388 0035 04000000 00000001 |4 00000000",
	OK, .version = 4, .protocol = 33, .source_port = 5000, .dest_port = 53, .octets = 36,
	.header_octets = 46},
{"icmp_echo_is_type_8_code_0", MACS IPV4("00", "001c", "0000", "01") ECHO4, OK,
	.version = 4, .protocol = 1, .dest_port = 0x0800, .octets = 28, .header_octets = 42},
{"icmp_code_is_in_dest_port", MACS IPV4("00", "0038", "0000", "01")
	"03 04 0000 |4 000005dc 45000028" ZEROS_8 ADDRESSES4 ZEROS_8, OK,
	.version = 4, .protocol = 1, .dest_port = 0x0304, .octets = 56, .header_octets = 42},
{"icmp_in_3_octets_is_malformed", MACS IPV4("00", "0017", "0000", "01") "08000000", SKIP(BAD_L4)},
{"icmpv6_number_in_ipv4_has_no_type", MACS IPV4("00", "001c", "0000", "3a") "8000 0000 00010001",
	OK, .version = 4, .protocol = 58, .octets = 28, .header_octets = 34},
{"igmp_has_no_ports", MACS IPV4("c0", "001c", "0000", "02") "1600 0000 e0000001", OK,
	.version = 4, .protocol = 2, .tos = 0xc0, .octets = 28, .header_octets = 34},
{"esp_has_no_ports", MACS IPV4("00", "001c", "0000", "32") "00000100 00000001", OK,
	.version = 4, .protocol = 50, .octets = 28, .header_octets = 34},
{"ah_in_ipv4_is_a_protocol", MACS IPV4("00", "001c", "0000", "33") "11040000 00000100", OK,
	.version = 4, .protocol = 51, .octets = 28, .header_octets = 34},
{"protocol_0_in_ipv4_is_a_protocol", MACS IPV4("00", "0014", "0000", "00"), OK,
	.version = 4, .protocol = 0, .octets = 20, .header_octets = 34},
{"protocol_255_has_no_ports", MACS IPV4("00", "0014", "0000", "ff"), OK,
	.version = 4, .protocol = 255, .octets = 20, .header_octets = 34},

/* IPv6 */
{"udp_over_ipv6", MACS IPV6("0009", "11") UDP_53, OK,
	UDP6, .octets = 49, .header_octets = 62},
{"tcp_over_ipv6", MACS IPV6("0014", "06") TCP_443, OK,
	TCP6, .octets = 60, .header_octets = 74, .tcp_flags = 0x18},
{"traffic_class_flow_label_and_hop_limit",
	MACS "86dd |2 6b8f1234 0009 11 ff" ADDRESSES6 "|3" UDP_53, OK,
	UDP6, .tos = 0xb8, .ttl = 255, .flow_label = 0xf1234, .octets = 49, .header_octets = 62},
{"icmpv6_echo_is_type_128_code_0", MACS IPV6("0008", "3a") ECHO6, OK,
	.version = 6, .protocol = 58, .dest_port = 0x8000, .octets = 48, .header_octets = 62},
{"icmp_number_in_ipv6_has_no_type", MACS IPV6("0008", "01") "0800 0000 00010001", OK,
	.version = 6, .protocol = 1, .octets = 48, .header_octets = 54},
{"version_4_under_86dd_is_malformed", MACS "86dd |2 40000000 0009 11 40" ADDRESSES6 "|3" UNREAD,
	SKIP(BAD_IP)},
{"no_next_header_ends_the_walk", MACS IPV6("0000", "3b"), OK,
	.version = 6, .protocol = 59, .octets = 40, .header_octets = 54},
{"esp_ends_the_walk", MACS IPV6("0010", "32") "00000100 00000001" ZEROS_8, OK,
	.version = 6, .protocol = 50, .octets = 56, .header_octets = 54, .ip_options = BIT_ESP},
{"mobility_header_ends_the_walk", MACS IPV6("0008", "87") "3b00 0000 0000 0000", OK,
	.version = 6, .protocol = 135, .octets = 48, .header_octets = 54, .ip_options = BIT_MOB},
{"hop_by_hop_is_walked", MACS IPV6("0011", "00") HOP("11") UDP_53, OK,
	UDP6, .octets = 57, .header_octets = 70, .ip_options = BIT_HOP},
{"hop_by_hop_of_24_octets_is_walked",
	MACS IPV6("0021", "00") "11 02 0114" ZEROS_8 ZEROS_8 "00000000 |3" UDP_53, OK,
	UDP6, .octets = 73, .header_octets = 86, .ip_options = BIT_HOP},
{"routing_header_is_walked", MACS IPV6("0011", "2b") ROUTING("11") UDP_53, OK,
	UDP6, .octets = 57, .header_octets = 70, .ip_options = BIT_RH},
{"destination_options_are_walked", MACS IPV6("001c", "3c") DST("06") TCP_443, OK,
	TCP6, .octets = 68, .header_octets = 82, .tcp_flags = 0x18, .ip_options = BIT_DST},
{"authentication_header_is_walked", MACS IPV6("0021", "33") AH("11") UDP_53, OK,
	UDP6, .octets = 73, .header_octets = 86, .ip_options = BIT_AH},
{"authentication_header_of_12_octets_is_walked",
	MACS IPV6("0015", "33") "11 01 0000 00000100 00000001 |3" UDP_53, OK,
	UDP6, .octets = 61, .header_octets = 74, .ip_options = BIT_AH},
{"all_extension_headers_are_walked",
	MACS IPV6("0041", "00") HOP("3c") DST("2b") ROUTING("2c") FRAGMENT("33", "0000") AH("11")
	UDP_53, OK,
	UDP6, .octets = 105, .header_octets = 118,
	.ip_options = BIT_HOP | BIT_DST | BIT_RH | BIT_FRA0 | BIT_AH},
{"esp_behind_destination_options", MACS IPV6("0010", "3c") DST("32") "00000100 00000001", OK,
	.version = 6, .protocol = 50, .octets = 56, .header_octets = 62,
	.ip_options = BIT_DST | BIT_ESP},
{"no_next_header_behind_hop_by_hop", MACS IPV6("0008", "00") HOP("3b"), OK,
	.version = 6, .protocol = 59, .octets = 48, .header_octets = 62, .ip_options = BIT_HOP},
{"eight_extension_headers_are_walked",
	MACS IPV6("0049", "00") HOP("3c") DST("3c") DST("3c") DST("3c") DST("3c") DST("3c")
	DST("3c") DST("11") UDP_53, OK,
	UDP6, .octets = 113, .header_octets = 126, .ip_options = BIT_HOP | BIT_DST},
{"nine_extension_headers_are_too_deep",
	MACS IPV6("0051", "00") HOP("3c") DST("3c") DST("3c") DST("3c") DST("3c") DST("3c")
	DST("3c") DST("3c") DST("11") UNREAD, SKIP(EXT_DEPTH)},
{"extension_header_beyond_payload_is_malformed",
	MACS IPV6("0010", "3c") "11 02 0114 00000000 |3" UNREAD, SKIP(BAD_IP)},
{"extension_header_cut_by_payload_length_is_malformed",
	MACS IPV6("0007", "3c") "11 00 0104 00000000",
	SKIP(BAD_IP)},
{"second_extension_header_beyond_payload_is_malformed",
	MACS IPV6("0010", "00") HOP("33") "11 0f 0000 00000000 |3" ZEROS_40, SKIP(BAD_IP)},
{"payload_length_0_is_malformed_for_udp", MACS IPV6("0000", "11") UNREAD, SKIP(BAD_L4)},
{"payload_length_0_of_a_super_packet", MACS IPV6("0000", "06") TCP_443, OK,
	.super = true, TCP6, .octets = 0, .header_octets = 74, .tcp_flags = 0x18},
{"jumbo_payload_header_is_on_no_wire",
	MACS IPV6("0000", "00") "06 00 c204 00012345 |3" TCP_443, OK,
	.super = true, TCP6, .octets = 0, .header_octets = 74, .phantom_octets = 8,
	.tcp_flags = 0x18},
{"udp_behind_extension_in_7_octets_is_malformed",
	MACS IPV6("000f", "3c") DST("11") "1388 0035 0009 0000", SKIP(BAD_L4)},

/* IPv6 fragments */
{"first_ipv6_fragment_has_ports",
	MACS IPV6("0018", "2c") FRAGMENT("11", "0001") "1388 0035 0100 0000 |4" ZEROS_8, OK,
	UDP6, .octets = 64, .header_octets = 70, .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 17,
	.ip_options = BIT_FRA0},
{"later_ipv6_fragment_has_no_ports",
	MACS IPV6("0010", "2c") FRAGMENT("11", "0009") ZEROS_8, OK,
	.version = 6, .protocol = 17, .octets = 56, .header_octets = 62, .fragment_flags = 0x20,
	.later_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 17,
	.ip_options = BIT_FRA1},
{"last_ipv6_fragment_has_no_ports",
	MACS IPV6("0010", "2c") FRAGMENT("06", "0008") ZEROS_8, OK,
	.version = 6, .protocol = 6, .octets = 56, .header_octets = 62,
	.later_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 6,
	.ip_options = BIT_FRA1},
{"atomic_fragment_is_no_fragment", MACS IPV6("0011", "2c") FRAGMENT("11", "0000") UDP_53, OK,
	UDP6, .octets = 57, .header_octets = 70, .ip_options = BIT_FRA0},
{"two_fragment_headers", MACS IPV6("0018", "2c") FRAGMENT("2c", "0000") FRAGMENT("11", "0008")
	ZEROS_8, OK, .version = 6, .protocol = 17, .octets = 64, .header_octets = 70,
	.later_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 17,
	.ip_options = BIT_FRA0 | BIT_FRA1},
{"reserved_fragment_bits_are_no_offset", MACS IPV6("0011", "2c") FRAGMENT("11", "0006") UDP_53, OK,
	UDP6, .octets = 57, .header_octets = 70, .ip_options = BIT_FRA0},
{"later_fragment_ends_the_walk", MACS IPV6("0018", "00") HOP("2c") FRAGMENT("3c", "0008") ZEROS_8,
	OK, .version = 6, .protocol = 60, .octets = 64, .header_octets = 70,
	.later_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 60,
	.ip_options = BIT_HOP | BIT_FRA1},
{"first_fragment_goes_on_behind_it",
	MACS IPV6("0018", "2c") FRAGMENT("3c", "0001") DST("11") "1388 0035 0100 0000 |4", OK,
	UDP6, .octets = 64, .header_octets = 78, .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 60,
	.ip_options = BIT_FRA0 | BIT_DST},
{"tcp_first_ipv6_fragment_of_8_octets_has_ports",
	MACS IPV6("0010", "2c") FRAGMENT("06", "0001") "1388 01bb |4 00000001", OK,
	.version = 6, PORTS_443, .octets = 56, .header_octets = 62, .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 6,
	.ip_options = BIT_FRA0},
{"empty_first_ipv6_fragment_has_no_ports", MACS IPV6("0008", "2c") FRAGMENT("11", "0001"), OK,
	.version = 6, .protocol = 17, .octets = 48, .header_octets = 62, .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 17,
	.ip_options = BIT_FRA0},
{"chain_that_goes_on_in_the_next_fragment_is_malformed",
	MACS IPV6("0010", "2c") FRAGMENT("3c", "0001") "11 02 0114 00000000 |3", SKIP(BAD_IP)},

/* IP in IP: RFC 2003, 4213, 2473 */
{"ipv4_in_ipv4", MACS IPV4("00", "0031", "0000", "04") "|>" IN_UDP4, OK, TUNNEL(IP, 0),
	.octets = 49, OUTER4(4), .inner = {{UDP4_80, .header_octets = 62}}},
{"ipv6_in_ipv4", MACS IPV4("00", "0045", "0000", "29") "|>" IN_UDP6, OK, TUNNEL(IP, 0),
	.octets = 69, OUTER4(41), .inner = {{UDP6_80, .header_octets = 82}}},
{"ipv4_in_ipv6", MACS IPV6("001d", "04") "|>" IN_UDP4, OK, TUNNEL(IP, 0),
	.octets = 69, OUTER6(4), .inner = {{UDP4_80, .header_octets = 82}}},
{"ipv6_in_ipv6", MACS IPV6("0031", "29") "|>" IN_UDP6, OK, TUNNEL(IP, 0),
	.octets = 89, OUTER6(41), .inner = {{UDP6_80, .header_octets = 102}}},
{"tcp_over_ipv6_in_ipv4", MACS IPV4("b8", "0050", "4000", "29") "|>" IN_TCP6, OK, TUNNEL(IP, 0),
	.octets = 80, OUTER4(41), .tos = 0xb8, .fragment_flags = 0x40,
	.inner = {{TCP6_80, .header_octets = 94}}},
{"tunnel_encapsulation_limit", MACS IPV6("0030", "3c") "0400 040104 010100 |3 |>" IN_TCP4, OK,
	TUNNEL(IP, 0), .octets = 88, .version = 6, .protocol = 4, .header_octets = 62,
	.ip_options = BIT_DST, .inner = {{TCP4_80, .header_octets = 102}}},
{"icmp_in_a_tunnel", MACS IPV4("00", "0030", "0000", "04") "|>" IN4("001c", "0000", "01") ECHO4, OK,
	TUNNEL(IP, 0), .octets = 48, OUTER4(4),
	.inner = {{IN4_LAYER, .protocol = 1, .dest_port = 0x0800, .header_octets = 62}}},
{"esp_in_a_tunnel", MACS IPV4("00", "0044", "0000", "29") "|>" IN6("0008", "32")
	"00000100 00000001", OK, TUNNEL(IP, 0), .octets = 68, OUTER4(41),
	.inner = {{IN6_LAYER, .protocol = 50, .header_octets = 74, .ip_options = BIT_ESP}}},
{"extension_headers_in_a_tunnel", MACS IPV4("00", "007d", "0000", "29") "|>" IN6("0041", "00")
	HOP("3c") DST("2b") ROUTING("2c") FRAGMENT("33", "0000") AH("11") UDP_80, OK,
	TUNNEL(IP, 0), .octets = 125, OUTER4(41), .inner = {{UDP6_80, .header_octets = 138,
	.ip_options = BIT_HOP | BIT_DST | BIT_RH | BIT_FRA0 | BIT_AH}}},
{"mobility_header_in_a_tunnel",
	MACS IPV4("00", "0044", "0000", "29") "|>" IN6("0008", "87") "3b00 0000 0000 0000", OK,
	TUNNEL(IP, 0), .octets = 68, OUTER4(41),
	.inner = {{IN6_LAYER, .protocol = 135, .header_octets = 74, .ip_options = BIT_MOB}}},
{"ipv4_options_of_the_outer_header_are_not_the_flows",
	MACS IPV4_OPTIONS("6", "0035", "0000", "04", "94040000") "|>" IN_UDP4, OK, TUNNEL(IP, 0),
	.octets = 53, .version = 4, .protocol = 4, .header_octets = 38, .ip_options = 1 << 20,
	.inner = {{UDP4_80, .header_octets = 66}}},
{"tcp_options_in_a_tunnel", MACS IPV4("00", "0064", "0000", "29") "|>" IN6("0028", "06")
	"1770 0050 00000003 00000000 a002 1000 0000 0000 |4 02 04|o 05a0 04 02|o"
	"08 0a|o 00000001 00000000 01|o 03 03|o 07", OK, TUNNEL(IP, 0), .octets = 100, OUTER4(41),
	.inner = {{IN6_LAYER, .protocol = 6, PORTS_80, .tcp_flags = 0x02, .tcp_window = 0x1000,
		   .tcp_options = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8,
		   .header_octets = 114}}},
{"tunnel_under_a_tag_and_a_label", MACS "8100 a064 8847 00064b40" RAW4("0031", "04") "|>" IN_UDP4,
	OK, .vlan = 0x1064, .priority = 5, .mpls = {{0x00, 0x06, 0x4b}}, .octets = 49,
	.l2_octets = 22, TUNNEL(IP, 0), .version = 4, .protocol = 4, .header_octets = 42,
	.inner = {{UDP4_80, .header_octets = 70}}},
{"padding_behind_a_tunnel", MACS IPV4("00", "0031", "0000", "04") "|>" IN_UDP4 ZEROS_8 ZEROS_8, OK,
	TUNNEL(IP, 0), .octets = 49, OUTER4(4), .inner = {{UDP4_80, .header_octets = 62}}},

/* GRE: RFC 2784, 2890; NVGRE: RFC 7637 */
{"gre", MACS IPV4("00", "0035", "0000", "2f") "|> 0000 0800 |t" IN_UDP4, OK, TUNNEL(GRE, 0),
	.octets = 53, OUTER4(47), .inner = {{UDP4_80, .header_octets = 66}}},
{"gre_with_checksum", MACS IPV4("00", "0039", "0000", "2f") "|> 8000 0800 abcd 0000 |t" IN_UDP4, OK,
	TUNNEL(GRE, 0), .octets = 57, OUTER4(47), .inner = {{UDP4_80, .header_octets = 70}}},
{"gre_with_key", MACS IPV4("00", "0039", "0000", "2f") "|> 2000 0800 12345678 |t" IN_UDP4, OK,
	TUNNEL(GREKEY, 0x12345678), .octets = 57, OUTER4(47),
	.inner = {{UDP4_80, .header_octets = 70}}},
{"gre_with_sequence_number", MACS IPV4("00", "0039", "0000", "2f") "|> 1000 0800 00000007 |t"
	IN_UDP4, OK, TUNNEL(GRE, 0), .octets = 57, OUTER4(47),
	.inner = {{UDP4_80, .header_octets = 70}}},
{"gre_with_all_three",
	MACS IPV4("00", "0041", "0000", "2f") "|> b000 0800 abcd0000 12345678 00000007 |t" IN_UDP4,
	OK, TUNNEL(GREKEY, 0x12345678), .octets = 65, OUTER4(47),
	.inner = {{UDP4_80, .header_octets = 78}}},
{"ipv6_in_gre", MACS IPV4("00", "0049", "0000", "2f") "|> 0000 86dd |t" IN_UDP6, OK, TUNNEL(GRE, 0),
	.octets = 73, OUTER4(47), .inner = {{UDP6_80, .header_octets = 86}}},
{"gre_over_ipv6", MACS IPV6("0021", "2f") "|> 0000 0800 |t" IN_UDP4, OK, TUNNEL(GRE, 0),
	.octets = 73, OUTER6(47), .inner = {{UDP4_80, .header_octets = 86}}},
{"gre_with_key_over_ipv6", MACS IPV6("0044", "2f") "|> 2000 86dd 00000000 |t" IN_TCP6, OK,
	TUNNEL(GREKEY, 0), .octets = 108, OUTER6(47), .inner = {{TCP6_80, .header_octets = 122}}},
{"ipv4_options_in_gre", MACS IPV4("00", "0039", "0000", "2f") "|> 0000 0800 |t"
	"46280021 56780000 3f110000" IN_ADDRESSES4 "94040000 |3" UDP_80, OK, TUNNEL(GRE, 0),
	.octets = 57, OUTER4(47), .inner = {{UDP4_80, .header_octets = 70, .ip_options = 1 << 20}}},
{"mpls_in_gre", MACS IPV4("00", "0039", "0000", "2f") "|> 0000 8847 |t 00064140 |2" IN_UDP4, OK,
	TUNNEL(GRE, 0), .octets = 57, OUTER4(47), .inner = {{UDP4_80, .header_octets = 70}}},
{"two_labels_in_gre",
	MACS IPV4("00", "0051", "0000", "2f") "|> 0000 8848 |t 00010040 00020140 |2" IN_UDP6, OK,
	TUNNEL(GRE, 0), .octets = 81, OUTER4(47), .inner = {{UDP6_80, .header_octets = 94}}},
{"frame_in_gre", MACS IPV4("00", "0043", "0000", "2f") "|> 0000 6558 |t" ETH_UDP4, OK,
	TUNNEL(GRE, 0), .octets = 67, OUTER4(47), .inner = {{UDP4_80, .header_octets = 80}}},
{"frame_in_gre_with_key_and_sequence_number",
	MACS IPV4("00", "004b", "0000", "2f") "|> 3000 6558 00000005 00000001 |t" ETH_UDP4, OK,
	TUNNEL(GREKEY, 5), .octets = 75, OUTER4(47), .inner = {{UDP4_80, .header_octets = 88}}},
{"frame_in_gre_with_key_and_checksum",
	MACS IPV4("00", "004b", "0000", "2f") "|> a000 6558 abcd0000 00000005 |t" ETH_UDP4, OK,
	TUNNEL(GREKEY, 5), .octets = 75, OUTER4(47), .inner = {{UDP4_80, .header_octets = 88}}},
{"nvgre", MACS IPV4("00", "0047", "0000", "2f") "|> 2000 6558 abcdef42 |t" ETH_UDP4, OK,
	TUNNEL(NVGRE, 0xabcdef42), .octets = 71, OUTER4(47),
	.inner = {{UDP4_80, .header_octets = 84}}},
{"nvgre_over_ipv6", MACS IPV6("0047", "2f") "|> 2000 6558 00123400 |t" ETH_UDP6, OK,
	TUNNEL(NVGRE, 0x00123400), .octets = 111, OUTER6(47),
	.inner = {{UDP6_80, .header_octets = 124}}},
{"gre_with_routing_is_not_looked_into",
	MACS IPV4("00", "003d", "0000", "2f") "|> 4000 0800 |t 0000 0000 00000000" UNREAD_IN4, OK,
	.octets = 61, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"gre_version_1_is_not_looked_into", MACS IPV4("00", "0034", "0000", "2f")
	"|> 3081 880b |t 0010 0001 00000001 00000001 ff030021 45000010 12340000 40110000", OK,
	.octets = 52, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"erspan_is_not_looked_into", MACS IPV4("00", "0043", "0000", "2f") "|> 0000 88be |t" UNREAD_ETH4,
	OK, .octets = 67, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"erspan_2_is_not_looked_into", MACS IPV4("00", "004f", "0000", "2f")
	"|> 1000 88be |t 00000001 10010064 00000000" UNREAD_ETH4, OK,
	.octets = 79, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"erspan_3_is_not_looked_into", MACS IPV4("00", "0053", "0000", "2f")
	"|> 1000 22eb |t 00000001 20010064 00000000 00000000" UNREAD_ETH4, OK,
	.octets = 83, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"arp_in_gre_is_not_looked_into",
	MACS IPV4("00", "0034", "0000", "2f") "|> 0000 0806 |t 0001 0800 0604 0001" FRAME ZEROS_8,
	OK, .octets = 52, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"gre_keepalive", MACS IPV4("00", "0030", "0000", "2f") "|> 0000 0800 |t" IN4("0018", "0000", "2f")
	"|> 0000 0000 |t", OK, TUNNEL(GRE, 0), .octets = 48, OUTER4(47),
	.inner = {{IN4_LAYER, .protocol = 47, .header_octets = 58}}, LIMIT(TUNNEL_PAYLOAD)},
{"gre_keepalive_answer", MACS IPV4("00", "0018", "0000", "2f") "|> 0000 0000 |t", OK,
	.octets = 24, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"gre_keepalive_answer_with_padding",
	MACS IPV4("00", "0018", "0000", "2f") "|> 0000 0000 |t" ZEROS_8 ZEROS_8, OK,
	.octets = 24, OUTER4(47), LIMIT(TUNNEL_PAYLOAD)},
{"gre_with_nothing_inside", MACS IPV4("00", "0018", "0000", "2f") "|> 0000 0800 |t", OK,
	.octets = 24, OUTER4(47), LIMIT(TUNNEL_TRUNC)},
{"gre_with_padding_behind_it",
	MACS IPV4("00", "0018", "0000", "2f") "|> 0000 0800 |t" ZEROS_8 ZEROS_8 ZEROS_8, OK,
	.octets = 24, OUTER4(47), LIMIT(TUNNEL_TRUNC)},
{"gre_header_that_is_half_padding",
	MACS IPV4("00", "0016", "0000", "2f") "|> 0000 0000 |t" ZEROS_8 ZEROS_8 ZEROS_8, OK,
	.octets = 22, OUTER4(47), LIMIT(TUNNEL_TRUNC)},
{"no_octet_of_gre_but_padding",
	MACS IPV4("00", "0014", "0000", "2f") "|> 0000 0800 |t" UNREAD_IN4, OK,
	.octets = 20, OUTER4(47), LIMIT(TUNNEL_TRUNC)},

/* VXLAN: RFC 7348 */
{"vxlan", MACS IPV4("00", "004f", "0000", "11") UDP("12b5", "003b") VXLAN ETH_UDP4, OK,
	TUNNEL(VXLAN, 0x123), .octets = 79, OUTER_UDP4(4789),
	.inner = {{UDP4_80, .header_octets = 92}}},
{"vxlan_over_ipv6", MACS IPV6("003b", "11") UDP("12b5", "003b") VXLAN ETH_UDP4, OK,
	TUNNEL(VXLAN, 0x123), .octets = 99, OUTER_UDP6(4789),
	.inner = {{UDP4_80, .header_octets = 112}}},
{"tcp_over_ipv6_in_vxlan", MACS IPV4("00", "006e", "4000", "11") UDP("12b5", "005a") VXLAN ETH_TCP6,
	OK, TUNNEL(VXLAN, 0x123), .octets = 110, OUTER_UDP4(4789), .fragment_flags = 0x40,
	.inner = {{TCP6_80, .header_octets = 124}}},
{"tcp_timestamps_in_vxlan", MACS IPV4("00", "0066", "0000", "11") UDP("12b5", "0052") VXLAN
	FRAME "0800 |2" IN4("0034", "4000", "06")
	"1770 0050 00000003 00000004 8012 1000 0000 0000 |4" TIMESTAMPS, OK, TUNNEL(VXLAN, 0x123),
	.octets = 102, OUTER_UDP4(4789),
	.inner = {{TCP4_80, .header_octets = 116, .tcp_options = 1 << 1 | 1 << 8}}},
{"vxlan_at_the_port_of_old", MACS IPV4("00", "004f", "0000", "11") UDP("2118", "003b") VXLAN
	ETH_UDP4, OK, TUNNEL(VXLAN, 0x123), .octets = 79, OUTER_UDP4(8472),
	.inner = {{UDP4_80, .header_octets = 92}}},
{"reserved_vxlan_bits_are_ignored",
	MACS IPV4("00", "004f", "0000", "11") UDP("12b5", "003b") "|> ffffffff ffffffaa |t"
	ETH_UDP4, OK, TUNNEL(VXLAN, 0xffffff), .octets = 79, OUTER_UDP4(4789),
	.inner = {{UDP4_80, .header_octets = 92}}},
{"vxlan_without_the_i_flag_is_plain_udp",
	MACS IPV4("00", "004f", "0000", "11") UDP("12b5", "003b") "|> f7000000 00012300 |t"
	UNREAD_ETH4, OK, .octets = 79, OUTER_UDP4(4789)},
{"vxlan_port_as_source_is_plain_udp",
	MACS IPV4("00", "004f", "0000", "11") "12b5 c001 003b 0000 |4 08000000 00012300"
	UNREAD_ETH4, OK, .octets = 79, .version = 4, .protocol = 17, .source_port = 4789,
	.dest_port = 49153, .header_octets = 42},
{"vxlan_port_of_udp_lite_is_no_tunnel", MACS IPV4("00", "004f", "0000", "88")
	"c001 12b5 003b 0000 |4 08000000 00012300" UNREAD_ETH4, OK, .octets = 79, .version = 4,
	.protocol = 136, .source_port = 49153, .dest_port = 4789, .header_octets = 42},
{"udp_too_short_for_vxlan_is_plain_udp",
	MACS IPV4("00", "0023", "0000", "11") UDP("12b5", "000f") "08000000 000123", OK,
	.octets = 35, OUTER_UDP4(4789)},
{"udp_too_short_for_geneve_is_plain_udp",
	MACS IPV4("00", "001c", "0000", "11") UDP("17c1", "0008") "00006558 00012300" UNREAD_ETH4,
	OK, .octets = 28, OUTER_UDP4(6081)},
{"vxlan_with_nothing_inside", MACS IPV4("00", "0024", "0000", "11") UDP("12b5", "0010") VXLAN, OK,
	.octets = 36, OUTER_UDP4(4789), LIMIT(TUNNEL_TRUNC)},
{"tag_in_vxlan_is_not_recorded", MACS "8100 a005" IPV4("00", "0053", "0000", "11")
	UDP("12b5", "003f") VXLAN FRAME "8100 2064 0800 |2" IN_UDP4, OK, TUNNEL(VXLAN, 0x123),
	.vlan = 0x1005, .priority = 5, .octets = 83, .l2_octets = 18,
	.version = 4, TO(4789), .header_octets = 46, .inner = {{UDP4_80, .header_octets = 100}}},
{"tag_in_vxlan_is_no_customer_tag", MACS IPV4("00", "0053", "0000", "11")
	UDP("12b5", "003f") VXLAN FRAME "8100 2064 0800 |2" IN_UDP4, OK, TUNNEL(VXLAN, 0x123),
	.moved_out = true, .moved_tci = 0xe007, .vlan = 0x1007, .priority = 7, .octets = 83,
	OUTER_UDP4(4789), .inner = {{UDP4_80, .header_octets = 96}}},
{"two_tags_in_vxlan", MACS IPV4("00", "0057", "0000", "11") UDP("12b5", "0043") VXLAN
	FRAME "88a8 0001 8100 0002 0800 |2" IN_UDP4, OK, TUNNEL(VXLAN, 0x123),
	.octets = 87, OUTER_UDP4(4789), .inner = {{UDP4_80, .header_octets = 100}}},
{"four_tags_in_vxlan", MACS IPV4("00", "005f", "0000", "11") UDP("12b5", "004b") VXLAN
	FRAME "88a8 0001 8100 0002 8100 0003 8100 0004 0800 |2" IN_UDP4, OK, TUNNEL(VXLAN, 0x123),
	.octets = 95, OUTER_UDP4(4789), .inner = {{UDP4_80, .header_octets = 108}}},
{"five_tags_in_vxlan_are_too_deep", MACS IPV4("00", "004e", "0000", "11") UDP("12b5", "003a") VXLAN
	FRAME "8100 0001 8100 0002 8100 0003 8100 0004 8100 |2 0005 0800" ZEROS_8, OK,
	.octets = 78, OUTER_UDP4(4789), LIMIT(TUNNEL_DEPTH)},
{"eleven_labels_in_vxlan_are_too_deep", MACS IPV4("00", "0060", "0000", "11")
	UDP("12b5", "004c") VXLAN FRAME "8847" LABELS_9 "000a0040 |2 000b0140 4500", OK,
	.octets = 96, OUTER_UDP4(4789), LIMIT(TUNNEL_DEPTH)},
{"pseudowire_in_vxlan", MACS IPV4("00", "003c", "0000", "11") UDP("12b5", "0028") VXLAN
	FRAME "8847 00064140 |2 00 |3 000000 0211", OK,
	.octets = 60, OUTER_UDP4(4789), LIMIT(TUNNEL_PAYLOAD)},
{"pppoe_in_vxlan", MACS IPV4("00", "0057", "0000", "11") UDP("12b5", "0043") VXLAN
	FRAME "8864 1100 0001 001f 0021 |2" IN_UDP4, OK, TUNNEL(VXLAN, 0x123),
	.octets = 87, OUTER_UDP4(4789), .inner = {{UDP4_80, .header_octets = 100}}},
{"arp_in_vxlan", MACS IPV4("00", "004e", "0000", "11") UDP("12b5", "003a") VXLAN
	FRAME "0806 |2 0001 0800 06 04 0001" FRAME ZEROS_8, OK,
	.octets = 78, OUTER_UDP4(4789), LIMIT(TUNNEL_PAYLOAD)},
{"llc_in_vxlan", MACS IPV4("00", "0058", "0000", "11") UDP("12b5", "0044") VXLAN
	FRAME "0026 |2 424203 000000" ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8, OK,
	.octets = 88, OUTER_UDP4(4789), LIMIT(TUNNEL_PAYLOAD)},

/* VXLAN-GPE: draft-ietf-nvo3-vxlan-gpe */
{"gpe_with_ipv4", MACS IPV4("00", "0041", "0000", "11") UDP("12b6", "002d") GPE("01") IN_UDP4, OK,
	TUNNEL(VXLAN, 0x123), .octets = 65, OUTER_UDP4(4790),
	.inner = {{UDP4_80, .header_octets = 78}}},
{"gpe_with_ipv6", MACS IPV4("00", "0055", "0000", "11") UDP("12b6", "0041") GPE("02") IN_UDP6, OK,
	TUNNEL(VXLAN, 0x123), .octets = 85, OUTER_UDP4(4790),
	.inner = {{UDP6_80, .header_octets = 98}}},
{"gpe_with_a_frame", MACS IPV6("003b", "11") UDP("12b6", "003b") GPE("03") ETH_UDP4, OK,
	TUNNEL(VXLAN, 0x123), .octets = 99, OUTER_UDP6(4790),
	.inner = {{UDP4_80, .header_octets = 112}}},
{"gpe_with_nsh", MACS IPV4("00", "0041", "0000", "11") UDP("12b6", "002d") GPE("04") UNREAD_IN4, OK,
	.octets = 65, OUTER_UDP4(4790), LIMIT(TUNNEL_PAYLOAD)},
{"gpe_with_mpls", MACS IPV4("00", "0045", "0000", "11") UDP("12b6", "0031") GPE("05")
	"00064140 |2" IN_UDP4, OK, TUNNEL(VXLAN, 0x123), .octets = 69, OUTER_UDP4(4790),
	.inner = {{UDP4_80, .header_octets = 82}}},
{"gpe_without_next_protocol_has_a_frame", MACS IPV4("00", "004f", "0000", "11")
	UDP("12b6", "003b") "|> 08000001 00012300 |t" ETH_UDP4, OK, TUNNEL(VXLAN, 0x123),
	.octets = 79, OUTER_UDP4(4790), .inner = {{UDP4_80, .header_octets = 92}}},
{"gpe_of_another_version_is_plain_udp", MACS IPV4("00", "0041", "0000", "11")
	UDP("12b6", "002d") "|> 1c000001 00012300 |t" UNREAD_IN4, OK,
	.octets = 65, OUTER_UDP4(4790)},
{"vxlan_has_no_next_protocol", MACS IPV4("00", "004f", "0000", "11") UDP("12b5", "003b") GPE("01")
	ETH_UDP4, OK, TUNNEL(VXLAN, 0x123), .octets = 79, OUTER_UDP4(4789),
	.inner = {{UDP4_80, .header_octets = 92}}},

/* Geneve: RFC 8926 */
{"geneve", MACS IPV4("00", "004f", "0000", "11") UDP("17c1", "003b") GENEVE("00", "6558") "|t"
	ETH_UDP4, OK, TUNNEL(GENEVE, 0x123), .octets = 79, OUTER_UDP4(6081),
	.inner = {{UDP4_80, .header_octets = 92}}},
{"geneve_with_ipv4", MACS IPV4("00", "0041", "0000", "11") UDP("17c1", "002d") GENEVE("00", "0800")
	"|t" IN_UDP4, OK, TUNNEL(GENEVE, 0x123), .octets = 65, OUTER_UDP4(6081),
	.inner = {{UDP4_80, .header_octets = 78}}},
{"geneve_with_ipv6_over_ipv6", MACS IPV6("0041", "11") UDP("17c1", "0041") GENEVE("00", "86dd") "|t"
	IN_UDP6, OK, TUNNEL(GENEVE, 0x123), .octets = 105, OUTER_UDP6(6081),
	.inner = {{UDP6_80, .header_octets = 118}}},
{"geneve_with_mpls", MACS IPV4("00", "0045", "0000", "11") UDP("17c1", "0031") GENEVE("00", "8847")
	"|t 00064140 |2" IN_UDP4, OK, TUNNEL(GENEVE, 0x123), .octets = 69, OUTER_UDP4(6081),
	.inner = {{UDP4_80, .header_octets = 82}}},
{"geneve_with_8_octets_of_options", MACS IPV4("00", "0057", "0000", "11") UDP("17c1", "0043")
	GENEVE("02", "6558") "01028001 deadbeef |t" ETH_UDP4, OK, TUNNEL(GENEVE, 0x123),
	.octets = 87, OUTER_UDP4(6081), .inner = {{UDP4_80, .header_octets = 100}}},
{"geneve_with_252_octets_of_options", MACS IPV4("00", "014b", "0000", "11") UDP("17c1", "0137")
	"|> 3fc06558 ffffffaa" ZEROS_40 ZEROS_40 ZEROS_40 ZEROS_40 ZEROS_40 ZEROS_40 ZEROS_8
	"00000000 |t" ETH_UDP4, OK, TUNNEL(GENEVE, 0xffffff), .octets = 331, OUTER_UDP4(6081),
	.inner = {{UDP4_80, .header_octets = 344}}},
{"geneve_options_beyond_the_packet", MACS IPV4("00", "0041", "0000", "11") UDP("17c1", "002d")
	GENEVE("3f", "0800") "|t" UNREAD_IN4, OK, .octets = 65, OUTER_UDP4(6081),
	LIMIT(TUNNEL_TRUNC)},
{"geneve_of_another_version_is_plain_udp", MACS IPV4("00", "004f", "0000", "11")
	UDP("17c1", "003b") GENEVE("40", "6558") "|t" UNREAD_ETH4, OK,
	.octets = 79, OUTER_UDP4(6081)},
{"geneve_with_nsh", MACS IPV4("00", "0041", "0000", "11") UDP("17c1", "002d") GENEVE("00", "894f")
	"|t" UNREAD_IN4, OK, .octets = 65, OUTER_UDP4(6081), LIMIT(TUNNEL_PAYLOAD)},

/* GTP-U: 3GPP TS 29.281 */
{"gtpu", MACS IPV4("00", "0041", "0000", "11") UDP("0868", "002d") GTPU("30", "001d") "|t" IN_UDP4,
	OK, TUNNEL(GTPU, 0xbeef), .octets = 65, OUTER_UDP4(2152),
	.inner = {{UDP4_80, .header_octets = 78}}},
{"ipv6_in_gtpu_over_ipv6", MACS IPV6("0041", "11") UDP("0868", "0041") GTPU("30", "0031") "|t"
	IN_UDP6, OK, TUNNEL(GTPU, 0xbeef), .octets = 105, OUTER_UDP6(2152),
	.inner = {{UDP6_80, .header_octets = 118}}},
{"gtpu_with_sequence_number", MACS IPV4("00", "0045", "0000", "11") UDP("0868", "0031")
	GTPU("32", "0021") "0007 00 00 |t" IN_UDP4, OK, TUNNEL(GTPU, 0xbeef), .octets = 69,
	OUTER_UDP4(2152), .inner = {{UDP4_80, .header_octets = 82}}},
{"gtpu_with_n_pdu_number", MACS IPV4("00", "0045", "0000", "11") UDP("0868", "0031")
	GTPU("31", "0021") "0000 05 00 |t" IN_UDP4, OK, TUNNEL(GTPU, 0xbeef), .octets = 69,
	OUTER_UDP4(2152), .inner = {{UDP4_80, .header_octets = 82}}},
{"gtpu_next_extension_without_its_flag", MACS IPV4("00", "0045", "0000", "11") UDP("0868", "0031")
	GTPU("33", "0021") "0007 05 85 |t" IN_UDP4, OK, TUNNEL(GTPU, 0xbeef), .octets = 69,
	OUTER_UDP4(2152), .inner = {{UDP4_80, .header_octets = 82}}},
{"gtpu_with_one_extension", MACS IPV4("00", "0054", "0000", "11") UDP("0868", "0040")
	GTPU("34", "0030") "0000 00 85 01 0009 00 |t" IN_TCP4, OK, TUNNEL(GTPU, 0xbeef),
	.octets = 84, OUTER_UDP4(2152), .inner = {{TCP4_80, .header_octets = 98}}},
{"gtpu_with_two_extensions", MACS IPV4("00", "004d", "0000", "11") UDP("0868", "0039")
	GTPU("36", "0029") "0007 00 85 01 0009 c0 01 0007 00 |t" IN_UDP4, OK, TUNNEL(GTPU, 0xbeef),
	.octets = 77, OUTER_UDP4(2152), .inner = {{UDP4_80, .header_octets = 90}}},
{"gtpu_with_three_extensions", MACS IPV4("00", "0051", "0000", "11") UDP("0868", "003d")
	GTPU("34", "002d") "0000 00 85 01 0009 85 01 0009 c0 01 0007 00 |t" IN_UDP4, OK,
	TUNNEL(GTPU, 0xbeef), .octets = 81, OUTER_UDP4(2152),
	.inner = {{UDP4_80, .header_octets = 94}}},
{"gtpu_with_four_extensions_one_of_8_octets", MACS IPV4("00", "0059", "0000", "11")
	UDP("0868", "0045") GTPU("37", "0035")
	"0007 05 85 01 0009 85 02 000000 000000 c0 01 0007 85 01 0009 00 |t" IN_UDP4, OK,
	TUNNEL(GTPU, 0xbeef), .octets = 89, OUTER_UDP4(2152),
	.inner = {{UDP4_80, .header_octets = 102}}},
{"gtpu_with_five_extensions_is_too_deep", MACS IPV4("00", "0059", "0000", "11") UDP("0868", "0045")
	GTPU("34", "0035") "0000 00 85 01 0009 85 01 0009 85 01 0009 85 01 0009 85 |t 01 0009 00"
	UNREAD_IN4, OK, .octets = 89, OUTER_UDP4(2152), LIMIT(TUNNEL_DEPTH)},
{"gtpu_extension_of_length_0_is_malformed", MACS IPV4("00", "0049", "0000", "11")
	UDP("0868", "0035") GTPU("34", "0025") "0000 00 85 00 |t 0009 00" UNREAD_IN4, OK,
	.octets = 73, OUTER_UDP4(2152), LIMIT(TUNNEL_BAD)},
{"gtpu_extension_beyond_the_packet", MACS IPV4("00", "0049", "0000", "11") UDP("0868", "0035")
	GTPU("34", "0025") "0000 00 85 ff |t 0009 00" UNREAD_IN4, OK,
	.octets = 73, OUTER_UDP4(2152), LIMIT(TUNNEL_TRUNC)},
{"gtpu_with_nothing_inside", MACS IPV4("00", "0024", "0000", "11") UDP("0868", "0010")
	GTPU("30", "0000") "|t" ZEROS_8 ZEROS_8, OK, .octets = 36, OUTER_UDP4(2152),
	LIMIT(TUNNEL_TRUNC)},
{"gtpu_with_no_ip_inside", MACS IPV4("00", "0034", "0000", "11") UDP("0868", "0020")
	GTPU("30", "0010") "ff |t 030021 45000010 12340000 40110000", OK,
	.octets = 52, OUTER_UDP4(2152), LIMIT(TUNNEL_PAYLOAD)},
{"gtpu_echo_request_is_plain_udp", MACS IPV4("00", "0028", "0000", "11") UDP("0868", "0014")
	"|> 32010004 00000000 |t 0001 0000", OK, .octets = 40, OUTER_UDP4(2152)},
{"gtpu_end_marker_is_plain_udp", MACS IPV4("00", "0024", "0000", "11") UDP("0868", "0010")
	"|> 30fe0000 0000beef |t", OK, .octets = 36, OUTER_UDP4(2152)},
{"gtp_prime_is_plain_udp", MACS IPV4("00", "0041", "0000", "11") UDP("0868", "002d")
	"|> 20ff001d 0000beef |t" UNREAD_IN4, OK, .octets = 65, OUTER_UDP4(2152)},
{"gtp_of_another_version_is_plain_udp", MACS IPV4("00", "0041", "0000", "11") UDP("0868", "002d")
	"|> 50ff001d 0000beef |t" UNREAD_IN4, OK, .octets = 65, OUTER_UDP4(2152)},

/* What is wrong or too much inside */
{"ihl_4_in_a_tunnel", MACS IPV4("00", "0031", "0000", "04") "|> 4428001d 56780000 3f110000"
	IN_ADDRESSES4 "|3" UNREAD, OK, .octets = 49, OUTER4(4), LIMIT(TUNNEL_BAD)},
{"version_6_in_a_tunnel_of_ipv4", MACS IPV4("00", "0049", "0000", "2f") "|> 0000 0800 |t"
	"65c54321 0009113e fd000001 00020003 00040005 |3 00060007" IN_ADDRESSES4 IN_ADDRESSES4
	UNREAD, OK, .octets = 73, OUTER4(47), LIMIT(TUNNEL_BAD)},
{"version_4_in_a_tunnel_of_ipv6", MACS IPV4("00", "0045", "0000", "29") "|> 4528001d 56780000"
	"3f110000" IN_ADDRESSES4 ZEROS_8 ZEROS_8 "00000000 |3" UNREAD, OK, .octets = 69, OUTER4(41),
	LIMIT(TUNNEL_BAD)},
{"total_length_19_in_a_tunnel", MACS IPV4("00", "0031", "0000", "04") "|>" IN4("0013", "0000", "11")
	UNREAD, OK, .octets = 49, OUTER4(4), LIMIT(TUNNEL_BAD)},
{"total_length_0_in_a_tunnel", MACS IPV4("00", "0031", "0000", "04") "|>" IN4("0000", "0000", "11")
	UNREAD, OK, .octets = 49, OUTER4(4), LIMIT(TUNNEL_BAD)},
{"udp_in_7_octets_in_a_tunnel", MACS IPV4("00", "0031", "0000", "04") "|>" IN4("001b", "0000", "11")
	UNREAD, OK, .octets = 49, OUTER4(4), LIMIT(TUNNEL_BAD)},
{"tcp_data_offset_4_in_a_tunnel", MACS IPV4("00", "003c", "0000", "04") "|>"
	IN4("0028", "0000", "06") "1770 0050 00000003 00000004 4012 1000 0000 0000 |4", OK,
	.octets = 60, OUTER4(4), LIMIT(TUNNEL_BAD)},
{"extension_header_beyond_payload_in_a_tunnel", MACS IPV4("00", "0045", "0000", "29") "|>"
	IN6("0008", "3c") "11 02 0114 00000000 |3" UNREAD, OK, .octets = 69, OUTER4(41),
	LIMIT(TUNNEL_BAD)},
{"nine_extension_headers_in_a_tunnel", MACS IPV4("00", "008d", "0000", "29") "|>" IN6("0051", "00")
	HOP("3c") DST("3c") DST("3c") DST("3c") DST("3c") DST("3c") DST("3c") DST("3c") DST("11")
	UNREAD, OK, .octets = 141, OUTER4(41), LIMIT(TUNNEL_DEPTH)},
{"total_length_beyond_the_outer_one_is_taken", MACS IPV4("00", "0031", "0000", "04") "|>"
	IN4("05dc", "0000", "11") UDP_80, OK, TUNNEL(IP, 0), .octets = 49, OUTER4(4),
	.inner = {{UDP4_80, .header_octets = 62}}},
{"outer_length_beyond_the_frame", MACS IPV4("00", "05dc", "0000", "04") "|>"
	IN4("05c8", "0000", "11") UDP_80, OK, TUNNEL(IP, 0), .octets = 1500, OUTER4(4),
	.inner = {{UDP4_80, .header_octets = 62}}},
{"headers_beyond_the_outer_length_are_not_read",
	MACS IPV4("00", "0030", "0000", "29") "|>" IN_UDP6, OK, .octets = 48, OUTER4(41),
	LIMIT(TUNNEL_TRUNC)},
{"ports_beyond_the_outer_length_are_not_read",
	MACS IPV4("00", "002a", "0000", "04") "|>" IN_UDP4, OK, .octets = 42, OUTER4(4),
	LIMIT(TUNNEL_TRUNC)},

/* Fragments in tunnels, and tunnels in fragments */
{"first_fragment_in_a_tunnel", MACS IPV4("00", "0038", "0000", "04") "|>" IN4("0024", "2000", "11")
	"1770 0050 0100 0000 |4" ZEROS_8, OK, TUNNEL(IP, 0), .octets = 56, OUTER4(4),
	.inner = {{UDP4_80, .header_octets = 62, .fragment_flags = 0x20, .first_fragment = true,
		   .fragment_id = 0x5678, .fragment_protocol = 17}}},
{"later_fragment_in_a_tunnel", MACS IPV4("00", "0030", "0000", "04") "|>" IN4("001c", "2001", "11")
	ZEROS_8, OK, TUNNEL(IP, 0), .octets = 48, OUTER4(4),
	.inner = {{IN4_LAYER, .protocol = 17, .header_octets = 54, .fragment_flags = 0x20,
		   .later_fragment = true, .fragment_id = 0x5678, .fragment_protocol = 17}}},
{"empty_first_fragment_in_a_tunnel", MACS IPV4("00", "0028", "0000", "04") "|>"
	IN4("0014", "2000", "11"), OK, TUNNEL(IP, 0), .octets = 40, OUTER4(4),
	.inner = {{IN4_LAYER, .protocol = 17, .header_octets = 54, .fragment_flags = 0x20,
		   .first_fragment = true, .fragment_id = 0x5678, .fragment_protocol = 17}}},
{"first_ipv6_fragment_in_vxlan", MACS IPV4("00", "0072", "0000", "11") UDP("12b5", "005e") VXLAN
	FRAME "86dd |2" IN6("0018", "2c") FRAGMENT("11", "0001") "1770 0050 0100 0000 |4" ZEROS_8,
	OK, TUNNEL(VXLAN, 0x123), .octets = 114, OUTER_UDP4(4789),
	.inner = {{UDP6_80, .header_octets = 120, .fragment_flags = 0x20, .first_fragment = true,
		   .fragment_id = 0xcafe0001, .fragment_protocol = 17, .ip_options = BIT_FRA0}}},
{"later_ipv6_fragment_in_vxlan", MACS IPV4("00", "006a", "0000", "11") UDP("12b5", "0056") VXLAN
	FRAME "86dd |2" IN6("0010", "2c") FRAGMENT("11", "0009") ZEROS_8, OK,
	TUNNEL(VXLAN, 0x123), .octets = 106, OUTER_UDP4(4789),
	.inner = {{IN6_LAYER, .protocol = 17, .header_octets = 112, .fragment_flags = 0x20,
		   .later_fragment = true, .fragment_id = 0xcafe0001, .fragment_protocol = 17,
		   .ip_options = BIT_FRA1}}},
{"ip_in_a_first_fragment_in_gre", MACS IPV4("00", "0044", "0000", "2f") "|> 0000 0800 |t"
	IN4("002c", "2000", "04") "4550002d 9abc0000 3d110000" DEEP_ADDRESSES4 "1b58005a", OK,
	TUNNEL(GRE, 0), .octets = 68, OUTER4(47),
	.inner = {{IN4_LAYER, .protocol = 4, .header_octets = 58, .fragment_flags = 0x20,
		   .first_fragment = true, .fragment_id = 0x5678, .fragment_protocol = 4}},
	LIMIT(TUNNEL_FRAGMENT)},
{"vxlan_in_a_first_fragment_in_gre", MACS IPV4("00", "004c", "0000", "2f") "|> 0000 0800 |t"
	IN4("0034", "2000", "11") UDP("12b5", "0100") VXLAN FRAME "0800 4550", OK,
	TUNNEL(GRE, 0), .octets = 76, OUTER4(47),
	.inner = {{IN4_LAYER, TO(4789), .header_octets = 66, .fragment_flags = 0x20,
		   .first_fragment = true, .fragment_id = 0x5678, .fragment_protocol = 17}},
	LIMIT(TUNNEL_FRAGMENT)},
{"gre_in_a_later_fragment_in_a_tunnel", MACS IPV4("00", "0034", "0000", "04") "|>"
	IN4("0020", "0001", "2f") "0000 0800" ZEROS_8, OK, TUNNEL(IP, 0), .octets = 52, OUTER4(4),
	.inner = {{IN4_LAYER, .protocol = 47, .header_octets = 54, .later_fragment = true,
		   .fragment_id = 0x5678, .fragment_protocol = 47}}},
{"first_fragment_of_gre", MACS IPV4("00", "0044", "2000", "2f") "|> 0000 0800 |t"
	IN4("0100", "4000", "11") "1770 0050 00ec 0000 |4" ZEROS_8 ZEROS_8, OK, TUNNEL(GRE, 0),
	.octets = 68, OUTER4(47), .fragment_flags = 0x20, .first_fragment = true,
	.fragment_id = 0x1234, .fragment_protocol = 47,
	.inner = {{UDP4_80, .header_octets = 66, .fragment_flags = 0x40}}},
{"later_fragment_of_gre", MACS IPV4("00", "0024", "2006", "2f") ZEROS_8 ZEROS_8, OK,
	.octets = 36, OUTER4(47), .fragment_flags = 0x20, .later_fragment = true,
	.fragment_id = 0x1234, .fragment_protocol = 47},
{"first_fragment_of_vxlan", MACS IPV4("00", "0054", "2000", "11") UDP("12b5", "0200") VXLAN
	FRAME "0800 |2" IN4("01e2", "0000", "11") "1770 0050 01ce 0000 |4 aaaaaaaaaaaa", OK,
	TUNNEL(VXLAN, 0x123), .octets = 84, OUTER_UDP4(4789), .fragment_flags = 0x20,
	.first_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 17,
	.inner = {{UDP4_80, .header_octets = 92}}},
{"later_fragment_of_vxlan", MACS IPV4("00", "0024", "2008", "11") ZEROS_8 ZEROS_8, OK,
	.octets = 36, .version = 4, .protocol = 17, .header_octets = 34, .fragment_flags = 0x20,
	.later_fragment = true, .fragment_id = 0x1234, .fragment_protocol = 17},
{"first_ipv6_fragment_of_gre", MACS IPV6("0040", "2c") FRAGMENT("2f", "0001") "|> 0000 86dd |t"
	IN6("0100", "11") "1770 0050 0100 0000 |4 aaaaaaaa", OK, TUNNEL(GRE, 0), .octets = 104,
	.version = 6, .protocol = 47, .header_octets = 62, .ip_options = BIT_FRA0,
	.fragment_flags = 0x20, .first_fragment = true, .fragment_id = 0xcafe0001,
	.fragment_protocol = 47, .inner = {{UDP6_80, .header_octets = 114}}},
{"later_ipv6_fragment_of_gre", MACS IPV6("0018", "2c") FRAGMENT("2f", "0039") ZEROS_8 ZEROS_8, OK,
	.octets = 64, .version = 6, .protocol = 47, .header_octets = 62, .ip_options = BIT_FRA1,
	.fragment_flags = 0x20, .later_fragment = true, .fragment_id = 0xcafe0001,
	.fragment_protocol = 47},
{"first_fragment_in_a_first_fragment", MACS IPV4("00", "0054", "2000", "29") "|>" IN6("0018", "2c")
	FRAGMENT("11", "0001") "1770 0050 0100 0000 |4" ZEROS_8, OK, TUNNEL(IP, 0), .octets = 84,
	OUTER4(41), .fragment_flags = 0x20, .first_fragment = true, .fragment_id = 0x1234,
	.fragment_protocol = 41,
	.inner = {{UDP6_80, .header_octets = 90, .fragment_flags = 0x20, .first_fragment = true,
		   .fragment_id = 0xcafe0001, .fragment_protocol = 17, .ip_options = BIT_FRA0}}},
{"first_fragment_that_ends_in_the_inner_header",
	MACS IPV4("00", "0024", "2000", "2f") "|> 0000 0800 |t" IN_UDP4, OK, .octets = 36,
	OUTER4(47), .fragment_flags = 0x20, .first_fragment = true, .fragment_id = 0x1234,
	.fragment_protocol = 47, LIMIT(TUNNEL_TRUNC)},
{"first_fragment_that_ends_in_the_inner_ports",
	MACS IPV4("00", "004c", "2000", "11") UDP("12b5", "0100") VXLAN FRAME "0800 |2" IN_UDP4, OK,
	.octets = 76, OUTER_UDP4(4789), .fragment_flags = 0x20, .first_fragment = true,
	.fragment_id = 0x1234, .fragment_protocol = 17, LIMIT(TUNNEL_TRUNC)},
{"first_fragment_that_ends_before_the_vxlan_header",
	MACS IPV4("00", "001c", "2000", "11") UDP("12b5", "0100") VXLAN ETH_UDP4, OK,
	.octets = 28, OUTER_UDP4(4789), .fragment_flags = 0x20, .first_fragment = true,
	.fragment_id = 0x1234, .fragment_protocol = 17, LIMIT(TUNNEL_TRUNC)},
{"first_fragment_that_ends_in_the_second_tunnel", MACS IPV4("00", "0044", "2000", "2f")
	"|> 0000 0800 |t" IN4("0100", "0000", "04") "|>" DEEP4("00ec", "11") UDP_90, OK,
	TUNNEL(GRE, 0), .octets = 68, OUTER4(47), .fragment_flags = 0x20, .first_fragment = true,
	.fragment_id = 0x1234, .fragment_protocol = 47,
	.inner = {{IN4_LAYER, .protocol = 4, .header_octets = 58}}, LIMIT(TUNNEL_TRUNC)},

/* Tunnels in tunnels */
{"ip_in_gre", MACS IPV4("00", "0049", "0000", "2f") "|> 0000 0800 |t" IN4("0031", "0000", "04") "|>"
	DEEP4("001d", "11") UDP_90, OK, TUNNEL(GRE, 0), .octets = 73, OUTER4(47),
	.inner = {{IN4_LAYER, .protocol = 4, .header_octets = 58},
		  {DEEP4_LAYER, .protocol = 17, PORTS_90, .header_octets = 86}}},
{"gre_in_ip", MACS IPV4("00", "0061", "0000", "29") "|>" IN6("0025", "2f")
	"|> 2000 0800 00000009 |t" DEEP4("001d", "11") UDP_90, OK, TUNNEL(IP, 0), .octets = 97,
	OUTER4(41), .inner = {{IN6_LAYER, .protocol = 47, .header_octets = 74},
		  {DEEP4_LAYER, .protocol = 17, PORTS_90, .header_octets = 110}}},
{"vxlan_in_gtpu", MACS IPV6("0073", "11") UDP("0868", "0073") GTPU("30", "0063") "|t"
	IN4("0063", "0000", "11") UDP("12b5", "004f") "|> 08000000 00045600 |t" FRAME "86dd |2"
	DEEP6("0009", "11") UDP_90, OK, TUNNEL(GTPU, 0xbeef), .octets = 155, OUTER_UDP6(2152),
	.inner = {{IN4_LAYER, TO(4789), .header_octets = 98},
		  {DEEP6_LAYER, .protocol = 17, PORTS_90, .header_octets = 168}}},
{"vxlan_in_geneve", MACS IPV4("00", "0081", "0000", "11") UDP("17c1", "006d") GENEVE("00", "6558")
	"|t" FRAME "0800 |2" IN4("004f", "0000", "11") UDP("2118", "003b") "|> 08000000 00045600 |t"
	FRAME "0800 |2" DEEP4("001d", "11") UDP_90, OK, TUNNEL(GENEVE, 0x123), .octets = 129,
	OUTER_UDP4(6081), .inner = {{IN4_LAYER, TO(8472), .header_octets = 92},
		  {DEEP4_LAYER, .protocol = 17, PORTS_90, .header_octets = 142}}},
{"gtpu_in_nvgre", MACS IPV4("00", "007f", "0000", "2f") "|> 2000 6558 00123400 |t" FRAME "86dd |2"
	IN6("002d", "11") UDP("0868", "002d") "|> 30ff001d 00000bad |t" DEEP4("001d", "11") UDP_90,
	OK, TUNNEL(NVGRE, 0x00123400), .octets = 127, OUTER4(47),
	.inner = {{IN6_LAYER, TO(2152), .header_octets = 104},
		  {DEEP4_LAYER, .protocol = 17, PORTS_90, .header_octets = 140}}},
{"arp_in_vxlan_in_gre", MACS IPV4("00", "0066", "0000", "2f") "|> 0000 0800 |t"
	IN4("004e", "0000", "11") UDP("12b5", "003a") VXLAN FRAME "0806 |2 0001 0800 06 04 0001"
	FRAME ZEROS_8, OK, TUNNEL(GRE, 0), .octets = 102, OUTER4(47),
	.inner = {{IN4_LAYER, TO(4789), .header_octets = 66}}, LIMIT(TUNNEL_PAYLOAD)},
{"malformed_in_ip_in_gre", MACS IPV4("00", "0049", "0000", "2f") "|> 0000 0800 |t"
	IN4("0031", "0000", "04") "|> 4350001d 9abc0000 3d110000" DEEP_ADDRESSES4 "|3" UNREAD, OK,
	TUNNEL(GRE, 0), .octets = 73, OUTER4(47),
	.inner = {{IN4_LAYER, .protocol = 4, .header_octets = 58}}, LIMIT(TUNNEL_BAD)},
{"fragment_in_ip_in_gre", MACS IPV4("00", "0050", "0000", "2f") "|> 0000 0800 |t"
	IN4("0038", "0000", "04") "|> 45500024 9abc2000 3d110000" DEEP_ADDRESSES4
	"|3 1b58 005a 0100 0000 |4" ZEROS_8, OK, TUNNEL(GRE, 0), .octets = 80, OUTER4(47),
	.inner = {{IN4_LAYER, .protocol = 4, .header_octets = 58},
		  {DEEP4_LAYER, .protocol = 17, PORTS_90, .header_octets = 86,
		   .fragment_flags = 0x20, .first_fragment = true, .fragment_id = 0x9abc,
		   .fragment_protocol = 17}}},
{"third_tunnel_of_ip", MACS IPV4("00", "0059", "0000", "04") "|>" IN4("0045", "0000", "04") "|>"
	DEEP4("0031", "04") UNREAD_IN4, OK, TUNNEL(IP, 0), .octets = 89, OUTER4(4),
	.inner = {{IN4_LAYER, .protocol = 4, .header_octets = 54},
		  {DEEP4_LAYER, .protocol = 4, .header_octets = 74}}, LIMIT(TUNNEL_DEPTH)},
{"third_tunnel_of_vxlan", MACS IPV4("00", "007b", "0000", "2f") "|> 0000 0800 |t"
	IN4("0063", "0000", "04") "|>" DEEP4("004f", "11") UDP("12b5", "003b") VXLAN UNREAD_ETH4,
	OK, TUNNEL(GRE, 0), .octets = 123, OUTER4(47),
	.inner = {{IN4_LAYER, .protocol = 4, .header_octets = 58},
		  {DEEP4_LAYER, TO(4789), .header_octets = 86}}, LIMIT(TUNNEL_DEPTH)},

/* Super-packets in tunnels */
{"super_packet_in_vxlan", MACS IPV4("00", "0096", "0000", "11") UDP("12b5", "0082") VXLAN
	FRAME "86dd |2" IN6("003c", "06") TCP_80 ZEROS_40, OK, .super = true, TUNNEL(VXLAN, 0x123),
	.octets = 150, OUTER_UDP4(4789), .inner = {{TCP6_80, .header_octets = 124}}},
{"super_packet_of_many_vxlan_packets", MACS IPV4("00", "0082", "0000", "11") UDP("12b5", "006e")
	VXLAN ETH_UDP4 "08000000 00012300" UNREAD_ETH4, OK, .super = true, .octets = 130,
	OUTER_UDP4(4789), LIMIT(TUNNEL_SUPER)},
{"total_length_0_of_a_super_packet_in_ip", MACS IPV4("00", "0000", "0000", "29") "|>"
	IN6("0000", "06") TCP_80, OK, .super = true, TUNNEL(IP, 0), .octets = 0, OUTER4(41),
	.inner = {{TCP6_80, .header_octets = 94}}},
{"jumbo_payload_header_in_a_tunnel", MACS IPV6("0000", "29") "|>" IN6("0000", "00")
	"06 00 c204 00012345 |3" TCP_80, OK, .super = true, TUNNEL(IP, 0), .octets = 0, OUTER6(41),
	.phantom_octets = 8, .inner = {{TCP6_80, .header_octets = 114}}},
};
/* clang-format on */

const size_t nr_samples = sizeof(samples) / sizeof(samples[0]);
