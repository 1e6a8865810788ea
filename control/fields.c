/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See fields.h. FLOW_FIELDS is the only description of the records: templates, record sizes and the
 * code that writes records all come from it. The order is the one that the common collectors cope
 * with, IANA elements only, nothing variable in length.
 *
 * Of a tunnel the outer header comes first, as RFC 7011, section 8, wants elements that occur
 * twice. nfcapd and nfacctd keep the last of each, so they show the inner flow, as if there was no
 * tunnel; tshark shows both. Where an IPv4 flow is in an IPv6 tunnel nfdump writes its addresses as
 * ::192.0.2.1. nfacctd's "vxlan" is wrong for every 351: it reads one octet too far.
 *
 * What left (23, 24) comes ahead of what came in (1, 2): goflow2 takes the last of them for the
 * flow's counters. nfdump shows it as out packets and bytes, and its sums are of both. Addresses
 * behind NAT nfdump and nfacctd show of IPv4 only, of IPv6 the ports alone.
 */
#include "fields.h"

#include <stdio.h>

#include "flow_fields.h"
#include "put.h"

/* What a flow has, in the order of the bits of the template id. See plx_fields_place(). */
enum {
	IP6 = 1 << 0,
	ICMP = 1 << 1, /* with type and code */
	TCP = 1 << 2,  /* with its header */
	OPTIONS = 1 << 3,
	LABEL = 1 << 4, /* MPLS */
	LABEL2 = 1 << 5,
	LABEL3 = 1 << 6,
	OUTER = 1 << 7, /* a tunnel */
	OUTER6 = 1 << 8,
	SEGMENT = 1 << 9,
	GREKEY = 1 << 10,
	TEID = 1 << 11,
	POST = 1 << 12, /* seen to leave */
	DROPPED = 1 << 13,
	NAT = 1 << 14, /* never with OUTER */
	NAPT = 1 << 15,
};

#define NETFLOW9 PLX_SESSION_NETFLOW9
#define UPTIME	 PLX_SESSION_UPTIME
#define SAMPLED	 PLX_SESSION_SAMPLED
#define LEAN	 PLX_SESSION_LEAN
#define FULL	 PLX_SESSION_FULL

/* Among the bits not to have, and in no set: the field is of what tells flows apart. */
#define KEY (1u << 31)

#define MS 1000000 /* ns */

/*
 * X(element, name, type, what a set must have, must not have, value from f (flow), s (its counters)
 * and t (its times)).
 * Reduced sizes (RFC 7011, 6.2): 6 as one byte, or nfacctd reads 0; 25 and 26 as two, as NetFlow v9
 * has them. 7 and 11 stay in the ICMP templates, as 0 and type * 256 + code: some collectors know
 * only that, some only 32 and 139. Times are 152/153: nfdump reads the finer ones as 1970, so they
 * come first where they are.
 * NetFlow v9 has 22 and 21, which all know, no 148, which nfdump takes for an event's, and 32 for
 * ICMPv6, too.
 */
