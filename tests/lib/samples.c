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
#define RAW4(length, protocol) "|2 4500" length "1234 0000 40" protocol "0000" ADDRESSES4 "|3 "
#define RAW6(length, next)     "|2 60000000" length next "40" ADDRESSES6 "|3 "
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
#define UDP4	  .version = 4, .protocol = 17, .source_port = 5000, .dest_port = 53
#define UDP6	  .version = 6, .protocol = 17, .source_port = 5000, .dest_port = 53
#define PORTS_443 .protocol = 6, .source_port = 5000, .dest_port = 443
#define TCP4	  .version = 4, PORTS_443, .tcp_window = 0xffff
#define TCP6	  .version = 6, PORTS_443, .tcp_window = 0xffff

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

#include "samples_tunnels.inc"
};
/* clang-format on */

const size_t nr_samples = sizeof(samples) / sizeof(samples[0]);
