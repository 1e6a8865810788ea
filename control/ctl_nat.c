/* SPDX-License-Identifier: BSD-2-Clause */
/* See ctl_nat.h. */
#include "ctl_nat.h"

#include <arpa/inet.h>
#include <stdbool.h>

#include <json-c/json.h>
#include <plx/nat.h>

#include "ctl_json.h"
#include "daemon.h"
#include "flow_fields.h"
#include "flow_json.h"

static void add_tuple(struct json_object *to, const struct plx_nat_tuple *tuple,
		      const struct plx_tuple_names *names)
{
	bool six = tuple->version == 6;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(six ? AF_INET6 : AF_INET, tuple->source, text, sizeof(text));
	plx_ctl_add_text(to, names->source[six], text);
	inet_ntop(six ? AF_INET6 : AF_INET, tuple->dest, text, sizeof(text));
	plx_ctl_add_text(to, names->dest[six], text);
	if (!plx_protocol_has_ports(tuple->protocol))
		return;
	plx_ctl_add_number(to, names->source_port, ntohs(tuple->source_port));
	plx_ctl_add_number(to, names->dest_port, ntohs(tuple->dest_port));
}

static struct json_object *mapping_json(const struct plx_nat_mapping *mapping, uint64_t now_ns)
{
	struct json_object *json = json_object_new_object();
	const char *state = plx_nat_tcp_state_name(mapping->tcp_state);

	add_tuple(json, &mapping->before, &plx_names_before);
	add_tuple(json, &mapping->after, &plx_names_after);
	plx_ctl_add_number(json, "protocolIdentifier", mapping->before.protocol);
	plx_ctl_add_number(json, "ipVersion", mapping->before.version);
	plx_ctl_add_bool(json, "reply", mapping->reply);
	plx_ctl_add_bool(json, "live", mapping->live);
	plx_ctl_add_bool(json, "assured", mapping->assured);
	if (*state)
		plx_ctl_add_text(json, "state", state);
	plx_ctl_add_number(json, "zone", mapping->zone);
	if (!mapping->older)
		plx_ctl_add_number(json, "age_ns",
				   now_ns > mapping->created_ns ? now_ns - mapping->created_ns : 0);
	if (mapping->packets) {
		plx_ctl_add_number(json, "packets", mapping->packets);
		plx_ctl_add_number(json, "octets", mapping->octets);
	}
	return json;
}

struct json_object *plx_ctl_nat(struct plx_daemon *daemon, struct json_object *request)
{
	struct json_object *reply, *list, *error;
	int64_t limit;
	uint64_t cursor = 0, total = 0, now = plx_mono_ns();
	struct plx_nat_mapping mapping;
	struct plx_filter *filter;

	if (!plx_ctl_limit(request, &limit, &error) ||
	    !plx_ctl_filter(request, PLX_FILTER_MAPPINGS, &filter, &error))
		return error;
	list = json_object_new_array();
	while (daemon->nat && plx_nat__next(daemon->nat, &cursor, &mapping)) {
		if (filter && !plx_filter__mapping(filter, &mapping))
			continue;
		if ((int64_t)total < limit)
			json_object_array_add(list, mapping_json(&mapping, now));
		total++;
	}
	plx_filter__free(filter);
	reply = plx_ctl_reply();
	plx_ctl_add_number(reply, "total", total);
	json_object_object_add(reply, "mappings", list);
	return reply;
}

struct json_object *plx_ctl_nat_status(const struct plx_daemon *daemon)
{
	struct json_object *json = json_object_new_object();
	struct plx_kfunc_info kfuncs;
	struct plx_nat_info info;

	plx_dataplane__kfuncs(daemon->dp, &kfuncs);
	plx_ctl_add_bool(json, "kfuncs", kfuncs.used);
	if (*kfuncs.reason)
		plx_ctl_add_text(json, "kfuncs_reason", kfuncs.reason);
	plx_ctl_add_bool(json, "ctnetlink", daemon->nat && daemon->ctnetlink);
	if (!daemon->nat)
		return json;
	plx_nat__info(daemon->nat, &info);
	plx_ctl_add_number(json, "seen", info.seen);
	plx_ctl_add_number(json, "unseen", kfuncs.lost);
	plx_ctl_add_number(json, "capacity", info.capacity);
	plx_ctl_add_number(json, "connections", info.live);
	plx_ctl_add_number(json, "ended", info.ended);
	plx_ctl_add_bool(json, "synced", info.synced);
	plx_ctl_add_number(json, "events", info.events);
	plx_ctl_add_number(json, "overruns", info.overruns);
	plx_ctl_add_number(json, "resyncs", info.resyncs);
	plx_ctl_add_number(json, "evicted", info.evicted);
	plx_ctl_add_number(json, "ambiguous", info.ambiguous);
	plx_ctl_add_number(json, "unreadable", info.unreadable);
	plx_ctl_add_number(json, "memory_bytes", info.memory_bytes);
	return json;
}