/* clang-format off */
#define FLOW_FIELDS(X)										   \
	X(8, sourceIPv4Address, ip4, OUTER, OUTER6 | LEAN | KEY, f->tunnel.source)		   \
	X(12, destinationIPv4Address, ip4, OUTER, OUTER6 | LEAN | KEY, f->tunnel.dest)		   \
	X(27, sourceIPv6Address, ip6, OUTER6, LEAN | KEY, f->tunnel.source)			   \
	X(28, destinationIPv6Address, ip6, OUTER6, LEAN | KEY, f->tunnel.dest)			   \
	X(7, sourceTransportPort, be16, OUTER, LEAN | KEY, &s->first.outer_source_port)		   \
	X(11, destinationTransportPort, be16, OUTER, LEAN | KEY, &s->first.outer_dest_port)        \
	X(4, protocolIdentifier, u8, OUTER, LEAN | KEY, f->tunnel.protocol)			   \
	X(60, ipVersion, u8, OUTER, LEAN, f->tunnel.version)					   \
	X(8, sourceIPv4Address, ip4, 0, IP6 | KEY, f->key.source)				   \
	X(12, destinationIPv4Address, ip4, 0, IP6 | KEY, f->key.dest)				   \
	X(27, sourceIPv6Address, ip6, IP6, KEY, f->key.source)					   \
	X(28, destinationIPv6Address, ip6, IP6, KEY, f->key.dest)				   \
	X(7, sourceTransportPort, be16, 0, KEY, &f->key.source_port)				   \
	X(11, destinationTransportPort, be16, 0, KEY, &f->key.dest_port)			   \
	X(32, icmpTypeCodeIPv4, be16, ICMP, IP6, &f->key.dest_port)				   \
	X(139, icmpTypeCodeIPv6, be16, ICMP | IP6, NETFLOW9, &f->key.dest_port)			   \
	X(32, icmpTypeCodeIPv4, be16, ICMP | IP6 | NETFLOW9, 0, &f->key.dest_port)		   \
	X(176, icmpTypeIPv4, u8, ICMP | FULL, IP6, icmp_type(f))				   \
	X(177, icmpCodeIPv4, u8, ICMP | FULL, IP6, icmp_code(f))				   \
	X(178, icmpTypeIPv6, u8, ICMP | IP6 | FULL, 0, icmp_type(f))				   \
	X(179, icmpCodeIPv6, u8, ICMP | IP6 | FULL, 0, icmp_code(f))				   \
	X(4, protocolIdentifier, u8, 0, KEY, f->key.protocol)					   \
	X(5, ipClassOfService, u8, 0, 0, s->first.tos)						   \
	X(195, ipDiffServCodePoint, u8, FULL, 0, s->first.tos >> 2)				   \
	X(6, tcpControlBits, u8, 0, 0, (uint8_t)PLX_SHAPE_TCP_FLAGS(s->shape))			   \
	X(23, postOctetDeltaCount, u64, POST, 0, f->post.octets)				   \
	X(24, postPacketDeltaCount, u64, POST, 0, f->post.packets)				   \
	X(1, octetDeltaCount, u64, 0, 0, s->octets)						   \
	X(2, packetDeltaCount, u64, 0, 0, s->packets)						   \
	X(156, flowStartNanoseconds, u64, FULL, 0, ntp(t->start_ns))				   \
	X(157, flowEndNanoseconds, u64, FULL, 0, ntp(t->end_ns))				   \
	X(152, flowStartMilliseconds, u64, 0, UPTIME, t->start_ns / MS)				   \
	X(153, flowEndMilliseconds, u64, 0, UPTIME, t->end_ns / MS)					   \
	X(22, flowStartSysUpTime, u32, UPTIME, 0, uptime(t, t->start_ns))					   \
	X(21, flowEndSysUpTime, u32, UPTIME, 0, uptime(t, t->end_ns))					   \
	X(10, ingressInterface, u32, 0, KEY, plx_flow_ingress(f))				   \
	X(14, egressInterface, u32, 0, KEY, plx_flow_egress(f))					   \
	X(61, flowDirection, u8, 0, KEY, plx_flow_is_out(f))					   \
	X(136, flowEndReason, u8, 0, 0, (uint8_t)f->end_reason)					   \
	X(58, vlanId, u16, 0, KEY, plx_vlan_id(f->key.vlan))					   \
	X(243, dot1qVlanId, u16, 0, LEAN, plx_vlan_id(f->key.vlan))				   \
	X(56, sourceMacAddress, mac, 0, 0, s->first.source_mac)					   \
	X(80, destinationMacAddress, mac, 0, 0, s->first.dest_mac)				   \
	X(60, ipVersion, u8, 0, LEAN, plx_flow_is_ipv4(f) ? 4 : 6)				   \
	X(52, minimumTTL, u8, 0, LEAN, PLX_SHAPE_MIN_TTL(s->shape))				   \
	X(53, maximumTTL, u8, 0, LEAN, PLX_SHAPE_MAX_TTL(s->shape))				   \
	X(25, minimumIpTotalLength, u16, 0, LEAN, PLX_SHAPE_MIN_LEN(s->shape))			   \
	X(26, maximumIpTotalLength, u16, 0, LEAN, PLX_SHAPE_MAX_LEN(s->shape))			   \
	X(352, layer2OctetDeltaCount, u64, 0, LEAN, s->frame_octets)				   \
	X(197, fragmentFlags, u8, 0, LEAN, PLX_MARKS_FRAGMENT_FLAGS(s->marks))			   \
	X(244, dot1qPriority, u8, 0, LEAN, s->first.vlan_priority)				   \
	X(245, dot1qCustomerVlanId, u16, 0, LEAN, plx_vlan_id(s->first.customer_vlan))		   \
	X(31, flowLabelIPv6, u32, IP6, LEAN, s->first.flow_label)				   \
	X(148, flowId, u64, 0, NETFLOW9 | LEAN, f->id)						   \
	X(186, tcpWindowSize, u16, TCP, LEAN, s->first.tcp_window)				   \
	X(209, tcpOptions, u64, TCP, LEAN, s->tcp_options)					   \
	X(208, ipv4Options, u32, OPTIONS, IP6 | LEAN, plx_flow_ip_options(f))			   \
	X(64, ipv6ExtensionHeaders, u32, OPTIONS | IP6, LEAN, plx_flow_ip_options(f))		   \
	X(70, mplsTopLabelStackSection, label, LABEL, 0, s->first.mpls[0])			   \
	X(71, mplsLabelStackSection2, label, LABEL2, 0, s->first.mpls[1])			   \
	X(72, mplsLabelStackSection3, label, LABEL3, 0, s->first.mpls[2])			   \
	X(351, layer2SegmentId, u64, SEGMENT, LEAN, plx_flow_segment(f))			   \
	X(296, greKey, u32, GREKEY, LEAN, f->tunnel.id)						   \
	X(507, gtpuTEid, u32, TEID, LEAN, f->tunnel.id)						   \
	X(34, samplingInterval, u32, SAMPLED, 0, f->sampling_interval)				   \
	X(133, droppedPacketDeltaCount, u64, DROPPED, LEAN, f->dropped)				   \
	X(225, postNATSourceIPv4Address, ip4, NAT, IP6, f->after.source)			   \
	X(226, postNATDestinationIPv4Address, ip4, NAT, IP6, f->after.dest)			   \
	X(281, postNATSourceIPv6Address, ip6, NAT | IP6, 0, f->after.source)			   \
	X(282, postNATDestinationIPv6Address, ip6, NAT | IP6, 0, f->after.dest)			   \
	X(227, postNAPTSourceTransportPort, be16, NAPT, 0, &f->after.source_port)		   \
	X(228, postNAPTDestinationTransportPort, be16, NAPT, 0, &f->after.dest_port)		   \
	X(297, natType, u8, NAT | FULL, 0, plx_flow_is_ipv4(f) ? 1 : 5)

