/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exporters towards a UDP collector on the loopback interface: what arrives, and that the books
 * balance after every step. Pacing is judged by counters, so a slow machine cannot fail it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "control/exporter.h"
#include "control/pacer.h"

#define SECOND	    1000000000ull
#define DEADLINE_NS (20 * SECOND)

/* An exporter and its collector on one event loop. */
struct rig {
	struct event_base *base;
	struct plx_exporter *exporter;
	int fd;
	uint16_t port;
	struct event *readable;
	uint64_t next_id;
	bool many_kinds; /* of flows: nearly each needs another template */

	/* What the collector saw */
	uint64_t messages, octets;
	uint64_t template_messages;
	uint32_t sequence, domain; /* of the last message */
	size_t longest;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void on_datagram(evutil_socket_t fd, short events, void *arg)
{
	static uint8_t buf[65536];
	struct rig *rig = arg;
	ssize_t size;

	(void)events;
	while ((size = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		assert_true(size >= 16);
		assert_int_equal(buf[0] << 8 | buf[1], 10);
		assert_int_equal(buf[2] << 8 | buf[3], size);
		/* Never back; how far ahead is for the tests to judge. */
		assert_true((int32_t)(get32(buf + 8) - rig->sequence) >= 0);
		rig->sequence = get32(buf + 8);
		rig->domain = get32(buf + 12);
		rig->template_messages += buf[17] == 2 && !buf[16];
		rig->messages++;
		rig->octets += (uint64_t)size;
		if ((size_t)size > rig->longest)
			rig->longest = (size_t)size;
	}
}

static bool listen_on(struct rig *rig, int family, uint16_t port)
{
	struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	struct sockaddr_in ip4 = {.sin_family = AF_INET};
	struct sockaddr *address = family == AF_INET ? (void *)&ip4 : (void *)&ip6;
	socklen_t size = family == AF_INET ? sizeof(ip4) : sizeof(ip6);

	ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ip4.sin_port = ip6.sin6_port = htons(port);
	rig->fd = socket(family, SOCK_DGRAM, 0);
	if (rig->fd < 0 || bind(rig->fd, address, size))
		return false;
	assert_return_code(getsockname(rig->fd, address, &size), errno);
	rig->port = ntohs(family == AF_INET ? ip4.sin_port : ip6.sin6_port);
	rig->readable = event_new(rig->base, rig->fd, EV_READ | EV_PERSIST, on_datagram, rig);
	assert_int_equal(event_add(rig->readable, NULL), 0);
	return true;
}

static void stop_listening(struct rig *rig)
{
	event_free(rig->readable);
	close(rig->fd);
	rig->readable = NULL;
	rig->fd = -1;
}

static void open_exporter(struct rig *rig, const char *host, const char *options)
{
	struct plx_exporter_env env = {.base = rig->base, .observation_domain = 77};
	char url[256], err[256] = "";

	snprintf(url, sizeof(url), "ipfix://%s:%u%s", host, rig->port, options);
	if (plx_exporter__open(&env, url, &rig->exporter, err, sizeof(err)))
		fail_msg("%s", err);
	assert_string_equal(plx_exporter__url(rig->exporter), url);
}

static void start(struct rig *rig, const char *options)
{
	*rig = (struct rig){.base = event_base_new(), .fd = -1};
	assert_non_null(rig->base);
	assert_true(listen_on(rig, AF_INET, 0));
	open_exporter(rig, "127.0.0.1", options);
}

static void stop(struct rig *rig)
{
	plx_exporter__close(rig->exporter);
	if (rig->readable)
		stop_listening(rig);
	event_base_free(rig->base);
}

static struct plx_exporter_stats stats_of(const struct rig *rig)
{
	struct plx_exporter_stats s;

	plx_exporter__stats(rig->exporter, &s);
	assert_int_equal(s.handed.records, s.sent.records + s.queued.records + s.lost[0].records +
						   s.lost[1].records + s.lost[2].records);
	assert_int_equal(s.handed.packets, s.sent.packets + s.queued.packets + s.lost[0].packets +
						   s.lost[1].packets + s.lost[2].packets);
	assert_int_equal(s.handed.bytes, s.sent.bytes + s.queued.bytes + s.lost[0].bytes +
						 s.lost[1].bytes + s.lost[2].bytes);
	assert_int_equal(plx_exporter__idle(rig->exporter), !s.queued.records);
	return s;
}

/* Flows of six templates, or of many, each with other counts. */
static struct plx_flow next_flow(struct rig *rig)
{
	static const uint8_t protocols[] = {6, 17, 1, 58};
	uint64_t id = ++rig->next_id;
	struct plx_flow flow = {
		.key = {.protocol = protocols[id % 4]},
		.stats =
			{
				.packets = id,
				.octets = id * 100,
				.frame_octets = id * 114,
				.first_ns = now_ns() - SECOND,
				.last_ns = now_ns(),
			},
		.id = id,
		.end_reason = PLX_END_IDLE,
	};

	flow.key.flags =
		flow.key.protocol == 1 || (flow.key.protocol != 58 && id & 8) ? PLX_KEY_IPV4 : 0;
	if (rig->many_kinds) {
		uint64_t bits = id * 0x9e3779b97f4a7c15 >> 32;

		for (uint64_t i = 0; i < bits % 4; i++)
			flow.stats.first.mpls[i][0] = 1;
		flow.stats.marks = PLX_MARKS(0, bits >> 2 & 1);
		flow.tunnel.version = bits & 8 ? 6 : 4;
		flow.tunnel.type = (bits >> 4) % 8;
		flow.key.flags |= flow.tunnel.type ? PLX_KEY_TUNNEL : 0;
	}
	return flow;
}

static void export_one(struct rig *rig)
{
	struct plx_flow flow = next_flow(rig);

	plx_exporter__export(rig->exporter, &flow);
}

static void spin(struct rig *rig)
{
	/* A timer of the test's own: one pass must end even if nothing happens. */
	event_base_loopexit(rig->base, &(struct timeval){.tv_usec = 20000});
	event_base_loop(rig->base, EVLOOP_ONCE);
}

static void run_until_idle(struct rig *rig)
{
	uint64_t deadline_ns = now_ns() + DEADLINE_NS;

	while (!plx_exporter__idle(rig->exporter)) {
		assert_true(now_ns() < deadline_ns);
		spin(rig);
		stats_of(rig);
	}
}

static void run_until_received(struct rig *rig, uint64_t messages)
{
	uint64_t deadline_ns = now_ns() + DEADLINE_NS;

	while (rig->messages < messages) {
		assert_true(now_ns() < deadline_ns);
		spin(rig);
	}
}

static void all_records_arrive_and_books_balance(void **state)
{
	struct plx_exporter_stats s;
	struct rig rig;

	(void)state;
	start(&rig, "");
	for (int i = 0; i < 3000; i++) {
		export_one(&rig);
		if (i % 100 == 99)
			spin(&rig);
		stats_of(&rig);
	}
	plx_exporter__flush(rig.exporter);
	run_until_idle(&rig);
	s = stats_of(&rig);
	run_until_received(&rig, s.messages);
	assert_int_equal(s.sent.records, 3000);
	assert_int_equal(s.sent.packets, 3000ull * 3001 / 2);
	assert_int_equal(s.sent.bytes, 114 * 3000ull * 3001 / 2);
	assert_int_equal(s.errors, 0);
	assert_int_equal(s.templates, 6);
	assert_string_equal(s.state, "ready");
	assert_string_equal(s.last_error, "");
	assert_int_equal(rig.messages, s.messages);
	assert_int_equal(rig.octets, s.octets);
	assert_int_equal(rig.domain, 77);
	assert_true(rig.longest > 1000 && rig.longest <= 1400 - 28);

	/* The number in the next message is what was sent before it. */
	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	run_until_received(&rig, s.messages + 1);
	assert_int_equal(rig.sequence, 3000);
	stop(&rig);
}

static void ipv6_collector_gets_shorter_messages(void **state)
{
	struct rig rig = {.base = event_base_new(), .fd = -1};

	(void)state;
	if (!listen_on(&rig, AF_INET6, 0)) {
		if (rig.fd >= 0)
			close(rig.fd);
		event_base_free(rig.base);
		skip();
	}
	open_exporter(&rig, "[::1]", "?mtu=512&domain=4294967295");
	for (int i = 0; i < 500; i++)
		export_one(&rig);
	plx_exporter__flush(rig.exporter);
	run_until_idle(&rig);
	run_until_received(&rig, stats_of(&rig).messages);
	assert_true(rig.longest > 400 && rig.longest <= 512 - 48);
	assert_int_equal(rig.domain, 4294967295);
	stop(&rig);
}

static void partly_filled_message_leaves_by_itself(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "");
	export_one(&rig);
	assert_int_equal(stats_of(&rig).queued.records, 1);
	run_until_idle(&rig);
	run_until_received(&rig, 1);
	/* Again, after a message that was ended by being full: the hold timer still runs then. */
	for (int i = 0; i < 15; i++)
		export_one(&rig);
	run_until_idle(&rig);
	assert_int_equal(stats_of(&rig).sent.records, 16);
	stop(&rig);
}

static void flush_of_nothing_sends_nothing(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "");
	plx_exporter__flush(rig.exporter);
	spin(&rig);
	assert_int_equal(stats_of(&rig).messages, 0);
	assert_true(plx_exporter__ready(rig.exporter));
	stop(&rig);
}

