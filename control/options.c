/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See options.h. The combinations of elements are those of RFC 7011, 4.1 to 4.4: collectors know a
 * report by them. The sampling rate is there twice, as RFC 5476 has it and as collectors read it.
 *
 * nfdump knows names of interfaces by one form only: ingressInterface and interfaceDescription of
 * fixed length, and both no scope. The lean session has that.
 */
#include "options.h"

#include <string.h>

#include "fields.h"
#include "put.h"

#define FIRST_TEMPLATE_ID 256
#define VARIABLE	  65535
#define NAME_SIZE	  16 /* of fixed length, NULs included */
#define TEXT_SIZE	  64
#define METERING_PROCESS  1 /* there is one, */
#define EXPORTING_PROCESS 1
#define SELECTOR	  1
#define SCOPE_SYSTEM	  1 /* RFC 3954, 6.1 */
#define SCOPE_INTERFACE	  2

enum phase { IDLE, TEMPLATES, RECORDS };

enum kind { INTERFACE, SENT, IGNORED, UNSENT, SELECTOR_REPORT, INTERVAL, KEYS, NR_KINDS };

struct element {
	uint16_t element, size;
};

struct layout {
	uint8_t nr_scope, nr; /* 0: not in this session */
	struct element elements[6];
};

enum dialect { IPFIX, LEAN, NETFLOW9, LEAN_NETFLOW9, NR_DIALECTS };

static const struct layout layouts[NR_KINDS][NR_DIALECTS] =
	{
		[INTERFACE] =
			{
				[IPFIX] = {1, 3, {{10, 4}, {82, VARIABLE}, {83, VARIABLE}}},
				[LEAN] = {1, 3, {{143, 4}, {10, 4}, {83, TEXT_SIZE}}},
				[NETFLOW9] = {1,
					      3,
					      {{SCOPE_INTERFACE, 4},
					       {82, NAME_SIZE},
					       {83, TEXT_SIZE}}},
				[LEAN_NETFLOW9] = {1,
						   3,
						   {{SCOPE_SYSTEM, 4}, {10, 4}, {83, TEXT_SIZE}}},
			},
		[SENT] =
			{
				[IPFIX] = {1, 4, {{149, 4}, {41, 8}, {42, 8}, {40, 8}}},
				[LEAN] = {1, 4, {{149, 4}, {41, 8}, {42, 8}, {40, 8}}},
				[NETFLOW9] = {1, 4, {{SCOPE_SYSTEM, 4}, {41, 8}, {42, 8}, {40, 8}}},
				[LEAN_NETFLOW9] = {1,
						   4,
						   {{SCOPE_SYSTEM, 4}, {41, 8}, {42, 8}, {40, 8}}},
			},
		[IGNORED] =
			{
				[IPFIX] = {2,
					   6,
					   {{149, 4},
					    {143, 4},
					    {164, 8},
					    {165, 8},
					    {323, 8},
					    {323, 8}}},
			},
		[UNSENT] =
			{
				[IPFIX] = {1,
					   6,
					   {{144, 4},
					    {166, 8},
					    {167, 8},
					    {168, 8},
					    {323, 8},
					    {323, 8}}},
			},
		[SELECTOR_REPORT] =
			{
				[IPFIX] = {1, 3, {{302, 8}, {304, 2}, {311, 8}}},
			},
		[INTERVAL] =
			{
				[IPFIX] = {1, 2, {{149, 4}, {34, 4}}},
				[LEAN] = {1, 2, {{149, 4}, {34, 4}}},
				[NETFLOW9] = {1, 2, {{SCOPE_SYSTEM, 4}, {34, 4}}},
				[LEAN_NETFLOW9] = {1, 2, {{SCOPE_SYSTEM, 4}, {34, 4}}},
			},
		[KEYS] =
			{
				[IPFIX] = {1, 2, {{145, 2}, {173, 8}}},
			},
};

