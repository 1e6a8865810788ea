/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX encoder. FIELDS is the only description of the records: templates, record sizes and the
 * code that writes records all come from it. The order is the one that the common collectors cope
 * with, IANA elements only, nothing variable in length, fewer than 60 fields.
 */
#include "ipfix.h"

#include <arpa/inet.h>
#include <string.h>

#include "flow_fields.h"

#define VERSION		     10
#define HEADER_SIZE	     16
#define SET_HEADER_SIZE	     4
#define TEMPLATE_HEADER_SIZE 4
#define TEMPLATE_SET_ID	     2
#define FIRST_TEMPLATE_ID    256
#define RENEW_NS	     1000000000ull

enum kind { IP4, IP6, ICMP4, ICMP6, NR_KINDS = PLX_IPFIX_TEMPLATES };

/* Templates that a field is in. */
#define ON(kind) (1u << (kind))
#define ALL	 (ON(IP4) | ON(IP6) | ON(ICMP4) | ON(ICMP6))
#define V4	 (ON(IP4) | ON(ICMP4))
#define V6	 (ON(IP6) | ON(ICMP6))

/*
 * X(element, type, templates, value from f (flow), s (its counters) and t (its times)).
 * Reduced sizes (RFC 7011, 6.2): 6 as one byte, or nfacctd reads 0; 25 and 26 as two, as NetFlow v9
 * has them. 7 and 11 stay in the ICMP templates, as 0 and type * 256 + code: some collectors know
 * only that, some only 32 and 139. Times are 152/153: nfdump reads the finer ones as 1970.
 */
#define FIELDS(X)                                                                                  \
	X(8, ip4, V4, f->key.source)			      /* sourceIPv4Address */              \
	X(12, ip4, V4, f->key.dest)			      /* destinationIPv4Address */         \
	X(27, ip6, V6, f->key.source)			      /* sourceIPv6Address */              \
	X(28, ip6, V6, f->key.dest)			      /* destinationIPv6Address */         \
	X(7, be16, ALL, &f->key.source_port)		      /* sourceTransportPort */            \
	X(11, be16, ALL, &f->key.dest_port)		      /* destinationTransportPort */       \
	X(32, be16, ON(ICMP4), &f->key.dest_port)	      /* icmpTypeCodeIPv4 */               \
	X(139, be16, ON(ICMP6), &f->key.dest_port)	      /* icmpTypeCodeIPv6 */               \
	X(4, u8, ALL, f->key.protocol)			      /* protocolIdentifier */             \
	X(5, u8, ALL, s->first.tos)			      /* ipClassOfService */               \
	X(6, u8, ALL, (uint8_t)PLX_SHAPE_TCP_FLAGS(s->shape)) /* tcpControlBits */                 \
	X(1, u64, ALL, s->octets)			      /* octetDeltaCount */                \
	X(2, u64, ALL, s->packets)			      /* packetDeltaCount */               \
	X(152, u64, ALL, t->start_ms)			      /* flowStartMilliseconds */          \
	X(153, u64, ALL, t->end_ms)			      /* flowEndMilliseconds */            \
	X(10, u32, ALL, plx_flow_ingress(f))		      /* ingressInterface */               \
	X(14, u32, ALL, plx_flow_egress(f))		      /* egressInterface */                \
	X(61, u8, ALL, plx_flow_is_out(f))		      /* flowDirection */                  \
	X(136, u8, ALL, (uint8_t)f->end_reason)		      /* flowEndReason */                  \
	X(58, u16, ALL, plx_vlan_id(f->key.vlan))	      /* vlanId */                         \
	X(243, u16, ALL, plx_vlan_id(f->key.vlan))	      /* dot1qVlanId */                    \
	X(56, mac, ALL, s->first.source_mac)		      /* sourceMacAddress */               \
	X(80, mac, ALL, s->first.dest_mac)		      /* destinationMacAddress */          \
	X(60, u8, ALL, plx_flow_is_ipv4(f) ? 4 : 6)	      /* ipVersion */                      \
	X(52, u8, ALL, PLX_SHAPE_MIN_TTL(s->shape))	      /* minimumTTL */                     \
	X(53, u8, ALL, PLX_SHAPE_MAX_TTL(s->shape))	      /* maximumTTL */                     \
	X(25, u16, ALL, PLX_SHAPE_MIN_LEN(s->shape))	      /* minimumIpTotalLength */           \
	X(26, u16, ALL, PLX_SHAPE_MAX_LEN(s->shape))	      /* maximumIpTotalLength */           \
	X(352, u64, ALL, s->frame_octets)		      /* layer2OctetDeltaCount */          \
	X(197, u8, ALL, (uint8_t)s->fragment_flags)	      /* fragmentFlags */                  \
	X(244, u8, ALL, s->first.vlan_priority)		      /* dot1qPriority */                  \
	X(245, u16, ALL, plx_vlan_id(s->first.customer_vlan)) /* dot1qCustomerVlanId */            \
	X(31, u32, V6, s->first.flow_label)		      /* flowLabelIPv6 */                  \
	X(148, u64, ALL, f->id)				      /* flowId */

