/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flowgen: send frames of many flows out of a device, millions per second, by running an XDP
 * program on frames that are then redirected (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18). On a veth
 * the frames reach the peer's native XDP program as they are; without one the peer needs GRO on.
 * flowgen.bpf.c makes the frames. perf/README.md says what is in them.
 *
 * Exit code: 0 done, 1 failed, 2 usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include "flowgen.h"
#include "perf/flowgen.skel.h"

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

#define ETH_SIZE   14
#define TAG_SIZE   4
#define FRAME_MAX  3072 /* a live frame and its bookkeeping share a page */
#define FLOWS_MAX  4000000000ull
#define REPEAT_MAX 1000000000ull /* frames of one run */
#define SLOW_RATE  1000		 /* up to here one run per frame, paced by sleeping */
#define BATCH_MAX  64
#define BATCH_RATE 20000 /* frames per second for each frame of a batch: 50 us of pacing */
#define SETTLE_MS  300	 /* wait for the receiver to take what is still in its ring */

static const char usage_text[] =
	"usage: flowgen -i DEV [options]\n"
	"\n"
	"Send frames of many flows out of DEV (in the network namespace of the caller).\n"
	"\n"
	"  -i, --iface DEV          device to send from, e.g. one end of a veth\n"
	"      --flows N            distinct 5-tuples (default 1)\n"
	"      --packets N          send exactly N frames (default: N of --flows, unless\n"
	"                           --seconds is given)\n"
	"      --seconds S          stop after S seconds\n"
	"      --rate PPS           frames per second (default: as fast as possible)\n"
	"      --order rr|random    flows in turn (default) or by chance\n"
	"      --size BYTES         frame size without FCS (default 60, or what headers need)\n"
	"      --proto udp|tcp      (default udp; tcp is ACK segments)\n"
	"      --ipv6               IPv6\n"
	"      --vlan ID            802.1Q tag\n"
	"      --cpu N              run on this CPU (default: where it starts)\n"
	"      --source-base ADDR   first source address (default 198.18.0.0, 2001:db8::)\n"
	"      --dest-mac MAC       (default 02:00:00:00:00:02: nobody, so that the receiver's\n"
	"                           IP stack drops the frames)\n"
	"      --json               report as JSON\n"
	"  -h, --help               print this and exit\n";

struct options {
	const char *iface;
	uint64_t flows;
	uint64_t packets; /* 0: no limit */
	double seconds;	  /* 0: no limit */
	uint64_t rate;	  /* 0: no limit */
	uint64_t size;	  /* 0: not given */
	uint64_t vlan;
	uint64_t cpu;
	const char *source_base;
	uint8_t dest_mac[6];
	bool random, tcp, ipv6, tagged, cpu_given, json;
};

struct link_stats {
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_dropped;
};

struct device {
	struct nl_sock *nl;
	uint32_t ifindex;
	uint32_t mtu;
	uint8_t mac[6];
	struct link_stats before, after;
};

static volatile sig_atomic_t stopping;

/* Again and again: one signal alone might come just before the system call that it is to end. */
static void on_signal(int signo)
{
	(void)signo;
	stopping = 1;
	alarm(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static bool fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool fail(const char *fmt, ...)
{
	va_list ap;

	fputs("flowgen: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

static bool parse_number(const char *option, const char *text, uint64_t min, uint64_t max,
			 uint64_t *ret)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < min || value > max)
		return fail("%s: must be %" PRIu64 " to %" PRIu64 ", not '%s'", option, min, max,
			    text);
	*ret = value;
	return true;
}

static bool parse_seconds(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0.01 && value <= 86400))
		return fail("--seconds: must be 0.01 to 86400, not '%s'", text);
	*ret = value;
	return true;
}

static bool parse_choice(const char *option, const char *text, const char *no, const char *yes,
			 bool *ret)
{
	if (strcmp(text, no) != 0 && strcmp(text, yes) != 0)
		return fail("%s: must be %s or %s, not '%s'", option, no, yes, text);
	*ret = strcmp(text, yes) == 0;
	return true;
}

