/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of flow records: one line a flow, fitted to a terminal's width by leaving out the least
 * needed columns first and shortening addresses in the middle last.
 */
#ifndef PLX_CLI_FLOW_TABLE_H
#define PLX_CLI_FLOW_TABLE_H

#include <stdio.h>

#include "cmd.h"

struct json_object;

/* flows: array of RECORDs. width 0: all columns, nothing shortened. */
enum cli_exit flow_table_print(const struct cli *cli, struct json_object *flows, unsigned int width,
			       FILE *stream);

#endif
