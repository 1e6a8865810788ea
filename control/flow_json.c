/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow to JSON. Names and meanings are those of the IANA IPFIX registry; what a flow does not have
 * (ports in ICMP, a VLAN without a tag) is absent, not 0. Of a flow in a tunnel the object "outer"
 * has the names that occur twice. Times are nanoseconds since 1970 as integers: more than a double
 * holds, so readers must parse them as 64-bit integers; layer2SegmentId is one, too.
 */
#include "flow_json.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>

#include "flow_fields.h"

struct builder {
	struct json_object *object;
	bool failed; /* out of memory; looked at once, at the end */
};

/* Names are literals and unique, so json-c need neither copy nor look them up. */
static void add(struct builder *builder, const char *name, struct json_object *value)
{
	const unsigned int flags = JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_KEY_IS_CONSTANT;

	if (value && !json_object_object_add_ex(builder->object, name, value, flags))
		return;
	json_object_put(value);
	builder->failed = true;
}

static void add_number(struct builder *builder, const char *name, uint64_t number)
{
	add(builder, name, json_object_new_uint64(number));
}

static void add_text(struct builder *builder, const char *name, const char *text)
{
	add(builder, name, json_object_new_string(text));
}

static void add_address(struct builder *builder, const char *name, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, address, text, sizeof(text));
	add_text(builder, name, text);
}

const struct plx_tuple_names plx_names_before = {
	{"sourceIPv4Address", "sourceIPv6Address"},
	{"destinationIPv4Address", "destinationIPv6Address"},
	"sourceTransportPort",
	"destinationTransportPort",
};

const struct plx_tuple_names plx_names_after = {
	{"postNATSourceIPv4Address", "postNATSourceIPv6Address"},
	{"postNATDestinationIPv4Address", "postNATDestinationIPv6Address"},
	"postNAPTSourceTransportPort",
	"postNAPTDestinationTransportPort",
};

static void add_addresses(struct builder *builder, const struct plx_tuple_names *names, bool ipv4,
			  const void *source, const void *dest)
{
	int family = ipv4 ? AF_INET : AF_INET6;

	add_address(builder, names->source[!ipv4], family, source);
	add_address(builder, names->dest[!ipv4], family, dest);
}

/* Ports in network order. */
static void add_ports(struct builder *builder, const struct plx_tuple_names *names, uint16_t source,
		      uint16_t dest)
{
	add_number(builder, names->source_port, ntohs(source));
	add_number(builder, names->dest_port, ntohs(dest));
}

static void add_mac(struct builder *builder, const char *name, const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	add_text(builder, name, text);
}

static void add_transport(struct builder *builder, const struct plx_flow *flow)
{
	const struct plx_flow_key *key = &flow->key;

	if (plx_flow_has_icmp_type(flow))
		add_number(builder,
			   plx_flow_is_ipv4(flow) ? "icmpTypeCodeIPv4" : "icmpTypeCodeIPv6",
			   ntohs(key->dest_port));
	else if (!plx_flow_is_icmp(flow))
		add_ports(builder, &plx_names_before, key->source_port, key->dest_port);
}

/* The outer header by the same names, one level down. */
static void add_outer(struct builder *builder, const struct plx_flow *flow)
{
	const struct plx_flow_first *first = &flow->stats.first;
	const struct plx_tunnel *tunnel = &flow->tunnel;
	struct builder outer = {.object = json_object_new_object()};

	if (!outer.object) {
		builder->failed = true;
		return;
	}
	add_addresses(&outer, &plx_names_before, tunnel->version == 4, tunnel->source,
		      tunnel->dest);
	if (tunnel->protocol == IPPROTO_UDP)
		add_ports(&outer, &plx_names_before, first->outer_source_port,
			  first->outer_dest_port);
	add_number(&outer, "protocolIdentifier", tunnel->protocol);
	add_number(&outer, "ipVersion", tunnel->version);
	if (plx_flow_is_outer_translated(flow)) {
		add_addresses(&outer, &plx_names_after, tunnel->version == 4, flow->after.source,
			      flow->after.dest);
		if (tunnel->protocol == IPPROTO_UDP)
			add_ports(&outer, &plx_names_after, flow->after.source_port,
				  flow->after.dest_port);
	}
	add(builder, "outer", outer.object);
	builder->failed = builder->failed || outer.failed;
}

