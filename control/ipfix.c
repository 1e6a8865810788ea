/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX encoder, and NetFlow v9, which is the same with another header and, where it is possible,
 * its own times. FIELDS is the only description of the records: templates, record sizes and the
 * code that writes records all come from it. The order is the one that the common collectors cope
 * with, IANA elements only, nothing variable in length, fewer than 60 fields.
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
#include "ipfix.h"

#include <arpa/inet.h>
#include <string.h>

#include "flow_fields.h"

#define VERSION		     10
#define HEADER_SIZE	     16
#define NETFLOW9_VERSION     9
#define NETFLOW9_HEADER_SIZE 20 /* RFC 3954, 5.1 */
#define SET_HEADER_SIZE	     4
#define TEMPLATE_HEADER_SIZE 4
#define TEMPLATE_SET_ID	     2 /* of NetFlow v9: 0 */
#define FIRST_TEMPLATE_ID    256
#define RENEW_NS	     1000000000ull

/*
 * What a flow has, in the order of the bits of the template id. Few of the sets of them occur, see
 * place_of().
 */
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
	/* What all records of a session are, in no template id: */
	NETFLOW9 = 1 << 16,
	UPTIME = 1 << 17, /* with times in ms since boot */
	SAMPLED = 1 << 18,
};

/*
 * X(element, type, what a flow must have, must not have, value from f (flow), s (its counters) and
 * t (its times)).
 * Reduced sizes (RFC 7011, 6.2): 6 as one byte, or nfacctd reads 0; 25 and 26 as two, as NetFlow v9
 * has them. 7 and 11 stay in the ICMP templates, as 0 and type * 256 + code: some collectors know
 * only that, some only 32 and 139. Times are 152/153: nfdump reads the finer ones as 1970.
 * NetFlow v9 has 22 and 21, which all know, no 148, which nfdump takes for an
 * event's, and 32 for ICMPv6, too.
 */
