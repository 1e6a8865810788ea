/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of requests, each a function from arguments to a reply; see README.md. */
#include "ctl_requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "ctl_json.h"
#include "ctl_nat.h"
#include "ctl_server.h"
#include "daemon.h"
#include "flow_json.h"
#include "log.h"
#include "translate.h"

/* Counters; a difference may be negative. */
static struct json_object *tally_json(const struct plx_tally *tally)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "packets", json_object_new_int64(tally->packets));
	json_object_object_add(json, "bytes", json_object_new_int64(tally->bytes));
	return json;
}

static struct json_object *export_tally_json(const struct plx_export_tally *tally)
{
	struct json_object *json = json_object_new_object();

	plx_ctl_add_number(json, "records", tally->records);
	plx_ctl_add_number(json, "packets", tally->packets);
	plx_ctl_add_number(json, "bytes", tally->bytes);
	return json;
}

static struct json_object *ledger_json(const struct plx_ledger_sum *sum)
{
	struct json_object *json = json_object_new_object(), *skipped, *limited, *lost;
	struct plx_tally difference = plx_ledger__difference(sum);

	skipped = json_object_new_object();
	for (int i = 0; i < PLX_SKIP_MAX; i++)
		json_object_object_add(skipped, plx_skip_name(i), tally_json(&sum->skipped[i]));
	limited = json_object_new_object();
	for (int i = 0; i < PLX_LIMIT_MAX; i++)
		json_object_object_add(limited, plx_limit_name(i), tally_json(&sum->limited[i]));
	lost = json_object_new_object();
	for (int i = 0; i < PLX_NR_LOSSES; i++)
		json_object_object_add(lost, plx_loss_name(i), tally_json(&sum->lost[i]));
	json_object_object_add(json, "seen", tally_json(&sum->seen));
	json_object_object_add(json, "metered", tally_json(&sum->metered));
	json_object_object_add(json, "unsampled", tally_json(&sum->unsampled));
	json_object_object_add(json, "skipped", skipped);
	json_object_object_add(json, "limited", limited);
	json_object_object_add(json, "exported", tally_json(&sum->exported));
	json_object_object_add(json, "held", tally_json(&sum->held));
	json_object_object_add(json, "lost", lost);
	json_object_object_add(json, "difference", tally_json(&difference));
	return json;
}

static struct json_object *iface_json(const struct plx_iface_info *info)
{
	struct json_object *json = json_object_new_object();

	plx_ctl_add_text(json, "name", info->name);
	plx_ctl_add_number(json, "ifindex", info->ifindex);
	plx_ctl_add_bool(json, "present", info->present);
	plx_ctl_add_text(json, "direction", plx_direction_name(info->asked.direction));
	plx_ctl_add_text(json, "tunnel", plx_policy_name(info->asked.tunnel));
	plx_ctl_add_text(json, "hook_asked", plx_hook_name(info->asked.hook));
	plx_ctl_add_text(json, "hook_in", info->hook_in);
	plx_ctl_add_text(json, "xdp_mode", info->xdp_mode);
	plx_ctl_add_text(json, "hook_out", info->hook_out);
	plx_ctl_add_bool(json, "exact", info->exact);
	plx_ctl_add_text(json, "reason", info->reason);
	return json;
}

static struct json_object *exporter_json(const struct plx_exporter *exporter)
{
	struct json_object *json = json_object_new_object(), *lost = json_object_new_object();
	struct plx_exporter_stats stats;

	plx_exporter__stats(exporter, &stats);
	for (int i = 0; i < PLX_LOSS_MAX; i++)
		json_object_object_add(lost, plx_export_loss_name(i),
				       export_tally_json(&stats.lost[i]));
	plx_ctl_add_text(json, "url", plx_exporter__url(exporter));
	plx_ctl_add_text(json, "state", stats.state);
	json_object_object_add(json, "handed", export_tally_json(&stats.handed));
	json_object_object_add(json, "sent", export_tally_json(&stats.sent));
	json_object_object_add(json, "queued", export_tally_json(&stats.queued));
	json_object_object_add(json, "lost", lost);
	plx_ctl_add_number(json, "messages", stats.messages);
	plx_ctl_add_number(json, "octets", stats.octets);
	plx_ctl_add_number(json, "templates", stats.templates);
	plx_ctl_add_number(json, "errors", stats.errors);
	plx_ctl_add_text(json, "last_error", stats.last_error);
	return json;
}

