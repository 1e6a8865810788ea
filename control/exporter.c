/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exporters: picks the sink for a URL (url.c) and keeps the books that all sinks share (sink.h).
 */
#include "exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netflow5.h"
#include "sink.h"
#include "url.h"

struct plx_exporter {
	const struct plx_sink_ops *ops;
	void *sink;
	struct plx_exporter_stats books;
	bool nat_events;
	bool (*takes)(const struct plx_flow *flow); /* NULL: all */
	char url[PLX_EXPORTER_URL_MAX];
};

static const struct plx_sink_ops *const sinks[] = {
	[PLX_URL_IPFIX_UDP] = &plx_sink_ipfix_udp,
	[PLX_URL_NETFLOW9] = &plx_sink_ipfix_udp,
	[PLX_URL_NETFLOW5] = &plx_sink_ipfix_udp,
	[PLX_URL_JSON] = &plx_sink_json,
};

static const char *const loss_names[PLX_LOSS_MAX] = {
	[PLX_LOSS_QUEUE] = "export_queue",
	[PLX_LOSS_SEND] = "export_send",
	[PLX_LOSS_FORMAT] = "export_format",
};

int plx_exporter__open(const struct plx_exporter_env *env, const char *url,
		       struct plx_exporter **ret_exporter, char *ret_err, size_t err_size)
{
	struct plx_exporter *exporter = NULL;
	struct plx_url parsed;
	int err;

	err = plx_url_parse(url, &parsed, ret_err, err_size);
	if (err)
		goto out;
	exporter = calloc(1, sizeof(*exporter));
	if (!exporter) {
		snprintf(ret_err, err_size, "%s: %s", url, strerror(ENOMEM));
		err = -ENOMEM;
		goto out;
	}
	strcpy(exporter->url, url);
	exporter->books.state = "ready";
	exporter->ops = sinks[parsed.scheme];
	exporter->nat_events = parsed.opts.nat_events;
	if (parsed.scheme == PLX_URL_NETFLOW5)
		exporter->takes = plx_netflow5_takes;
	err = exporter->ops->open(env, &parsed, &exporter->books, &exporter->sink, ret_err,
				  err_size);
	if (err)
		goto out;
	*ret_exporter = exporter;
	exporter = NULL;
	err = 0;
out:
	free(exporter);
	return err;
}

int plx_exporter__check(const char *url, char *ret_err, size_t err_size)
{
	struct plx_url parsed;

	return plx_url_parse(url, &parsed, ret_err, err_size);
}

bool plx_exporter__ready(const struct plx_exporter *exporter)
{
	return exporter->ops->ready(exporter->sink);
}

void plx_exporter__export(struct plx_exporter *exporter, const struct plx_flow *flow)
{
	struct plx_export_tally tally = plx_flow_tally(flow);

	plx_tally_add(&exporter->books.handed, &tally);
	if (exporter->takes && !exporter->takes(flow)) {
		plx_tally_add(&exporter->books.lost[PLX_LOSS_FORMAT], &tally);
		return;
	}
	exporter->ops->export(exporter->sink, flow);
}

void plx_exporter__event(struct plx_exporter *exporter, const struct plx_nat_event *event)
{
	static const struct plx_export_tally tally = {.records = 1};

	if (!exporter->nat_events || !exporter->ops->event)
		return;
	plx_tally_add(&exporter->books.handed, &tally);
	exporter->ops->event(exporter->sink, event);
}

void plx_exporter__flush(struct plx_exporter *exporter)
{
	exporter->ops->flush(exporter->sink);
}

bool plx_exporter__idle(const struct plx_exporter *exporter)
{
	return !exporter->books.queued.records;
}

void plx_exporter__stats(const struct plx_exporter *exporter, struct plx_exporter_stats *ret_stats)
{
	*ret_stats = exporter->books;
}

const char *plx_exporter__url(const struct plx_exporter *exporter)
{
	return exporter->url;
}

const char *plx_export_loss_name(enum plx_export_loss cause)
{
	return cause < PLX_LOSS_MAX ? loss_names[cause] : "?";
}

void plx_exporter__close(struct plx_exporter *exporter)
{
	if (!exporter)
		return;
	exporter->ops->close(exporter->sink);
	free(exporter);
}