#define FIELDS(X)                                                                                  \
	X(8, ip4, OUTER, OUTER6, f->tunnel.source)		 /* sourceIPv4Address, outer */    \
	X(12, ip4, OUTER, OUTER6, f->tunnel.dest)		 /* destinationIPv4Address */      \
	X(27, ip6, OUTER6, 0, f->tunnel.source)			 /* sourceIPv6Address */           \
	X(28, ip6, OUTER6, 0, f->tunnel.dest)			 /* destinationIPv6Address */      \
	X(7, be16, OUTER, 0, &s->first.outer_source_port)	 /* sourceTransportPort */         \
	X(11, be16, OUTER, 0, &s->first.outer_dest_port)	 /* destinationTransportPort */    \
	X(4, u8, OUTER, 0, f->tunnel.protocol)			 /* protocolIdentifier */          \
	X(60, u8, OUTER, 0, f->tunnel.version)			 /* ipVersion */                   \
	X(8, ip4, 0, IP6, f->key.source)			 /* sourceIPv4Address */           \
	X(12, ip4, 0, IP6, f->key.dest)				 /* destinationIPv4Address */      \
	X(27, ip6, IP6, 0, f->key.source)			 /* sourceIPv6Address */           \
	X(28, ip6, IP6, 0, f->key.dest)				 /* destinationIPv6Address */      \
	X(7, be16, 0, 0, &f->key.source_port)			 /* sourceTransportPort */         \
	X(11, be16, 0, 0, &f->key.dest_port)			 /* destinationTransportPort */    \
	X(32, be16, ICMP, IP6, &f->key.dest_port)		 /* icmpTypeCodeIPv4 */            \
	X(139, be16, ICMP | IP6, NETFLOW9, &f->key.dest_port)	 /* icmpTypeCodeIPv6 */            \
	X(32, be16, ICMP | IP6 | NETFLOW9, 0, &f->key.dest_port) /* ICMP_TYPE, of both */          \
	X(4, u8, 0, 0, f->key.protocol)				 /* protocolIdentifier */          \
	X(5, u8, 0, 0, s->first.tos)				 /* ipClassOfService */            \
	X(6, u8, 0, 0, (uint8_t)PLX_SHAPE_TCP_FLAGS(s->shape))	 /* tcpControlBits */              \
	X(23, u64, POST, 0, f->post.octets)			 /* postOctetDeltaCount */         \
	X(24, u64, POST, 0, f->post.packets)			 /* postPacketDeltaCount */        \
	X(1, u64, 0, 0, s->octets)				 /* octetDeltaCount */             \
	X(2, u64, 0, 0, s->packets)				 /* packetDeltaCount */            \
	X(152, u64, 0, UPTIME, t->start_ms)			 /* flowStartMilliseconds */       \
	X(153, u64, 0, UPTIME, t->end_ms)			 /* flowEndMilliseconds */         \
	X(22, u32, UPTIME, 0, t->start_up)			 /* flowStartSysUpTime */          \
	X(21, u32, UPTIME, 0, t->end_up)			 /* flowEndSysUpTime */            \
	X(10, u32, 0, 0, plx_flow_ingress(f))			 /* ingressInterface */            \
	X(14, u32, 0, 0, plx_flow_egress(f))			 /* egressInterface */             \
	X(61, u8, 0, 0, plx_flow_is_out(f))			 /* flowDirection */               \
	X(136, u8, 0, 0, (uint8_t)f->end_reason)		 /* flowEndReason */               \
	X(58, u16, 0, 0, plx_vlan_id(f->key.vlan))		 /* vlanId */                      \
	X(243, u16, 0, 0, plx_vlan_id(f->key.vlan))		 /* dot1qVlanId */                 \
	X(56, mac, 0, 0, s->first.source_mac)			 /* sourceMacAddress */            \
	X(80, mac, 0, 0, s->first.dest_mac)			 /* destinationMacAddress */       \
	X(60, u8, 0, 0, plx_flow_is_ipv4(f) ? 4 : 6)		 /* ipVersion */                   \
	X(52, u8, 0, 0, PLX_SHAPE_MIN_TTL(s->shape))		 /* minimumTTL */                  \
	X(53, u8, 0, 0, PLX_SHAPE_MAX_TTL(s->shape))		 /* maximumTTL */                  \
	X(25, u16, 0, 0, PLX_SHAPE_MIN_LEN(s->shape))		 /* minimumIpTotalLength */        \
	X(26, u16, 0, 0, PLX_SHAPE_MAX_LEN(s->shape))		 /* maximumIpTotalLength */        \
	X(352, u64, 0, 0, s->frame_octets)			 /* layer2OctetDeltaCount */       \
	X(197, u8, 0, 0, PLX_MARKS_FRAGMENT_FLAGS(s->marks))	 /* fragmentFlags */               \
	X(244, u8, 0, 0, s->first.vlan_priority)		 /* dot1qPriority */               \
	X(245, u16, 0, 0, plx_vlan_id(s->first.customer_vlan))	 /* dot1qCustomerVlanId */         \
	X(31, u32, IP6, 0, s->first.flow_label)			 /* flowLabelIPv6 */               \
	X(148, u64, 0, NETFLOW9, f->id)				 /* flowId */                      \
	X(186, u16, TCP, 0, s->first.tcp_window)		 /* tcpWindowSize */               \
	X(209, u64, TCP, 0, s->tcp_options)			 /* tcpOptions */                  \
	X(208, u32, OPTIONS, IP6, plx_flow_ip_options(f))	 /* ipv4Options */                 \
	X(64, u32, OPTIONS | IP6, 0, plx_flow_ip_options(f))	 /* ipv6ExtensionHeaders */        \
	X(70, label, LABEL, 0, s->first.mpls[0])		 /* mplsTopLabelStackSection */    \
	X(71, label, LABEL2, 0, s->first.mpls[1])		 /* mplsLabelStackSection2 */      \
	X(72, label, LABEL3, 0, s->first.mpls[2])		 /* mplsLabelStackSection3 */      \
	X(351, u64, SEGMENT, 0, plx_flow_segment(f))		 /* layer2SegmentId */             \
	X(296, u32, GREKEY, 0, f->tunnel.id)			 /* greKey */                      \
	X(507, u32, TEID, 0, f->tunnel.id)			 /* gtpuTEid */                    \
	X(34, u32, SAMPLED, 0, f->sampling_interval)		 /* samplingInterval */            \
	X(133, u64, DROPPED, 0, f->dropped)			 /* droppedPacketDeltaCount */     \
	X(225, ip4, NAT, IP6, f->after.source)			 /* postNATSourceIPv4Address */    \
	X(226, ip4, NAT, IP6, f->after.dest)	     /* postNATDestinationIPv4Address */           \
	X(281, ip6, NAT | IP6, 0, f->after.source)   /* postNATSourceIPv6Address */                \
	X(282, ip6, NAT | IP6, 0, f->after.dest)     /* postNATDestinationIPv6Address */           \
	X(227, be16, NAPT, 0, &f->after.source_port) /* postNAPTSourceTransportPort */             \
	X(228, be16, NAPT, 0, &f->after.dest_port)   /* postNAPTDestinationTransportPort */