static bool is_metered(const struct plx_iface_info *info)
{
	return strcmp(info->hook_in, "none") != 0 || strcmp(info->hook_out, "none") != 0;
}

/* Interfaces that are metered; with their ledgers, those that were metered, too. */
static struct json_object *ifaces_json(const struct plx_daemon *daemon, bool with_ledger)
{
	struct json_object *list = json_object_new_array();
	const struct plx_iface_info *info;

	for (size_t i = 0; (info = plx_dataplane__iface(daemon->dp, i)); i++) {
		static const char *const names[] = {"in", "out"};
		struct json_object *json, *ledger;

		if (!with_ledger && !is_metered(info))
			continue;
		json = iface_json(info);
		json_object_array_add(list, json);
		if (!with_ledger)
			continue;
		ledger = json_object_new_object();
		for (int dir = 0; dir < PLX_NR_DIRS; dir++) {
			struct plx_ledger_sum sum = {};

			plx_ledger__sum(&daemon->ledger, daemon->dp, i, dir, &sum);
			json_object_object_add(ledger, names[dir], ledger_json(&sum));
		}
		json_object_object_add(json, "ledger", ledger);
	}
	return list;
}

static struct json_object *exporters_json(const struct plx_daemon *daemon)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < daemon->nr_exporters; i++)
		json_object_array_add(list, exporter_json(daemon->exporters[i]));
	return list;
}

static struct json_object *tables_json(const struct plx_daemon *daemon)
{
	struct json_object *json = json_object_new_object();
	struct plx_table_info info;

	plx_dataplane__tables(daemon->dp, &info);
	plx_ctl_add_number(json, "flows", info.flows);
	plx_ctl_add_number(json, "used_ipv4", info.used[PLX_FAMILY_IPV4]);
	plx_ctl_add_number(json, "used_ipv6", info.used[PLX_FAMILY_IPV6]);
	plx_ctl_add_number(json, "tunnels", info.tunnels);
	plx_ctl_add_number(json, "used_tunnel", info.used[PLX_FAMILY_TUNNEL]);
	plx_ctl_add_number(json, "epochs", info.epochs);
	plx_ctl_add_number(json, "records", info.records);
	plx_ctl_add_number(json, "spilled", info.spilled);
	plx_ctl_add_number(json, "evicted_flows", info.evicted_flows);
	plx_ctl_add_number(json, "swap_ns", info.swap_ns);
	plx_ctl_add_number(json, "drain_ns", info.drain_ns);
	plx_ctl_add_number(json, "drain_records", info.drain_records);
	plx_ctl_add_number(json, "memory_bytes", info.memory_bytes);
	return json;
}

static struct json_object *cache_json(const struct plx_daemon *daemon)
{
	struct json_object *json = json_object_new_object();
	struct plx_cache_info info;

	plx_cache__info(daemon->cache, &info);
	plx_ctl_add_number(json, "flows", info.flows);
	plx_ctl_add_number(json, "capacity", info.capacity);
	plx_ctl_add_number(json, "expired", info.expired);
	plx_ctl_add_number(json, "forced", info.forced);
	plx_ctl_add_number(json, "memory_bytes", info.memory_bytes);
	return json;
}

static struct json_object *sampling_json(const struct plx_config *config)
{
	struct json_object *json = json_object_new_object();

	plx_ctl_add_number(json, "interval", config->sampling.interval);
	plx_ctl_add_text(json, "by", config->sampling.by == PLX_SAMPLING_FLOW ? "flow" : "packet");
	return json;
}

static struct json_object *do_status(struct plx_daemon *daemon, struct json_object *request)
{
	struct json_object *reply = plx_ctl_reply();
	struct plx_ledger_sum total;