static void refused_messages_are_lost_and_a_restarted_collector_gets_templates(void **state)
{
	struct plx_exporter_stats s;
	uint64_t deadline_ns = now_ns() + DEADLINE_NS;
	uint64_t handed;
	struct rig rig;

	(void)state;
	start(&rig, "?template-refresh=86400&template-packets=1000000");
	stop_listening(&rig);
	do {
		assert_true(now_ns() < deadline_ns);
		export_one(&rig);
		plx_exporter__flush(rig.exporter);
		run_until_idle(&rig);
		s = stats_of(&rig);
	} while (!s.lost[PLX_LOSS_SEND].records);
	assert_string_equal(s.state, "error");
	assert_string_equal(s.last_error, "Connection refused");
	assert_true(s.errors >= 1);
	assert_int_equal(s.lost[PLX_LOSS_QUEUE].records, 0);
	/* Flows of all kinds: templates are sent again from now on, not because they are new. */
	for (int i = 0; i < 16; i++)
		export_one(&rig);
	plx_exporter__flush(rig.exporter);
	run_until_idle(&rig);

	assert_true(listen_on(&rig, AF_INET, rig.port));
	do {
		assert_true(now_ns() < deadline_ns);
		handed = stats_of(&rig).handed.records;
		export_one(&rig);
		plx_exporter__flush(rig.exporter);
		run_until_idle(&rig);
		on_datagram(rig.fd, EV_READ, &rig);
		s = stats_of(&rig);
	} while (!rig.template_messages || strcmp(s.state, "ready"));
	/* What was refused shows as a gap: the number is that of all records before. */
	assert_int_equal(rig.sequence, handed);
	assert_string_equal(s.last_error, "Connection refused");
	stop(&rig);
}

