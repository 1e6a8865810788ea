/* SPDX-License-Identifier: BSD-2-Clause */
/* Hexadecimal text to packets, with their marks. Read packet.h first. */
#include "packet.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void give_up(const char *text, const char *at)
{
	fprintf(stderr, "packet_hex: not a packet at '%.20s' in '%s'\n", at, text);
	abort();
}

void packet_clear(struct packet *p)
{
	p->size = 0;
	p->nr_marks = 0;
	p->nr_options = 0;
	p->depth = 0;
}

/* The mark at, behind its bar. */
static void add_mark(struct packet *p, const char *text, const char *at)
{
	struct packet_mark mark = {.end = p->size, .depth = p->depth};

	switch (*at) {
	case '>':
		p->depth++;
		return;
	case 'o':
		if (p->nr_options == PACKET_MARKS)
			give_up(text, at);
		p->options[p->nr_options++] = mark;
		return;
	case 't': /* in a tunnel the layer does not matter */
		if (p->depth == 0)
			give_up(text, at);
		mark.cut = PLX_SKIP_TRUNC_L2;
		break;
	case '2':
		mark.cut = PLX_SKIP_TRUNC_L2;
		break;
	case '3':
		mark.cut = PLX_SKIP_TRUNC_L3;
		break;
	case '4':
		mark.cut = PLX_SKIP_TRUNC_L4;
		break;
	default:
		give_up(text, at);
	}
	if (p->nr_marks == PACKET_MARKS)
		give_up(text, at);
	p->marks[p->nr_marks++] = mark;
}

static uint8_t digit(const char *text, const char *at)
{
	if (!isxdigit((unsigned char)*at))
		give_up(text, at);
	return isdigit((unsigned char)*at) ? *at - '0' : tolower((unsigned char)*at) - 'a' + 10;
}

void packet_hex(struct packet *p, const char *text)
{
	for (const char *at = text; *at; at++) {
		if (*at == ' ')
			continue;
		if (*at == '|') {
			add_mark(p, text, ++at);
			continue;
		}
		if (p->size == PACKET_MAX)
			give_up(text, at);
		p->bytes[p->size] = digit(text, at) << 4;
		p->bytes[p->size++] |= digit(text, ++at);
	}
}

void packet_payload(struct packet *p, size_t count)
{
	if (count > PACKET_MAX - p->size)
		give_up("payload", "its end");
	for (size_t i = 0; i < count; i++)
		p->bytes[p->size++] = i * 7 + 1;
}

void packet_set16(struct packet *p, size_t offset, uint16_t value)
{
	p->bytes[offset] = value >> 8;
	p->bytes[offset + 1] = value;
}

void packet_set32(struct packet *p, size_t offset, uint32_t value)
{
	packet_set16(p, offset, value >> 16);
	packet_set16(p, offset + 2, value);
}

const struct packet_mark *packet_cut(const struct packet *p, size_t size)
{
	for (size_t i = 0; i < p->nr_marks; i++)
		if (size < p->marks[i].end)
			return &p->marks[i];
	return NULL;
}

uint64_t packet_tcp_options(const struct packet *p, size_t size, unsigned int depth)
{
	uint64_t kinds = 0;

	for (size_t i = 0; i < p->nr_options; i++) {
		const uint8_t *end = p->bytes + p->options[i].end;

		/* 0 and 1 are kinds without a length, and no length is that small */
		if (p->options[i].depth == depth && p->options[i].end <= size)
			kinds |= 1ULL << (end[-1] > 1 ? end[-2] : end[-1]);
	}
	return kinds;
}

bool packet_has_transport(const struct packet *p, unsigned int depth)
{
	for (size_t i = 0; i < p->nr_marks; i++)
		if (p->marks[i].depth == depth && p->marks[i].cut == PLX_SKIP_TRUNC_L4)
			return true;
	return false;
}

uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

uint64_t random_seed(void)
{
	const char *text = getenv("PLX_TEST_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = text ? strtoull(text, NULL, 0) : (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (seed == 0)
		seed = 1;
	printf("PLX_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}
