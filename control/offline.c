/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See offline.h. Unlike the daemon's, this loop may wait: a packet that cannot go on now is kept
 * until an exporter has room, so nothing is lost for lack of it. The cache lives in the time of the
 * capture, the exporters in ours.
 */
#include "offline.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <plx/replay.h>

#include "exporter.h"
#include "flow_cache.h"
#include "ledger.h"
#include "log.h"

#define TURN_PACKETS  256  /* packets between looks at signals and sockets */
#define EXPIRE_BUDGET 4096 /* flows between them */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

struct offline {
	const struct plx_config *config;
	struct event_base *base;
	struct event *signals[NR_SIGNALS];
	struct plx_replay *replay;
	struct plx_cache *cache;
	struct plx_cache_books books;
	struct plx_exporter **exporters;
	size_t nr_exporters;
	uint64_t now_ns;  /* the latest time in the capture so far; the cache's never goes back */
	bool interrupted; /* read no further */
	bool aborted;	  /* and wait for nobody */
};

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct offline *offline = arg;

	(void)what;
	offline->aborted = offline->interrupted;
	offline->interrupted = true;
	plx_log(PLX_LOG_WARNING, "%s%s", strsignal(signo),
		offline->aborted ? " again: stopping at once" : ": the rest is not read");
}

static bool all_ready(const struct offline *offline)
{
	for (size_t i = 0; i < offline->nr_exporters; i++)
		if (!plx_exporter__ready(offline->exporters[i]))
			return false;
	return true;
}

static bool on_emit(void *arg, const struct plx_flow *flow)
{
	struct offline *offline = arg;
	struct plx_tally tally = plx_tally_of(&flow->stats);

	if (!all_ready(offline))
		return false;
	for (size_t i = 0; i < offline->nr_exporters; i++)
		plx_exporter__export(offline->exporters[i], flow);
	plx_tally_sub(&offline->books.held, &tally);
	plx_tally_add(offline->nr_exporters ? &offline->books.exported
					    : &offline->books.no_exporter,
		      &tally);
	return true;
}

/*
 * Exporters and signals get their turn; with wait, sleep until one of them had it. False: give up.
 */
static bool take_turn(struct offline *offline, bool wait)
{
	/* The signals keep the loop from being empty, so only a failure ends it at once. */
	if (!offline->aborted &&
	    event_base_loop(offline->base, wait ? EVLOOP_ONCE : EVLOOP_NONBLOCK)) {
		plx_log(PLX_LOG_ERROR, "event loop: failed, stopping at once");
		offline->aborted = offline->interrupted = true;
	}
	return !offline->aborted;
}

/* All that is due leaves the cache. False: it could not. */
static bool expire(struct offline *offline)
{
	/* Either an exporter has no room, or the budget was used up. */
	while (plx_cache__expire(offline->cache, offline->now_ns, EXPIRE_BUDGET))
		if (!take_turn(offline, !all_ready(offline)))
			return false;
	return true;
}

static void add(struct offline *offline, const struct plx_flow_record *rec)
{
	struct plx_tally tally = plx_tally_of(&rec->stats);

	/* Full, and the exporters have no room for the flow that would have to go. */
	while (plx_cache__add(offline->cache, rec)) {
		if (!take_turn(offline, !all_ready(offline))) {
			plx_tally_add(&offline->books.cache_full, &tally);
			return;
		}
	}
	plx_tally_add(&offline->books.held, &tally);
}

/* Returns 0 at the end of the file or at a signal, negative errno when the file is damaged. */
static int read_capture(struct offline *offline)
{
	struct plx_flow_record rec;
	char why[512];
	int more;

	for (unsigned int packets = 1; !offline->interrupted; packets++) {
		more = plx_replay__next(offline->replay, &rec, why, sizeof(why));
		if (more < 0)
			plx_log(PLX_LOG_ERROR, "%s", why);
		if (more <= 0)
			return more;
		if (offline->now_ns < rec.stats.last_ns)
			offline->now_ns = rec.stats.last_ns;
		(void)expire(offline); /* on failure aborted, which add() and the loop see */
		if (rec.stats.packets)
			add(offline, &rec);
		if (packets % TURN_PACKETS == 0)
			(void)take_turn(offline, false);
	}
	return 0;
}

/* Nothing is queued, as far as the exporters are asked to hurry. */
static bool all_idle(const struct offline *offline)
{
	bool idle = true;

	for (size_t i = 0; i < offline->nr_exporters; i++) {
		plx_exporter__flush(offline->exporters[i]);
		idle = idle && plx_exporter__idle(offline->exporters[i]);
	}
	return idle;
}

static void drain(struct offline *offline)
{
	plx_cache__flush(offline->cache);
	if (!expire(offline))
		return;
	while (!all_idle(offline))
		if (!take_turn(offline, true))
			return;
}

/* "arp 3, llc 1": reasons that took packets. */
struct reasons {
	char text[512];
	size_t len;
};

static void add_reason(struct reasons *reasons, const char *name, const struct plx_tally *tally)
{
	size_t len = reasons->len;

	if (tally->packets && len < sizeof(reasons->text))
		reasons->len += snprintf(reasons->text + len, sizeof(reasons->text) - len,
					 "%s%s %llu", len ? ", " : "", name, tally->packets);
}