static bool parse_mac(const char *text, uint8_t *ret)
{
	unsigned int b[6];
	int used = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &used) != 6 ||
	    text[used])
		return fail("--dest-mac: must be like 02:00:00:00:00:02, not '%s'", text);
	for (int i = 0; i < 6; i++)
		ret[i] = b[i];
	return true;
}

/* Returns -1 to go on, or an exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	enum {
		FLOWS = 256,
		PACKETS,
		SECONDS,
		RATE,
		ORDER,
		SIZE,
		PROTO,
		IPV6,
		VLAN,
		CPU,
		SOURCE,
		DEST,
		JSON
	};
	static const struct option options[] = {
		{"iface", required_argument, NULL, 'i'},
		{"flows", required_argument, NULL, FLOWS},
		{"packets", required_argument, NULL, PACKETS},
		{"seconds", required_argument, NULL, SECONDS},
		{"rate", required_argument, NULL, RATE},
		{"order", required_argument, NULL, ORDER},
		{"size", required_argument, NULL, SIZE},
		{"proto", required_argument, NULL, PROTO},
		{"ipv6", no_argument, NULL, IPV6},
		{"vlan", required_argument, NULL, VLAN},
		{"cpu", required_argument, NULL, CPU},
		{"source-base", required_argument, NULL, SOURCE},
		{"dest-mac", required_argument, NULL, DEST},
		{"json", no_argument, NULL, JSON},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	bool ok = true;
	int c;

	while (ok && (c = getopt_long(argc, argv, "i:h", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			o->iface = optarg;
			break;
		case FLOWS:
			ok = parse_number("--flows", optarg, 1, FLOWS_MAX, &o->flows);
			break;
		case PACKETS:
			ok = parse_number("--packets", optarg, 1, INT64_MAX, &o->packets);
			break;
		case SECONDS:
			ok = parse_seconds(optarg, &o->seconds);
			break;
		case RATE:
			ok = parse_number("--rate", optarg, 1, 1000000000, &o->rate);
			break;
		case ORDER:
			ok = parse_choice("--order", optarg, "rr", "random", &o->random);
			break;
		case SIZE:
			ok = parse_number("--size", optarg, 42, FRAME_MAX, &o->size);
			break;
		case PROTO:
			ok = parse_choice("--proto", optarg, "udp", "tcp", &o->tcp);
			break;
		case IPV6:
			o->ipv6 = true;
			break;
		case VLAN:
			ok = parse_number("--vlan", optarg, 0, 4095, &o->vlan);
			o->tagged = true;
			break;
		case CPU:
			ok = parse_number("--cpu", optarg, 0, CPU_SETSIZE - 1, &o->cpu);
			o->cpu_given = true;
			break;
		case SOURCE:
			o->source_base = optarg;
			break;
		case DEST:
			ok = parse_mac(optarg, o->dest_mac);
			break;
		case JSON:
			o->json = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_OK;
		default: /* getopt has said what is wrong */
			ok = false;
		}
	}
	if (ok && optind < argc)
		ok = fail("unexpected argument '%s'", argv[optind]);
	if (ok && !o->iface)
		ok = fail("-i DEV is missing");
	if (!ok) {
		fputs("Try 'flowgen --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (!o->packets && !o->seconds)
		o->packets = o->flows;
	return -1;
}

static bool read_link(struct device *device, const char *name, struct link_stats *ret_stats)
{
	struct rtnl_link *link;
	struct nl_addr *addr;
	int err = rtnl_link_get_kernel(device->nl, 0, name, &link);

	if (err < 0)
		return fail("-i %s: %s", name, nl_geterror(err));
	device->ifindex = rtnl_link_get_ifindex(link);
	device->mtu = rtnl_link_get_mtu(link);
	addr = rtnl_link_get_addr(link);
	if (addr && nl_addr_get_len(addr) == sizeof(device->mac))
		memcpy(device->mac, nl_addr_get_binary_addr(addr), sizeof(device->mac));
	ret_stats->tx_packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS);
	ret_stats->tx_bytes = rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES);
	ret_stats->tx_dropped = rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED);
	err = rtnl_link_get_flags(link) & IFF_UP ? 0 : -ENETDOWN;
	rtnl_link_put(link);
	return err ? fail("-i %s: the device is down", name) : true;
}

