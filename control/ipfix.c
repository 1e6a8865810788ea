/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX encoder, and NetFlow v9, which is the same with another header and, where it is possible,
 * its own times: messages, sets and templates. What is in the records fields.c says.
 */
#include "ipfix.h"

#include <string.h>

#include "fields.h"
#include "put.h"

#define VERSION		     10
#define HEADER_SIZE	     16
#define NETFLOW9_VERSION     9
#define NETFLOW9_HEADER_SIZE 20 /* RFC 3954, 5.1 */
#define SET_HEADER_SIZE	     4
#define TEMPLATE_HEADER_SIZE 4
#define TEMPLATE_SET_ID	     2 /* of NetFlow v9: 0 */
#define OPTIONS_SET_ID	     3 /* of NetFlow v9: 1 */
#define FIRST_TEMPLATE_ID    256
#define RENEW_NS	     1000000000ull
#define UPTIME_CHOSEN_MS     (1ull << 31)
#define UPTIME_MARGIN_MS     86400000 /* a message may be filled for so long, and end later */

#define MESSAGE(fields, record)                                                                    \
	(NETFLOW9_HEADER_SIZE + SET_HEADER_SIZE + TEMPLATE_HEADER_SIZE + 4 * (fields) +            \
	 SET_HEADER_SIZE + (record))
_Static_assert(MESSAGE(PLX_RECORD_FIELDS, PLX_RECORD_MAX) <= PLX_IPFIX_SIZE_MIN &&
		       MESSAGE(PLX_RECORD_FIELDS + 3, PLX_RECORD_FULL_MAX) <=
			       PLX_IPFIX_SIZE_MIN_FULL &&
		       PLX_IPFIX_SIZE_MIN % 4 == 0 && PLX_IPFIX_SIZE_MIN_FULL % 4 == 0,
	       "the longest record and its template in one message");

static bool is_netflow9(const struct plx_ipfix *ipfix)
{
	return ipfix->session & PLX_SESSION_NETFLOW9;
}

static uint64_t wall_ns(const struct plx_ipfix *ipfix, uint64_t mono_ns)
{
	int64_t ns = (int64_t)mono_ns + ipfix->offset_ns;

	return ns > 0 ? (uint64_t)ns : 0;
}

static uint64_t wall_ms(const struct plx_ipfix *ipfix, uint64_t mono_ns)
{
	return wall_ns(ipfix, mono_ns) / 1000000;
}

/*
 * What a message of NetFlow v9 has for the time of boot: that of the machine, while no time in it
 * has more than 32 bits of milliseconds, 49.7 days; then half of that ago. nfcapd takes a time
 * ahead of a wrap for one of 49.7 days later, so none may wrap.
 */
static uint64_t boot_ms(const struct plx_ipfix *ipfix)
{
	if (ipfix->now_ns / 1000000 <= UINT32_MAX - UPTIME_MARGIN_MS)
		return (uint64_t)(ipfix->offset_ns / 1000000);
	return wall_ms(ipfix, ipfix->now_ns) - UPTIME_CHOSEN_MS;
}

/* Milliseconds since boot of a wall time. */
static uint32_t uptime_ms(const struct plx_ipfix *ipfix, uint64_t wall)
{
	return (uint32_t)(wall - ipfix->boot_ms);
}

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Zero bytes up to a multiple of 4; a set has no record as short as that (RFC 7011, 3.3.1). */
static void close_set(struct plx_ipfix *ipfix)
{
	size_t end = align4(ipfix->len);

	if (!ipfix->set)
		return;
	memset(ipfix->buf + ipfix->len, 0, end - ipfix->len);
	ipfix->len = end;
	plx_put_u16(ipfix->buf + ipfix->set + 2, (uint16_t)(end - ipfix->set));
	ipfix->set = 0;
	ipfix->set_id = 0;
}

/* Make the set with this id the open one: neighbours share a set. */
static void open_set(struct plx_ipfix *ipfix, uint16_t id)
{
	if (ipfix->set_id == id)
		return;
	close_set(ipfix);
	ipfix->set = ipfix->len;
	ipfix->set_id = id;
	/* NetFlow v9 has 0 and 1 for templates */
	plx_put_u16(ipfix->buf + ipfix->set,
		    is_netflow9(ipfix) && id <= OPTIONS_SET_ID ? id - TEMPLATE_SET_ID : id);
	ipfix->len += SET_HEADER_SIZE;
}

