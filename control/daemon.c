/* SPDX-License-Identifier: BSD-2-Clause */
/* See daemon.h. One thread; every callback is short, long work is cut into turns of the loop. */
#include "daemon.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "ctl_requests.h"
#include "ctl_server.h"
#include "log.h"
#include "never_left.h"
#include "notify.h"
#include "translate.h"

#define TICK_MS		100  /* timeouts are looked at this often */
#define TICK_BUSY_MS	2    /* when more is due than one turn exports */
#define EXPIRE_BUDGET	4096 /* flows of one turn */
#define NAT_READS	64   /* of some thousand messages each, before an epoch is drained */
#define NAT_RESYNC_NS	60000000000ULL /* for what no event tells: plx_nat_opts */
#define NAT_BUFFER	(8 << 20)      /* octets of events while nobody reads */
#define STOP_PATIENCE_S 10	       /* stopping: give up when nothing was sent for so long */

static struct timeval timeval_ns(uint64_t ns)
{
	return (struct timeval){.tv_sec = ns / 1000000000, .tv_usec = ns / 1000 % 1000000};
}

static void arm(struct event *event, uint64_t after_ns)
{
	struct timeval after = timeval_ns(after_ns);

	event_add(event, &after);
}

const char *plx_daemon__ifname(void *arg, uint32_t ifindex)
{
	const struct plx_daemon *daemon = arg;
	static char name[IF_NAMESIZE];
	int index = plx_dataplane__iface_index(daemon->dp, ifindex);

	if (index >= 0)
		return plx_dataplane__iface(daemon->dp, index)->name;
	/* Where forwarded packets came in need not be metered. */
	return ifindex ? if_indextoname(ifindex, name) : NULL;
}

static int direction_of(const struct plx_flow_key *key)
{
	return key->flags & PLX_KEY_DIR_OUT ? PLX_DIR_OUT : PLX_DIR_IN;
}

/* Packets counted at an interface have left the cache. */
static void book_emitted(struct plx_daemon *daemon, uint32_t ifindex, int direction,
			 const struct plx_tally *tally)
{
	struct plx_cache_books *books =
		plx_ledger__books(&daemon->ledger, daemon->dp, ifindex, direction);

	if (!books)
		return;
	plx_tally_sub(&books->held, tally);
	plx_tally_add(daemon->nr_exporters ? &books->exported : &books->no_exporter, tally);
}

void plx_daemon__sampled(const struct plx_daemon *daemon, struct plx_flow *flow)
{
	flow->sampling_interval = daemon->config->sampling.interval;
	if (flow->sampling_interval > 1)
		flow->dropped = 0;
}

/* A flow leaves the cache: to all exporters, once all have room. */
static bool on_emit(void *arg, const struct plx_flow *cached)
{
	const struct plx_tally post = {cached->post.packets, cached->post.frame_octets};
	struct plx_tally tally = plx_tally_of(&cached->stats);
	struct plx_daemon *daemon = arg;
	struct plx_flow flow = *cached;

	for (size_t i = 0; i < daemon->nr_exporters; i++)
		if (!plx_exporter__ready(daemon->exporters[i]))
			return false;
	plx_translate__flow(daemon->nat, &flow);
	plx_daemon__sampled(daemon, &flow);
	/* All of it was exported before, and what a sample misses was not dropped. */
	if (!flow.stats.packets && !flow.post.packets && !flow.dropped)
		return true;
	for (size_t i = 0; i < daemon->nr_exporters; i++)
		plx_exporter__export(daemon->exporters[i], &flow);
	book_emitted(daemon, flow.key.ifindex, direction_of(&flow.key), &tally);
	if (post.packets)
		book_emitted(daemon, flow.post.ifindex, PLX_DIR_OUT, &post);
	return true;
}

static bool was_to_leave(void *arg, const struct plx_flow *flow)
{
	const struct plx_daemon *daemon = arg;
	const struct plx_never_left env = {
		.dp = daemon->dp,
		.route = daemon->route,
		.nat = daemon->nat,
		.all_protocols = daemon->ctnetlink && daemon->events_complete,
	};

	return plx_never_left__was_to_leave(&env, flow);
}