static void put16(uint8_t *p, uint16_t value)
{
	p[0] = value >> 8;
	p[1] = value;
}

/* One's complement sum in memory order, which is the order that the program adds in. */
static uint32_t sum16(const uint8_t *p, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		uint16_t word;

		memcpy(&word, p + i, sizeof(word));
		sum += word;
	}
	return (sum & 0xffff) + (sum >> 16);
}

/* Ethernet and the tag; returns their size. */
static size_t build_l2(const struct options *o, const struct device *device, uint8_t *p)
{
	uint16_t type = o->ipv6 ? 0x86dd : 0x0800;

	memcpy(p, o->dest_mac, 6);
	memcpy(p + 6, device->mac, 6);
	if (!o->tagged) {
		put16(p + 12, type);
		return ETH_SIZE;
	}
	put16(p + 12, 0x8100);
	put16(p + 14, o->vlan);
	put16(p + 16, type);
	return ETH_SIZE + TAG_SIZE;
}

static bool parse_source(const struct options *o, uint8_t *ret_address, uint32_t *ret_low)
{
	const char *text = o->source_base ? o->source_base : o->ipv6 ? "2001:db8::" : "198.18.0.0";
	uint64_t last = o->flows < FLOWGEN_ADDRESSES ? o->flows - 1 : FLOWGEN_ADDRESSES - 1;
	size_t size = o->ipv6 ? 16 : 4;
	uint32_t low;

	if (inet_pton(o->ipv6 ? AF_INET6 : AF_INET, text, ret_address) != 1)
		return fail("--source-base: must be an %s address, not '%s'",
			    o->ipv6 ? "IPv6" : "IPv4", text);
	memcpy(&low, ret_address + size - 4, sizeof(low));
	low = ntohl(low);
	if (low + last > UINT32_MAX)
		return fail("--source-base: no %" PRIu64 " addresses after '%s'", last + 1, text);
	*ret_low = low;
	return true;
}

/* The frame, its payload zero, and what the program must know of it. */
static bool build_frame(const struct options *o, const struct device *device, uint8_t *frame,
			size_t *ret_size, struct flowgen_config *config)
{
	const uint8_t dest6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0xff, [15] = 1};
	const uint8_t dest4[4] = {198, 19, 255, 1};
	uint8_t address[16], pseudo[40] = {}, *ip, *l4;
	size_t l4_size = o->tcp ? 20 : 8, ip_size = o->ipv6 ? 40 : 20;
	size_t l2_size, headers, size, payload;
	uint8_t protocol = o->tcp ? 6 : 17;

	memset(frame, 0, FRAME_MAX);
	if (!parse_source(o, address, &config->source_base))
		return false;
	l2_size = build_l2(o, device, frame);
	headers = l2_size + ip_size + l4_size;
	/* Rounded up: headers are written in words, which may take two octets of the payload. */
	config->header_size = (headers + 3) & ~3u;
	size = o->size ? o->size : config->header_size > 60 ? config->header_size : 60;
	if (size < config->header_size)
		return fail("--size: these headers need %u, not '%" PRIu64 "'", config->header_size,
			    o->size);
	if (size - l2_size > device->mtu)
		return fail("--size: the MTU of %s is %u, which allows %zu, not '%zu'", o->iface,
			    device->mtu, device->mtu + l2_size, size);
	payload = size - headers;
	ip = frame + l2_size;
	l4 = ip + ip_size;
	if (o->ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, l4_size + payload);
		ip[6] = protocol;
		ip[7] = 64;
		memcpy(ip + 8, address, 12); /* the rest is the program's */
		memcpy(ip + 24, dest6, 16);
		config->source_at = ip + 20 - frame;
		memcpy(pseudo, ip + 8, 32);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, ip_size + l4_size + payload);
		ip[6] = 0x40; /* do not fragment */
		ip[8] = 64;
		ip[9] = protocol;
		memcpy(ip + 16, dest4, 4);
		config->source_at = ip + 12 - frame;
		config->ip_check_at = ip + 10 - frame;
		config->ip_sum = sum16(ip, ip_size);
		memcpy(pseudo, ip + 12, 8);
	}
	put16(pseudo + 34, l4_size + payload);
	pseudo[39] = protocol;
	put16(l4 + 2, 443);
	if (o->tcp) {
		l4[12] = 5 << 4;
		l4[13] = 0x10; /* ACK */
		put16(l4 + 14, 1024);
	} else {
		put16(l4 + 4, l4_size + payload);
	}
	config->ports_at = l4 - frame;
	config->l4_check_at = l4 + (o->tcp ? 16 : 6) - frame;
	config->l4_sum = sum16(pseudo, sizeof(pseudo)) + sum16(l4, l4_size);
	config->udp = !o->tcp;
	memcpy(config->header, frame, config->header_size);
	*ret_size = size;
	return true;
}