/* Offset behind size bytes in the set with this id. */
static size_t end_in_set(const struct plx_ipfix *ipfix, size_t offset, uint16_t id, size_t size)
{
	return (ipfix->set_id == id ? offset : align4(offset) + SET_HEADER_SIZE) + size;
}

/* A set of the session: what all of its records have is in none of its template ids. */
static unsigned int in_session(const struct plx_ipfix *ipfix, unsigned int set)
{
	return set | ipfix->session;
}

static unsigned int set_of_id(const struct plx_ipfix *ipfix, uint16_t id)
{
	return in_session(ipfix, id - FIRST_TEMPLATE_ID);
}

static size_t template_size(unsigned int set)
{
	return TEMPLATE_HEADER_SIZE + 4 * plx_fields_count(set);
}

/* There is room for it. */
static void put_template(struct plx_ipfix *ipfix, struct plx_ipfix_template *template)
{
	unsigned int set = set_of_id(ipfix, template->id);
	const struct plx_field *field;
	uint8_t *p;

	open_set(ipfix, TEMPLATE_SET_ID);
	p = ipfix->buf + ipfix->len;
	p = plx_put_u16(p, template->id);
	p = plx_put_u16(p, (uint16_t)plx_fields_count(set));
	for (field = plx_fields_first(set); field; field = plx_fields_next(set, field)) {
		p = plx_put_u16(p, field->element);
		p = plx_put_u16(p, field->size);
	}
	ipfix->len = (size_t)(p - ipfix->buf);
	ipfix->templates++;
	template->due = false;
}

static bool templates_due(const struct plx_ipfix *ipfix)
{
	uint64_t age_ns = ipfix->now_ns - ipfix->refreshed_ns;

	return !ipfix->started || age_ns >= ipfix->template_ns ||
	       ipfix->messages >= ipfix->template_messages ||
	       (ipfix->template_asked && age_ns >= RENEW_NS);
}

/* Step over what was sent out of turn, ahead of its record. */
static bool refresh_goes_on(struct plx_ipfix *ipfix)
{
	while (ipfix->next_due < ipfix->nr_used && !ipfix->table[ipfix->used[ipfix->next_due]].due)
		ipfix->next_due++;
	return ipfix->next_due < ipfix->nr_used;
}

static void start_refresh(struct plx_ipfix *ipfix)
{
	for (uint16_t i = 0; i < ipfix->nr_used; i++)
		ipfix->table[ipfix->used[i]].due = true;
	ipfix->next_due = 0;
	ipfix->started = true;
	ipfix->template_asked = false;
	ipfix->refreshed_ns = ipfix->now_ns;
	ipfix->messages = 0;
}

/* As many of the templates as fit; many of them, or a small MTU, need more than one message. */
static void put_due_templates(struct plx_ipfix *ipfix)
{
	while (refresh_goes_on(ipfix)) {
		struct plx_ipfix_template *template = &ipfix->table[ipfix->used[ipfix->next_due]];
		size_t size = template_size(set_of_id(ipfix, template->id));

		if (end_in_set(ipfix, ipfix->len, TEMPLATE_SET_ID, size) > ipfix->size)
			break;
		put_template(ipfix, template);
	}
}

/* Which fields of a template tell flows apart (RFC 7011, 4.4). */
static bool keys_of(const void *arg, size_t index, uint16_t *ret_template, uint64_t *ret_keys)
{
	const struct plx_ipfix *ipfix = arg;
	const struct plx_field *field;
	unsigned int set;
	uint64_t bit = 1;

	if (index >= ipfix->nr_used)
		return false;
	*ret_template = ipfix->table[ipfix->used[index]].id;
	*ret_keys = 0;
	set = set_of_id(ipfix, *ret_template);
	for (field = plx_fields_first(set); field; field = plx_fields_next(set, field), bit <<= 1)
		*ret_keys |= plx_field_is_key(field) ? bit : 0;
	return true;
}