static void on_record(void *arg, const struct plx_flow_record *rec)
{
	struct plx_daemon *daemon = arg;
	struct plx_cache_books *books = plx_ledger__books(
		&daemon->ledger, daemon->dp, rec->key.ifindex, direction_of(&rec->key));
	struct plx_tally tally = plx_tally_of(&rec->stats);
	struct plx_flow_record before = *rec;
	int err;

	if (daemon->config->forwarded == PLX_FORWARDED_JOIN)
		plx_translate__back(daemon->nat, &before);
	err = plx_cache__add(daemon->cache, &before);
	if (books)
		plx_tally_add(err ? &books->cache_full : &books->held, &tally);
}

static void on_nat_event(void *arg, bool begins, const struct plx_nat_mapping *original,
			 uint64_t at_ns)
{
	const struct plx_nat_event event = {
		.before = original->before,
		.after = original->after,
		.begins = begins,
		.at_ns = at_ns,
	};
	struct plx_daemon *daemon = arg;

	for (size_t i = 0; i < daemon->nr_exporters; i++)
		plx_exporter__event(daemon->exporters[i], &event);
}

/* A program saw a packet of a connection under NAT. */
static void on_nat_seen(void *arg, const struct plx_nat_seen *seen)
{
	struct plx_daemon *daemon = arg;

	if (daemon->nat)
		plx_nat__seen(daemon->nat, seen);
}

/*
 * All that connection tracking has to tell by now: of connections whose packets are in the tables
 * that are about to be drained. First what packets told, since events know more.
 */
static void read_nat(struct plx_daemon *daemon)
{
	int more;

	if (plx_dataplane__nat(daemon->dp) < 0)
		plx_log(PLX_LOG_ERROR, "%s", plx_dataplane__error(daemon->dp));
	more = daemon->nat ? plx_nat__read(daemon->nat) : 0;
	for (int i = 0; more > 0 && i < NAT_READS; i++)
		more = plx_nat__read(daemon->nat);
	if (more < 0)
		plx_log(PLX_LOG_WARNING, "NAT: %s", plx_nat__error(daemon->nat));
}

static void on_nat(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_nat(arg);
}

/* Without all mappings, what left under NAT is not known as what came in. */
static bool misses_mappings(struct plx_daemon *daemon)
{
	uint64_t before = daemon->lost_mappings;
	struct plx_kfunc_info kfuncs;
	struct plx_nat_info info;

	if (!daemon->nat)
		return false;
	plx_nat__info(daemon->nat, &info);
	plx_dataplane__kfuncs(daemon->dp, &kfuncs);
	daemon->events_complete = info.synced && !info.silent;
	daemon->lost_mappings = info.overruns + info.evicted + info.unreadable + kfuncs.lost;
	return daemon->lost_mappings != before || !(daemon->events_complete || kfuncs.used);
}

/* What was metered and lost on its way here may be missing on one side of its flow. */
static bool misses_packets(struct plx_daemon *daemon)
{
	uint64_t before = daemon->lost_packets;
	struct plx_ledger_sum sum;

	plx_daemon__total(daemon, &sum);
	daemon->lost_packets = 0;
	for (int i = 0; i < PLX_NR_LOSSES; i++)
		if (i != PLX_LOSS_NO_EXPORTER) /* these were in the cache */
			daemon->lost_packets += sum.lost[i].packets;
	return daemon->lost_packets != before;
}

/* At the end of an epoch: may what was counted so far be less than there was? */
static void note_gaps(struct plx_daemon *daemon)
{
	bool mappings = misses_mappings(daemon), packets = misses_packets(daemon);

	if (mappings || packets)
		plx_cache__gap(daemon->cache, plx_mono_ns());
}

static void end_epoch(struct plx_daemon *daemon)
{
	int err = plx_dataplane__swap(daemon->dp);

	if (err == -EBUSY)
		return; /* the last one is still being drained; the tables go on taking flows */
	if (err) {
		plx_log(PLX_LOG_ERROR, "%s", plx_dataplane__error(daemon->dp));
		return;
	}
	read_nat(daemon);
	arm(daemon->events[PLX_EVENT_DRAIN], 0);
}

static void on_epoch(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_epoch(arg);
}

/* One batch a turn, so that nobody waits for a million records. */
static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct plx_daemon *daemon = arg;
	int more = plx_dataplane__drain(daemon->dp);

	(void)fd;
	(void)what;
	if (more < 0)
		plx_log(PLX_LOG_ERROR, "%s", plx_dataplane__error(daemon->dp));
	if (more == 0)
		note_gaps(daemon);
	if (more > 0)
		arm(daemon->events[PLX_EVENT_DRAIN], 0);
	else if (more < 0)
		arm(daemon->events[PLX_EVENT_DRAIN], daemon->config->timeouts.epoch_ns);
}

