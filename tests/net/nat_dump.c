/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that does nothing but know the NAT of its network namespace, for test_nat.py:
 *
 *     nat_dump CAPACITY RETENTION_MS RESYNC_MS BUFFER_BYTES
 *
 * Says {"ready": true} when it listens, or {"error": "...", "errno": N}, and then answers lines of
 * its standard input with one line of JSON each:
 *
 *     list     what plx_nat__info() says, and all mappings; each is looked up by both its tuples
 *     info     without the mappings
 *     pause    do not read what the kernel says until `resume`
 *     resume
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <plx/nat.h>

#define TICK_MS 50

struct work {
	uint64_t cpu_ns; /* in plx_nat__read() */
	uint64_t errors; /* returned by it */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void print_tuple(const char *name, const struct plx_nat_tuple *tuple)
{
	int family = tuple->version == 4 ? AF_INET : AF_INET6;
	char source[INET6_ADDRSTRLEN], dest[INET6_ADDRSTRLEN];

	printf("\"%s\": [\"%s\", %u, \"%s\", %u, %u]", name,
	       inet_ntop(family, tuple->source, source, sizeof(source)), ntohs(tuple->source_port),
	       inet_ntop(family, tuple->dest, dest, sizeof(dest)), ntohs(tuple->dest_port),
	       tuple->protocol);
}

static const char *bool_text(bool value)
{
	return value ? "true" : "false";
}

/* Whether looking up the tuples of a mapping gives this mapping. */
static bool is_found(struct plx_nat *nat, const struct plx_nat_mapping *m, bool after)
{
	struct plx_nat_mapping found;

	if (!(after ? plx_nat__find_after(nat, &m->after, &found)
		    : plx_nat__find_before(nat, &m->before, &found)))
		return false;
	return found.id == m->id && found.reply == m->reply &&
	       memcmp(&found.before, &m->before, sizeof(m->before)) == 0 &&
	       memcmp(&found.after, &m->after, sizeof(m->after)) == 0;
}

static void print_mapping(struct plx_nat *nat, const struct plx_nat_mapping *m)
{
	printf("{");
	print_tuple("before", &m->before);
	printf(", ");
	print_tuple("after", &m->after);
	printf(", \"reply\": %s, \"live\": %s, \"older\": %s, \"seen_reply\": %s, "
	       "\"assured\": %s, \"source\": %s, \"dest\": %s, \"tcp_state\": \"%s\", "
	       "\"zone\": %u, \"id\": %u, \"created_ns\": %" PRIu64 ", \"last_ns\": %" PRIu64
	       ", \"packets\": %" PRIu64 ", \"octets\": %" PRIu64
	       ", \"found_before\": %s, \"found_after\": %s}",
	       bool_text(m->reply), bool_text(m->live), bool_text(m->older),
	       bool_text(m->seen_reply), bool_text(m->assured), bool_text(m->kind & PLX_NAT_SOURCE),
	       bool_text(m->kind & PLX_NAT_DEST), plx_nat_tcp_state_name(m->tcp_state), m->zone,
	       m->id, m->created_ns, m->last_ns, m->packets, m->octets,
	       bool_text(is_found(nat, m, false)), bool_text(is_found(nat, m, true)));
}

static void print_list(struct plx_nat *nat, const struct work *work, bool mappings)
{
	struct plx_nat_mapping m;
	struct plx_nat_info info;
	const char *comma = "";
	uint64_t cursor = 0;

	plx_nat__info(nat, &info);
	printf("{\"now_ns\": %" PRIu64 ", \"capacity\": %u, \"live\": %u, \"ended\": %u, "
	       "\"synced\": %s, \"untranslated\": %" PRIu64 ", \"events\": %" PRIu64
	       ", \"dumped\": %" PRIu64 ", \"overruns\": %" PRIu64 ", \"resyncs\": %" PRIu64
	       ", \"evicted\": %" PRIu64 ", \"ambiguous\": %" PRIu64 ", \"unreadable\": %" PRIu64
	       ", \"memory_bytes\": %" PRIu64 ", \"cpu_ns\": %" PRIu64 ", \"errors\": %" PRIu64
	       ", \"error\": \"%s\"",
	       clock_ns(CLOCK_MONOTONIC), info.capacity, info.live, info.ended,
	       bool_text(info.synced), info.untranslated, info.events, info.dumped, info.overruns,
	       info.resyncs, info.evicted, info.ambiguous, info.unreadable, info.memory_bytes,
	       work->cpu_ns, work->errors, plx_nat__error(nat));
	if (mappings) {
		printf(", \"mappings\": [");
		for (; plx_nat__next(nat, &cursor, &m); comma = ", ") {
			printf("%s", comma);
			print_mapping(nat, &m);
		}
		printf("]");
	}
	printf("}\n");
}

static int read_nat(struct plx_nat *nat, struct work *work)
{
	uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int more = plx_nat__read(nat);

	work->cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
	work->errors += more < 0;
	return more;
}

static void serve(struct plx_nat *nat)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
	struct work work = {};
	bool paused = false;
	char line[64];
	int more = 0;

	setvbuf(stdin, NULL, _IONBF, 0); /* else a second line would not be polled for */
	for (;;) {
		fds[1].fd = paused ? -1 : plx_nat__fd(nat);
		if (poll(fds, 2, more > 0 ? 0 : TICK_MS) < 0)
			return;
		if (!paused)
			more = read_nat(nat, &work);
		if (!fds[0].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return;
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "list") == 0 || strcmp(line, "info") == 0) {
			print_list(nat, &work, line[0] == 'l');
		} else {
			paused = strcmp(line, "pause") == 0;
			more = 0;
			printf("{\"paused\": %s}\n", bool_text(paused));
		}
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct plx_nat_opts opts;
	struct plx_nat *nat;
	char error[256];
	int err;

	if (argc != 5) {
		fprintf(stderr, "usage: nat_dump CAPACITY RETENTION_MS RESYNC_MS BUFFER_BYTES\n");
		return 2;
	}
	opts = (struct plx_nat_opts){
		.capacity = strtoul(argv[1], NULL, 10),
		.retention_ns = strtoull(argv[2], NULL, 10) * 1000000,
		.ctnetlink = true,
		.resync_ns = strtoull(argv[3], NULL, 10) * 1000000,
		.buffer_bytes = strtoul(argv[4], NULL, 10),
	};
	err = plx_nat__open(&opts, &nat, error, sizeof(error));
	if (err) {
		printf("{\"error\": \"%s\", \"errno\": %d}\n", error, -err);
		return 1;
	}
	printf("{\"ready\": true}\n");
	fflush(stdout);
	serve(nat);
	plx_nat__close(nat);
	return 0;
}