/*
 * Of the NAT event log (RFC 8158, 4.3 and 5.5), value from e. observationTimeMilliseconds is there
 * and nowhere else: nfdump takes a record with 323 and without 230 for an event. nfdump shows 281
 * and 282 from NetFlow v9 only, nfacctd not at all.
 */
#define EVENT_FIELDS(X)										   \
	X(323, observationTimeMilliseconds, u64, 0, 0, at_ms)					   \
	X(8, sourceIPv4Address, ip4, 0, IP6, e->before.source)					   \
	X(225, postNATSourceIPv4Address, ip4, 0, IP6, e->after.source)				   \
	X(12, destinationIPv4Address, ip4, 0, IP6, e->before.dest)				   \
	X(226, postNATDestinationIPv4Address, ip4, 0, IP6, e->after.dest)			   \
	X(27, sourceIPv6Address, ip6, IP6, 0, e->before.source)					   \
	X(281, postNATSourceIPv6Address, ip6, IP6, 0, e->after.source)				   \
	X(28, destinationIPv6Address, ip6, IP6, 0, e->before.dest)				   \
	X(282, postNATDestinationIPv6Address, ip6, IP6, 0, e->after.dest)			   \
	X(4, protocolIdentifier, u8, 0, 0, e->before.protocol)					   \
	X(7, sourceTransportPort, be16, 0, 0, &e->before.source_port)				   \
	X(227, postNAPTSourceTransportPort, be16, 0, 0, &e->after.source_port)			   \
	X(11, destinationTransportPort, be16, 0, 0, &e->before.dest_port)			   \
	X(228, postNAPTDestinationTransportPort, be16, 0, 0, &e->after.dest_port)		   \
	X(230, natEvent, u8, 0, 0, plx_nat_event_number(e))
/* clang-format on */

