/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallax: the control tool. This file knows the command line: one table of commands, one of
 * options, and everything that can be wrong with them. What a command does is in cmd_<name>.c.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "cmd.h"
#include "out.h"

#define DEFAULT_SOCKET "/run/parallax/parallaxd.sock"

enum option_id {
	OPTION_SOCKET,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_FOLLOW,
	OPTION_SORT,
	OPTION_LIMIT,
	OPTION_HOOK,
	OPTION_XDP_MODE,
	OPTION_DIRECTION,
	OPTION_TUNNEL,
	OPTION_MAX,
};
#define BIT(id) (1U << (id))
#define GLOBAL_OPTIONS                                                                             \
	(BIT(OPTION_SOCKET) | BIT(OPTION_JSON) | BIT(OPTION_HELP) | BIT(OPTION_VERSION))

static const struct cli_option {
	const char *name;
	const char *argument;	/* in the help; NULL: takes none */
	const char *choices[4]; /* when only these are allowed */
	const char *help;
} options[OPTION_MAX] = {
	[OPTION_SOCKET] = {"socket", "PATH", {NULL}, "the daemon's socket (" DEFAULT_SOCKET ")"},
	[OPTION_JSON] = {"json", NULL, {NULL}, "one JSON document instead of text, errors too"},
	[OPTION_HELP] = {"help", NULL, {NULL}, "this text"},
	[OPTION_VERSION] = {"version", NULL, {NULL}, "version of this program"},
	[OPTION_FOLLOW] = {"follow", NULL, {NULL}, "refresh every second until interrupted"},
	[OPTION_SORT] = {"sort", "KEY", {NULL}, "by octets, packets, start, end or an IPFIX name"},
	[OPTION_LIMIT] = {"limit", "N", {NULL}, "at most N flows or mappings, 1 to 10000"},
	[OPTION_HOOK] = {"hook", "HOOK", {"auto", "xdp", "tc"}, NULL},
	[OPTION_XDP_MODE] = {"xdp-mode", "MODE", {"auto", "native", "generic"}, NULL},
	[OPTION_DIRECTION] = {"direction", "WAY", {"in", "out", "both"}, NULL},
	[OPTION_TUNNEL] = {"tunnel", "POLICY", {"both", "inner", "outer"}, NULL},
};

static const struct cli_command {
	const char *name;
	const char *action;  /* second word, or NULL */
	const char *operand; /* one is required; in brackets: any number of words */
	unsigned int options;
	cli_command_fn run;
	const char *help;
} commands[] = {
	{"status", NULL, NULL, 0, cmd_status, "interfaces, ledger, tables, exporters, losses"},
	{"flows", NULL, "[EXPR]", BIT(OPTION_FOLLOW) | BIT(OPTION_SORT) | BIT(OPTION_LIMIT),
	 cmd_flows, "the flows in the cache"},
	{"nat", NULL, "[EXPR]", BIT(OPTION_LIMIT), cmd_nat, "what is translated, and to what"},
	{"iface", "list", NULL, 0, cmd_iface_list, "interfaces and where they are metered"},
	{"iface", "add", "NAME",
	 BIT(OPTION_HOOK) | BIT(OPTION_XDP_MODE) | BIT(OPTION_DIRECTION) | BIT(OPTION_TUNNEL),
	 cmd_iface_add, "meter an interface"},
	{"iface", "del", "NAME", 0, cmd_iface_del, "stop metering it"},
	{"export", "list", NULL, 0, cmd_export_list, "exporters and their books"},
	{"export", "add", "URL", 0, cmd_export_add, "send flows there as well"},
	{"export", "del", "URL", 0, cmd_export_del, "stop sending there"},
	{"export", "flush", NULL, 0, cmd_export_flush, "hand all flows to the exporters now"},
	{"doctor", NULL, "[IFACE]", 0, cmd_doctor, "what this machine can do, and what is missing"},
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *stream)
{
	fputs("usage: parallax [--socket PATH] [--json] COMMAND\n\ncommands:\n", stream);
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		const struct cli_command *command = &commands[i];
		int width;

		width = fprintf(stream, "  %s%s%s%s%s", command->name, command->action ? " " : "",
				command->action ? command->action : "", command->operand ? " " : "",
				command->operand ? command->operand : "");
		fprintf(stream, "%*s%s\n", 20 - width, "", command->help);
		for (size_t id = 0; id < OPTION_MAX; id++) {
			const struct cli_option *option = &options[id];

			if (!(command->options & BIT(id)))
				continue;
			if (option->choices[0])
				fprintf(stream, "%20s--%s %s|%s|%s\n", "", option->name,
					option->choices[0], option->choices[1], option->choices[2]);
			else
				fprintf(stream, "%20s--%s%s%s: %s\n", "", option->name,
					option->argument ? " " : "",
					option->argument ? option->argument : "", option->help);
		}
	}
	fputs("\noptions:\n", stream);
	for (size_t id = 0; id < OPTION_MAX; id++) {
		const struct cli_option *option = &options[id];
		int width;

		if (!(GLOBAL_OPTIONS & BIT(id)))
			continue;
		width = fprintf(stream, "  --%s%s%s", option->name, option->argument ? " " : "",
				option->argument ? option->argument : "");
		fprintf(stream, "%*s%s\n", 20 - width, "", option->help);
	}
	fputs("\nexit status: 0 done, 1 failed, 2 usage, 3 daemon not reachable\n", stream);
}