/* The program counts on running on one CPU only. */
static bool pin(const struct options *o, uint32_t *ret_cpu)
{
	int cpu = o->cpu_given ? (int)o->cpu : sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpu < 0 || sched_setaffinity(0, sizeof(set), &set))
		return fail("--cpu %d: %s", cpu, strerror(errno));
	*ret_cpu = cpu;
	return true;
}

static struct flowgen *load(const struct flowgen_config *config)
{
	struct rlimit memlock = {RLIM_INFINITY, RLIM_INFINITY};
	struct flowgen *skel;
	int err;

	(void)setrlimit(RLIMIT_MEMLOCK, &memlock); /* needed by kernels before 5.11 only */
	skel = flowgen__open();
	if (!skel) {
		fail("opening the BPF programs: %s", strerror(errno));
		return NULL;
	}
	memcpy((void *)&skel->rodata->cfg, config, sizeof(*config));
	err = flowgen__load(skel);
	if (!err)
		err = flowgen__attach(skel);
	if (err) {
		fail("loading the BPF programs: %s%s", strerror(-err),
		     err == -EPERM ? " (needs root)" : "");
		flowgen__destroy(skel);
		return NULL;
	}
	return skel;
}

static void sleep_until(double due)
{
	struct timespec until = {.tv_sec = (time_t)due};

	until.tv_nsec = (long)((due - until.tv_sec) * 1e9);
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Send it all. One run for everything: each run of more than one frame costs milliseconds. */
static bool generate(struct flowgen *skel, const struct options *o, const void *frame, size_t size)
{
	const volatile struct flowgen_counts *counts = &skel->bss->counts;
	bool slow = o->rate && o->rate <= SLOW_RATE;
	uint64_t batch = o->rate ? o->rate / BATCH_RATE : BATCH_MAX;
	double begin = now_s(), due = begin;

	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = size,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	run.batch_size = batch < 1 ? 1 : batch > BATCH_MAX ? BATCH_MAX : batch;
	while (!stopping && (!o->packets || counts->sent < o->packets)) {
		uint64_t left = o->packets ? o->packets - counts->sent : REPEAT_MAX;
		uint64_t before = counts->sent;
		int err;

		if (slow) {
			sleep_until(due);
			due += 1.0 / o->rate;
			left = 1;
			if (stopping || (o->seconds && now_s() - begin >= o->seconds))
				break;
		}
		run.repeat = left < REPEAT_MAX ? left : REPEAT_MAX;
		err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.flowgen), &run);
		if (err && err != -EINTR && err != -EAGAIN)
			return fail("%s: running the generator: %s", o->iface, strerror(-err));
		if (counts->refused && counts->sent == before && !stopping)
			return fail("%s: the device takes no frames; the peer of a veth must be up "
				    "and have an XDP program or GRO on (ethtool -K PEER gro on)",
				    o->iface);
	}
	return true;
}

