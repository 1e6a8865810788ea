/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a sink of messages has to know of encoders: one of IPFIX, NetFlow v9 or NetFlow v5, of which
 * it calls init, and for each message begin, add until it says false, end. ipfix.h has the contract
 * of these.
 */
#ifndef PLX_ENCODER_H
#define PLX_ENCODER_H

#include "ipfix.h"
#include "netflow5.h"

struct plx_encoder;

struct plx_encoder_opts {
	uint32_t domain;
	uint32_t template_seconds;
	uint32_t template_messages;
	enum plx_field_set fields;
	enum plx_flow_clock clock;
	bool sampled; /* not all packets are metered */
	struct plx_options_source options;
	uint32_t options_seconds; /* between them, 0: there are none */
};

struct plx_encoder_ops {
	const char *name;
	bool templates; /* messages may have templates and nothing else */
	void (*init)(struct plx_encoder *encoder, const struct plx_encoder_opts *opts);
	void (*begin)(struct plx_encoder *encoder, void *buf, size_t size, uint64_t now_ns,
		      int64_t wall_offset_ns);
	void (*set_now)(struct plx_encoder *encoder, uint64_t now_ns);
	bool (*add)(struct plx_encoder *encoder, const struct plx_flow *flow);
	/* NULL: it has no NAT event log. */
	bool (*add_event)(struct plx_encoder *encoder, const struct plx_nat_event *event);
	size_t (*end)(struct plx_encoder *encoder, uint64_t now_ns);
	void (*skip)(struct plx_encoder *encoder);
	void (*renew)(struct plx_encoder *encoder); /* templates, soon */
};

struct plx_encoder {
	const struct plx_encoder_ops *ops;
	size_t record_min; /* no record of a flow is shorter */
	union {
		struct plx_ipfix ipfix; /* and NetFlow v9 */
		struct plx_netflow5 netflow5;
	};
};

extern const struct plx_encoder_ops plx_encoder_ipfix;
extern const struct plx_encoder_ops plx_encoder_netflow9;
extern const struct plx_encoder_ops plx_encoder_netflow5;

static inline void plx_encoder_init(struct plx_encoder *encoder, const struct plx_encoder_ops *ops,
				    const struct plx_encoder_opts *opts)
{
	encoder->ops = ops;
	ops->init(encoder, opts);
}

/* Of the message that was ended last. */
uint16_t plx_encoder_templates(const struct plx_encoder *encoder);

/* No flow in the message ends later than this. */
uint64_t plx_encoder_now(const struct plx_encoder *encoder);

#endif