/* As many of the options that are due as fit. */
static void put_due_options(struct plx_ipfix *ipfix)
{
	const struct plx_options_session session = {ipfix->session, ipfix->domain, keys_of, ipfix};
	uint8_t record[PLX_OPTIONS_MAX];
	uint16_t id;
	size_t size;

	plx_options_begin(&ipfix->option_records, ipfix->now_ns, wall_ms(ipfix, ipfix->now_ns));
	while ((size = plx_options_next(&ipfix->option_records, &session, record, &id))) {
		bool is_template = !id;

		if (is_template) { /* alone in its set */
			id = OPTIONS_SET_ID;
			close_set(ipfix);
		}
		if (end_in_set(ipfix, ipfix->len, id, size) > ipfix->size)
			return;
		open_set(ipfix, id);
		memcpy(ipfix->buf + ipfix->len, record, size);
		ipfix->len += size;
		ipfix->templates += is_template;
		ipfix->options += !is_template;
		plx_options_step(&ipfix->option_records);
	}
}

void plx_ipfix_init(struct plx_ipfix *ipfix, uint32_t domain, uint32_t template_seconds,
		    uint32_t template_messages)
{
	*ipfix = (struct plx_ipfix){
		.domain = domain,
		.template_ns = template_seconds * 1000000000ull,
		.template_messages = template_messages,
	};
}

void plx_ipfix_begin(struct plx_ipfix *ipfix, void *buf, size_t size, uint64_t now_ns,
		     int64_t wall_offset_ns)
{
	/* in the message before */
	bool no_flows = (ipfix->templates || ipfix->options) && !ipfix->records;

	ipfix->buf = buf;
	ipfix->size = size & ~(size_t)3;
	ipfix->len = is_netflow9(ipfix) ? NETFLOW9_HEADER_SIZE : HEADER_SIZE;
	ipfix->skipped = false;
	ipfix->set = 0;
	ipfix->set_id = 0;
	ipfix->records = 0;
	ipfix->templates = 0;
	ipfix->options = 0;
	ipfix->offset_ns = wall_offset_ns;
	ipfix->now_ns = now_ns;
	ipfix->boot_ms = boot_ms(ipfix);
	ipfix->max_end_ns = 0;
	/* Records must get on: they have every other message at least, with all of its room. */
	if (no_flows)
		return;
	/* Not while one goes on: with a small MTU and template-packets=1 it would never end. */
	if (!refresh_goes_on(ipfix) && templates_due(ipfix))
		start_refresh(ipfix);
	put_due_templates(ipfix);
	if (ipfix->option_records.refresh_ns)
		put_due_options(ipfix);
}

/* Open the set for a record of another kind than the last one. False: no room. */
static __attribute__((noinline)) bool begin_set(struct plx_ipfix *ipfix, unsigned int set)
{
	unsigned int place = plx_fields_place(set);
	struct plx_ipfix_template *template = &ipfix->table[place];
	size_t end = ipfix->len;

	if (!template->record_size) {
		template->id = (uint16_t)(FIRST_TEMPLATE_ID + set);
		template->record_size = (uint16_t)plx_fields_size(in_session(ipfix, set));
		template->due = true;
		ipfix->used[ipfix->nr_used++] = (uint16_t)place;
	}
	if (template->due)
		end = end_in_set(ipfix, end, TEMPLATE_SET_ID,
				 template_size(in_session(ipfix, set)));
	if (align4(end) + SET_HEADER_SIZE + template->record_size > ipfix->size)
		return false;
	if (template->due)
		put_template(ipfix, template);
	open_set(ipfix, template->id);
	ipfix->set_size = template->record_size;
	return true;
}

/* Make room for a record of this set. */
static inline bool make_room(struct plx_ipfix *ipfix, unsigned int set)
{
	if (ipfix->set_id != FIRST_TEMPLATE_ID + set)
		return begin_set(ipfix, set);
	return ipfix->len + ipfix->set_size <= ipfix->size;
}

