/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallax doctor: what this machine can do. Asked of the program parallaxd rather than of a
 * daemon, since who asks often has none yet.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "client.h"
#include "out.h"

static enum cli_exit render(const struct cli *cli, struct json_object *document, FILE *stream)
{
	static const struct out_column columns[] = {
		{"CHECK", false}, {"STATE", false}, {"", false}};
	struct json_object *checks = client_array(cli, document, "checks");
	struct out_table table;
	enum cli_exit status;

	if (!checks)
		return CLI_FAILED;
	out_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]), "  ");
	for (size_t i = 0; i < json_object_array_length(checks); i++) {
		struct json_object *check = json_object_array_get_idx(checks, i);

		out_line(&table);
		out_cell(&table, "%s", out_member_text(check, "check"));
		out_cell(&table, "%s", out_member_text(check, "state"));
		out_cell(&table, "%s", out_member_text(check, "text"));
	}
	status = out_table_done(cli, &table, stream);
	if (status == CLI_DONE && !out_member_bool(document, "able"))
		out_say(stream, "Something that is missing is needed.");
	return status;
}

enum cli_exit cmd_doctor(const struct cli *cli)
{
	return client_show_program(cli, "--doctor", render);
}