/* Spilled packets: the active table is full, so the epoch ends early. */
static void on_spill(evutil_socket_t fd, short what, void *arg)
{
	struct plx_daemon *daemon = arg;
	int count = plx_dataplane__spill(daemon->dp);

	(void)fd;
	(void)what;
	if (count < 0)
		plx_log(PLX_LOG_ERROR, "%s", plx_dataplane__error(daemon->dp));
	else if (count > 0)
		end_epoch(daemon);
}

static void on_links(evutil_socket_t fd, short what, void *arg)
{
	struct plx_daemon *daemon = arg;

	(void)fd;
	(void)what;
	plx_dataplane__links(daemon->dp);
}

/* What still has to leave: flows of the cache and records queued. */
static uint64_t records_left(const struct plx_daemon *daemon)
{
	struct plx_cache_info cache;
	uint64_t left;

	plx_cache__info(daemon->cache, &cache);
	left = cache.flows;
	for (size_t i = 0; i < daemon->nr_exporters; i++) {
		struct plx_exporter_stats stats;

		plx_exporter__flush(daemon->exporters[i]);
		plx_exporter__stats(daemon->exporters[i], &stats);
		left += stats.queued.records;
	}
	return left;
}

static bool stop_is_done(struct plx_daemon *daemon)
{
	uint64_t left = records_left(daemon), now = plx_mono_ns();

	if (left == 0)
		return true;
	if (left != daemon->stop_left) {
		daemon->stop_left = left;
		daemon->stop_progress_ns = now;
	}
	if (now - daemon->stop_progress_ns < STOP_PATIENCE_S * 1000000000ULL)
		return false;
	plx_log(PLX_LOG_ERROR, "stopping with %llu records not exported: nothing was sent for %d s",
		(unsigned long long)left, STOP_PATIENCE_S);
	return true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct plx_daemon *daemon = arg;
	bool more = plx_cache__expire(daemon->cache, plx_mono_ns(), EXPIRE_BUDGET);

	(void)fd;
	(void)what;
	if (daemon->stopping && stop_is_done(daemon)) {
		event_base_loopbreak(daemon->base);
		return;
	}
	arm(daemon->events[PLX_EVENT_TICK],
	    (more || daemon->stopping ? TICK_BUSY_MS : TICK_MS) * 1000000ULL);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct plx_daemon *daemon = arg;

	(void)what;
	if (daemon->stopping) {
		plx_log(PLX_LOG_WARNING, "%s again: stopping at once", strsignal(signo));
		event_base_loopbreak(daemon->base);
		return;
	}
	plx_log(PLX_LOG_INFO, "%s: stopping", strsignal(signo));
	plx_notify("STOPPING=1");
	event_del(daemon->events[PLX_EVENT_EPOCH]);
	event_del(daemon->events[PLX_EVENT_DRAIN]);
	event_del(daemon->events[PLX_EVENT_SPILL]);
	plx_dataplane__detach_all(daemon->dp);
	read_nat(daemon);
	plx_dataplane__stop(daemon->dp);
	plx_cache__flush(daemon->cache);
	daemon->stopping = true;
	daemon->stop_progress_ns = plx_mono_ns();
	arm(daemon->events[PLX_EVENT_TICK], 0);
}

struct plx_exporter *plx_daemon__find_exporter(const struct plx_daemon *daemon, const char *url)
{
	for (size_t i = 0; i < daemon->nr_exporters; i++)
		if (strcmp(plx_exporter__url(daemon->exporters[i]), url) == 0)
			return daemon->exporters[i];
	return NULL;
}

/* For options: what was seen and not metered, and metered and not handed to exporters. */
static void on_report(void *arg, struct plx_report *ret)
{
	const struct plx_daemon *daemon = arg;
	struct plx_ledger_sum sum;

	plx_daemon__total(daemon, &sum);
	*ret = (struct plx_report){
		.sampling_interval = daemon->config->sampling.interval,
		.sampling_flows = daemon->config->sampling.by == PLX_SAMPLING_FLOW,
	};
	for (int i = 0; i < PLX_SKIP_MAX; i++) {
		ret->ignored_packets += sum.skipped[i].packets;
		ret->ignored_octets += sum.skipped[i].bytes;
	}
	for (int i = 0; i < PLX_NR_LOSSES; i++) {
		ret->unsent_packets += sum.lost[i].packets;
		ret->unsent_octets += sum.lost[i].bytes;
	}
}

