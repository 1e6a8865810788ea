/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What main.c hands to a command, and what a command hands back. Each command is one function in
 * cmd_<name>.c; the table that names them is in main.c.
 */
#ifndef PLX_CLI_CMD_H
#define PLX_CLI_CMD_H

#include <stdbool.h>
#include <stdio.h>

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,
	CLI_STOPPED = -1, /* by a signal, or nobody reads the output: success, but go no further */
};

#define CLI_LIMIT_MAX 10000 /* flows in one reply, as the daemon has it */

/* The command line. Pointers are into argv; NULL or 0 is "not given" except where noted. */
struct cli {
	const char *socket; /* always set */
	bool json;
	bool follow;
	const char *sort;
	unsigned int limit;
	const char *hook;
	const char *xdp_mode;
	const char *direction;
	const char *tunnel;
	char **operands; /* what follows the command's name */
	int nr_operands;
};

typedef enum cli_exit (*cli_command_fn)(const struct cli *cli);

struct json_object;

/* Parts of `iface list` and `export list` that status prints as well. */
void cmd_iface_print_reasons(struct json_object *ifaces, FILE *stream);
enum cli_exit cmd_export_print(const struct cli *cli, struct json_object *exporters, FILE *stream);

enum cli_exit cmd_status(const struct cli *cli);
enum cli_exit cmd_doctor(const struct cli *cli);
enum cli_exit cmd_flows(const struct cli *cli);
enum cli_exit cmd_nat(const struct cli *cli);
enum cli_exit cmd_iface_list(const struct cli *cli);
enum cli_exit cmd_iface_add(const struct cli *cli);
enum cli_exit cmd_iface_del(const struct cli *cli);
enum cli_exit cmd_export_list(const struct cli *cli);
enum cli_exit cmd_export_add(const struct cli *cli);
enum cli_exit cmd_export_del(const struct cli *cli);
enum cli_exit cmd_export_flush(const struct cli *cli);

#endif