static void log_reasons(const struct plx_if_ledger *ledger)
{
	struct reasons skipped = {}, limited = {};

	for (int i = 0; i < PLX_SKIP_MAX; i++)
		add_reason(&skipped, plx_skip_name(i), &ledger->skipped[i]);
	for (int i = 0; i < PLX_LIMIT_MAX; i++)
		add_reason(&limited, plx_limit_name(i), &ledger->limited[i]);
	if (skipped.len)
		plx_log(PLX_LOG_NOTICE, "skipped: %s", skipped.text);
	if (limited.len)
		plx_log(PLX_LOG_NOTICE, "limited: %s", limited.text);
}

/* Returns 0, or -EIO when it lost some that it could have told of. */
static int report_exporter(const struct plx_exporter *exporter)
{
	struct plx_exporter_stats stats;
	uint64_t foreign, missing;

	plx_exporter__stats(exporter, &stats);
	foreign = stats.lost[PLX_LOSS_FORMAT].records;
	missing = stats.handed.records - stats.sent.records - foreign;
	if (foreign)
		plx_log(PLX_LOG_WARNING, "%s: %llu of %llu records are not of what it can tell of",
			plx_exporter__url(exporter), (unsigned long long)foreign,
			(unsigned long long)stats.handed.records);
	if (!missing)
		return 0;
	plx_log(PLX_LOG_ERROR, "%s: %llu of %llu records were not sent%s%s",
		plx_exporter__url(exporter), (unsigned long long)missing,
		(unsigned long long)stats.handed.records, stats.last_error[0] ? ": " : "",
		stats.last_error);
	return -EIO;
}

/* What became of the flows. Returns 0, or -EIO when an exporter lost some. */
static int report(const struct offline *offline)
{
	const struct plx_if_ledger *ledger = plx_replay__ledger(offline->replay);
	struct plx_ledger_sum sum = {};
	char line[PLX_LEDGER_TEXT_MAX];
	int err = 0;

	for (size_t i = 0; i < offline->nr_exporters; i++)
		if (report_exporter(offline->exporters[i]))
			err = -EIO;
	log_reasons(ledger);
	plx_ledger__join(ledger, &offline->books, &sum);
	plx_ledger__fmt(&sum, line, sizeof(line));
	plx_log(PLX_LOG_NOTICE, "stopped: %s", line);
	return err;
}

/* For options: what was seen and not metered; and a capture has no interfaces. */
static void on_report(void *arg, struct plx_report *ret)
{
	const struct offline *offline = arg;
	const struct plx_if_ledger *ledger = plx_replay__ledger(offline->replay);

	*ret = (struct plx_report){};
	for (int i = 0; i < PLX_SKIP_MAX; i++) {
		ret->ignored_packets += ledger->skipped[i].packets;
		ret->ignored_octets += ledger->skipped[i].bytes;
	}
}

static int open_exporters(struct offline *offline, char *ret_err, size_t err_size)
{
	const struct plx_config *config = offline->config;
	struct plx_exporter_env env = {
		.base = offline->base,
		.observation_domain = config->observation_domain,
		.clock = PLX_FLOW_WALL,
		.options = {.report = on_report, .arg = offline},
	};
	int err;

	for (size_t i = 0; i < config->nr_exporters; i++) {
		err = plx_exporter__open(&env, config->exporters[i], &offline->exporters[i],
					 ret_err, err_size);
		if (err)
			return err;
		offline->nr_exporters++;
	}
	return 0;
}

static int add_signals(struct offline *offline)
{
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		offline->signals[i] = evsignal_new(offline->base, signals[i], on_signal, offline);
		if (!offline->signals[i] || event_add(offline->signals[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

/* The capture first: a wrong name must not leave an output file behind. */
static int open_all(struct offline *offline, const char *path, char *ret_err, size_t err_size)
{
	const struct plx_config *config = offline->config;
	struct plx_cache_opts cache = plx_config__cache(config, on_emit, offline);
	int err;

	err = plx_replay__open(path, config->tables.fragments, config->tunnel, &offline->replay,
			       ret_err, err_size);
	if (err)
		return err;
	snprintf(ret_err, err_size, "out of memory");
	offline->cache = plx_cache__new(&cache);
	offline->base = event_base_new();
	offline->exporters = calloc(config->nr_exporters + 1, sizeof(*offline->exporters));
	if (!offline->cache || !offline->base || !offline->exporters || add_signals(offline))
		return -ENOMEM;
	return open_exporters(offline, ret_err, err_size);
}

static void close_all(struct offline *offline)
{
	for (size_t i = 0; i < offline->nr_exporters; i++)
		plx_exporter__close(offline->exporters[i]);
	free(offline->exporters);
	for (size_t i = 0; i < NR_SIGNALS; i++)
		if (offline->signals[i])
			event_free(offline->signals[i]);
	if (offline->base)
		event_base_free(offline->base);
	plx_cache__free(offline->cache);
	plx_replay__close(offline->replay);
}

int plx_offline__run(const struct plx_config *config, const char *path)
{
	struct offline offline = {.config = config};
	char why[512];
	int err, lost;

	if (config->sampling.interval > 1)
		plx_log(PLX_LOG_WARNING, "sampling.interval %u: all packets of a capture are taken",
			config->sampling.interval);
	err = open_all(&offline, path, why, sizeof(why));
	if (err) {
		plx_log(PLX_LOG_ERROR, "%s", why);
		goto out;
	}
	err = read_capture(&offline);
	drain(&offline);
	lost = report(&offline);
	if (!err && offline.interrupted)
		err = -EINTR;
	if (!err)
		err = lost;
out:
	close_all(&offline);
	return err;
}