/* The alias that an administrator gave it, else its name again. */
static void describe(struct plx_report_iface *iface)
{
	char path[64];
	FILE *file;

	snprintf(iface->description, sizeof(iface->description), "%s", iface->name);
	snprintf(path, sizeof(path), "/sys/class/net/%s/ifalias", iface->name);
	file = fopen(path, "re");
	if (!file)
		return;
	(void)!fscanf(file, "%255[^\n]", iface->description); /* nothing is read of none */
	fclose(file);
}

static bool on_report_iface(void *arg, size_t index, struct plx_report_iface *ret)
{
	const struct plx_daemon *daemon = arg;
	const struct plx_iface_info *info = plx_dataplane__iface(daemon->dp, index);

	if (!info)
		return false;
	ret->ifindex = info->ifindex;
	snprintf(ret->name, sizeof(ret->name), "%s", info->name);
	describe(ret);
	return true;
}

int plx_daemon__add_exporter(struct plx_daemon *daemon, const char *url, char *ret_err,
			     size_t err_size)
{
	struct plx_exporter_env env = {
		.base = daemon->base,
		.ifname = plx_daemon__ifname,
		.ifname_arg = daemon,
		.observation_domain = daemon->config->observation_domain,
		.sampled = daemon->config->sampling.interval > 1,
		.options = {on_report, on_report_iface, daemon},
	};
	int err;

	if (plx_daemon__find_exporter(daemon, url)) {
		snprintf(ret_err, err_size, "exporter '%s' exists already", url);
		return -EEXIST;
	}
	if (daemon->nr_exporters == PLX_MAX_EXPORTERS) {
		snprintf(ret_err, err_size, "exporter '%s': at most %d exporters", url,
			 PLX_MAX_EXPORTERS);
		return -ENOSPC;
	}
	err = plx_exporter__open(&env, url, &daemon->exporters[daemon->nr_exporters], ret_err,
				 err_size);
	if (err)
		return err;
	daemon->nr_exporters++;
	plx_log(PLX_LOG_INFO, "exporting to %s", url);
	return 0;
}

int plx_daemon__del_exporter(struct plx_daemon *daemon, const char *url)
{
	for (size_t i = 0; i < daemon->nr_exporters; i++) {
		if (strcmp(plx_exporter__url(daemon->exporters[i]), url) != 0)
			continue;
		plx_exporter__close(daemon->exporters[i]);
		memmove(&daemon->exporters[i], &daemon->exporters[i + 1],
			(daemon->nr_exporters - i - 1) * sizeof(daemon->exporters[0]));
		daemon->nr_exporters--;
		plx_log(PLX_LOG_INFO, "no longer exporting to %s", url);
		return 0;
	}
	return -ENOENT;
}

uint32_t plx_daemon__flush(struct plx_daemon *daemon)
{
	uint32_t count = plx_cache__flush(daemon->cache);

	arm(daemon->events[PLX_EVENT_TICK], 0);
	return count;
}

void plx_daemon__total(const struct plx_daemon *daemon, struct plx_ledger_sum *ret_sum)
{
	memset(ret_sum, 0, sizeof(*ret_sum));
	for (size_t i = 0; plx_dataplane__iface(daemon->dp, i); i++)
		for (int dir = 0; dir < PLX_NR_DIRS; dir++)
			plx_ledger__sum(&daemon->ledger, daemon->dp, i, dir, ret_sum);
}

/* A flow is exported after the timeouts at the latest, and its connection may have ended before. */
static uint64_t nat_retention_ns(const struct plx_config *config)
{
	return config->timeouts.active_ns + config->timeouts.inactive_ns +
	       2 * config->timeouts.epoch_ns;
}

static bool asks_for_nat(const struct plx_config *config)
{
	return config->nat == PLX_NAT_AUTO || config->nat == PLX_NAT_KFUNCS;
}