/* The device's counters, once the receiver has taken everything or SETTLE_MS are over. */
static bool settle(struct device *device, const struct options *o, uint64_t sent)
{
	for (int waited = 0;; waited += 10) {
		if (!read_link(device, o->iface, &device->after))
			return false;
		if (device->after.tx_packets - device->before.tx_packets >= sent ||
		    waited >= SETTLE_MS)
			return true;
		usleep(10000);
	}
}

static void report(const struct options *o, const struct device *device,
		   const struct flowgen_counts *counts, size_t size, double seconds)
{
	uint64_t tx_packets = device->after.tx_packets - device->before.tx_packets;
	uint64_t tx_bytes = device->after.tx_bytes - device->before.tx_bytes;
	uint64_t tx_dropped = device->after.tx_dropped - device->before.tx_dropped;
	uint64_t sent = counts->sent;
	double pps = seconds > 0 ? sent / seconds : 0;

	if (o->json)
		printf("{\"schema_version\": 1, \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
		       ", \"refused\": %" PRIu64 ", \"late\": %" PRIu64 ", \"flows\": %" PRIu64
		       ", \"seconds\": %.6f, \"pps\": %.0f, \"device\": {\"tx_packets\": %" PRIu64
		       ", \"tx_bytes\": %" PRIu64 ", \"tx_dropped\": %" PRIu64 "}}\n",
		       sent, sent * size, (uint64_t)counts->refused, (uint64_t)counts->late,
		       o->flows, seconds, pps, tx_packets, tx_bytes, tx_dropped);
	else
		printf("sent %" PRIu64 " frames, %" PRIu64 " bytes in %.3f s (%.0f/s); refused and "
		       "sent again: %" PRIu64 "; %s counted %" PRIu64 " frames, %" PRIu64
		       " bytes, %" PRIu64 " dropped\n",
		       sent, sent * size, seconds, pps, (uint64_t)counts->refused, o->iface,
		       tx_packets, tx_bytes, tx_dropped);
}

static void catch_signals(double seconds)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct itimerspec when = {.it_interval = {.tv_nsec = 50000000}};
	timer_t timer;

	/* No SA_RESTART: a signal is to end the system call. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	if (seconds == 0)
		return;
	when.it_value.tv_sec = (time_t)seconds;
	when.it_value.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9);
	if (timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0)
		timer_settime(timer, 0, &when, NULL);
	else
		alarm((unsigned int)seconds + 1);
}

int main(int argc, char **argv)
{
	struct options options = {.flows = 1, .dest_mac = {2, [5] = 2}};
	static uint8_t frame[FRAME_MAX];
	struct flowgen_config config = {};
	struct flowgen_counts counts;
	struct device device = {};
	struct flowgen *skel = NULL;
	double seconds;
	size_t size = 0;
	int status = parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	status = EXIT_FAILED;
	device.nl = nl_socket_alloc();
	if (!device.nl || nl_connect(device.nl, NETLINK_ROUTE)) {
		fail("netlink: %s", strerror(errno));
		goto out;
	}
	status = EXIT_USAGE;
	if (!read_link(&device, options.iface, &device.before) ||
	    !build_frame(&options, &device, frame, &size, &config) || !pin(&options, &config.cpu))
		goto out;
	status = EXIT_FAILED;
	config.ifindex = device.ifindex;
	config.flows = options.flows;
	config.random = options.random;
	config.gap_ns = options.rate > SLOW_RATE ? 1000000000 / options.rate : 0;
	skel = load(&config);
	if (!skel)
		goto out;
	catch_signals(options.seconds);
	if (!generate(skel, &options, frame, size))
		goto out;
	counts = skel->bss->counts;
	seconds = (counts.last_ns - counts.first_ns) / 1e9;
	if (!settle(&device, &options, counts.sent))
		goto out;
	report(&options, &device, &counts, size, seconds);
	status = EXIT_OK;
out:
	flowgen__destroy(skel);
	nl_socket_free(device.nl);
	return status;
}
