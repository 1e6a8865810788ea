/* SPDX-License-Identifier: BSD-2-Clause */
/* See encoder.h. */
#include "encoder.h"

static void ipfix_init(struct plx_encoder *encoder, const struct plx_encoder_opts *opts)
{
	plx_ipfix_init(&encoder->ipfix, opts->domain, opts->template_seconds,
		       opts->template_messages);
	plx_ipfix_fields(&encoder->ipfix, opts->fields);
	plx_ipfix_options(&encoder->ipfix, &opts->options, opts->options_seconds);
	encoder->record_min =
		opts->fields == PLX_FIELDS_NFDUMP ? PLX_RECORD_LEAN_MIN : PLX_RECORD_MIN;
	if (opts->sampled)
		plx_ipfix_sampled(&encoder->ipfix);
}

static void ipfix_begin(struct plx_encoder *encoder, void *buf, size_t size, uint64_t now_ns,
			int64_t wall_offset_ns)
{
	plx_ipfix_begin(&encoder->ipfix, buf, size, now_ns, wall_offset_ns);
}

static void ipfix_now(struct plx_encoder *encoder, uint64_t now_ns)
{
	plx_ipfix_now(&encoder->ipfix, now_ns);
}

static bool ipfix_add(struct plx_encoder *encoder, const struct plx_flow *flow)
{
	return plx_ipfix_add(&encoder->ipfix, flow);
}

static bool ipfix_add_event(struct plx_encoder *encoder, const struct plx_nat_event *event)
{
	return plx_ipfix_add_event(&encoder->ipfix, event);
}

static size_t ipfix_end(struct plx_encoder *encoder, uint64_t now_ns)
{
	return plx_ipfix_end(&encoder->ipfix, now_ns);
}

static void ipfix_skip(struct plx_encoder *encoder)
{
	plx_ipfix_skip(&encoder->ipfix);
}

static void ipfix_renew(struct plx_encoder *encoder)
{
	plx_ipfix_renew(&encoder->ipfix);
}

static void netflow9_init(struct plx_encoder *encoder, const struct plx_encoder_opts *opts)
{
	ipfix_init(encoder, opts);
	/* Flows of a capture can be older than 32 bits of milliseconds can tell. */
	plx_ipfix_netflow9(&encoder->ipfix, opts->clock == PLX_FLOW_MONOTONIC);
}

static void netflow5_init(struct plx_encoder *encoder, const struct plx_encoder_opts *opts)
{
	plx_netflow5_init(&encoder->netflow5, opts->domain);
	encoder->record_min = PLX_NETFLOW5_RECORD_SIZE;
}

static void netflow5_begin(struct plx_encoder *encoder, void *buf, size_t size, uint64_t now_ns,
			   int64_t wall_offset_ns)
{
	plx_netflow5_begin(&encoder->netflow5, buf, size, now_ns, wall_offset_ns);
}

static void netflow5_now(struct plx_encoder *encoder, uint64_t now_ns)
{
	encoder->netflow5.now_ns = now_ns;
}

static bool netflow5_add(struct plx_encoder *encoder, const struct plx_flow *flow)
{
	return plx_netflow5_add(&encoder->netflow5, flow);
}

static size_t netflow5_end(struct plx_encoder *encoder, uint64_t now_ns)
{
	return plx_netflow5_end(&encoder->netflow5, now_ns);
}

static void netflow5_skip(struct plx_encoder *encoder)
{
	plx_netflow5_skip(&encoder->netflow5);
}

static void netflow5_renew(struct plx_encoder *encoder)
{
	(void)encoder; /* there are no templates */
}

#define OF_IPFIX                                                                                   \
	.templates = true, .begin = ipfix_begin, .set_now = ipfix_now, .add = ipfix_add,           \
	.add_event = ipfix_add_event, .end = ipfix_end, .skip = ipfix_skip, .renew = ipfix_renew

const struct plx_encoder_ops plx_encoder_ipfix = {
	.name = "ipfix",
	.init = ipfix_init,
	OF_IPFIX,
};

const struct plx_encoder_ops plx_encoder_netflow9 = {
	.name = "netflow9",
	.init = netflow9_init,
	OF_IPFIX,
};

const struct plx_encoder_ops plx_encoder_netflow5 = {
	.name = "netflow5",
	.init = netflow5_init,
	.begin = netflow5_begin,
	.set_now = netflow5_now,
	.add = netflow5_add,
	.end = netflow5_end,
	.skip = netflow5_skip,
	.renew = netflow5_renew,
};

uint16_t plx_encoder_templates(const struct plx_encoder *encoder)
{
	return encoder->ops->templates ? encoder->ipfix.templates : 0;
}

uint64_t plx_encoder_now(const struct plx_encoder *encoder)
{
	return encoder->ops->templates ? encoder->ipfix.now_ns : encoder->netflow5.now_ns;
}
