/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallax export: where flows go, and each exporter's books: handed = sent + queued + lost.
 */
#include "cmd.h"

#include <inttypes.h>

#include <json-c/json.h>

#include "client.h"
#include "out.h"

static const char *const tally_units[] = {"records", "packets", "bytes"};
#define NR_UNITS (sizeof(tally_units) / sizeof(tally_units[0]))

/* Sum over the causes of loss; false if one of them is not a number. */
static bool sum_lost(struct json_object *lost, const char *unit, uint64_t *ret_sum)
{
	uint64_t value, sum = 0;

	if (!json_object_is_type(lost, json_type_object))
		return false;
	json_object_object_foreach (lost, cause, tally) {
		(void)cause;
		if (!out_member_u64(tally, unit, &value))
			return false;
		sum += value;
	}
	*ret_sum = sum;
	return true;
}

static void print_row(struct out_table *table, struct json_object *exporter, const char *unit)
{
	static const char *const accounts[] = {"handed", "sent", "queued"};
	uint64_t values[3], lost;
	char number[OUT_NUMBER_SIZE];
	bool known = true;

	out_line(table);
	out_cell(table, "  %s", unit);
	for (size_t i = 0; i < 3; i++) {
		struct json_object *tally = out_member(exporter, accounts[i]);

		known &= out_member_u64(tally, unit, &values[i]);
		out_cell(table, "%s", out_member_count(number, tally, unit));
	}
	if (!sum_lost(out_member(exporter, "lost"), unit, &lost)) {
		out_cell(table, "?");
		known = false;
	} else {
		out_cell(table, "%" PRIu64, lost);
	}
	if (!known)
		out_cell(table, "?");
	else if (values[0] == values[1] + values[2] + lost)
		out_cell(table, "balances");
	else
		out_cell(table, "DOES NOT BALANCE");
}

static void print_details(FILE *stream, struct json_object *exporter)
{
	char n[4][OUT_NUMBER_SIZE];
	struct json_object *lost = out_member(exporter, "lost");
	const char *last_error = out_member_text(exporter, "last_error");
	uint64_t records;

	out_say(stream, "  %s messages, %s octets, %s templates, %s errors",
		out_member_count(n[0], exporter, "messages"),
		out_member_si(n[1], exporter, "octets"),
		out_member_count(n[2], exporter, "templates"),
		out_member_count(n[3], exporter, "errors"));
	if (json_object_is_type(lost, json_type_object)) {
		json_object_object_foreach (lost, cause, tally) {
			if (out_member_u64(tally, "records", &records) && !records)
				continue;
			out_say(stream, "  lost %s: %s records, %s packets, %s bytes", cause,
				out_member_count(n[0], tally, "records"),
				out_member_count(n[1], tally, "packets"),
				out_member_count(n[2], tally, "bytes"));
		}
	}
	if (last_error[0] && (last_error[0] != '-' || last_error[1]))
		out_say(stream, "  last error: %s", last_error);
}

enum cli_exit cmd_export_print(const struct cli *cli, struct json_object *exporters, FILE *stream)
{
	static const struct out_column columns[] = {
		{"", false},	  {"HANDED", true}, {"SENT", true},
		{"QUEUED", true}, {"LOST", true},   {"BOOKS", false},
	};
	enum cli_exit status;
	struct out_table table;

	if (json_object_array_length(exporters) == 0)
		out_say(stream, "no exporters");
	for (size_t i = 0; i < json_object_array_length(exporters); i++) {
		struct json_object *exporter = json_object_array_get_idx(exporters, i);

		if (i)
			fputc('\n', stream);
		out_say(stream, "exporter %s: %s", out_member_text(exporter, "url"),
			out_member_text(exporter, "state"));
		out_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]), "  ");
		for (size_t unit = 0; unit < NR_UNITS; unit++)
			print_row(&table, exporter, tally_units[unit]);
		status = out_table_done(cli, &table, stream);
		if (status != CLI_DONE)
			return status;
		print_details(stream, exporter);
	}
	return CLI_DONE;
}

static enum cli_exit render_list(const struct cli *cli, struct json_object *document, FILE *stream)
{
	struct json_object *exporters = client_array(cli, document, "exporters");

	return exporters ? cmd_export_print(cli, exporters, stream) : CLI_FAILED;
}

static enum cli_exit render_add(const struct cli *cli, struct json_object *document, FILE *stream)
{
	struct json_object *exporter = client_object(cli, document, "exporter");

	if (!exporter)
		return CLI_FAILED;
	out_say(stream, "%s: added, %s", out_member_text(exporter, "url"),
		out_member_text(exporter, "state"));
	return CLI_DONE;
}

static enum cli_exit render_del(const struct cli *cli, struct json_object *document, FILE *stream)
{
	struct json_object *exporter = client_object(cli, document, "exporter");

	if (!exporter)
		return CLI_FAILED;
	out_say(stream, "%s: removed", out_member_text(exporter, "url"));
	return CLI_DONE;
}

static enum cli_exit render_flush(const struct cli *cli, struct json_object *document, FILE *stream)
{
	char number[OUT_NUMBER_SIZE];

	(void)cli;
	out_say(stream, "%s flows handed to the exporters",
		out_member_count(number, document, "flushed"));
	return CLI_DONE;
}

enum cli_exit cmd_export_list(const struct cli *cli)
{
	return client_show(cli, client_request("export.list"), render_list);
}

enum cli_exit cmd_export_add(const struct cli *cli)
{
	struct json_object *request = client_request("export.add");

	client_argument(request, "url", cli->operands[0]);
	return client_show(cli, request, render_add);
}

enum cli_exit cmd_export_del(const struct cli *cli)
{
	struct json_object *request = client_request("export.del");

	client_argument(request, "url", cli->operands[0]);
	return client_show(cli, request, render_del);
}

enum cli_exit cmd_export_flush(const struct cli *cli)
{
	return client_show(cli, client_request("export.flush"), render_flush);
}