static void overflow_check(unsigned int queue, const char *more_options, bool many_kinds)
{
	struct plx_exporter_stats s;
	char options[128];
	struct rig rig;
	uint64_t taken;

	snprintf(options, sizeof(options), "?queue=%u%s", queue, more_options);
	start(&rig, options);
	rig.many_kinds = many_kinds;
	/* Nothing is lost while it says that it is ready. */
	while (plx_exporter__ready(rig.exporter)) {
		export_one(&rig);
		assert_int_equal(stats_of(&rig).lost[PLX_LOSS_QUEUE].records, 0);
	}
	for (int i = 0; i < 1000; i++)
		export_one(&rig);
	s = stats_of(&rig);
	taken = s.queued.records;
	assert_int_equal(s.sent.records, 0);
	assert_true(s.lost[PLX_LOSS_QUEUE].records > 800);
	plx_exporter__flush(rig.exporter);
	run_until_idle(&rig);
	assert_true(plx_exporter__ready(rig.exporter));
	s = stats_of(&rig);
	assert_int_equal(s.sent.records, taken);
	/* The last one may have no records, and leaves after it is idle. */
	run_until_received(&rig, queue);
	assert_int_equal(stats_of(&rig).messages, queue);

	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	run_until_idle(&rig);
	run_until_received(&rig, stats_of(&rig).messages);
	assert_int_equal(rig.sequence, s.handed.records);
	stop(&rig);
}

