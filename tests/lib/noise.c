/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * testrun_random(): batches of random and mutated packets through a hook, and each batch as a
 * capture through <plx/replay.h>, which is the code of the programs in user space. Ledger and flows
 * of both must be the same in every field but times. Read testrun.h first.
 */
#include "testrun.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <plx/replay.h>

#define BATCH	   1024	     /* packets between two looks at books and tables */
#define IP_HEADERS (14 + 40) /* a test run of an skb wants them whole */
#define NOISE_MAX  200	     /* octets of a packet of nothing but noise */
#define MORE_MAX   1500	     /* octets of payload that a sample gets */
#define FRAGMENTS  (4 * BATCH)

struct noise {
	struct testrun *t;
	enum testrun_hook hook;
	int policy;
	uint64_t random;
	int capture_fd;
	uint8_t *capture; /* a pcap file in the making */
	size_t size;
	struct plx_flow_record *records; /* of the replay */
	size_t nr_records;
	struct plx_if_ledger ledger; /* same */
};

/* Built once: of a packet of noise that is the most expensive part. */
static struct built {
	uint8_t *bytes;
	size_t size;
} * built;

static void build_samples(void)
{
	static struct packet p;

	if (built)
		return;
	built = calloc(nr_samples, sizeof(*built));
	assert_non_null(built);
	for (size_t i = 0; i < nr_samples; i++) {
		sample_build(&samples[i], &p);
		built[i].bytes = malloc(p.size);
		built[i].size = p.size;
		assert_non_null(built[i].bytes);
		memcpy(built[i].bytes, p.bytes, p.size);
	}
}

static const struct built *any_sample(uint64_t *random)
{
	return &built[random_next(random) % nr_samples];
}

/*
 * A sample with some octets changed; cut, or lengthened, or with the end of another sample in place
 * of its own; or nothing but noise.
 */
void testrun_random_packet(struct packet *p, uint64_t *random)
{
	const uint64_t kind = random_next(random) % 8;
	const size_t changes = random_next(random) % 6;
	const struct built *sample;

	build_samples();
	sample = any_sample(random);
	if (kind == 0) {
		p->size = TESTRUN_MIN_SIZE + random_next(random) % NOISE_MAX;
		for (size_t i = 0; i < p->size; i++)
			p->bytes[i] = random_next(random);
		if (random_next(random) % 2)
			packet_set16(p, 12, random_next(random) % 2 ? 0x0800 : 0x86dd);
		return;
	}
	memcpy(p->bytes, sample->bytes, sample->size);
	p->size = sample->size;
	if (kind == 1)
		packet_payload(p, random_next(random) % MORE_MAX);
	if (kind == 2 || kind == 3)
		p->size = TESTRUN_MIN_SIZE + random_next(random) % (p->size - TESTRUN_MIN_SIZE + 1);
	if (kind == 3) {
		size_t from;

		sample = any_sample(random);
		from = random_next(random) % sample->size;
		memcpy(p->bytes + p->size, sample->bytes + from, sample->size - from);
		p->size += sample->size - from;
	}
	for (size_t i = 0; i < changes && p->size > 12; i++)
		p->bytes[12 + random_next(random) % (p->size - 12)] = random_next(random);
}