enum { SIZE_u8 = 1, SIZE_u16 = 2, SIZE_be16 = 2, SIZE_u32 = 4, SIZE_u64 = 8 };
enum { SIZE_ip4 = 4, SIZE_ip6 = 16, SIZE_mac = 6 };

struct field {
	uint16_t element;
	uint16_t size;
	uint8_t templates;
};

#define FIELD_ROW(element, type, templates, value) {element, SIZE_##type, templates},
static const struct field fields[] = {FIELDS(FIELD_ROW)};
#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

struct times {
	uint64_t start_ms;
	uint64_t end_ms;
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

/* Inlined once per kind, so that what is not in the template costs nothing. */
static inline __attribute__((always_inline)) uint8_t *
put_record(uint8_t *p, const struct plx_flow *f, const struct times *t, enum kind kind)
{
	const struct plx_flow_stats *s = &f->stats;

#define FIELD_PUT(element, type, templates, value)                                                 \
	if ((templates)&ON(kind))                                                                  \
		p = put_##type(p, value);
	FIELDS(FIELD_PUT)
	return p;
}

static enum kind kind_of(const struct plx_flow *flow)
{
	if (plx_flow_is_ipv4(flow))
		return plx_flow_has_icmp_type(flow) ? ICMP4 : IP4;
	return plx_flow_has_icmp_type(flow) ? ICMP6 : IP6;
}

static uint64_t wall_ms(const struct plx_ipfix *ipfix, uint64_t mono_ns)
{
	int64_t wall_ns = (int64_t)mono_ns + ipfix->offset_ns;

	return wall_ns > 0 ? (uint64_t)wall_ns / 1000000 : 0;
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
}

static void open_set(struct plx_ipfix *ipfix, uint16_t id)
{
	close_set(ipfix);
	ipfix->set = ipfix->len;
	put_u16(ipfix->buf + ipfix->set, id);
	ipfix->len += SET_HEADER_SIZE;
}

static void put_template(struct plx_ipfix *ipfix, enum kind kind)
{
	uint8_t *p = ipfix->buf + ipfix->len;

	p = put_u16(p, FIRST_TEMPLATE_ID + kind);
	p = put_u16(p, ipfix->nr_fields[kind]);
	for (size_t i = 0; i < NR_FIELDS; i++) {
		if (!(fields[i].templates & ON(kind)))
			continue;
		p = put_u16(p, fields[i].element);
		p = put_u16(p, fields[i].size);
	}
	ipfix->len = (size_t)(p - ipfix->buf);
	ipfix->templates++;
}

/* As many of the templates as fit; a small MTU needs more than one message for all. */
static void put_templates(struct plx_ipfix *ipfix)
{
	for (enum kind kind = 0; kind < NR_KINDS; kind++) {
		size_t size = TEMPLATE_HEADER_SIZE + 4u * ipfix->nr_fields[kind];

		if (!(ipfix->template_left & ON(kind)))
			continue;
		if (ipfix->len + (ipfix->set ? 0 : SET_HEADER_SIZE) + size > ipfix->size)
			break;
		if (!ipfix->set)
			open_set(ipfix, TEMPLATE_SET_ID);
		put_template(ipfix, kind);
		ipfix->template_left &= (uint8_t)~ON(kind);
	}
	close_set(ipfix);
}

static bool templates_due(const struct plx_ipfix *ipfix)
{
	uint64_t age_ns = ipfix->now_ns - ipfix->refreshed_ns;

	return !ipfix->template_sent || age_ns >= ipfix->template_ns ||
	       ipfix->messages >= ipfix->template_messages ||
	       (ipfix->template_asked && age_ns >= RENEW_NS);
}

void plx_ipfix_init(struct plx_ipfix *ipfix, uint32_t domain, uint32_t template_seconds,
		    uint32_t template_messages)
{
	*ipfix = (struct plx_ipfix){
		.domain = domain,
		.template_ns = template_seconds * 1000000000ull,
		.template_messages = template_messages,
	};
	for (enum kind kind = 0; kind < NR_KINDS; kind++) {
		for (size_t i = 0; i < NR_FIELDS; i++) {
			if (!(fields[i].templates & ON(kind)))
				continue;
			ipfix->nr_fields[kind]++;
			ipfix->record_size[kind] += fields[i].size;
		}
	}
}

void plx_ipfix_begin(struct plx_ipfix *ipfix, void *buf, size_t size, uint64_t now_ns,
		     int64_t wall_offset_ns)
{
	ipfix->buf = buf;
	ipfix->size = size & ~(size_t)3;
	ipfix->len = HEADER_SIZE;
	ipfix->set = 0;
	ipfix->records = 0;
	ipfix->templates = 0;
	ipfix->offset_ns = wall_offset_ns;
	ipfix->now_ns = now_ns;
	ipfix->max_end_ms = 0;
	/* Not while one goes on: with a small MTU and template-packets=1 it would never end. */
	if (!ipfix->template_left && templates_due(ipfix)) {
		ipfix->template_left = ALL;
		ipfix->template_sent = true;
		ipfix->template_asked = false;
		ipfix->refreshed_ns = now_ns;
		ipfix->messages = 0;
	}
	if (ipfix->template_left)
		put_templates(ipfix);
}

bool plx_ipfix_add(struct plx_ipfix *ipfix, const struct plx_flow *flow)
{
	enum kind kind = kind_of(flow);
	bool same_set = ipfix->set && ipfix->set_kind == kind;
	size_t offset = same_set ? ipfix->len : align4(ipfix->len) + SET_HEADER_SIZE;
	uint64_t last_ns = flow->stats.last_ns, first_ns = flow->stats.first_ns;
	struct times times;
	uint8_t *p;

	if (ipfix->template_left || offset + ipfix->record_size[kind] > ipfix->size)
		return false;
	if (!same_set) {
		open_set(ipfix, FIRST_TEMPLATE_ID + kind);
		ipfix->set_kind = kind;
	}
	/* Whatever the clocks of several CPUs said: start <= end <= export time. */
	if (last_ns > ipfix->now_ns)
		last_ns = ipfix->now_ns;
	if (first_ns > last_ns)
		first_ns = last_ns;
	times.start_ms = wall_ms(ipfix, first_ns);
	times.end_ms = wall_ms(ipfix, last_ns);
	if (times.end_ms > ipfix->max_end_ms)
		ipfix->max_end_ms = times.end_ms;

	p = ipfix->buf + ipfix->len;
	switch (kind) {
	case IP4:
		p = put_record(p, flow, &times, IP4);
		break;
	case IP6:
		p = put_record(p, flow, &times, IP6);
		break;
	case ICMP4:
		p = put_record(p, flow, &times, ICMP4);
		break;
	default:
		p = put_record(p, flow, &times, ICMP6);
		break;
	}
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
	p = put_u16(p, VERSION);
	p = put_u16(p, (uint16_t)ipfix->len);
	p = put_u32(p, (uint32_t)export_s);
	p = put_u32(p, ipfix->sequence);
	put_u32(p, ipfix->domain);
	ipfix->sequence += ipfix->records;
	ipfix->messages++;
	return ipfix->len;
}

void plx_ipfix_skip(struct plx_ipfix *ipfix)
{
	ipfix->sequence++;
}

void plx_ipfix_renew(struct plx_ipfix *ipfix)
{
	ipfix->template_asked = true;
}