static void full_queue_loses_what_comes_and_counts_it(void **state)
{
	(void)state;
	/* A message of templates alone falls on another slot each time. */
	for (unsigned int queue = 16; queue < 20; queue++) {
		overflow_check(queue, "", false);
		overflow_check(queue, "&mtu=512&template-packets=1", false);
		overflow_check(queue, "&mtu=512&template-packets=2&rate=0", false);
		overflow_check(queue, "", true);
		overflow_check(queue, "&mtu=512&template-packets=1", true);
	}
}

/* The tick sends 16 messages and lets the loop go round, even at an unlimited rate. */
static void one_pass_of_the_loop_sends_16_messages_at_most(void **state)
{
	uint64_t before = 0, deadline_ns = now_ns() + DEADLINE_NS;
	struct plx_exporter_stats s;
	struct rig rig;

	(void)state;
	start(&rig, "?rate=0&queue=2000");
	for (int i = 0; i < 5000; i++)
		export_one(&rig);
	assert_true(plx_exporter__ready(rig.exporter));
	plx_exporter__flush(rig.exporter);
	while (!plx_exporter__idle(rig.exporter)) {
		assert_true(now_ns() < deadline_ns);
		event_base_loop(rig.base, EVLOOP_ONCE);
		s = stats_of(&rig);
		assert_true(s.messages - before <= 16);
		before = s.messages;
	}
	assert_int_equal(s.sent.records, 5000);
	stop(&rig);
}

static void never_faster_than_the_rate(void **state)
{
	uint64_t start_ns = now_ns(), deadline_ns = start_ns + DEADLINE_NS;
	struct plx_exporter_stats s;
	struct rig rig;

	(void)state;
	start(&rig, "?rate=2000");
	for (int i = 0; i < 600; i++)
		export_one(&rig);
	plx_exporter__flush(rig.exporter);
	while (!plx_exporter__idle(rig.exporter)) {
		assert_true(now_ns() < deadline_ns);
		event_base_loop(rig.base, EVLOOP_ONCE);
		s = stats_of(&rig);
		/* The clock is read after the counter and started before: a sure bound. */
		assert_true(s.sent.records <= 13 + (now_ns() - start_ns) * 2000 / SECOND);
	}
	assert_int_equal(s.sent.records, 600);
	stop(&rig);
}

static void pacer_takes_what_the_bucket_has_and_no_more(void **state)
{
	static const uint32_t rates[] = {1, 7, 1000, 100000, 99999999, 100000000};
	static const uint64_t steps_ns[] = {0, 1, 999, 1000000, 4000000, 1300000000, 3600 * SECOND};

	(void)state;
	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		uint64_t rate = rates[r], burst = rate / 200 > 13 ? rate / 200 : 13;
		uint64_t t = 123456789 * SECOND, begin_ns = t, taken = 0, wait_ns;
		struct plx_pacer pacer;

		plx_pacer_init(&pacer, (uint32_t)rate, 13, t);
		for (int i = 0; i < 20000; i++) {
			uint32_t cost = 1 + (uint32_t)i % 13;

			t += steps_ns[(size_t)i * 7919 % 97 % 7];
			wait_ns = plx_pacer_delay(&pacer, cost, t);
			if (wait_ns) {
				/* No earlier, and exactly then. */
				assert_true(plx_pacer_delay(&pacer, cost, t + wait_ns - 1) > 0);
				t += wait_ns;
				assert_int_equal(plx_pacer_delay(&pacer, cost, t), 0);
			}
			plx_pacer_take(&pacer, cost);
			taken += cost;
			assert_true(taken <=
				    burst + (unsigned __int128)(t - begin_ns) * rate / SECOND);
		}
	}
}

static void pacer_without_rate_never_waits(void **state)
{
	struct plx_pacer pacer;

	(void)state;
	plx_pacer_init(&pacer, 0, 13, 5);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(plx_pacer_delay(&pacer, UINT32_MAX, 5), 0);
		plx_pacer_take(&pacer, UINT32_MAX);
	}
}

