/* SPDX-License-Identifier: BSD-2-Clause */
/* See ctl_nat.h. */
#include "ctl_nat.h"

#include <arpa/inet.h>
#include <stdbool.h>

#include <json-c/json.h>
#include <plx/nat.h>

#include "ctl_server.h"
#include "daemon.h"

#define MAPPINGS_DEFAULT 100
#define MAPPINGS_MAX	 10000

static void add_number(struct json_object *to, const char *key, uint64_t number)
{
	json_object_object_add(to, key, json_object_new_uint64(number));
}

static void add_bool(struct json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

/* Names of a tuple before and behind translation, by version. */
struct names {
	const char *source[2], *dest[2], *source_port, *dest_port;
};

static const struct names before_names = {
	{"sourceIPv4Address", "sourceIPv6Address"},
	{"destinationIPv4Address", "destinationIPv6Address"},
	"sourceTransportPort",
	"destinationTransportPort",
};
static const struct names after_names = {
	{"postNATSourceIPv4Address", "postNATSourceIPv6Address"},
	{"postNATDestinationIPv4Address", "postNATDestinationIPv6Address"},
	"postNAPTSourceTransportPort",
	"postNAPTDestinationTransportPort",
};

static void add_tuple(struct json_object *to, const struct plx_nat_tuple *tuple,
		      const struct names *names)
{
	bool six = tuple->version == 6;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(six ? AF_INET6 : AF_INET, tuple->source, text, sizeof(text));
	json_object_object_add(to, names->source[six], json_object_new_string(text));
	inet_ntop(six ? AF_INET6 : AF_INET, tuple->dest, text, sizeof(text));
	json_object_object_add(to, names->dest[six], json_object_new_string(text));
	if (tuple->protocol == (six ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return;
	add_number(to, names->source_port, ntohs(tuple->source_port));
	add_number(to, names->dest_port, ntohs(tuple->dest_port));
}

static struct json_object *mapping_json(const struct plx_nat_mapping *mapping, uint64_t now_ns)
{
	struct json_object *json = json_object_new_object();
	const char *state = plx_nat_tcp_state_name(mapping->tcp_state);

	add_tuple(json, &mapping->before, &before_names);
	add_tuple(json, &mapping->after, &after_names);
	add_number(json, "protocolIdentifier", mapping->before.protocol);
	add_number(json, "ipVersion", mapping->before.version);
	add_bool(json, "reply", mapping->reply);
	add_bool(json, "live", mapping->live);
	add_bool(json, "assured", mapping->assured);
	if (*state)
		json_object_object_add(json, "state", json_object_new_string(state));
	add_number(json, "zone", mapping->zone);
	if (!mapping->older)
		add_number(json, "age_ns",
			   now_ns > mapping->created_ns ? now_ns - mapping->created_ns : 0);
	if (mapping->packets) {
		add_number(json, "packets", mapping->packets);
		add_number(json, "octets", mapping->octets);
	}
	return json;
}

struct json_object *plx_ctl_nat(struct plx_daemon *daemon, struct json_object *request)
{
	struct json_object *reply, *list, *value;
	int64_t limit = MAPPINGS_DEFAULT;
	uint64_t cursor = 0, total = 0, now = plx_mono_ns();
	struct plx_nat_mapping mapping;

	if (json_object_object_get_ex(request, "limit", &value)) {
		limit = json_object_get_int64(value);
		if (!json_object_is_type(value, json_type_int) || limit < 1 || limit > MAPPINGS_MAX)
			return plx_ctl_error("bad_request", "limit: 1 to %d, not %s", MAPPINGS_MAX,
					     json_object_to_json_string(value));
	}
	list = json_object_new_array();
	while (daemon->nat && plx_nat__next(daemon->nat, &cursor, &mapping)) {
		if ((int64_t)total < limit)
			json_object_array_add(list, mapping_json(&mapping, now));
		total++;
	}
	reply = plx_ctl_reply();
	add_number(reply, "total", total);
	json_object_object_add(reply, "mappings", list);
	return reply;
}

struct json_object *plx_ctl_nat_status(const struct plx_daemon *daemon)
{
	struct json_object *json = json_object_new_object();
	struct plx_nat_info info;

	json_object_object_add(json, "source",
			       json_object_new_string(daemon->nat ? "conntrack" : "off"));
	if (!daemon->nat)
		return json;
	plx_nat__info(daemon->nat, &info);
	add_number(json, "capacity", info.capacity);
	add_number(json, "connections", info.live);
	add_number(json, "ended", info.ended);
	add_bool(json, "synced", info.synced);
	add_number(json, "events", info.events);
	add_number(json, "overruns", info.overruns);
	add_number(json, "resyncs", info.resyncs);
	add_number(json, "evicted", info.evicted);
	add_number(json, "ambiguous", info.ambiguous);
	add_number(json, "memory_bytes", info.memory_bytes);
	return json;
}