/* Append to the capture in memory; what = NULL: begin it. */
static void capture(struct noise *n, const void *what, uint32_t size)
{
	static const uint32_t file_header[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	const uint32_t header[4] = {1, 0, size, size};

	if (!what) {
		memcpy(n->capture, file_header, sizeof(file_header));
		n->size = sizeof(file_header);
		return;
	}
	memcpy(n->capture + n->size, header, sizeof(header));
	memcpy(n->capture + n->size + sizeof(header), what, size);
	n->size += sizeof(header) + size;
}

/* The capture through the parser here, under the policy at hand. */
static void replay_capture(struct noise *n)
{
	struct plx_replay *replay;
	char path[64], err[256];
	int ret;

	assert_int_equal(ftruncate(n->capture_fd, 0), 0);
	assert_int_equal(pwrite(n->capture_fd, n->capture, n->size, 0), n->size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", n->capture_fd);
	if (plx_replay__open(path, FRAGMENTS, n->policy, &replay, err, sizeof(err)))
		fail_msg("%s", err);
	n->nr_records = 0;
	while ((ret = plx_replay__next(replay, &n->records[n->nr_records], err, sizeof(err))) == 1)
		n->nr_records += n->records[n->nr_records].stats.packets > 0;
	n->ledger = *plx_replay__ledger(replay);
	plx_replay__close(replay);
	if (ret)
		fail_msg("%s", err);
}

/* By flow, then in the order in which they came, which is that of their addresses. */
static int compare_records(const void *a, const void *b)
{
	const struct plx_flow_record *x = *(void *const *)a, *y = *(void *const *)b;
	int order = memcmp(&x->key, &y->key, sizeof(x->key));

	if (order == 0)
		order = memcmp(&x->tunnel, &y->tunnel, sizeof(x->tunnel));
	return order ? order : (x > y) - (x < y);
}

static bool same_flow(const struct plx_flow_record *x, const struct plx_flow_record *y)
{
	return memcmp(&x->key, &y->key, sizeof(x->key)) == 0 &&
	       memcmp(&x->tunnel, &y->tunnel, sizeof(x->tunnel)) == 0;
}

/* Records in the order of their flows, one of each, in ret_flows; returns how many flows. */
static size_t merge_records(struct plx_flow_record *records, size_t nr_records,
			    struct plx_flow_record *ret_flows[])
{
	size_t nr = 0;

	for (size_t i = 0; i < nr_records; i++) {
		records[i].key.ifindex = 0;
		records[i].key.flags &= ~PLX_KEY_DIR_OUT;
		records[i].stats.first.ingress_ifindex = 0;
		ret_flows[i] = &records[i];
	}
	qsort(ret_flows, nr_records, sizeof(*ret_flows), compare_records);
	for (size_t i = 0; i < nr_records; i++) {
		struct plx_flow_stats *to, *from = &ret_flows[i]->stats;

		if (nr == 0 || !same_flow(ret_flows[nr - 1], ret_flows[i])) {
			ret_flows[nr++] = ret_flows[i];
			continue;
		}
		to = &ret_flows[nr - 1]->stats;
		to->packets += from->packets;
		to->octets += from->octets;
		to->frame_octets += from->frame_octets;
		to->shape = plx_shape_merge(to->shape, from->shape);
		to->marks |= from->marks;
		to->tcp_options |= from->tcp_options;
	}
	return nr;
}

static void check_flows(struct noise *n)
{
	static struct plx_flow_record *got[BATCH], *want[BATCH];
	size_t nr_got, nr_want;

	assert_in_range(n->t->nr_records, 0, BATCH);
	nr_got = merge_records(n->t->records, n->t->nr_records, got);
	nr_want = merge_records(n->records, n->nr_records, want);
	for (size_t i = 0; i < nr_got && i < nr_want; i++) {
		struct plx_flow_stats *stats = &got[i]->stats;

		stats->first_ns = want[i]->stats.first_ns;
		stats->last_ns = want[i]->stats.last_ns;
		assert_memory_equal(&got[i]->key, &want[i]->key, sizeof(want[i]->key));
		assert_memory_equal(&got[i]->tunnel, &want[i]->tunnel, sizeof(want[i]->tunnel));
		assert_memory_equal(stats, &want[i]->stats, sizeof(want[i]->stats));
	}
	assert_int_equal(nr_got, nr_want);
}

/* What now has more than before is what the replay counted. */
static void check_columns(const struct plx_if_stats *before, const struct plx_if_stats *now,
			  const struct plx_if_ledger *want)
{
	struct plx_if_stats wanted = *before;

	wanted.seen.packets += want->seen.packets;
	wanted.seen.bytes += want->seen.bytes;
	wanted.metered.packets += want->metered.packets;
	wanted.metered.bytes += want->metered.bytes;
	for (int i = 0; i < PLX_SKIP_MAX; i++) {
		wanted.skipped[i].packets += want->skipped[i].packets;
		wanted.skipped[i].bytes += want->skipped[i].bytes;
	}
	for (int i = 0; i < PLX_LIMIT_MAX; i++) {
		wanted.limited[i].packets += want->limited[i].packets;
		wanted.limited[i].bytes += want->limited[i].bytes;
	}
	wanted.spilled = now->spilled;
	assert_memory_equal(now, &wanted, sizeof(wanted));
}

static void send(struct noise *n, struct packet *p, bool segments, uint32_t number)
{
	struct testrun_skb skb = {.ingress_ifindex = number};

	if (n->hook != HOOK_XDP && p->size < IP_HEADERS) {
		skb.cut = p->size;
		p->size = IP_HEADERS;
	}
	if (segments) {
		skb.gso_size = random_next(&n->random) % 2000;
		skb.gso_segs = random_next(&n->random) % 4;
	}
	testrun_packet(n->t, n->hook, p->bytes, p->size, &skb);
}

/* Segments make counts of packets incomparable with those of a capture: then only the books. */
static void run_batch(struct noise *n, uint32_t count, bool segments)
{
	const int direction = hook_direction(n->hook);
	struct plx_if_stats before, now;
	struct testrun *t = n->t;
	static struct packet p;

	testrun_clear(t);
	testrun_policy(t, n->policy);
	testrun_books(t, direction, &before);
	capture(n, NULL, 0);
	for (uint32_t i = 0; i < count; i++) {
		testrun_random_packet(&p, &n->random);
		capture(n, p.bytes, p.size);
		send(n, &p, segments, i);
	}
	testrun_books(t, direction, &now);
	testrun_balanced(&now);
	testrun_take(t);
	assert_int_equal(now.ring_full.packets, before.ring_full.packets);
	assert_int_equal(t->delivered.packets, now.metered.packets - before.metered.packets);
	assert_int_equal(t->delivered.bytes, now.metered.bytes - before.metered.bytes);
	if (segments)
		return;
	replay_capture(n);
	check_columns(&before, &now, &n->ledger);
	check_flows(n);
}

static uint32_t count_of(uint32_t count)
{
	const char *text = getenv("PLX_TEST_RANDOM");

	return text ? strtoul(text, NULL, 0) : count;
}

void testrun_random(struct testrun *t, enum testrun_hook hook, uint32_t count)
{
	struct noise n = {.t = t, .hook = hook, .random = random_seed()};
	const uint64_t begin = plx_now_ns();

	count = count_of(count);
	n.capture_fd = memfd_create("noise", MFD_CLOEXEC);
	n.capture = malloc(24 + BATCH * (16 + (size_t)PACKET_MAX));
	n.records = calloc(BATCH + 1, sizeof(*n.records));
	assert_true(n.capture_fd >= 0);
	assert_non_null(n.capture);
	assert_non_null(n.records);
	for (uint32_t sent = 0, batch = 0; sent < count; sent += BATCH, batch++) {
		n.policy = batch % (PLX_POLICY_OUTER + 1);
		run_batch(&n, count - sent < BATCH ? count - sent : BATCH,
			  hook != HOOK_XDP && batch % 2);
	}
	print_message("%u packets in %.1f s\n", count, (plx_now_ns() - begin) / 1e9);
	free(n.records);
	free(n.capture);
	close(n.capture_fd);
}