	(void)request;
	plx_ctl_add_text(reply, "version", PLX_VERSION);
	plx_ctl_add_number(reply, "pid", getpid());
	plx_ctl_add_number(reply, "uptime_ns", plx_mono_ns() - daemon->started_ns);
	plx_ctl_add_number(reply, "epoch_ns", daemon->config->timeouts.epoch_ns);
	plx_ctl_add_number(reply, "observation_domain", daemon->config->observation_domain);
	json_object_object_add(reply, "sampling", sampling_json(daemon->config));
	json_object_object_add(reply, "interfaces", ifaces_json(daemon, true));
	plx_daemon__total(daemon, &total);
	json_object_object_add(reply, "total", ledger_json(&total));
	json_object_object_add(reply, "tables", tables_json(daemon));
	json_object_object_add(reply, "cache", cache_json(daemon));
	json_object_object_add(reply, "nat", plx_ctl_nat_status(daemon));
	json_object_object_add(reply, "exporters", exporters_json(daemon));
	return reply;
}

static uint64_t by_octets(const struct plx_flow *flow)
{
	return flow->stats.octets;
}

static uint64_t by_packets(const struct plx_flow *flow)
{
	return flow->stats.packets;
}

static uint64_t by_frame_octets(const struct plx_flow *flow)
{
	return flow->stats.frame_octets;
}

static uint64_t by_start(const struct plx_flow *flow)
{
	return flow->stats.first_ns;
}

static uint64_t by_end(const struct plx_flow *flow)
{
	return flow->stats.last_ns;
}

static uint64_t by_id(const struct plx_flow *flow)
{
	return flow->id;
}

static const struct {
	const char *name;
	plx_sort_fn sort;
} sort_keys[] = {
	{"octetDeltaCount", by_octets},
	{"packetDeltaCount", by_packets},
	{"layer2OctetDeltaCount", by_frame_octets},
	{"flowStartNanoseconds", by_start},
	{"flowEndNanoseconds", by_end},
	{"flowId", by_id},
};

/*
 * Text argument name into *ret_text: NULL when absent. False, with the error in *ret_error, when it
 * is something else than text.
 */
static bool text_arg(struct json_object *request, const char *name, const char **ret_text,
		     struct json_object **ret_error)
{
	struct json_object *value;

	*ret_text = NULL;
	if (!json_object_object_get_ex(request, name, &value))
		return true;
	if (json_object_is_type(value, json_type_string)) {
		*ret_text = json_object_get_string(value);
		return true;
	}
	*ret_error = plx_ctl_error("bad_request", "%s: text expected, not %s", name,
				   json_object_to_json_string(value));
	return false;
}

/* Same, and it must be there. */
static bool need_text(struct json_object *request, const char *name, const char **ret_text,
		      struct json_object **ret_error)
{
	if (!text_arg(request, name, ret_text, ret_error))
		return false;
	if (*ret_text)
		return true;
	*ret_error = plx_ctl_error("bad_request", "%s is missing", name);
	return false;
}

/* "sort" into *ret_sort. False, with the error in *ret_error, when nothing is sorted by it. */
static bool sort_arg(struct json_object *request, plx_sort_fn *ret_sort,
		     struct json_object **ret_error)
{
	const char *key;

	*ret_sort = by_octets;
	if (!text_arg(request, "sort", &key, ret_error))
		return false;
	if (!key)
		return true;
	for (size_t i = 0; i < sizeof(sort_keys) / sizeof(sort_keys[0]); i++)
		if (strcmp(sort_keys[i].name, key) == 0) {
			*ret_sort = sort_keys[i].sort;
			return true;
		}
	*ret_error = plx_ctl_error("bad_request", "cannot sort by '%s'", key);
	return false;
}

struct flow_filter {
	const struct plx_filter *filter;
	struct plx_nat *nat;
};

static bool flow_matches(void *arg, struct plx_flow *flow)
{
	const struct flow_filter *query = arg;

	plx_translate__flow(query->nat, flow);
	return plx_filter__flow(query->filter, flow);
}