static const struct layout *layout_of(unsigned int kind, uint32_t session)
{
	return &layouts[kind][(session & PLX_SESSION_NETFLOW9 ? NETFLOW9 : IPFIX) +
			      (session & PLX_SESSION_LEAN ? LEAN : 0)];
}

void plx_options_init(struct plx_options *options, const struct plx_options_source *source,
		      uint32_t refresh_seconds)
{
	*options = (struct plx_options){
		.source = *source,
		.refresh_ns = source->report ? refresh_seconds * 1000000000ull : 0,
	};
}

static void note_rise(struct plx_options_rise *rise, uint64_t total, uint64_t now_ms)
{
	if (total == rise->total)
		return;
	rise->total = total;
	rise->last_ms = now_ms;
	if (!rise->first_ms)
		rise->first_ms = now_ms;
}

void plx_options_begin(struct plx_options *options, uint64_t now_ns, uint64_t now_ms)
{
	if (!options->refresh_ns || options->phase != IDLE ||
	    (options->started && now_ns - options->begun_ns < options->refresh_ns))
		return;
	options->started = true;
	options->begun_ns = now_ns;
	options->phase = TEMPLATES;
	options->kind = 0;
	options->index = 0;
	options->source.report(options->source.arg, &options->report);
	note_rise(&options->ignored, options->report.ignored_packets, now_ms);
	note_rise(&options->unsent, options->report.unsent_records + options->report.unsent_packets,
		  now_ms);
}

/* Is there anything of this kind to be told? */
static bool is_wanted(const struct plx_options *options, unsigned int kind, uint32_t session)
{
	const struct plx_report *report = &options->report;

	if (!layout_of(kind, session)->nr)
		return false;
	if (kind == SELECTOR_REPORT)
		return report->sampling_interval > 1 && !report->sampling_flows;
	if (kind == INTERVAL)
		return report->sampling_interval > 1;
	return true;
}

static size_t put_template(unsigned int kind, uint32_t session, uint8_t *buf)
{
	const struct layout *layout = layout_of(kind, session);
	uint8_t *p = plx_put_u16(buf, (uint16_t)(FIRST_TEMPLATE_ID + plx_fields_spare(kind)));

	if (session & PLX_SESSION_NETFLOW9) { /* octets of scopes, and of options */
		p = plx_put_u16(p, 4 * layout->nr_scope);
		p = plx_put_u16(p, 4 * (layout->nr - layout->nr_scope));
	} else {
		p = plx_put_u16(p, layout->nr);
		p = plx_put_u16(p, layout->nr_scope);
	}
	for (int i = 0; i < layout->nr; i++) {
		p = plx_put_u16(p, layout->elements[i].element);
		p = plx_put_u16(p, layout->elements[i].size);
	}
	return (size_t)(p - buf);
}

