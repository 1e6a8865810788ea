/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request to the daemon and its reply (control/README.md, "Control protocol"). The only file
 * of the CLI that knows of sockets.
 */
#ifndef PLX_CLI_CLIENT_H
#define PLX_CLI_CLIENT_H

#include <stddef.h>
#include <stdio.h>

#include "cmd.h"

struct json_object;

#define CLIENT_TIMEOUT_MS    10000	 /* for each read: the daemon answers in milliseconds */
#define CLIENT_REQUEST_MAX   (64 * 1024) /* the daemon's limit, newline included */
#define CLIENT_REPLY_MAX     (64 * 1024 * 1024) /* 10000 flows are about 8 MiB */
#define PROGRAM_OPERANDS_MAX 64
#define CLIENT_SOCKET_MAX    107 /* bytes in sun_path without the final NUL */

struct client_reply {
	char *text; /* as received, without the newline */
	size_t size;
	struct json_object *document; /* an object with our schema_version, and not an error */
};

/* A request without arguments. NULL: out of memory, which client_call() reports. */
struct json_object *client_request(const char *command);
/* Add an argument; value may be NULL for "not given". */
void client_argument(struct json_object *request, const char *key, const char *value);
/*
 * Add the operands, if there are any, as "filter", with blanks between them as in tcpdump(8). NULL:
 * out of memory, and request is gone.
 */
struct json_object *client_filter(struct json_object *request, const struct cli *cli);

/*
 * Connect, ask, read the reply. Takes request. On CLI_DONE ret_reply is filled, to be freed with
 * client_reply_done(); everything else but CLI_STOPPED has been reported.
 */
enum cli_exit client_call(const struct cli *cli, struct json_object *request,
			  struct client_reply *ret_reply);
void client_reply_done(struct client_reply *reply);

/* Member that a document must have: reports and returns NULL if it is not there, or not that. */
struct json_object *client_array(const struct cli *cli, struct json_object *document,
				 const char *key);
struct json_object *client_object(const struct cli *cli, struct json_object *document,
				  const char *key);

/* Print a reply as text to stream; what goes wrong has been reported by the time this returns. */
typedef enum cli_exit (*client_render_fn)(const struct cli *cli, struct json_object *document,
					  FILE *stream);

/* A whole command: client_call(), then the document as it is (--json), or by render. */
enum cli_exit client_show(const struct cli *cli, struct json_object *request,
			  client_render_fn render);

/*
 * The same with what the program parallaxd says when it is run with option and the operands, in the
 * place of a daemon: that beside this program, or in ../sbin, or in the PATH. It has to end well.
 */
enum cli_exit client_show_program(const struct cli *cli, const char *option,
				  client_render_fn render);

#endif