enum { SIZE_u8 = 1, SIZE_u16 = 2, SIZE_be16 = 2, SIZE_u32 = 4, SIZE_u64 = 8 };
enum { SIZE_ip4 = 4, SIZE_ip6 = 16, SIZE_mac = 6, SIZE_label = 3 };

#define FIELD_ROW(element, name, type, with, without, value)                                       \
	{#name, #type, element, SIZE_##type, with, without},
static const struct plx_field flow_fields[] = {FLOW_FIELDS(FIELD_ROW){}};
static const struct plx_field event_fields[] = {EVENT_FIELDS(FIELD_ROW){}};

/* No flow is both: with these two, and IP6, a set is that of events. */
#define EVENT	      (ICMP | TCP)
#define IS_EVENT(set) (((set)&EVENT) == EVENT)

#define IS_IN(with, without, set) (((set) & ((with) | (without))) == (with))

/* The limits that fields.h promises, from the shortest and the longest records that can be. */
#define ALL_HAVE						 (SAMPLED | IP6 | TCP | OPTIONS | LABEL | LABEL2 | LABEL3 | POST | DROPPED)
#define LONGEST							 (ALL_HAVE | OUTER | OUTER6 | SEGMENT | GREKEY)
#define TRANSLATED						 (ALL_HAVE | NAT | NAPT)
#define SIZE_IN(set, with, without, type)			 +(IS_IN(with, without, set) ? SIZE_##type : 0)
#define SHORTEST_SIZE(element, name, type, with, without, value) SIZE_IN(0, with, without, type)
#define LEAN_SIZE(element, name, type, with, without, value)                                       \
	SIZE_IN(LEAN | NETFLOW9 | UPTIME, with, without, type)
#define TRANSLATED_SIZE(element, name, type, with, without, value)                                 \
	SIZE_IN(TRANSLATED, with, without, type)
#define FULL_TRANSLATED_SIZE(element, name, type, with, without, value)                            \
	SIZE_IN(TRANSLATED | FULL, with, without, type)
#define LONGEST_SIZE(element, name, type, with, without, value)                                    \
	SIZE_IN(LONGEST, with, without, type)
#define FULL_SIZE(element, name, type, with, without, value)                                       \
	SIZE_IN(LONGEST | FULL, with, without, type)
#define LONGEST_FIELDS(element, name, type, with, without, value) +IS_IN(with, without, LONGEST)
#define FULL_FIELDS(element, name, type, with, without, value)	  +IS_IN(with, without, LONGEST | FULL)

_Static_assert((FLOW_FIELDS(TRANSLATED_SIZE)) <= PLX_RECORD_MAX &&
		       (FLOW_FIELDS(FULL_TRANSLATED_SIZE)) <= PLX_RECORD_FULL_MAX,
	       "a tunnel takes more room than NAT");
_Static_assert(FLOW_FIELDS(SHORTEST_SIZE) == PLX_RECORD_MIN, "shortest record");
_Static_assert(FLOW_FIELDS(LEAN_SIZE) == PLX_RECORD_LEAN_MIN, "shortest lean record");
_Static_assert(FLOW_FIELDS(LONGEST_SIZE) == PLX_RECORD_MAX, "longest record");
_Static_assert(FLOW_FIELDS(FULL_SIZE) == PLX_RECORD_FULL_MAX, "longest full record");
_Static_assert(FLOW_FIELDS(LONGEST_FIELDS) == PLX_RECORD_FIELDS, "most fields");
_Static_assert(FLOW_FIELDS(FULL_FIELDS) <= 60, "tshark ignores templates with more fields");
_Static_assert(256 + (TRANSLATED & 0xffff) <= 65535, "highest template id");

/* dateTimeNanoseconds (RFC 7011, 6.1.10): seconds since 1900, and the fraction of one in 2^-32. */
static inline uint64_t ntp(uint64_t ns)
{
	return (ns / 1000000000 + 2208988800) << 32 | ((ns % 1000000000) << 32) / 1000000000;
}

/* Milliseconds since boot, of which 32 bits are enough. */
static inline uint32_t uptime(const struct plx_record_times *times, uint64_t ns)
{
	return (uint32_t)(ns / MS - times->boot_ms);
}

static inline uint8_t icmp_type(const struct plx_flow *flow)
{
	return (uint8_t)(ntohs(flow->key.dest_port) >> 8);
}

static inline uint8_t icmp_code(const struct plx_flow *flow)
{
	return (uint8_t)ntohs(flow->key.dest_port);
}

#define put_u8		    plx_put_u8
#define put_u16		    plx_put_u16
#define put_u32		    plx_put_u32
#define put_u64		    plx_put_u64
#define put_ip4(p, address) plx_put_bytes(p, address, SIZE_ip4)
#define put_ip6(p, address) plx_put_bytes(p, address, SIZE_ip6)
#define put_mac(p, address) plx_put_bytes(p, address, SIZE_mac)
#define put_label(p, label) plx_put_bytes(p, label, SIZE_label)
#define put_be16(p, value)  plx_put_bytes(p, value, SIZE_be16)

#define FIELD_PUT(element, name, type, with, without, value)                                       \
	if (IS_IN(with, without, set))                                                             \
		p = put_##type(p, value);

/* Inlined once per common set, so that what is not in the template costs nothing. */
static inline __attribute__((always_inline)) uint8_t *
put_record(uint8_t *p, const struct plx_flow *f, const struct plx_record_times *t, unsigned int set)
{
	const struct plx_flow_stats *s = &f->stats;

	FLOW_FIELDS(FIELD_PUT)
	return p;
}

uint8_t *plx_fields_put_event(uint8_t *p, const struct plx_nat_event *e, uint64_t at_ms,
			      unsigned int set)
{
	EVENT_FIELDS(FIELD_PUT)
	return p;
}

/* What few flows have. */
static __attribute__((noinline)) unsigned int rare_set(const struct plx_flow *flow)
{
	static const uint16_t labels[PLX_MPLS_KEPT + 1] = {0, LABEL, LABEL | LABEL2,
							   LABEL | LABEL2 | LABEL3};
	unsigned int set = labels[plx_flow_mpls_labels(flow)];

	if (plx_flow_ip_options(flow))
		set |= OPTIONS;
	if (flow->dropped)
		set |= DROPPED;
	if (!plx_flow_has_tunnel(flow))
		return set;
	return set | OUTER | (flow->tunnel.version == 6 ? OUTER6 : 0) |
	       (plx_flow_has_segment(flow) ? SEGMENT : 0) |
	       (plx_flow_has_gre_key(flow) ? GREKEY : 0) | (plx_flow_has_teid(flow) ? TEID : 0);
}

unsigned int plx_fields_of_flow(const struct plx_flow *flow)
{
	unsigned int set = plx_flow_is_ipv4(flow) ? 0 : IP6;

	if (plx_flow_has_tcp_header(flow))
		set |= TCP;
	else if (plx_flow_has_icmp_type(flow))
		set |= ICMP;
	if (plx_flow_is_joined(flow))
		set |= POST;
	if (plx_flow_is_translated(flow))
		set |= plx_flow_has_nat_ports(flow) ? NAT | NAPT : NAT;
	if (plx_flow_has_tunnel(flow) || plx_flow_ip_options(flow) || plx_flow_has_mpls(flow) ||
	    flow->dropped)
		set |= rare_set(flow);
	return set;
}

unsigned int plx_fields_of_event(const struct plx_nat_event *event)
{
	return EVENT | (event->before.version == 6 ? IP6 : 0);
}

unsigned int plx_fields_spare(unsigned int number)
{
	return EVENT | OPTIONS | number * LABEL;
}

/*
 * Number of a set among those that occur: of the labels only so many from the top, one protocol or
 * none, an outer header of five kinds and two families, or NAT with ports or without, or neither.
 */
unsigned int plx_fields_place(unsigned int set)
{
	unsigned int kind = set & TEID ? 4 : set / SEGMENT % 4;
	unsigned int around =
		set & OUTER ? 3 + 2 * kind + set / OUTER6 % 2 : set / NAT % 2 + set / NAPT % 2;
	unsigned int labels = set / LABEL % 2 + set / LABEL2 % 2 + set / LABEL3 % 2;
	unsigned int place = around;

	if (IS_EVENT(set))
		return PLX_RECORD_PLACES - 2 + set / IP6 % 2;
	place = place * 4 + set / POST % 4; /* and DROPPED */
	place = place * 4 + labels;
	place = place * 3 + set / ICMP % 4; /* or TCP */
	place = place * 2 + set / OPTIONS % 2;
	return place * 2 + set / IP6 % 2;
}

_Static_assert(13 * 4 * 4 * 3 * 2 * 2 + 2 == PLX_RECORD_PLACES, "a place for each");

/* Out of line, like all that is rare: 6 % less time in plx_fields_put(), which saves registers. */
static __attribute__((noinline)) uint8_t *put_rare_record(uint8_t *p, const struct plx_flow *flow,
							  const struct plx_record_times *times,
							  unsigned int set)
{
	return put_record(p, flow, times, set);
}

#define LIVE9 (NETFLOW9 | UPTIME)
#define COMMON(set)                                                                                \
	case set:                                                                                  \
		return put_record(p, flow, times, set);
#define COMMON_SETS(X)                                                                             \
	X(0)                                                                                       \
	X(TCP)                                                                                     \
	X(ICMP)                                                                                    \
	X(IP6)                                                                                     \
	X(IP6 | TCP)                                                                               \
	X(IP6 | ICMP)                                                                              \
	X(LIVE9)                                                                                   \
	X(LIVE9 | TCP)                                                                             \
	X(LIVE9 | ICMP)                                                                            \
	X(LIVE9 | IP6)                                                                             \
	X(LIVE9 | IP6 | TCP)                                                                       \
	X(LIVE9 | IP6 | ICMP)

uint8_t *plx_fields_put(uint8_t *p, const struct plx_flow *flow,
			const struct plx_record_times *times, unsigned int set)
{
	switch (set) {
		COMMON_SETS(COMMON)
	default:
		return put_rare_record(p, flow, times, set);
	}
}

/* From field on, that one included: one of the set, or NULL. */
static const struct plx_field *find(unsigned int set, const struct plx_field *field)
{
	while (field->element && !IS_IN(field->with, field->without, set))
		field++;
	return field->element ? field : NULL;
}

const struct plx_field *plx_fields_first(unsigned int set)
{
	return find(set, IS_EVENT(set) ? event_fields : flow_fields);
}

const struct plx_field *plx_fields_next(unsigned int set, const struct plx_field *field)
{
	return find(set, field + 1);
}

size_t plx_fields_count(unsigned int set)
{
	size_t count = 0;

	for (const struct plx_field *f = plx_fields_first(set); f; f = plx_fields_next(set, f))
		count++;
	return count;
}

size_t plx_fields_size(unsigned int set)
{
	size_t size = 0;

	for (const struct plx_field *f = plx_fields_first(set); f; f = plx_fields_next(set, f))
		size += f->size;
	return size;
}

bool plx_field_is_key(const struct plx_field *field)
{
	return field->without & KEY;
}

/* "TCP", "IPv4, ICMP": what a record is of that has the field. */
void plx_field_text(const struct plx_field *field, char *text, size_t size)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{IP6, "IPv6"},
		{ICMP, "ICMP"},
		{TCP, "TCP"},
		{OPTIONS, "options"},
		{LABEL, "1 MPLS label"},
		{LABEL2, "2 MPLS labels"},
		{LABEL3, "3 MPLS labels"},
		{OUTER, "tunnel"},
		{OUTER6, "tunnel over IPv6"},
		{SEGMENT, "VXLAN, NVGRE, Geneve"},
		{GREKEY, "GRE with key, NVGRE"},
		{TEID, "GTP-U"},
		{POST, "seen to leave"},
		{DROPPED, "packets dropped"},
		{NAT, "NAT"},
		{NAPT, "NAT, with ports"},
		{SAMPLED, "sampling"},
	};
	size_t len = 0;

	*text = '\0';
	if (field->without & IP6)
		len += snprintf(text, size, "IPv4");
	if (field->without & OUTER6)
		len += snprintf(text, size, "tunnel over IPv4");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && len < size; i++) {
		if (!(field->with & names[i].bit) || (names[i].bit == OUTER && len))
			continue;
		len += snprintf(text + len, size - len, "%s%s", len ? ", " : "", names[i].name);
	}
}

const struct plx_field *plx_fields_table(bool events, size_t *ret_count)
{
	*ret_count =
		(events ? sizeof(event_fields) : sizeof(flow_fields)) / sizeof(struct plx_field) -
		1;
	return events ? event_fields : flow_fields;
}