/* How much of a text fits, without half a character of UTF-8 at the end. */
static size_t cut(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	len = max;
	while (len && ((uint8_t)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* The last octet of a fixed length is NUL: nfdump needs it. */
static uint8_t *put_text(uint8_t *p, const char *text, uint16_t size)
{
	size_t len = cut(text, size == VARIABLE ? 255 : size - 1u);

	if (size != VARIABLE) {
		memset(p, 0, size);
		memcpy(p, text, len);
		return p + size;
	}
	if (len < 255) { /* RFC 7011, 7 */
		p = plx_put_u8(p, (uint8_t)len);
	} else {
		p = plx_put_u8(p, 255);
		p = plx_put_u16(p, (uint16_t)len);
	}
	return plx_put_bytes(p, text, len);
}

static uint8_t *put_interface(const struct plx_options *options, const struct layout *layout,
			      uint8_t *p)
{
	const struct element *name = &layout->elements[1], *text = &layout->elements[2];
	struct plx_report_iface iface = {};

	if (!options->source.iface ||
	    !options->source.iface(options->source.arg, options->index, &iface))
		return NULL;
	if (layout->elements[1].element == 10) { /* of nfdump, which reads the text as the name */
		p = plx_put_u32(p, METERING_PROCESS);
		p = plx_put_u32(p, iface.ifindex);
		return put_text(p, iface.name, text->size);
	}
	p = plx_put_u32(p, iface.ifindex);
	p = put_text(p, iface.name, name->size);
	return put_text(p, iface.description, text->size);
}

static uint8_t *put_rise(uint8_t *p, const struct plx_options_rise *rise)
{
	p = plx_put_u64(p, rise->first_ms);
	return plx_put_u64(p, rise->last_ms);
}

static uint8_t *put_probability(uint8_t *p, uint32_t interval)
{
	double probability = 1.0 / interval;
	uint64_t bits;

	_Static_assert(sizeof(bits) == sizeof(probability), "float64");
	memcpy(&bits, &probability, sizeof(bits));
	return plx_put_u64(p, bits);
}

static uint8_t *put_keys(const struct plx_options *options,
			 const struct plx_options_session *session, uint8_t *p)
{
	uint16_t template;
	uint64_t keys;

	if (!session->keys(session->arg, options->index, &template, &keys))
		return NULL;
	p = plx_put_u16(p, template);
	return plx_put_u64(p, keys);
}

/* Record number index of a kind; returns what is behind, or NULL: there are no more. */
static uint8_t *put_record(const struct plx_options *options,
			   const struct plx_options_session *session, uint8_t *p)
{
	const struct plx_report *report = &options->report;

	if (options->kind == INTERFACE)
		return put_interface(options, layout_of(INTERFACE, session->bits), p);
	if (options->kind == KEYS)
		return put_keys(options, session, p);
	if (options->index) /* one record of each of the others */
		return NULL;
	switch (options->kind) {
	case SENT:
		p = plx_put_u32(p, session->domain);
		p = plx_put_u64(p, report->messages);
		p = plx_put_u64(p, report->records);
		return plx_put_u64(p, report->octets);
	case IGNORED:
		p = plx_put_u32(p, session->domain);
		p = plx_put_u32(p, METERING_PROCESS);
		p = plx_put_u64(p, report->ignored_packets);
		p = plx_put_u64(p, report->ignored_octets);
		return put_rise(p, &options->ignored);
	case UNSENT:
		p = plx_put_u32(p, EXPORTING_PROCESS);
		p = plx_put_u64(p, report->unsent_records);
		p = plx_put_u64(p, report->unsent_packets);
		p = plx_put_u64(p, report->unsent_octets);
		return put_rise(p, &options->unsent);
	case SELECTOR_REPORT:
		p = plx_put_u64(p, SELECTOR);
		p = plx_put_u16(p, 4); /* uniform probabilistic, RFC 5476, 6.5.2.4 */
		return put_probability(p, report->sampling_interval);
	default:
		p = plx_put_u32(p, session->domain);
		return plx_put_u32(p, report->sampling_interval);
	}
}

size_t plx_options_next(struct plx_options *options, const struct plx_options_session *session,
			uint8_t buf[PLX_OPTIONS_MAX], uint16_t *ret_id)
{
	uint8_t *end;

	for (; options->phase != IDLE && options->kind < NR_KINDS; options->kind++) {
		if (!is_wanted(options, options->kind, session->bits))
			continue;
		*ret_id = 0;
		if (options->phase == TEMPLATES) {
			if (!options->index)
				return put_template(options->kind, session->bits, buf);
		} else {
			*ret_id = (uint16_t)(FIRST_TEMPLATE_ID + plx_fields_spare(options->kind));
			end = put_record(options, session, buf);
			if (end)
				return (size_t)(end - buf);
		}
		options->index = 0;
	}
	if (options->phase != IDLE) {
		options->phase = options->phase == TEMPLATES ? RECORDS : IDLE;
		options->kind = 0;
		options->index = 0;
	}
	return 0;
}

void plx_options_step(struct plx_options *options)
{
	options->index++;
}