/* A usage error; what is wrong, with the value. */
static enum cli_exit __attribute__((format(printf, 2, 3)))
refuse(const struct cli *cli, const char *fmt, ...)
{
	char *message;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&message, fmt, args);
	va_end(args);
	out_error(cli, "usage", "%s", n < 0 ? "out of memory" : message);
	if (n >= 0)
		free(message);
	if (!cli->json)
		fputs("Try 'parallax --help'.\n", stderr);
	return CLI_USAGE;
}

static enum cli_exit take_limit(struct cli *cli, const char *text)
{
	unsigned long value;
	char *end;

	/* strtoul() would take signs and leading blanks. */
	value = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
	if (value < 1 || value > CLI_LIMIT_MAX || *end)
		return refuse(cli, "--limit '%s': expected a number from 1 to %d", text,
			      CLI_LIMIT_MAX);
	cli->limit = value;
	return CLI_DONE;
}

/* Check the value and put it where the commands look for it. */
static enum cli_exit take_option(struct cli *cli, enum option_id id, const char *value)
{
	const struct cli_option *option = &options[id];
	const char **texts[OPTION_MAX] = {
		[OPTION_SOCKET] = &cli->socket,	      [OPTION_SORT] = &cli->sort,
		[OPTION_HOOK] = &cli->hook,	      [OPTION_XDP_MODE] = &cli->xdp_mode,
		[OPTION_DIRECTION] = &cli->direction, [OPTION_TUNNEL] = &cli->tunnel,
	};

	if (option->choices[0]) {
		size_t i = 0;

		while (option->choices[i] && strcmp(option->choices[i], value))
			i++;
		if (!option->choices[i])
			return refuse(cli, "--%s '%s': expected %s, %s or %s", option->name, value,
				      option->choices[0], option->choices[1], option->choices[2]);
	}
	if (id == OPTION_SOCKET && (!value[0] || strlen(value) > CLIENT_SOCKET_MAX))
		return refuse(cli, "--socket '%s': expected a path of 1 to %d bytes", value,
			      CLIENT_SOCKET_MAX);
	if (id == OPTION_LIMIT)
		return take_limit(cli, value);
	if (id == OPTION_JSON)
		cli->json = true;
	if (id == OPTION_FOLLOW)
		cli->follow = true;
	if (texts[id])
		*texts[id] = value;
	return CLI_DONE;
}

/* All options, wherever they stand, into cli; which ones into *ret_given. */
static enum cli_exit parse_options(struct cli *cli, int argc, char **argv, unsigned int *ret_given)
{
	struct option long_options[OPTION_MAX + 1] = {0};
	enum cli_exit status;
	unsigned int given = 0;
	int id;

	for (size_t i = 0; i < OPTION_MAX; i++)
		long_options[i] = (struct option){
			options[i].name,
			options[i].argument ? required_argument : no_argument,
			NULL,
			i,
		};
	opterr = 0; /* getopt's own messages know neither --json nor escaping */
	while ((id = getopt_long(argc, argv, ":hV", long_options, NULL)) != -1) {
		if (id == 'h' || id == 'V')
			id = id == 'h' ? OPTION_HELP : OPTION_VERSION;
		if (id == ':')
			return refuse(cli, "option '%s' needs a value", argv[optind - 1]);
		if (id == '?' && optopt >= ' ' && optopt < 0x7f)
			return refuse(cli, "invalid option '-%c'", optopt);
		if (id == '?')
			return refuse(cli, "invalid option '%s'", argv[optind - 1]);
		status = take_option(cli, id, optarg);
		if (status != CLI_DONE)
			return status;
		given |= BIT(id);
	}
	*ret_given = given;
	return CLI_DONE;
}