/* Without it flows are those of the tuples that were seen. */
static void open_nat(struct plx_daemon *daemon)
{
	const struct plx_config *config = daemon->config;
	struct plx_nat_opts opts = {
		.capacity = config->tables.nat,
		.retention_ns = nat_retention_ns(config),
		.ctnetlink = config->nat != PLX_NAT_KFUNCS,
		.buffer_bytes = NAT_BUFFER,
		.resync_ns = NAT_RESYNC_NS,
		.event = on_nat_event,
		.arg = daemon,
	};
	struct plx_kfunc_info kfuncs;
	char why[256];

	if (config->nat == PLX_NAT_OFF)
		return;
	plx_dataplane__kfuncs(daemon->dp, &kfuncs);
	if (asks_for_nat(config) && !kfuncs.used)
		plx_log(config->nat == PLX_NAT_KFUNCS ? PLX_LOG_WARNING : PLX_LOG_INFO,
			"programs cannot ask for NAT: %s", kfuncs.reason);
	if (!opts.ctnetlink && !kfuncs.used)
		return;
	daemon->ctnetlink = opts.ctnetlink;
	if (plx_nat__open(&opts, &daemon->nat, why, sizeof(why)) == 0)
		return;
	daemon->ctnetlink = opts.ctnetlink = false;
	plx_log(PLX_LOG_WARNING, "NAT: %s", why);
	if (!kfuncs.used || plx_nat__open(&opts, &daemon->nat, why, sizeof(why)))
		plx_log(PLX_LOG_WARNING, "NAT is not looked at");
}

/* Without it nothing is told of flows that never left. */
static void open_route(struct plx_daemon *daemon)
{
	char why[256];

	if (daemon->config->forwarded == PLX_FORWARDED_JOIN &&
	    plx_route__open(&daemon->route, why, sizeof(why)))
		plx_log(PLX_LOG_WARNING, "routes are not looked at: %s", why);
}

static int make_events(struct plx_daemon *daemon)
{
	const struct {
		int fd; /* -1: a timer; a signal's number */
		short what;
		event_callback_fn callback;
	} table[PLX_NR_EVENTS] = {
		[PLX_EVENT_EPOCH] = {-1, EV_PERSIST, on_epoch},
		[PLX_EVENT_DRAIN] = {-1, 0, on_drain},
		[PLX_EVENT_TICK] = {-1, 0, on_tick},
		[PLX_EVENT_SPILL] = {plx_dataplane__ring_fd(daemon->dp), EV_READ | EV_PERSIST,
				     on_spill},
		[PLX_EVENT_LINKS] = {plx_dataplane__link_fd(daemon->dp), EV_READ | EV_PERSIST,
				     on_links},
		[PLX_EVENT_NAT] = {daemon->nat ? plx_nat__fd(daemon->nat) : -1,
				   EV_READ | EV_PERSIST, on_nat},
		[PLX_EVENT_NAT_SEEN] = {plx_dataplane__nat_fd(daemon->dp), EV_READ | EV_PERSIST,
					on_nat},
		[PLX_EVENT_SIGINT] = {SIGINT, EV_SIGNAL | EV_PERSIST, on_signal},
		[PLX_EVENT_SIGTERM] = {SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal},
		[PLX_EVENT_SIGHUP] = {SIGHUP, EV_SIGNAL | EV_PERSIST, on_signal},
	};

	for (int i = 0; i < PLX_NR_EVENTS; i++) {
		daemon->events[i] = event_new(daemon->base, table[i].fd, table[i].what,
					      table[i].callback, daemon);
		if (!daemon->events[i])
			return -ENOMEM;
		if (table[i].fd >= 0 && event_add(daemon->events[i], NULL))
			return -ENOMEM;
	}
	arm(daemon->events[PLX_EVENT_EPOCH], daemon->config->timeouts.epoch_ns);
	arm(daemon->events[PLX_EVENT_TICK], TICK_MS * 1000000ULL);
	return 0;
}

static int attach_all(struct plx_daemon *daemon, char *ret_err, size_t err_size)
{
	for (size_t i = 0; i < daemon->config->nr_interfaces; i++) {
		const struct plx_config_iface *iface = &daemon->config->interfaces[i];
		const struct plx_iface_info *info;
		int err = plx_dataplane__attach(daemon->dp, iface->name, &iface->opts);

		if (err) {
			snprintf(ret_err, err_size, "%s", plx_dataplane__error(daemon->dp));
			return err;
		}
		info = plx_dataplane__iface(daemon->dp, i);
		plx_log(PLX_LOG_INFO, "%s: ingress at %s%s%s, egress at %s: %s", info->name,
			info->hook_in, info->xdp_mode[0] ? " " : "", info->xdp_mode, info->hook_out,
			info->reason);
	}
	plx_cache__gap(daemon->cache, plx_mono_ns());
	return 0;
}

