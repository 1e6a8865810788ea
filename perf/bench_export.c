/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_export: records per second through the IPFIX encoder alone, and through an exporter without
 * a rate limit to a UDP socket of this machine that counts what arrives.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "bench.h"
#include "control/exporter.h"
#include "control/ipfix.h"

#define NR_FLOWS       4096
#define MESSAGE	       1372 /* of an IPv4 packet of 1400 octets */
#define RECEIVE_BUFFER (64 << 20)

static struct plx_flow flows[NR_FLOWS];

static void make_flows(bool ipv6)
{
	struct timespec now;
	uint64_t now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	for (uint32_t i = 0; i < NR_FLOWS; i++) {
		struct plx_flow *flow = &flows[i];

		memset(flow, 0, sizeof(*flow));
		flow->key.source[ipv6 ? 3 : 0] = htonl(0xc0000200 + i);
		flow->key.dest[ipv6 ? 3 : 0] = htonl(0xc6336401);
		flow->key.source_port = htons(1024 + i);
		flow->key.dest_port = htons(443);
		flow->key.ifindex = 2;
		flow->key.protocol = 6;
		flow->key.flags = ipv6 ? 0 : PLX_KEY_IPV4;
		flow->stats.packets = 10 + i;
		flow->stats.octets = (10 + i) * 500ull;
		flow->stats.frame_octets = (10 + i) * 514ull;
		flow->stats.first_ns = now_ns - 2000000000;
		flow->stats.last_ns = now_ns - 1000000000;
		flow->stats.shape = PLX_SHAPE(40, 1500, 0x1b, 64, 64);
		flow->id = i + 1;
		flow->end_reason = PLX_END_IDLE;
	}
}

/* Records per second. */
static double encode(uint64_t records, uint64_t *ret_octets)
{
	uint8_t buf[MESSAGE];
	struct plx_ipfix ipfix;
	uint64_t done = 0, octets = 0;
	double begin = now_s();
	uint64_t now_ns = begin * 1e9;
	int64_t offset = plx_wall_offset_ns(PLX_FLOW_MONOTONIC);

	plx_ipfix_init(&ipfix, 1, 60, 1000);
	while (done < records) {
		plx_ipfix_begin(&ipfix, buf, sizeof(buf), now_ns, offset);
		while (done < records && plx_ipfix_add(&ipfix, &flows[done % NR_FLOWS]))
			done++;
		octets += plx_ipfix_end(&ipfix, now_ns);
	}
	*ret_octets = octets;
	return done / (now_s() - begin);
}

struct collector {
	pid_t pid;
	int port;
	int result; /* pipe: datagrams received */
};

static volatile sig_atomic_t stopping;

static void on_signal(int signo)
{
	(void)signo;
	stopping = 1;
}

/* Counts until a SIGTERM, and then what is still queued. */
static void collect(int fd, int result)
{
	struct sigaction action = {.sa_handler = on_signal};
	char buf[2048];
	uint64_t received = 0;

	sigaction(SIGTERM, &action, NULL);
	pin_cpu(0);
	for (;;) {
		if (recv(fd, buf, sizeof(buf), 0) >= 0)
			received++;
		else if (stopping)
			break;
	}
	_exit(write(result, &received, sizeof(received)) != sizeof(received));
}

static void start_collector(struct collector *c)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_usec = 100000};
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int buffer = RECEIVE_BUFFER, ends[2];

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(fd, (struct sockaddr *)&addr, size) ||
	    getsockname(fd, (struct sockaddr *)&addr, &size) || pipe(ends))
		die("collector: %s", strerror(errno));
	c->port = ntohs(addr.sin_port);
	fflush(stdout);
	c->pid = fork();
	if (c->pid < 0)
		die("fork: %s", strerror(errno));
	if (c->pid == 0)
		collect(fd, ends[1]);
	close(fd);
	close(ends[1]);
	c->result = ends[0];
}

static uint64_t end_collector(struct collector *c)
{
	uint64_t received;

	kill(c->pid, SIGTERM);
	if (read(c->result, &received, sizeof(received)) != sizeof(received))
		die("collector: no result");
	close(c->result);
	finish(c->pid, false);
	return received;
}

/* Records per second; *lost is raised by messages that the collector's socket dropped. */
static double export(uint64_t records, uint64_t *lost)
{
	struct plx_exporter_env env = {.base = event_base_new(), .observation_domain = 1};
	struct plx_exporter_stats stats;
	struct plx_exporter *exporter;
	struct collector c;
	char url[128], why[256];
	uint64_t done = 0;
	double begin;

	start_collector(&c);
	snprintf(url, sizeof(url), "ipfix://127.0.0.1:%d?rate=0", c.port);
	if (!env.base || plx_exporter__open(&env, url, &exporter, why, sizeof(why)))
		die("exporter: %s", why);
	begin = now_s();
	while (done < records) {
		/* as the daemon does: what there is room for, then a turn of the loop */
		for (int i = 0; i < NR_FLOWS && done < records && plx_exporter__ready(exporter);
		     i++)
			plx_exporter__export(exporter, &flows[done++ % NR_FLOWS]);
		event_base_loop(env.base, EVLOOP_NONBLOCK);
	}
	plx_exporter__flush(exporter);
	while (!plx_exporter__idle(exporter))
		event_base_loop(env.base, EVLOOP_ONCE);
	begin = records / (now_s() - begin);
	plx_exporter__stats(exporter, &stats);
	if (stats.sent.records != records)
		die("%llu records in, %llu sent", (unsigned long long)records,
		    (unsigned long long)stats.sent.records);
	*lost += stats.messages - end_collector(&c);
	plx_exporter__close(exporter);
	event_base_free(env.base);
	return begin;
}

int main(int argc, char **argv)
{
	struct bench_opts opts;
	uint64_t records, octets = 0, lost = 0;

	bench_options(argc, argv, &opts);
	own_netns();
	pin_cpu(last_cpu());
	records = opts.quick ? 1000000 : 4000000;
	printf("\n| records | encoder alone, records/s | octets a record | exporter to local UDP, "
	       "records/s |\n|---|---|---|---|\n");
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct samples alone = {}, udp = {};

		make_flows(ipv6);
		for (int round = 0; round < opts.rounds; round++) {
			samples_add(&alone, encode(records, &octets));
			samples_add(&udp, export(records, &lost));
		}
		printf("| %s | %s | %.1f | %s |\n", ipv6 ? "IPv6" : "IPv4", samples_text(&alone, 0),
		       (double)octets / records, samples_text(&udp, 0));
		fflush(stdout);
	}
	printf("\nMessages that the receiving socket dropped: %llu.\n", (unsigned long long)lost);
	return 0;
}