static void bad_address_is_an_error_that_names_it(void **state)
{
	struct event_base *base = event_base_new();
	struct plx_exporter_env env = {.base = base, .observation_domain = 1};
	struct plx_exporter *exporter = NULL;
	char err[256] = "", expected[256];

	(void)state;
	snprintf(expected, sizeof(expected), "host \"2001:db8::zz\": %s", gai_strerror(EAI_NONAME));
	assert_int_equal(
		plx_exporter__open(&env, "ipfix://[2001:db8::zz]", &exporter, err, sizeof(err)),
		-ENOENT);
	assert_string_equal(err, expected);
	assert_int_equal(plx_exporter__open(&env, "ipfix://h:0", &exporter, err, sizeof(err)),
			 -EINVAL);
	assert_string_equal(err, "port \"0\" is not a number in 1..65535");
	assert_null(exporter);
	/* Checking does not resolve. */
	assert_int_equal(plx_exporter__check("ipfix://[2001:db8::zz]", err, sizeof(err)), 0);
	event_base_free(base);
}

static void closing_with_a_full_queue_is_clean(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, "?queue=16");
	for (int i = 0; i < 500; i++)
		export_one(&rig);
	stop(&rig);
	plx_exporter__close(NULL);
}

static void losses_have_names(void **state)
{
	(void)state;
	assert_string_equal(plx_export_loss_name(PLX_LOSS_QUEUE), "export_queue");
	assert_string_equal(plx_export_loss_name(PLX_LOSS_SEND), "export_send");
	assert_string_equal(plx_export_loss_name(PLX_LOSS_FORMAT), "export_format");
}

static void what_netflow_v5_cannot_tell_is_counted(void **state)
{
	struct plx_exporter_env env = {.observation_domain = 77};
	uint64_t ipv4 = 0, ipv4_packets = 0, told = 0;
	struct plx_exporter_stats s;
	char url[64], err[256] = "";
	uint8_t buf[2048];
	struct rig rig;
	ssize_t size;

	(void)state;
	start(&rig, "");
	plx_exporter__close(rig.exporter);
	event_del(rig.readable);
	env.base = rig.base;
	snprintf(url, sizeof(url), "netflow5://127.0.0.1:%u", rig.port);
	assert_int_equal(plx_exporter__open(&env, url, &rig.exporter, err, sizeof(err)), 0);
	for (int i = 0; i < 1000; i++) {
		struct plx_flow flow = next_flow(&rig);

		ipv4 += flow.key.flags & PLX_KEY_IPV4 ? 1 : 0;
		ipv4_packets += flow.key.flags & PLX_KEY_IPV4 ? flow.stats.packets : 0;
		plx_exporter__export(rig.exporter, &flow);
	}
	run_until_idle(&rig);
	s = stats_of(&rig);
	assert_in_range(ipv4, 1, 999);
	assert_int_equal(s.sent.records, ipv4);
	assert_int_equal(s.sent.packets, ipv4_packets);
	assert_int_equal(s.lost[PLX_LOSS_FORMAT].records, 1000 - ipv4);
	assert_int_equal(s.lost[PLX_LOSS_FORMAT].packets, 500500 - ipv4_packets);
	assert_int_equal(s.templates, 0);
	while ((size = recv(rig.fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		unsigned int count = (unsigned int)buf[2] << 8 | buf[3];

		assert_int_equal(buf[0] << 8 | buf[1], 5);
		assert_int_equal(size, 24 + 48 * count);
		assert_int_equal(get32(buf + 16), told);
		assert_int_equal(buf[21], 77);
		told += count;
		assert_true(count == 30 || told == ipv4);
	}
	assert_int_equal(told, ipv4);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_records_arrive_and_books_balance),
		cmocka_unit_test(ipv6_collector_gets_shorter_messages),
		cmocka_unit_test(partly_filled_message_leaves_by_itself),
		cmocka_unit_test(flush_of_nothing_sends_nothing),
		cmocka_unit_test(
			refused_messages_are_lost_and_a_restarted_collector_gets_templates),
		cmocka_unit_test(full_queue_loses_what_comes_and_counts_it),
		cmocka_unit_test(one_pass_of_the_loop_sends_16_messages_at_most),
		cmocka_unit_test(never_faster_than_the_rate),
		cmocka_unit_test(pacer_takes_what_the_bucket_has_and_no_more),
		cmocka_unit_test(pacer_without_rate_never_waits),
		cmocka_unit_test(bad_address_is_an_error_that_names_it),
		cmocka_unit_test(closing_with_a_full_queue_is_clean),
		cmocka_unit_test(losses_have_names),
		cmocka_unit_test(what_netflow_v5_cannot_tell_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