int plx_daemon__new(const struct plx_config *config, struct plx_daemon **ret_daemon, char *ret_err,
		    size_t err_size)
{
	struct plx_daemon *daemon = calloc(1, sizeof(*daemon));
	struct plx_ctl_server_opts ctl = {
		.path = config->socket.path,
		.group = config->socket.group,
		.admin_group = config->socket.admin_group,
		.handler = plx_ctl_handle,
		.arg = daemon,
	};
	struct plx_dataplane_opts dataplane = {
		.flows = config->tables.flows,
		.tunnels = config->tables.tunnels,
		.ring_bytes = config->tables.ring,
		.fragments = config->tables.fragments,
		.sampling = {config->sampling.interval, config->sampling.by == PLX_SAMPLING_FLOW},
		.record = on_record,
		.nat = asks_for_nat(config) ? on_nat_seen : NULL,
		.print = plx_log_line,
		.arg = daemon,
	};
	struct plx_cache_opts cache = plx_config__cache(config, on_emit, daemon);
	int err;

	if (!daemon) {
		snprintf(ret_err, err_size, "out of memory");
		return -ENOMEM;
	}
	daemon->config = config;
	daemon->started_ns = plx_mono_ns();
	/* The guard process is forked here, before there is anything else to inherit. */
	err = plx_dataplane__open(&dataplane, &daemon->dp, ret_err, err_size);
	if (err)
		goto out;
	cache.was_to_leave = was_to_leave;
	err = -ENOMEM;
	snprintf(ret_err, err_size, "flow cache of %u flows: out of memory", cache.capacity);
	daemon->cache = plx_cache__new(&cache);
	if (!daemon->cache)
		goto out;
	snprintf(ret_err, err_size, "event loop: out of memory");
	daemon->base = event_base_new();
	if (!daemon->base)
		goto out;
	open_nat(daemon);
	open_route(daemon);
	err = make_events(daemon);
	if (err)
		goto out;
	for (size_t i = 0; i < config->nr_exporters; i++) {
		err = plx_daemon__add_exporter(daemon, config->exporters[i], ret_err, err_size);
		if (err)
			goto out;
	}
	err = plx_ctl_server__new(daemon->base, &ctl, &daemon->ctl, ret_err, err_size);
	if (err)
		goto out;
	err = attach_all(daemon, ret_err, err_size);
out:
	if (err)
		plx_daemon__free(daemon);
	else
		*ret_daemon = daemon;
	return err;
}

int plx_daemon__run(struct plx_daemon *daemon)
{
	struct plx_ledger_sum sum;
	char line[PLX_LEDGER_TEXT_MAX];

	plx_notify("READY=1");
	plx_log(PLX_LOG_NOTICE, "ready: %zu interfaces, %zu exporters, control socket %s",
		daemon->config->nr_interfaces, daemon->nr_exporters, daemon->config->socket.path);
	if (event_base_dispatch(daemon->base) < 0)
		return -EIO;
	plx_daemon__total(daemon, &sum);
	plx_ledger__fmt(&sum, line, sizeof(line));
	plx_log(PLX_LOG_NOTICE, "stopped: %s", line);
	return 0;
}

void plx_daemon__free(struct plx_daemon *daemon)
{
	if (!daemon)
		return;
	plx_ctl_server__free(daemon->ctl);
	/* Before their descriptors are closed. */
	for (int i = 0; i < PLX_NR_EVENTS; i++)
		if (daemon->events[i])
			event_free(daemon->events[i]);
	/* Closing delivers what is left in the kernel; cache and exporters must still be there. */
	plx_dataplane__close(daemon->dp);
	for (size_t i = 0; i < daemon->nr_exporters; i++)
		plx_exporter__close(daemon->exporters[i]);
	if (daemon->base)
		event_base_free(daemon->base);
	plx_cache__free(daemon->cache);
	plx_nat__close(daemon->nat);
	plx_route__close(daemon->route);
	free(daemon);
}