/*
 * Of the NAT event log (RFC 8158, 4.3 and 5.5), value from e. observationTimeMilliseconds is there
 * and nowhere else: nfdump takes a record with 323 and without 230 for an event. nfdump shows 281
 * and 282 not at all, nfacctd 225 and 226 only.
 */
#define EVENT_FIELDS(X)                                                                            \
	X(323, u64, 0, 0, at_ms)		  /* observationTimeMilliseconds */                \
	X(8, ip4, 0, IP6, e->before.source)	  /* sourceIPv4Address */                          \
	X(225, ip4, 0, IP6, e->after.source)	  /* postNATSourceIPv4Address */                   \
	X(12, ip4, 0, IP6, e->before.dest)	  /* destinationIPv4Address */                     \
	X(226, ip4, 0, IP6, e->after.dest)	  /* postNATDestinationIPv4Address */              \
	X(27, ip6, IP6, 0, e->before.source)	  /* sourceIPv6Address */                          \
	X(281, ip6, IP6, 0, e->after.source)	  /* postNATSourceIPv6Address */                   \
	X(28, ip6, IP6, 0, e->before.dest)	  /* destinationIPv6Address */                     \
	X(282, ip6, IP6, 0, e->after.dest)	  /* postNATDestinationIPv6Address */              \
	X(4, u8, 0, 0, e->before.protocol)	  /* protocolIdentifier */                         \
	X(7, be16, 0, 0, &e->before.source_port)  /* sourceTransportPort */                        \
	X(227, be16, 0, 0, &e->after.source_port) /* postNAPTSourceTransportPort */                \
	X(11, be16, 0, 0, &e->before.dest_port)	  /* destinationTransportPort */                   \
	X(228, be16, 0, 0, &e->after.dest_port)	  /* postNAPTDestinationTransportPort */           \
	X(230, u8, 0, 0, plx_nat_event_number(e)) /* natEvent */

enum { SIZE_u8 = 1, SIZE_u16 = 2, SIZE_be16 = 2, SIZE_u32 = 4, SIZE_u64 = 8 };
enum { SIZE_ip4 = 4, SIZE_ip6 = 16, SIZE_mac = 6, SIZE_label = 3 };

struct field {
	uint16_t element;
	uint16_t size;
	uint32_t with, without;
};

#define FIELD_ROW(element, type, with, without, value) {element, SIZE_##type, with, without},
static const struct field fields[] = {FIELDS(FIELD_ROW)};
#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

static const struct field event_fields[] = {EVENT_FIELDS(FIELD_ROW)};
#define NR_EVENT_FIELDS (sizeof(event_fields) / sizeof(event_fields[0]))

