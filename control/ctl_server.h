/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: lines of JSON in, lines of JSON out, peers known by their credentials. What
 * the requests mean is in ctl_requests.c; README.md has the protocol.
 */
#ifndef PLX_CTL_SERVER_H
#define PLX_CTL_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct json_object;
struct plx_ctl_server;

/* Answer one request; may_change: the peer may change things. The caller puts the result. */
typedef struct json_object *(*plx_ctl_handler)(void *arg, struct json_object *request,
					       bool may_change);

struct plx_ctl_server_opts {
	const char *path;
	const char *group;	 /* may open the socket; ignored when there is no such group */
	const char *admin_group; /* may change; "" for root only */
	plx_ctl_handler handler;
	void *arg;
};

/*
 * Listen. -EADDRINUSE when a daemon answers at path already; a socket that nobody listens on is
 * replaced. On failure ret_err has one line with the path. Free with plx_ctl_server__free().
 */
int plx_ctl_server__new(struct event_base *base, const struct plx_ctl_server_opts *opts,
			struct plx_ctl_server **ret_server, char *ret_err, size_t err_size);

/* Close all connections and remove the socket. NULL is allowed. */
void plx_ctl_server__free(struct plx_ctl_server *server);

/* {"schema_version": 1}, to be filled; NULL: out of memory. */
struct json_object *plx_ctl_reply(void);

/* {"schema_version": 1, "error": {"code": code, "message": …}} */
struct json_object *plx_ctl_error(const char *code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
