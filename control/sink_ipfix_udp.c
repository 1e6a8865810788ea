/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX over UDP (RFC 7011, 10.3), and NetFlow, which has no other transport: a ring of encoded
 * messages, sent at the pace of a token bucket so that a full flow cache does not reach the
 * collector as one burst.
 *
 * Sequence numbers count every record handed to the exporter, those included that are lost in a
 * full queue or by a failed send: the collector sees what it misses as a gap.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "encoder.h"
#include "pacer.h"
#include "sink.h"

#define IP4_UDP_HEADERS 28
#define IP6_UDP_HEADERS 48
#define BURST_MESSAGES	16	/* per wake-up, then other events get their turn */
#define TICK_NS		1000000 /* between wake-ups while something is queued */
#define SEND_BUFFER	524288	/* asked for; the kernel caps it at net.core.wmem_max */
#define RECOVERED_NS	1000000000ull
/* Slots that one record can need: the message that is full, one of templates alone, its own. */
#define READY_SLOTS (1 + PLX_IPFIX_REFRESH_MSGS + 1)

struct slot {
	struct plx_export_tally tally;
	uint16_t size;
	uint16_t templates;
};

struct udp_sink {
	struct plx_exporter_stats *books;
	struct plx_options_source options; /* of the owner */
	enum plx_flow_clock clock;
	int fd;
	int timer_fd;
	struct event *tick; /* timer_fd: libevent's own timers may be a jiffy late */
	struct event *hold; /* ends a message that has waited too long */
	bool ticking;	    /* timer_fd is armed */
	struct plx_encoder encoder;
	struct plx_pacer pacer;
	uint32_t max_cost; /* records: what a message of the shortest flows has */

	/* Ring: closed messages from first on, then the one being filled. */
	uint8_t *buffers;
	struct slot *slots;
	size_t slot_size;
	uint32_t nr_slots;
	uint32_t first;
	uint32_t closed;
	bool filling;
	uint64_t filling_since_ns;

	/* First send that worked after an error, 0: none yet */
	uint64_t recovering_ns;
};

static uint32_t slot_index(const struct udp_sink *sink, uint32_t position)
{
	return (sink->first + position) % sink->nr_slots;
}

static void arm_tick(struct udp_sink *sink, uint64_t delay_ns)
{
	struct itimerspec when = {
		.it_value =
			{
				.tv_sec = (time_t)(delay_ns / 1000000000),
				.tv_nsec = (long)(delay_ns % 1000000000),
			},
	};

	/* Fails for a bad descriptor or time only, and these are ours. */
	(void)timerfd_settime(sink->timer_fd, 0, &when, NULL);
	sink->ticking = true;
}

static void note_success(struct udp_sink *sink, uint64_t now_ns)
{
	if (!strcmp(sink->books->state, "ready"))
		return;
	/*
	 * A send reports the ICMP error that answered an earlier one, so towards a closed port
	 * every other send works. Only two that are apart mean anything.
	 */
	if (!sink->recovering_ns)
		sink->recovering_ns = now_ns;
	else if (now_ns - sink->recovering_ns >= RECOVERED_NS)
		sink->books->state = "ready";
}