/* "list, add, del": the actions of a command. */
static const char *list_actions(const char *name, char *buffer, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i].name, name) && used < size)
			used += snprintf(buffer + used, size - used, "%s%s", used ? ", " : "",
					 commands[i].action);
	return buffer;
}

/* The command of the words left in argv; *ret_words of them are its name. */
static enum cli_exit find_command(const struct cli *cli, int argc, char **argv,
				  const struct cli_command **ret_command, int *ret_words)
{
	bool group = false;
	char actions[64];

	for (size_t i = 0; i < NR_COMMANDS; i++) {
		const struct cli_command *command = &commands[i];

		if (strcmp(command->name, argv[0]))
			continue;
		group = command->action;
		if (!group || (argc > 1 && !strcmp(command->action, argv[1]))) {
			*ret_command = command;
			*ret_words = group ? 2 : 1;
			return CLI_DONE;
		}
	}
	if (!group)
		return refuse(cli, "unknown command '%s'", argv[0]);
	list_actions(argv[0], actions, sizeof(actions));
	if (argc < 2)
		return refuse(cli, "'%s' needs one of: %s", argv[0], actions);
	return refuse(cli, "unknown command '%s %s', expected one of: %s", argv[0], argv[1],
		      actions);
}

static enum cli_exit check_usage(const struct cli *cli, const struct cli_command *command,
				 unsigned int given)
{
	const char *space = command->action ? " " : "";
	const char *action = command->action ? command->action : "";
	int expected = command->operand ? 1 : 0;

	for (size_t id = 0; id < OPTION_MAX; id++)
		if (given & BIT(id) & ~(command->options | GLOBAL_OPTIONS))
			return refuse(cli, "option '--%s' is not one of '%s%s%s'", options[id].name,
				      command->name, space, action);
	if (expected && command->operand[0] == '[')
		return CLI_DONE;
	if (cli->nr_operands < expected)
		return refuse(cli, "'%s%s%s' needs %s", command->name, space, action,
			      command->operand);
	if (cli->nr_operands > expected)
		return refuse(cli, "unexpected '%s' after '%s%s%s'", cli->operands[expected],
			      command->name, space, action);
	return CLI_DONE;
}

static void print_version(const struct cli *cli)
{
	if (cli->json)
		printf("{\"schema_version\":%d,\"version\":\"%s\"}\n", CLI_SCHEMA_VERSION,
		       PLX_VERSION);
	else
		printf("parallax %s\n", PLX_VERSION);
}

static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
	const struct cli_command *command = NULL;
	enum cli_exit status;
	unsigned int given = 0;
	int words = 0;

	/* Known before anything can be wrong: an error in front of --json is JSON as well. */
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			cli->json = true;
	status = parse_options(cli, argc, argv, &given);
	if (status != CLI_DONE)
		return status;
	argc -= optind;
	argv += optind;
	if (given & BIT(OPTION_HELP) || (argc == 1 && !strcmp(argv[0], "help"))) {
		print_usage(stdout);
		return CLI_DONE;
	}
	if (given & BIT(OPTION_VERSION)) {
		print_version(cli);
		return CLI_DONE;
	}
	if (argc == 0) {
		if (cli->json)
			out_error(cli, "usage", "no command given");
		else
			print_usage(stderr);
		return CLI_USAGE;
	}
	status = find_command(cli, argc, argv, &command, &words);
	if (status != CLI_DONE)
		return status;
	cli->operands = argv + words;
	cli->nr_operands = argc - words;
	status = check_usage(cli, command, given);
	if (status != CLI_DONE)
		return status;
	return command->run(cli);
}

int main(int argc, char **argv)
{
	struct cli cli = {.socket = DEFAULT_SOCKET};
	enum cli_exit status;

	/* A reader that leaves early (| head) is seen as EPIPE and is not a failure. */
	signal(SIGPIPE, SIG_IGN);
	status = run(&cli, argc, argv);
	if (fflush(stdout) && status == CLI_DONE) /* the help; commands write by themselves */
		status = CLI_FAILED;
	return status == CLI_STOPPED ? CLI_DONE : (int)status;
}