static void add_tunnel(struct builder *builder, const struct plx_flow *flow)
{
	if (!plx_flow_has_tunnel(flow))
		return;
	add_outer(builder, flow);
	if (plx_flow_has_segment(flow))
		add_number(builder, "layer2SegmentId", plx_flow_segment(flow));
	if (plx_flow_has_gre_key(flow))
		add_number(builder, "greKey", flow->tunnel.id);
	if (plx_flow_has_teid(flow))
		add_number(builder, "gtpuTEid", flow->tunnel.id);
}

static void add_nat(struct builder *builder, const struct plx_flow *flow)
{
	const struct plx_nat_tuple *after = &flow->after;

	if (!plx_flow_is_translated(flow))
		return;
	add_addresses(builder, &plx_names_after, plx_flow_is_ipv4(flow), after->source,
		      after->dest);
	if (plx_flow_has_nat_ports(flow))
		add_ports(builder, &plx_names_after, after->source_port, after->dest_port);
}

static void add_tcp(struct builder *builder, const struct plx_flow *flow)
{
	const struct plx_flow_stats *stats = &flow->stats;

	if (flow->key.protocol != IPPROTO_TCP)
		return;
	add_number(builder, "tcpControlBits", PLX_SHAPE_TCP_FLAGS(stats->shape));
	if (plx_flow_has_tcp_header(flow))
		add_number(builder, "tcpWindowSize", stats->first.tcp_window);
	if (stats->tcp_options)
		add_number(builder, "tcpOptions", stats->tcp_options);
}

/* What became of a forwarded flow. */
static void add_post(struct builder *builder, const struct plx_flow *flow)
{
	if (plx_flow_is_joined(flow)) {
		add_number(builder, "postPacketDeltaCount", flow->post.packets);
		add_number(builder, "postOctetDeltaCount", flow->post.octets);
	}
	if (flow->dropped)
		add_number(builder, "droppedPacketDeltaCount", flow->dropped);
}

static void add_interfaces(struct builder *builder, const struct plx_flow *flow,
			   plx_ifname_fn ifname, void *arg)
{
	uint32_t ingress = plx_flow_ingress(flow), egress = plx_flow_egress(flow);
	const char *name;

	add_number(builder, "ingressInterface", ingress);
	name = ifname && ingress ? ifname(arg, ingress) : NULL;
	if (name)
		add_text(builder, "ingressInterfaceName", name);
	add_number(builder, "egressInterface", egress);
	name = ifname && egress ? ifname(arg, egress) : NULL;
	if (name)
		add_text(builder, "egressInterfaceName", name);
	add_number(builder, "flowDirection", plx_flow_is_out(flow));
}

static void add_link_layer(struct builder *builder, const struct plx_flow *flow)
{
	const struct plx_flow_first *first = &flow->stats.first;
	int nr_labels = plx_flow_mpls_labels(flow);

	if (flow->key.vlan & PLX_VLAN_PRESENT) {
		add_number(builder, "vlanId", plx_vlan_id(flow->key.vlan));
		add_number(builder, "dot1qVlanId", plx_vlan_id(flow->key.vlan));
		add_number(builder, "dot1qPriority", first->vlan_priority);
	}
	if (first->customer_vlan & PLX_VLAN_PRESENT)
		add_number(builder, "dot1qCustomerVlanId", plx_vlan_id(first->customer_vlan));
	/* octetArrays of three octets: label, class, bottom of stack */
	for (int i = 0; i < nr_labels; i++) {
		static const char *const names[PLX_MPLS_KEPT] = {"mplsTopLabelStackSection",
								 "mplsLabelStackSection2",
								 "mplsLabelStackSection3"};
		const uint8_t *label = first->mpls[i];
		char hex[7];

		snprintf(hex, sizeof(hex), "%02x%02x%02x", label[0], label[1], label[2]);
		add(builder, names[i], json_object_new_string(hex));
	}
	add_mac(builder, "sourceMacAddress", first->source_mac);
	add_mac(builder, "destinationMacAddress", first->dest_mac);
}