/* No flow is both: with these two, and IP6, a set is that of events. */
#define EVENT	      (ICMP | TCP)
#define IS_EVENT(set) (((set)&EVENT) == EVENT)

#define IS_IN(with, without, set) (((set) & ((with) | (without))) == (with))

/* The limits that ipfix.h promises, from the shortest and the longest record that a flow can be. */
#define SHORTEST   0
#define ALL_HAVE   (SAMPLED | IP6 | TCP | OPTIONS | LABEL | LABEL2 | LABEL3 | POST | DROPPED)
#define LONGEST	   (ALL_HAVE | OUTER | OUTER6 | SEGMENT | GREKEY)
#define TRANSLATED (ALL_HAVE | NAT | NAPT)
#define SHORTEST_SIZE(element, type, with, without, value)                                         \
	+(IS_IN(with, without, SHORTEST) ? SIZE_##type : 0)
#define TRANSLATED_SIZE(element, type, with, without, value)                                       \
	+(IS_IN(with, without, TRANSLATED) ? SIZE_##type : 0)
#define LONGEST_SIZE(element, type, with, without, value)                                          \
	+(IS_IN(with, without, LONGEST) ? SIZE_##type : 0)
#define LONGEST_FIELDS(element, type, with, without, value)    +IS_IN(with, without, LONGEST)
#define TRANSLATED_FIELDS(element, type, with, without, value) +IS_IN(with, without, TRANSLATED)

_Static_assert(FIRST_TEMPLATE_ID + (TRANSLATED & 0xffff) <= 65535, "highest template id");
_Static_assert((FIELDS(TRANSLATED_SIZE)) <= (FIELDS(LONGEST_SIZE)) &&
		       (FIELDS(TRANSLATED_FIELDS)) <= (FIELDS(LONGEST_FIELDS)),
	       "a tunnel takes more room than NAT");
_Static_assert(FIELDS(SHORTEST_SIZE) == PLX_IPFIX_RECORD_MIN, "shortest record");
_Static_assert(FIELDS(LONGEST_FIELDS) <= 60, "tshark ignores templates with more fields");
_Static_assert(NETFLOW9_HEADER_SIZE + SET_HEADER_SIZE + TEMPLATE_HEADER_SIZE +
				       4 * (FIELDS(LONGEST_FIELDS)) + SET_HEADER_SIZE +
				       (FIELDS(LONGEST_SIZE)) <=
			       PLX_IPFIX_SIZE_MIN &&
		       PLX_IPFIX_SIZE_MIN % 4 == 0,
	       "the longest record and its template in one message");

struct times {
	uint64_t start_ms;
	uint64_t end_ms;
	uint32_t start_up, end_up; /* ms since boot, modulo 2^32 */
};

static inline uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t size)
{
	memcpy(p, bytes, size);
	return p + size;
}

static inline uint8_t *put_ip4(uint8_t *p, const void *address)
{
	return put_bytes(p, address, SIZE_ip4);
}

static inline uint8_t *put_ip6(uint8_t *p, const void *address)
{
	return put_bytes(p, address, SIZE_ip6);
}

static inline uint8_t *put_mac(uint8_t *p, const void *address)
{
	return put_bytes(p, address, SIZE_mac);
}

static inline uint8_t *put_label(uint8_t *p, const void *label)
{
	return put_bytes(p, label, SIZE_label);
}

static inline uint8_t *put_be16(uint8_t *p, const void *value)
{
	return put_bytes(p, value, SIZE_be16);
}

static inline uint8_t *put_u8(uint8_t *p, uint8_t value)
{
	*p = value;
	return p + 1;
}

static inline uint8_t *put_u16(uint8_t *p, uint16_t value)
{
	value = htons(value);
	return put_bytes(p, &value, sizeof(value));
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t value)
{
	value = htonl(value);
	return put_bytes(p, &value, sizeof(value));
}

static inline uint8_t *put_u64(uint8_t *p, uint64_t value)
{
	value = htobe64(value);
	return put_bytes(p, &value, sizeof(value));
}

static uint8_t *put_event(uint8_t *p, const struct plx_nat_event *e, uint64_t at_ms,
			  unsigned int set)
{
#define EVENT_PUT(element, type, with, without, value)                                             \
	if (IS_IN(with, without, set))                                                             \
		p = put_##type(p, value);
	EVENT_FIELDS(EVENT_PUT)
	return p;
}

/* Inlined once per common set, so that what is not in the template costs nothing. */
static inline __attribute__((always_inline)) uint8_t *
put_record(uint8_t *p, const struct plx_flow *f, const struct times *t, unsigned int set)
{
	const struct plx_flow_stats *s = &f->stats;

#define FIELD_PUT(element, type, with, without, value)                                             \
	if (IS_IN(with, without, set))                                                             \
		p = put_##type(p, value);
	FIELDS(FIELD_PUT)
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

static unsigned int set_of(const struct plx_flow *flow)
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

/*
 * Number of a set among those that occur: of the labels only so many from the top, one protocol or
 * none, an outer header of five kinds and two families, or NAT with ports or without, or neither.
 */
static unsigned int place_of(unsigned int set)
{
	unsigned int kind = set & TEID ? 4 : set / SEGMENT % 4;
	unsigned int around =
		set & OUTER ? 3 + 2 * kind + set / OUTER6 % 2 : set / NAT % 2 + set / NAPT % 2;
	unsigned int labels = set / LABEL % 2 + set / LABEL2 % 2 + set / LABEL3 % 2;
	unsigned int place = around;

	if (IS_EVENT(set))
		return PLX_IPFIX_TEMPLATES - 2 + set / IP6 % 2;
	place = place * 4 + set / POST % 4; /* and DROPPED */
	place = place * 4 + labels;
	place = place * 3 + set / ICMP % 4; /* or TCP */
	place = place * 2 + set / OPTIONS % 2;
	return place * 2 + set / IP6 % 2;
}

_Static_assert(13 * 4 * 4 * 3 * 2 * 2 + 2 == PLX_IPFIX_TEMPLATES, "a place for each");

static uint64_t wall_ms(const struct plx_ipfix *ipfix, uint64_t mono_ns)
{
	int64_t wall_ns = (int64_t)mono_ns + ipfix->offset_ns;

	return wall_ns > 0 ? (uint64_t)wall_ns / 1000000 : 0;
}

/* Milliseconds since boot of a wall time, modulo 2^32 as all of these: 49.7 days. */
static uint32_t uptime_ms(const struct plx_ipfix *ipfix, uint64_t wall)
{
	return (uint32_t)(wall - (uint64_t)(ipfix->offset_ns / 1000000));
}

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Zero bytes up to a multiple of 4; a set has no record as short as that (RFC 7011, 3.3.1). */
static void close_set(struct plx_ipfix *ipfix)
{
	size_t end = align4(ipfix->len);

	if (!ipfix->set)
		return;
	memset(ipfix->buf + ipfix->len, 0, end - ipfix->len);
	ipfix->len = end;
	put_u16(ipfix->buf + ipfix->set + 2, (uint16_t)(end - ipfix->set));
	ipfix->set = 0;
	ipfix->set_id = 0;
}

/* Make the set with this id the open one: neighbours share a set. */
static void open_set(struct plx_ipfix *ipfix, uint16_t id)
{
	if (ipfix->set_id == id)
		return;
	close_set(ipfix);
	ipfix->set = ipfix->len;
	ipfix->set_id = id;
	put_u16(ipfix->buf + ipfix->set, ipfix->netflow9 && id == TEMPLATE_SET_ID ? 0 : id);
	ipfix->len += SET_HEADER_SIZE;
}

/* Offset behind size bytes in the set with this id. */
static size_t end_in_set(const struct plx_ipfix *ipfix, size_t offset, uint16_t id, size_t size)
{
	return (ipfix->set_id == id ? offset : align4(offset) + SET_HEADER_SIZE) + size;
}

/* A set of the session: what all of its records have is in none of its template ids. */
static unsigned int in_session(const struct plx_ipfix *ipfix, unsigned int set)
{
	return set | (ipfix->netflow9 ? NETFLOW9 : 0) | (ipfix->uptime ? UPTIME : 0) |
	       (ipfix->sampled ? SAMPLED : 0);
}

static unsigned int set_of_id(const struct plx_ipfix *ipfix, uint16_t id)
{
	return in_session(ipfix, id - FIRST_TEMPLATE_ID);
}

/* The fields that records of a set are made of. Returns how many there are to look at. */
static size_t fields_of(unsigned int set, const struct field **ret)
{
	*ret = IS_EVENT(set) ? event_fields : fields;
	return IS_EVENT(set) ? NR_EVENT_FIELDS : NR_FIELDS;
}

static size_t template_size(unsigned int set)
{
	const struct field *field;
	size_t size = TEMPLATE_HEADER_SIZE, nr = fields_of(set, &field);

	for (size_t i = 0; i < nr; i++)
		size += IS_IN(field[i].with, field[i].without, set) ? 4 : 0;
	return size;
}

static size_t record_size(unsigned int set)
{
	const struct field *field;
	size_t size = 0, nr = fields_of(set, &field);

	for (size_t i = 0; i < nr; i++)
		size += IS_IN(field[i].with, field[i].without, set) ? field[i].size : 0;
	return size;
}

/* There is room for it. */
static void put_template(struct plx_ipfix *ipfix, struct plx_ipfix_template *template)
{
	unsigned int set = set_of_id(ipfix, template->id);
	const struct field *field;
	size_t nr = fields_of(set, &field);
	uint8_t *p;

	open_set(ipfix, TEMPLATE_SET_ID);
	p = ipfix->buf + ipfix->len;
	p = put_u16(p, template->id);
	p = put_u16(p, (uint16_t)((template_size(set) - TEMPLATE_HEADER_SIZE) / 4));
	for (size_t i = 0; i < nr; i++) {
		if (!IS_IN(field[i].with, field[i].without, set))
			continue;
		p = put_u16(p, field[i].element);
		p = put_u16(p, field[i].size);
	}
	ipfix->len = (size_t)(p - ipfix->buf);
	ipfix->templates++;
	template->due = false;
}

static bool templates_due(const struct plx_ipfix *ipfix)
{
	uint64_t age_ns = ipfix->now_ns - ipfix->refreshed_ns;

	return !ipfix->started || age_ns >= ipfix->template_ns ||
	       ipfix->messages >= ipfix->template_messages ||
	       (ipfix->template_asked && age_ns >= RENEW_NS);
}

/* Step over what was sent out of turn, ahead of its record. */
static bool refresh_goes_on(struct plx_ipfix *ipfix)
{
	while (ipfix->next_due < ipfix->nr_used && !ipfix->table[ipfix->used[ipfix->next_due]].due)
		ipfix->next_due++;
	return ipfix->next_due < ipfix->nr_used;
}

static void start_refresh(struct plx_ipfix *ipfix)
{
	for (uint16_t i = 0; i < ipfix->nr_used; i++)
		ipfix->table[ipfix->used[i]].due = true;
	ipfix->next_due = 0;
	ipfix->started = true;
	ipfix->template_asked = false;
	ipfix->refreshed_ns = ipfix->now_ns;
	ipfix->messages = 0;
}

/* As many of the templates as fit; many of them, or a small MTU, need more than one message. */
static void put_due_templates(struct plx_ipfix *ipfix)
{
	while (refresh_goes_on(ipfix)) {
		struct plx_ipfix_template *template = &ipfix->table[ipfix->used[ipfix->next_due]];
		size_t size = template_size(set_of_id(ipfix, template->id));

		if (end_in_set(ipfix, ipfix->len, TEMPLATE_SET_ID, size) > ipfix->size)
			break;
		put_template(ipfix, template);
	}
}

void plx_ipfix_init(struct plx_ipfix *ipfix, uint32_t domain, uint32_t template_seconds,
		    uint32_t template_messages)
{
	*ipfix = (struct plx_ipfix){
		.domain = domain,
		.template_ns = template_seconds * 1000000000ull,
		.template_messages = template_messages,
	};
}

void plx_ipfix_begin(struct plx_ipfix *ipfix, void *buf, size_t size, uint64_t now_ns,
		     int64_t wall_offset_ns)
{
	bool only_templates = ipfix->templates && !ipfix->records; /* in the message before */

	ipfix->buf = buf;
	ipfix->size = size & ~(size_t)3;
	ipfix->len = ipfix->netflow9 ? NETFLOW9_HEADER_SIZE : HEADER_SIZE;
	ipfix->skipped = false;
	ipfix->set = 0;
	ipfix->set_id = 0;
	ipfix->records = 0;
	ipfix->templates = 0;
	ipfix->offset_ns = wall_offset_ns;
	ipfix->now_ns = now_ns;
	ipfix->max_end_ms = 0;
	/* Records must get on: they have every other message at least, with all of its room. */
	if (only_templates)
		return;
	/* Not while one goes on: with a small MTU and template-packets=1 it would never end. */
	if (!refresh_goes_on(ipfix) && templates_due(ipfix))
		start_refresh(ipfix);
	put_due_templates(ipfix);
}

/* Open the set for a record of another kind than the last one. False: no room. */
static __attribute__((noinline)) bool begin_set(struct plx_ipfix *ipfix, unsigned int set)
{
	unsigned int place = place_of(set);
	struct plx_ipfix_template *template = &ipfix->table[place];
	size_t end = ipfix->len;

	if (!template->record_size) {
		template->id = (uint16_t)(FIRST_TEMPLATE_ID + set);
		template->record_size = (uint16_t)record_size(in_session(ipfix, set));
		template->due = true;
		ipfix->used[ipfix->nr_used++] = (uint16_t)place;
	}
	if (template->due)
		end = end_in_set(ipfix, end, TEMPLATE_SET_ID,
				 template_size(in_session(ipfix, set)));
	if (align4(end) + SET_HEADER_SIZE + template->record_size > ipfix->size)
		return false;
	if (template->due)
		put_template(ipfix, template);
	open_set(ipfix, template->id);
	ipfix->set_size = template->record_size;
	return true;
}

/* Out of line, like all that is rare: 6 % less time in plx_ipfix_add(), which saves registers. */
static __attribute__((noinline)) uint8_t *put_rare_record(uint8_t *p, const struct plx_flow *flow,
							  const struct times *times,
							  unsigned int set)
{
	return put_record(p, flow, times, set);
}

static uint8_t *put_any_record(uint8_t *p, const struct plx_flow *flow, const struct times *times,
			       unsigned int set)
{
	switch (set) {
	case 0:
		return put_record(p, flow, times, 0);
	case TCP:
		return put_record(p, flow, times, TCP);
	case ICMP:
		return put_record(p, flow, times, ICMP);
	case IP6:
		return put_record(p, flow, times, IP6);
	case IP6 | TCP:
		return put_record(p, flow, times, IP6 | TCP);
	case IP6 | ICMP:
		return put_record(p, flow, times, IP6 | ICMP);
	default:
		return put_rare_record(p, flow, times, set);
	}
}

/* Make room for a record of this set. */
static inline bool make_room(struct plx_ipfix *ipfix, unsigned int set)
{
	if (ipfix->set_id != FIRST_TEMPLATE_ID + set)
		return begin_set(ipfix, set);
	return ipfix->len + ipfix->set_size <= ipfix->size;
}

bool plx_ipfix_add(struct plx_ipfix *ipfix, const struct plx_flow *flow)
{
	unsigned int set = set_of(flow);
	uint64_t last_ns = flow->stats.last_ns, first_ns = flow->stats.first_ns;
	struct times times;
	uint8_t *p;

	if (!make_room(ipfix, set))
		return false;
	/* Whatever the clocks of several CPUs said: start <= end <= export time. */
	if (last_ns > ipfix->now_ns)
		last_ns = ipfix->now_ns;
	if (first_ns > last_ns)
		first_ns = last_ns;
	times.start_ms = wall_ms(ipfix, first_ns);
	times.end_ms = wall_ms(ipfix, last_ns);
	if (times.end_ms > ipfix->max_end_ms)
		ipfix->max_end_ms = times.end_ms;

	times.start_up = uptime_ms(ipfix, times.start_ms);
	times.end_up = uptime_ms(ipfix, times.end_ms);
	p = put_any_record(ipfix->buf + ipfix->len, flow, &times, in_session(ipfix, set));
	ipfix->len = (size_t)(p - ipfix->buf);
	ipfix->records++;
	return true;
}

bool plx_ipfix_add_event(struct plx_ipfix *ipfix, const struct plx_nat_event *event)
{
	unsigned int set = EVENT | (event->before.version == 6 ? IP6 : 0);
	uint64_t at_ms =
		wall_ms(ipfix, event->at_ns < ipfix->now_ns ? event->at_ns : ipfix->now_ns);
	uint8_t *p;

	if (!make_room(ipfix, set))
		return false;
	if (at_ms > ipfix->max_end_ms)
		ipfix->max_end_ms = at_ms;
	p = put_event(ipfix->buf + ipfix->len, event, at_ms, set);
	ipfix->len = (size_t)(p - ipfix->buf);
	ipfix->records++;
	return true;
}

size_t plx_ipfix_end(struct plx_ipfix *ipfix, uint64_t now_ns)
{
	uint64_t export_s = wall_ms(ipfix, now_ns) / 1000;
	uint64_t max_end_s = (ipfix->max_end_ms + 999) / 1000;
	uint8_t *p = ipfix->buf;

	close_set(ipfix);
	/* The header has whole seconds: a flow that ended within this one must not end later. */
	if (max_end_s > export_s)
		export_s = max_end_s;
	if (ipfix->netflow9) {
		p = put_u16(p, NETFLOW9_VERSION);
		p = put_u16(p, ipfix->records + ipfix->templates);
		/* At the full second: collectors take the difference for the time of boot. */
		p = put_u32(p, uptime_ms(ipfix, export_s * 1000));
		p = put_u32(p, (uint32_t)export_s);
		p = put_u32(p, ipfix->sequence++);
	} else {
		p = put_u16(p, VERSION);
		p = put_u16(p, (uint16_t)ipfix->len);
		p = put_u32(p, (uint32_t)export_s);
		p = put_u32(p, ipfix->sequence);
		ipfix->sequence += ipfix->records;
	}
	put_u32(p, ipfix->domain);
	ipfix->messages++;
	return ipfix->len;
}

void plx_ipfix_skip(struct plx_ipfix *ipfix)
{
	/* Of NetFlow v9 messages are numbered: the one that could not be begun is one. */
	if (ipfix->netflow9 && ipfix->skipped)
		return;
	ipfix->skipped = true;
	ipfix->sequence++;
}

void plx_ipfix_sampled(struct plx_ipfix *ipfix)
{
	ipfix->sampled = true;
}

void plx_ipfix_netflow9(struct plx_ipfix *ipfix, bool uptime)
{
	ipfix->netflow9 = true;
	ipfix->uptime = uptime;
}

void plx_ipfix_renew(struct plx_ipfix *ipfix)
{
	ipfix->template_asked = true;
}
