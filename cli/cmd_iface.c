/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallax iface: which interfaces are metered, and where. The daemon decides the hook; its reason
 * is part of the answer.
 */
#include "cmd.h"

#include <json-c/json.h>

#include "client.h"
#include "out.h"

void cmd_iface_print_reasons(struct json_object *ifaces, FILE *stream)
{
	for (size_t i = 0; i < json_object_array_length(ifaces); i++) {
		struct json_object *iface = json_object_array_get_idx(ifaces, i);
		const char *name = out_member_text(iface, "name");

		out_say(stream, "%s: %s", name, out_member_text(iface, "reason"));
		if (!out_member_bool(iface, "present"))
			out_say(stream, "%s: GONE, its ledger is kept", name);
		else if (!out_member_bool(iface, "exact"))
			out_say(stream, "%s: NOT EXACT: a super-packet counts as one packet", name);
	}
}

static enum cli_exit render_list(const struct cli *cli, struct json_object *document, FILE *stream)
{
	static const struct out_column columns[] = {
		{"INTERFACE", false}, {"IFINDEX", true},  {"PRESENT", false},
		{"ASKED", false},     {"INGRESS", false}, {"EGRESS", false},
		{"DIRECTION", false}, {"TUNNEL", false},  {"EXACT", false},
	};
	struct json_object *ifaces = client_array(cli, document, "interfaces");
	char number[OUT_NUMBER_SIZE], hook[OUT_HOOK_SIZE];
	struct out_table table;
	enum cli_exit status;

	if (!ifaces)
		return CLI_FAILED;
	if (json_object_array_length(ifaces) == 0) {
		out_say(stream, "no interfaces");
		return CLI_DONE;
	}
	out_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]), "  ");
	for (size_t i = 0; i < json_object_array_length(ifaces); i++) {
		struct json_object *iface = json_object_array_get_idx(ifaces, i);

		out_line(&table);
		out_cell(&table, "%s", out_member_text(iface, "name"));
		out_cell(&table, "%s", out_member_count(number, iface, "ifindex"));
		out_cell(&table, "%s", out_member_bool(iface, "present") ? "yes" : "no");
		out_cell(&table, "%s", out_member_text(iface, "hook_asked"));
		out_cell(&table, "%s", out_member_hook(hook, iface));
		out_cell(&table, "%s", out_member_text(iface, "hook_out"));
		out_cell(&table, "%s", out_member_text(iface, "direction"));
		out_cell(&table, "%s", out_member_text(iface, "tunnel"));
		out_cell(&table, "%s", out_member_bool(iface, "exact") ? "yes" : "no");
	}
	status = out_table_done(cli, &table, stream);
	if (status == CLI_DONE)
		cmd_iface_print_reasons(ifaces, stream);
	return status;
}

static enum cli_exit render_add(const struct cli *cli, struct json_object *document, FILE *stream)
{
	struct json_object *iface = client_object(cli, document, "interface");
	char hook[OUT_HOOK_SIZE];

	if (!iface)
		return CLI_FAILED;
	out_say(stream, "%s: added, ingress %s, egress %s", out_member_text(iface, "name"),
		out_member_hook(hook, iface), out_member_text(iface, "hook_out"));
	out_say(stream, "%s: %s", out_member_text(iface, "name"), out_member_text(iface, "reason"));
	return CLI_DONE;
}

static enum cli_exit render_del(const struct cli *cli, struct json_object *document, FILE *stream)
{
	struct json_object *iface = client_object(cli, document, "interface");

	if (!iface)
		return CLI_FAILED;
	out_say(stream, "%s: removed", out_member_text(iface, "name"));
	return CLI_DONE;
}

enum cli_exit cmd_iface_list(const struct cli *cli)
{
	return client_show(cli, client_request("iface.list"), render_list);
}

enum cli_exit cmd_iface_add(const struct cli *cli)
{
	struct json_object *request = client_request("iface.add");

	client_argument(request, "name", cli->operands[0]);
	client_argument(request, "hook", cli->hook);
	client_argument(request, "xdp_mode", cli->xdp_mode);
	client_argument(request, "direction", cli->direction);
	client_argument(request, "tunnel", cli->tunnel);
	return client_show(cli, request, render_add);
}

enum cli_exit cmd_iface_del(const struct cli *cli)
{
	struct json_object *request = client_request("iface.del");

	client_argument(request, "name", cli->operands[0]);
	return client_show(cli, request, render_del);
}