struct json_object *plx_flow_json(const struct plx_flow *flow, int64_t wall_offset_ns,
				  plx_ifname_fn ifname, void *arg)
{
	const struct plx_flow_stats *stats = &flow->stats;
	bool ipv4 = plx_flow_is_ipv4(flow);
	struct builder b = {.object = json_object_new_object()};

	if (!b.object)
		return NULL;
	add_addresses(&b, &plx_names_before, ipv4, flow->key.source, flow->key.dest);
	add_transport(&b, flow);
	add_number(&b, "protocolIdentifier", flow->key.protocol);
	add_number(&b, "ipVersion", ipv4 ? 4 : 6);
	add_tunnel(&b, flow);
	add_nat(&b, flow);
	add_number(&b, "ipClassOfService", stats->first.tos);
	add_tcp(&b, flow);
	add_number(&b, "packetDeltaCount", stats->packets);
	add_number(&b, "octetDeltaCount", stats->octets);
	add_number(&b, "layer2OctetDeltaCount", stats->frame_octets);
	add_post(&b, flow);
	add_interfaces(&b, flow, ifname, arg);
	add_link_layer(&b, flow);
	add_number(&b, "minimumTTL", PLX_SHAPE_MIN_TTL(stats->shape));
	add_number(&b, "maximumTTL", PLX_SHAPE_MAX_TTL(stats->shape));
	add_number(&b, "minimumIpTotalLength", PLX_SHAPE_MIN_LEN(stats->shape));
	add_number(&b, "maximumIpTotalLength", PLX_SHAPE_MAX_LEN(stats->shape));
	if (!ipv4)
		add_number(&b, "flowLabelIPv6", stats->first.flow_label);
	add_number(&b, "fragmentFlags", PLX_MARKS_FRAGMENT_FLAGS(stats->marks));
	if (plx_flow_ip_options(flow))
		add_number(&b, ipv4 ? "ipv4Options" : "ipv6ExtensionHeaders",
			   plx_flow_ip_options(flow));
	add(&b, "flowStartNanoseconds",
	    json_object_new_int64((int64_t)stats->first_ns + wall_offset_ns));
	add(&b, "flowEndNanoseconds",
	    json_object_new_int64((int64_t)stats->last_ns + wall_offset_ns));
	if (flow->sampling_interval > 1)
		add_number(&b, "samplingInterval", flow->sampling_interval);
	if (flow->end_reason != PLX_END_NONE)
		add_number(&b, "flowEndReason", flow->end_reason);
	add_number(&b, "flowId", flow->id);
	if (b.failed) {
		json_object_put(b.object);
		return NULL;
	}
	return b.object;
}

/* Protocols without ports have none in it, and ICMP has type and code, which NAT leaves alone. */
static void add_event_ports(struct builder *builder, const struct plx_nat_event *event)
{
	const struct plx_nat_tuple *before = &event->before;
	bool ipv4 = before->version == 4;

	if (before->protocol == (ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		add_number(builder, ipv4 ? "icmpTypeCodeIPv4" : "icmpTypeCodeIPv6",
			   ntohs(before->dest_port));
	if (!plx_protocol_has_ports(before->protocol))
		return;
	add_ports(builder, &plx_names_before, before->source_port, before->dest_port);
	add_ports(builder, &plx_names_after, event->after.source_port, event->after.dest_port);
}

struct json_object *plx_nat_event_json(const struct plx_nat_event *event, int64_t wall_offset_ns)
{
	struct builder b = {.object = json_object_new_object()};
	bool ipv4 = event->before.version == 4;

	if (!b.object)
		return NULL;
	add(&b, "observationTimeNanoseconds",
	    json_object_new_int64((int64_t)event->at_ns + wall_offset_ns));
	add_number(&b, "natEvent", plx_nat_event_number(event));
	add_addresses(&b, &plx_names_before, ipv4, event->before.source, event->before.dest);
	add_addresses(&b, &plx_names_after, ipv4, event->after.source, event->after.dest);
	add_event_ports(&b, event);
	add_number(&b, "protocolIdentifier", event->before.protocol);
	add_number(&b, "ipVersion", event->before.version);
	if (b.failed) {
		json_object_put(b.object);
		return NULL;
	}
	return b.object;
}