static struct json_object *flows_json(struct plx_daemon *daemon, struct plx_flow *flows,
				      size_t count)
{
	int64_t offset = plx_wall_offset_ns(PLX_FLOW_MONOTONIC);
	struct json_object *list = json_object_new_array_ext(count);

	for (size_t i = 0; i < count; i++) {
		plx_translate__flow(daemon->nat, &flows[i]);
		plx_daemon__sampled(daemon, &flows[i]);
		json_object_array_add(list,
				      plx_flow_json(&flows[i], offset, plx_daemon__ifname, daemon));
	}
	return list;
}

static struct json_object *do_flows(struct plx_daemon *daemon, struct json_object *request)
{
	struct plx_cache_query query = {};
	struct json_object *reply, *error;
	struct flow_filter matching = {.nat = daemon->nat};
	struct plx_cache_info info;
	struct plx_filter *filter;
	struct plx_flow *flows;
	uint64_t matched;
	int64_t limit;
	size_t count;

	if (!sort_arg(request, &query.sort, &error) || !plx_ctl_limit(request, &limit, &error) ||
	    !plx_ctl_filter(request, PLX_FILTER_FLOWS, &filter, &error))
		return error;
	flows = calloc(limit, sizeof(*flows));
	if (!flows) {
		plx_filter__free(filter);
		return plx_ctl_error("failed", "out of memory");
	}
	if (filter) {
		matching.filter = filter;
		query.match = flow_matches;
		query.arg = &matching;
	}
	count = plx_cache__top(daemon->cache, &query, flows, limit, &matched);
	plx_cache__info(daemon->cache, &info);
	reply = plx_ctl_reply();
	plx_ctl_add_number(reply, "total", filter ? matched : info.flows);
	json_object_object_add(reply, "flows", flows_json(daemon, flows, count));
	plx_filter__free(filter);
	free(flows);
	return reply;
}

static struct json_object *do_iface_list(struct plx_daemon *daemon, struct json_object *request)
{
	struct json_object *reply = plx_ctl_reply();

	(void)request;
	json_object_object_add(reply, "interfaces", ifaces_json(daemon, false));
	return reply;
}

/* The error code for a negative errno of dataplane and exporters. */
static const char *error_code(int err)
{
	switch (err) {
	case -EEXIST:
		return "exists";
	case -ENODEV:
	case -ENOENT:
		return "not_found";
	case -EINVAL:
		return "bad_request";
	default:
		return "failed";
	}
}

static const struct plx_iface_info *find_iface(const struct plx_daemon *daemon, const char *name)
{
	const struct plx_iface_info *info;

	for (size_t i = 0; (info = plx_dataplane__iface(daemon->dp, i)); i++)
		if (info->present && strcmp(info->name, name) == 0)
			return info;
	return NULL;
}

static struct json_object *iface_reply(struct json_object *iface)
{
	struct json_object *reply = plx_ctl_reply();

	json_object_object_add(reply, "interface", iface);
	return reply;
}

static struct json_object *do_iface_add(struct plx_daemon *daemon, struct json_object *request)
{
	const char *name, *hook, *mode, *direction, *tunnel;
	struct plx_iface_opts opts = {.tunnel = daemon->config->tunnel};
	struct json_object *error;
	int err;

	if (!need_text(request, "name", &name, &error) ||
	    !text_arg(request, "hook", &hook, &error) ||
	    !text_arg(request, "xdp_mode", &mode, &error) ||
	    !text_arg(request, "direction", &direction, &error) ||
	    !text_arg(request, "tunnel", &tunnel, &error))
		return error;
	if (hook && plx_parse_hook(hook, &opts.hook))
		return plx_ctl_error("bad_request", "hook: auto, xdp or tc, not '%s'", hook);
	if (mode && plx_parse_xdp_mode(mode, &opts.xdp_mode))
		return plx_ctl_error("bad_request", "xdp_mode: auto, native or generic, not '%s'",
				     mode);
	if (direction && plx_parse_direction(direction, &opts.direction))
		return plx_ctl_error("bad_request", "direction: in, out or both, not '%s'",
				     direction);
	if (tunnel && plx_parse_policy(tunnel, &opts.tunnel))
		return plx_ctl_error("bad_request", "tunnel: both, inner or outer, not '%s'",
				     tunnel);
	err = plx_dataplane__attach(daemon->dp, name, &opts);
	if (err)
		return plx_ctl_error(error_code(err), "%s", plx_dataplane__error(daemon->dp));
	plx_cache__gap(daemon->cache, plx_mono_ns());
	plx_log(PLX_LOG_INFO, "%s: metered on request", name);
	return iface_reply(iface_json(find_iface(daemon, name)));
}

