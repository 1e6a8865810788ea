/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallax nat: what is translated. A line for each direction of a connection: the tuple that its
 * packets arrive with, and the one that they leave with.
 */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include <json-c/json.h>

#include "client.h"
#include "out.h"

/* An end of a tuple: "10.1.0.2:5001", "[fd01::2]:53", or the address alone. */
static const char *end_text(char buffer[OUT_END_SIZE], struct json_object *mapping,
			    const char *address, const char *port)
{
	uint64_t version = 0, number;
	const char *text;
	char name[64];

	(void)out_member_u64(mapping, "ipVersion", &version);
	snprintf(name, sizeof(name), "%sIPv%dAddress", address, version == 6 ? 6 : 4);
	text = out_member_text(mapping, name);
	return out_member_u64(mapping, port, &number) ? out_end_text(buffer, text, number) : text;
}

static void print_mapping(struct out_table *table, struct json_object *mapping)
{
	char end[OUT_END_SIZE], number[OUT_NUMBER_SIZE];

	out_line(table);
	out_cell(table, "%s", out_member_count(number, mapping, "protocolIdentifier"));
	out_cell(table, "%s", end_text(end, mapping, "source", "sourceTransportPort"));
	out_cell(table, "%s", end_text(end, mapping, "destination", "destinationTransportPort"));
	out_cell(table, "%s",
		 end_text(end, mapping, "postNATSource", "postNAPTSourceTransportPort"));
	out_cell(table, "%s",
		 end_text(end, mapping, "postNATDestination", "postNAPTDestinationTransportPort"));
	out_cell(table, "%s", out_member_bool(mapping, "reply") ? "reply" : "original");
	out_cell(table, "%s",
		 out_member_bool(mapping, "live") ? out_member_text(mapping, "state") : "ended");
	out_cell(table, "%s",
		 out_member(mapping, "age_ns") ? out_member_duration(number, mapping, "age_ns")
					       : "-");
	out_cell(table, "%s",
		 out_member(mapping, "octets") ? out_member_si(number, mapping, "octets") : "-");
}

static enum cli_exit render(const struct cli *cli, struct json_object *document, FILE *stream)
{
	static const struct out_column columns[] = {
		{"PROTO", true},
		{"SOURCE", false},
		{"DESTINATION", false},
		{"NAT SOURCE", false},
		{"NAT DESTINATION", false},
		{"WAY", false},
		{"STATE", false},
		{"AGE", true},
		{"OCTETS", true},
	};
	struct json_object *mappings = client_array(cli, document, "mappings");
	struct out_table table;
	enum cli_exit status;
	uint64_t total;
	size_t shown;

	if (!mappings)
		return CLI_FAILED;
	shown = json_object_array_length(mappings);
	if (shown == 0) {
		out_say(stream, "%s",
			cli->nr_operands ? "no mappings match" : "nothing is translated");
		return CLI_DONE;
	}
	out_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]), "  ");
	for (size_t i = 0; i < shown; i++)
		print_mapping(&table, json_object_array_get_idx(mappings, i));
	status = out_table_done(cli, &table, stream);
	if (status == CLI_DONE && out_member_u64(document, "total", &total) && total > shown)
		out_say(stream, "%zu of %" PRIu64 ", --limit shows more", shown, total);
	return status;
}

enum cli_exit cmd_nat(const struct cli *cli)
{
	struct json_object *request = client_filter(client_request("nat"), cli);

	if (request && cli->limit)
		json_object_object_add(request, "limit", json_object_new_int(cli->limit));
	return client_show(cli, request, render);
}