bool plx_ipfix_add(struct plx_ipfix *ipfix, const struct plx_flow *flow)
{
	unsigned int set = plx_fields_of_flow(flow);
	uint64_t last_ns = flow->stats.last_ns, first_ns = flow->stats.first_ns;
	struct plx_record_times times;
	uint8_t *p;

	if (!make_room(ipfix, set))
		return false;
	/* Whatever the clocks of several CPUs said: start <= end <= export time. */
	if (last_ns > ipfix->now_ns)
		last_ns = ipfix->now_ns;
	if (first_ns > last_ns)
		first_ns = last_ns;
	times.start_ns = wall_ns(ipfix, first_ns);
	times.end_ns = wall_ns(ipfix, last_ns);
	times.boot_ms = ipfix->boot_ms;
	if (times.end_ns > ipfix->max_end_ns)
		ipfix->max_end_ns = times.end_ns;

	p = plx_fields_put(ipfix->buf + ipfix->len, flow, &times, in_session(ipfix, set));
	ipfix->len = (size_t)(p - ipfix->buf);
	ipfix->records++;
	return true;
}

bool plx_ipfix_add_event(struct plx_ipfix *ipfix, const struct plx_nat_event *event)
{
	unsigned int set = plx_fields_of_event(event);
	uint64_t at_ns =
		wall_ns(ipfix, event->at_ns < ipfix->now_ns ? event->at_ns : ipfix->now_ns);
	uint8_t *p;

	if (!make_room(ipfix, set))
		return false;
	if (at_ns > ipfix->max_end_ns)
		ipfix->max_end_ns = at_ns;
	p = plx_fields_put_event(ipfix->buf + ipfix->len, event, at_ns / 1000000, set);
	ipfix->len = (size_t)(p - ipfix->buf);
	ipfix->records++;
	return true;
}

size_t plx_ipfix_end(struct plx_ipfix *ipfix, uint64_t now_ns)
{
	uint64_t export_s = wall_ms(ipfix, now_ns) / 1000;
	uint64_t max_end_s = (ipfix->max_end_ns / 1000000 + 999) / 1000;
	uint8_t *p = ipfix->buf;

	close_set(ipfix);
	/* The header has whole seconds: a flow that ended within this one must not end later. */
	if (max_end_s > export_s)
		export_s = max_end_s;
	if (is_netflow9(ipfix)) {
		p = plx_put_u16(p, NETFLOW9_VERSION);
		p = plx_put_u16(p, ipfix->records + ipfix->options + ipfix->templates);
		/* At the full second: collectors take the difference for the time of boot. */
		p = plx_put_u32(p, uptime_ms(ipfix, export_s * 1000));
		p = plx_put_u32(p, (uint32_t)export_s);
		p = plx_put_u32(p, ipfix->sequence++);
	} else {
		p = plx_put_u16(p, VERSION);
		p = plx_put_u16(p, (uint16_t)ipfix->len);
		p = plx_put_u32(p, (uint32_t)export_s);
		p = plx_put_u32(p, ipfix->sequence);
		ipfix->sequence += ipfix->records + ipfix->options;
	}
	plx_put_u32(p, ipfix->domain);
	ipfix->messages++;
	return ipfix->len;
}

void plx_ipfix_skip(struct plx_ipfix *ipfix)
{
	/* Of NetFlow v9 messages are numbered: the one that could not be begun is one. */
	if (is_netflow9(ipfix) && ipfix->skipped)
		return;
	ipfix->skipped = true;
	ipfix->sequence++;
}

void plx_ipfix_sampled(struct plx_ipfix *ipfix)
{
	ipfix->session |= PLX_SESSION_SAMPLED;
}

void plx_ipfix_netflow9(struct plx_ipfix *ipfix, bool uptime)
{
	ipfix->session |= PLX_SESSION_NETFLOW9 | (uptime ? PLX_SESSION_UPTIME : 0);
}

void plx_ipfix_options(struct plx_ipfix *ipfix, const struct plx_options_source *source,
		       uint32_t refresh_seconds)
{
	plx_options_init(&ipfix->option_records, source, refresh_seconds);
}

void plx_ipfix_fields(struct plx_ipfix *ipfix, enum plx_field_set fields)
{
	static const uint32_t bits[] = {
		[PLX_FIELDS_DEFAULT] = 0,
		[PLX_FIELDS_NFDUMP] = PLX_SESSION_LEAN,
		[PLX_FIELDS_FULL] = PLX_SESSION_FULL,
	};

	ipfix->session |= bits[fields];
}

void plx_ipfix_renew(struct plx_ipfix *ipfix)
{
	ipfix->template_asked = true;
}
