/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of fields: what the field sets have, and that control/FIELDS.md is what it says.
 * PLX_WRITE=1 writes that file instead, as `make fields` does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipfix_message.h"

#define DOCUMENT "control/FIELDS.md"

static struct plx_ipfix session;

/* The template of a flow, as "element/size " for each field, and its record. */
static const uint8_t *encode(const struct plx_flow *flow, enum plx_field_set fields, char *text)
{
	unsigned int id, nr;
	const uint8_t *p = msg + 20;
	size_t len = 0;

	init(&session);
	plx_ipfix_fields(&session, fields);
	begin(&session, 1372);
	assert_true(plx_ipfix_add(&session, flow));
	plx_ipfix_end(&session, MONO_NS);
	id = get16(p);
	nr = get16(p + 2);
	for (p += 4; nr--; p += 4)
		len += (size_t)sprintf(text + len, "%u/%u ", get16(p), get16(p + 2));
	p = msg + 16 + get16(msg + 18);
	assert_int_equal(get16(p), id);
	return p + 4;
}

static void lean_records_have_what_nfdump_knows(void **state)
{
	struct plx_flow flow = udp4_flow();
	char text[1024];
	const uint8_t *record;

	(void)state;
	record = encode(&flow, PLX_FIELDS_NFDUMP, text);
	assert_string_equal(text,
			    "8/4 12/4 7/2 11/2 4/1 5/1 6/1 1/8 2/8 152/8 153/8 10/4 14/4 61/1 "
			    "136/1 58/2 56/6 80/6 ");
	assert_int_equal(get32(record), 0xc0000201);
	assert_int_equal(record[64], 1); /* last octets of MAC addresses */
	assert_int_equal(record[70], 2);
	flow = icmp6_flow();
	translate(&flow);
	encode(&flow, PLX_FIELDS_NFDUMP, text);
	assert_string_equal(text, "27/16 28/16 7/2 11/2 139/2 4/1 5/1 6/1 1/8 2/8 152/8 153/8 10/4 "
				  "14/4 61/1 136/1 58/2 56/6 80/6 281/16 282/16 ");
}

static void full_records_have_finer_times_and_what_follows_from_others(void **state)
{
	struct plx_flow flow = icmp4_flow();
	char text[1024];
	const uint8_t *record;

	(void)state;
	translate(&flow);
	flow.stats.first_ns = 4990 * SECOND + 500000001;
	record = encode(&flow, PLX_FIELDS_FULL, text);
	assert_string_equal(
		text, "8/4 12/4 7/2 11/2 32/2 176/1 177/1 4/1 5/1 195/1 6/1 1/8 2/8 156/8 157/8 "
		      "152/8 153/8 10/4 14/4 61/1 136/1 58/2 243/2 56/6 80/6 60/1 52/1 53/1 "
		      "25/2 26/2 352/8 197/1 244/1 245/2 148/8 225/4 226/4 297/1 ");
	assert_int_equal(record[14], 3); /* type */
	assert_int_equal(record[15], 4); /* code */
	assert_int_equal(record[18], 0xb8 >> 2);
	/* RFC 7011, 6.1.10: NTP; 1700004990 s and 0.500000001 */
	assert_int_equal(get32(record + 36), 1700004990 + 2208988800);
	assert_int_equal(get32(record + 40), 0x80000004);
}

/* The largest record with its template is in a message of the smallest MTU that is taken. */
static void the_largest_record_fits(void **state)
{
	struct plx_flow flow = udp6_flow();

	(void)state;
	flow.key.protocol = 6;
	flow.stats.marks |= PLX_MARKS(0, 1);
	flow.stats.first.mpls[2][2] = 1;
	flow.sampling_interval = 10;
	leave(&flow);
	put_in_tunnel(&flow, 6, 47, PLX_TUNNEL_NVGRE, 5);
	for (int full = 0; full < 2; full++) {
		init(&session);
		plx_ipfix_netflow9(&session, false);
		plx_ipfix_sampled(&session);
		if (full)
			plx_ipfix_fields(&session, PLX_FIELDS_FULL);
		begin(&session, full ? PLX_IPFIX_SIZE_MIN_FULL : PLX_IPFIX_SIZE_MIN);
		assert_true(plx_ipfix_add(&session, &flow));
		plx_ipfix_end(&session, MONO_NS);
	}
}

static void write_table(FILE *file, bool events)
{
	const struct plx_field *field;
	char text[128];
	size_t count;

	field = plx_fields_table(events, &count);
	fprintf(file,
		"| element | name | octets | in records of | IPFIX | NetFlow v9 | `nfdump` |%s\n"
		"|---|---|---|---|---|---|---|%s\n",
		events ? "" : " `default` | `full` | key |", events ? "" : "---|---|---|");
	for (; count--; field++) {
		bool full = field->with & PLX_SESSION_FULL;

		plx_field_text(field, text, sizeof(text));
		fprintf(file, "| %u | %s | %u | %s | %s | %s | %s |", field->element, field->name,
			field->size, *text ? text : "all",
			field->with & (PLX_SESSION_NETFLOW9 | PLX_SESSION_UPTIME) ? "" : "x",
			field->without & PLX_SESSION_NETFLOW9 ? ""
			: field->with & PLX_SESSION_UPTIME    ? "live"
			: field->without & PLX_SESSION_UPTIME ? "captures"
							      : "x",
			full || field->without & PLX_SESSION_LEAN ? "" : "x");
		if (!events)
			fprintf(file, " %s | x | %s |", full ? "" : "x",
				plx_field_is_key(field) ? "x" : "");
		fputc('\n', file);
	}
}

static void write_document(FILE *file)
{
	fputs("# Fields of records\n\n"
	      "Made of the table in `fields.c` by `make fields`; a test compares. In the order of "
	      "records: an element that is\nthere twice is first that of the outer header. Numbers "
	      "and names are those of the IANA IPFIX registry, and so\nthey are in NetFlow v9. "
	      "`nfdump`, `default` and `full` are the field sets that `?fields=` names. Key: told "
	      "by "
	      "the\nflow key indicator in options. NetFlow v5 has a format of its own.\n\n"
	      "## Flows\n\n",
	      file);
	write_table(file, false);
	fputs("\n## NAT event log\n\n", file);
	write_table(file, true);
}

static void document_is_what_the_table_says(void **state)
{
	char *wanted = NULL, *got = NULL;
	size_t size = 0, got_size = 0;
	FILE *file = open_memstream(&wanted, &size);

	(void)state;
	assert_non_null(file);
	write_document(file);
	fclose(file);
	if (getenv("PLX_WRITE")) {
		file = fopen(DOCUMENT, "w");
		assert_non_null(file);
		assert_int_equal(fwrite(wanted, 1, size, file), size);
		fclose(file);
	}
	file = fopen(DOCUMENT, "r");
	if (!file)
		fail_msg("no " DOCUMENT " here: not started in the folder of the project?");
	assert_true(getdelim(&got, &got_size, '\0', file) > 0);
	fclose(file);
	assert_string_equal(got, wanted);
	free(got);
	free(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lean_records_have_what_nfdump_knows),
		cmocka_unit_test(full_records_have_finer_times_and_what_follows_from_others),
		cmocka_unit_test(the_largest_record_fits),
		cmocka_unit_test(document_is_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