static struct json_object *do_iface_del(struct plx_daemon *daemon, struct json_object *request)
{
	const struct plx_iface_info *info;
	struct json_object *error, *json;
	const char *name;
	int err;

	if (!need_text(request, "name", &name, &error))
		return error;
	info = find_iface(daemon, name);
	json = info ? iface_json(info) : NULL;
	err = plx_dataplane__detach(daemon->dp, name);
	if (err) {
		json_object_put(json);
		return plx_ctl_error(error_code(err), "%s", plx_dataplane__error(daemon->dp));
	}
	plx_cache__gap(daemon->cache, plx_mono_ns());
	plx_log(PLX_LOG_INFO, "%s: no longer metered, on request", name);
	return iface_reply(json);
}

static struct json_object *do_export_list(struct plx_daemon *daemon, struct json_object *request)
{
	struct json_object *reply = plx_ctl_reply();

	(void)request;
	json_object_object_add(reply, "exporters", exporters_json(daemon));
	return reply;
}

static struct json_object *exporter_reply(struct json_object *exporter)
{
	struct json_object *reply = plx_ctl_reply();

	json_object_object_add(reply, "exporter", exporter);
	return reply;
}

static struct json_object *do_export_add(struct plx_daemon *daemon, struct json_object *request)
{
	struct json_object *error;
	const char *url;
	char why[512];
	int err;

	if (!need_text(request, "url", &url, &error))
		return error;
	err = plx_daemon__add_exporter(daemon, url, why, sizeof(why));
	if (err)
		return plx_ctl_error(error_code(err), "%s", why);
	return exporter_reply(exporter_json(plx_daemon__find_exporter(daemon, url)));
}

static struct json_object *do_export_del(struct plx_daemon *daemon, struct json_object *request)
{
	const struct plx_exporter *exporter;
	struct json_object *error, *json;
	const char *url;

	if (!need_text(request, "url", &url, &error))
		return error;
	exporter = plx_daemon__find_exporter(daemon, url);
	if (!exporter)
		return plx_ctl_error("not_found", "no exporter '%s'", url);
	json = exporter_json(exporter);
	plx_daemon__del_exporter(daemon, url);
	return exporter_reply(json);
}

static struct json_object *do_export_flush(struct plx_daemon *daemon, struct json_object *request)
{
	struct json_object *reply = plx_ctl_reply();

	(void)request;
	plx_ctl_add_number(reply, "flushed", plx_daemon__flush(daemon));
	return reply;
}

static const struct request {
	const char *name;
	bool changes;
	struct json_object *(*handle)(struct plx_daemon *daemon, struct json_object *request);
} requests[] = {
	{"status", false, do_status},
	{"flows", false, do_flows},
	{"nat", false, plx_ctl_nat},
	{"iface.list", false, do_iface_list},
	{"iface.add", true, do_iface_add},
	{"iface.del", true, do_iface_del},
	{"export.list", false, do_export_list},
	{"export.add", true, do_export_add},
	{"export.del", true, do_export_del},
	{"export.flush", true, do_export_flush},
};

struct json_object *plx_ctl_handle(void *arg, struct json_object *request, bool may_change)
{
	struct json_object *error;
	const char *command;

	if (!need_text(request, "command", &command, &error))
		return error;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strcmp(requests[i].name, command) != 0)
			continue;
		if (requests[i].changes && !may_change)
			return plx_ctl_error("permission", "%s needs root or the admin group",
					     command);
		return requests[i].handle(arg, request);
	}
	return plx_ctl_error("unknown_command", "unknown command '%s'", command);
}