/* Send the first closed message. 0: it left the ring, sent or lost. -EAGAIN: later. */
static int send_message(struct udp_sink *sink, uint64_t now_ns)
{
	struct plx_exporter_stats *books = sink->books;
	struct slot *slot = &sink->slots[sink->first];
	ssize_t sent;

	do {
		sent = send(sink->fd, sink->buffers + sink->first * sink->slot_size, slot->size,
			    MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		books->messages++;
		books->octets += slot->size;
		books->templates += slot->templates;
		plx_books_sent(books, &slot->tally);
		note_success(sink, now_ns);
	} else if (errno == EAGAIN || errno == ENOBUFS) {
		return -EAGAIN;
	} else {
		/*
		 * ECONNREFUSED is about an earlier message, which counts as sent, while this one
		 * did not go out: the number is right, and nothing is sent twice.
		 */
		plx_books_error(books, errno);
		plx_books_drop(books, PLX_LOSS_SEND, &slot->tally);
		sink->recovering_ns = 0;
	}
	sink->first = slot_index(sink, 1);
	sink->closed--;
	return 0;
}

static void on_tick(evutil_socket_t fd, short events, void *arg)
{
	struct udp_sink *sink = arg;
	uint64_t expirations, wait_ns = 0, now_ns = plx_mono_ns();

	(void)events;
	(void)!read(fd, &expirations, sizeof(expirations));
	sink->ticking = false;
	for (int i = 0; i < BURST_MESSAGES && sink->closed; i++) {
		uint32_t cost = (uint32_t)sink->slots[sink->first].tally.records;

		/* Of templates alone it costs as much as one record, of events as of flows. */
		cost = cost ? cost : 1;
		cost = cost < sink->max_cost ? cost : sink->max_cost;
		wait_ns = plx_pacer_delay(&sink->pacer, cost, now_ns);
		if (!wait_ns && send_message(sink, now_ns))
			wait_ns = TICK_NS;
		if (wait_ns)
			break;
		plx_pacer_take(&sink->pacer, cost);
	}
	if (!sink->closed)
		return;
	/* The burst is used up but not the tokens: go on as soon as other events had their turn. */
	if (!wait_ns)
		arm_tick(sink, 1);
	else
		arm_tick(sink, wait_ns < TICK_NS ? TICK_NS : wait_ns);
}

static void end_message(struct udp_sink *sink)
{
	struct slot *slot = &sink->slots[slot_index(sink, sink->closed)];

	slot->size = (uint16_t)sink->encoder.ops->end(&sink->encoder, plx_flow_now_ns(sink->clock));
	slot->templates = plx_encoder_templates(&sink->encoder);
	sink->filling = false;
	sink->closed++;
	if (!sink->ticking)
		arm_tick(sink, 1);
}

/* False: no slot is free. */
static bool begin_message(struct udp_sink *sink)
{
	const struct timeval hold = {.tv_usec = PLX_SINK_HOLD_MS * 1000};
	uint32_t index;

	if (sink->closed == sink->nr_slots)
		return false;
	/* Start over at the front: little load then needs little memory. */
	if (!sink->closed)
		sink->first = 0;
	index = slot_index(sink, sink->closed);
	sink->slots[index] = (struct slot){};
	sink->filling = true;
	sink->filling_since_ns = plx_mono_ns();
	/* Templates sent to a collector that was away have not arrived. */
	if (strcmp(sink->books->state, "ready"))
		sink->encoder.ops->renew(&sink->encoder);
	sink->encoder.ops->begin(&sink->encoder, sink->buffers + index * sink->slot_size,
				 sink->slot_size, plx_flow_now_ns(sink->clock),
				 plx_wall_offset_ns(sink->clock));
	/* Left running when the message is full before: on_hold() then looks at the one after. */
	if (!evtimer_pending(sink->hold, NULL))
		(void)evtimer_add(sink->hold, &hold);
	return true;
}

static void on_hold(evutil_socket_t fd, short events, void *arg)
{
	struct udp_sink *sink = arg;
	uint64_t age_ms, left_ms;

	(void)fd;
	(void)events;
	if (!sink->filling)
		return;
	age_ms = (plx_mono_ns() - sink->filling_since_ns) / 1000000;
	if (age_ms < PLX_SINK_HOLD_MS) {
		left_ms = PLX_SINK_HOLD_MS - age_ms;
		(void)evtimer_add(sink->hold,
				  &(struct timeval){.tv_usec = (suseconds_t)left_ms * 1000});
		return;
	}
	end_message(sink);
}

/* Make sure that a message is being filled. False: no room, and the record is lost. */
static bool need_message(struct udp_sink *sink, const struct plx_export_tally *tally)
{
	if (sink->filling || begin_message(sink))
		return true;
	plx_tally_add(&sink->books->lost[PLX_LOSS_QUEUE], tally);
	sink->encoder.ops->skip(&sink->encoder);
	return false;
}

static void note_queued(struct udp_sink *sink, const struct plx_export_tally *tally)
{
	plx_tally_add(&sink->slots[slot_index(sink, sink->closed)].tally, tally);
	plx_tally_add(&sink->books->queued, tally);
}

static void udp_export(void *arg, const struct plx_flow *flow)
{
	struct udp_sink *sink = arg;
	struct plx_export_tally tally = plx_flow_tally(flow);

	for (;;) {
		if (!need_message(sink, &tally))
			return;
		/* A capture's clock is not ours: the export time gives way, not the flow's. */
		if (flow->stats.last_ns > plx_encoder_now(&sink->encoder))
			sink->encoder.ops->set_now(&sink->encoder,
						   sink->clock == PLX_FLOW_WALL
							   ? flow->stats.last_ns
							   : plx_flow_now_ns(sink->clock));
		if (sink->encoder.ops->add(&sink->encoder, flow))
			break;
		end_message(sink);
	}
	note_queued(sink, &tally);
}

static void udp_event(void *arg, const struct plx_nat_event *event)
{
	static const struct plx_export_tally tally = {.records = 1};
	struct udp_sink *sink = arg;

	for (;;) {
		if (!need_message(sink, &tally))
			return;
		if (event->at_ns > plx_encoder_now(&sink->encoder))
			sink->encoder.ops->set_now(&sink->encoder, plx_flow_now_ns(sink->clock));
		if (sink->encoder.ops->add_event(&sink->encoder, event))
			break;
		end_message(sink);
	}
	note_queued(sink, &tally);
}

static bool udp_ready(const void *arg)
{
	const struct udp_sink *sink = arg;

	return sink->closed + READY_SLOTS <= sink->nr_slots;
}

static void udp_flush(void *arg)
{
	struct udp_sink *sink = arg;

	if (sink->filling)
		end_message(sink);
}

static void udp_close(void *arg)
{
	struct udp_sink *sink = arg;

	if (!sink)
		return;
	if (sink->tick)
		event_free(sink->tick);
	if (sink->hold)
		event_free(sink->hold);
	if (sink->timer_fd >= 0)
		close(sink->timer_fd);
	if (sink->fd >= 0)
		close(sink->fd);
	free(sink->slots);
	free(sink->buffers);
	free(sink);
}

static int resolve_error(int code)
{
	switch (code) {
	case EAI_SYSTEM:
		return -errno;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_AGAIN:
		return -EAGAIN;
	default:
		return -ENOENT;
	}
}

/* Connect to the first address that has a route; returns its family. */
static int connect_collector(struct udp_sink *sink, const struct plx_url *url, char *ret_err,
			     size_t err_size)
{
	const struct addrinfo hints = {
		.ai_family = url->literal_ip6 ? AF_INET6 : AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV | (url->literal_ip6 ? AI_NUMERICHOST : 0),
	};
	struct addrinfo *addresses = NULL;
	int size = SEND_BUFFER, code, err;
	char port[8];

	snprintf(port, sizeof(port), "%u", url->port);
	code = getaddrinfo(url->host, port, &hints, &addresses);
	if (code) {
		err = resolve_error(code);
		snprintf(ret_err, err_size, "host \"%s\": %s", url->host, gai_strerror(code));
		return err;
	}
	err = -ENOENT;
	for (struct addrinfo *ai = addresses; ai; ai = ai->ai_next) {
		sink->fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (sink->fd >= 0 && !connect(sink->fd, ai->ai_addr, ai->ai_addrlen)) {
			err = ai->ai_family;
			break;
		}
		err = -errno;
		if (sink->fd >= 0)
			close(sink->fd);
		sink->fd = -1;
	}
	freeaddrinfo(addresses);
	if (err < 0) {
		snprintf(ret_err, err_size, "host \"%s\" port %u: %s", url->host, url->port,
			 strerror(-err));
		return err;
	}
	/* A smaller buffer only means that messages wait in our queue instead. */
	(void)setsockopt(sink->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return err;
}

static int alloc_ring(struct udp_sink *sink, uint32_t nr_slots, size_t slot_size)
{
	sink->nr_slots = nr_slots;
	sink->slot_size = slot_size;
	sink->slots = calloc(nr_slots, sizeof(*sink->slots));
	sink->buffers = calloc(nr_slots, slot_size);
	return sink->slots && sink->buffers ? 0 : -ENOMEM;
}

static int add_events(struct udp_sink *sink, struct event_base *base)
{
	sink->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (sink->timer_fd < 0)
		return -errno;
	sink->tick = event_new(base, sink->timer_fd, EV_READ | EV_PERSIST, on_tick, sink);
	sink->hold = evtimer_new(base, on_hold, sink);
	if (!sink->tick || !sink->hold || event_add(sink->tick, NULL))
		return -ENOMEM;
	return 0;
}

static void report(void *arg, struct plx_report *ret)
{
	const struct udp_sink *sink = arg;

	sink->options.report(sink->options.arg, ret);
	plx_books_report(sink->books, ret);
}

static bool report_iface(void *arg, size_t index, struct plx_report_iface *ret)
{
	const struct udp_sink *sink = arg;

	return sink->options.iface && sink->options.iface(sink->options.arg, index, ret);
}

static void start_encoder(struct udp_sink *sink, const struct plx_exporter_env *env,
			  const struct plx_url *url)
{
	static const struct plx_encoder_ops *const encoders[PLX_NR_URL_SCHEMES] = {
		[PLX_URL_IPFIX_UDP] = &plx_encoder_ipfix,
		[PLX_URL_NETFLOW9] = &plx_encoder_netflow9,
		[PLX_URL_NETFLOW5] = &plx_encoder_netflow5,
	};
	const struct plx_encoder_opts opts = {
		.domain = url->opts.domain ? url->opts.domain : env->observation_domain,
		.template_seconds = url->opts.template_refresh_s,
		.template_messages = url->opts.template_packets,
		.fields = url->opts.fields,
		.clock = env->clock,
		.sampled = env->sampled,
		.options = {env->options.report ? report : NULL, report_iface, sink},
		.options_seconds = url->opts.options_refresh_s,
	};

	plx_encoder_init(&sink->encoder, encoders[url->scheme], &opts);
}

static int udp_open(const struct plx_exporter_env *env, const struct plx_url *url,
		    struct plx_exporter_stats *books, void **ret_sink, char *ret_err,
		    size_t err_size)
{
	struct udp_sink *sink = calloc(1, sizeof(*sink));
	size_t slot_size;
	int err;

	if (!sink) {
		err = -ENOMEM;
		snprintf(ret_err, err_size, "host \"%s\": %s", url->host, strerror(-err));
		goto out;
	}
	sink->books = books;
	sink->options = env->options;
	sink->clock = env->clock;
	sink->fd = -1;
	sink->timer_fd = -1;
	err = connect_collector(sink, url, ret_err, err_size);
	if (err < 0)
		goto out;
	slot_size = url->opts.mtu - (err == AF_INET6 ? IP6_UDP_HEADERS : IP4_UDP_HEADERS);
	err = alloc_ring(sink, url->opts.queue, slot_size);
	if (!err)
		err = add_events(sink, env->base);
	if (err) {
		snprintf(ret_err, err_size, "host \"%s\" port %u: %s", url->host, url->port,
			 strerror(-err));
		goto out;
	}
	start_encoder(sink, env, url);
	sink->max_cost = (uint32_t)(slot_size / sink->encoder.record_min);
	plx_pacer_init(&sink->pacer, url->opts.rate, sink->max_cost, plx_mono_ns());
	*ret_sink = sink;
	sink = NULL;
	err = 0;
out:
	udp_close(sink);
	return err;
}

const struct plx_sink_ops plx_sink_ipfix_udp = {
	.open = udp_open,
	.ready = udp_ready,
	.export = udp_export,
	.event = udp_event,
	.flush = udp_flush,
	.close = udp_close,
};
