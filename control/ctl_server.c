/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One bufferevent per client, non-blocking, with limits: a client that sends garbage, hangs, or
 * does not read its reply costs one of PLX_CTL_CLIENTS places until its time is up, nothing else.
 */
#include "ctl_server.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <json-c/json.h>

#include "log.h"

#define PLX_CTL_CLIENTS 64
#define REQUEST_MAX	65536 /* octets of one line */
#define IDLE_SECONDS	60
#define GROUPS_MAX	256 /* supplementary groups of a peer that are looked at */

struct client {
	struct plx_ctl_server *server;
	struct bufferevent *bev;
	bool may_change;
	bool eof;     /* no more input */
	bool closing; /* close when the reply has been written */
	struct client *prev, *next;
};

struct plx_ctl_server {
	struct plx_ctl_server_opts opts;
	char path[108];
	struct evconnlistener *listener;
	struct client *clients;
	int nr_clients;
};

struct json_object *plx_ctl_reply(void)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, "schema_version", json_object_new_int(1));
	return reply;
}

struct json_object *plx_ctl_error(const char *code, const char *fmt, ...)
{
	struct json_object *reply = plx_ctl_reply(), *error = json_object_new_object();
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	json_object_object_add(error, "code", json_object_new_string(code));
	json_object_object_add(error, "message", json_object_new_string(message));
	json_object_object_add(reply, "error", error);
	return reply;
}

static void client_free(struct client *client)
{
	if (client->prev)
		client->prev->next = client->next;
	else
		client->server->clients = client->next;
	if (client->next)
		client->next->prev = client->prev;
	client->server->nr_clients--;
	bufferevent_free(client->bev);
	free(client);
}

static void send_reply(struct client *client, struct json_object *reply)
{
	const char *text = json_object_to_json_string_ext(
		reply, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	bufferevent_write(client->bev, text, strlen(text));
	bufferevent_write(client->bev, "\n", 1);
	json_object_put(reply);
}

/* Parse and answer one line. A line that is no request ends the connection after the reply. */
static void answer(struct client *client, const char *line, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(16);
	struct json_object *request;
	const char *why;

	request = json_tokener_parse_ex(tokener, line, len);
	why = json_tokener_error_desc(json_tokener_get_error(tokener));
	if (request && json_tokener_get_parse_end(tokener) != len)
		why = "text behind the request";
	else if (request && !json_object_is_type(request, json_type_object))
		why = "a request is a JSON object";
	else if (request)
		why = NULL;
	json_tokener_free(tokener);
	if (why) {
		send_reply(client, plx_ctl_error("bad_request", "not a request: %s", why));
		client->closing = true;
	} else {
		send_reply(client, client->server->opts.handler(client->server->opts.arg, request,
								client->may_change));
	}
	json_object_put(request);
}

/*
 * Next request, if the last reply is out: a client that asks without reading is not served ahead.
 * Frees the client when there is nothing more to do for it.
 */
static void serve(struct client *client)
{
	struct evbuffer *output = bufferevent_get_output(client->bev);
	struct evbuffer *input = bufferevent_get_input(client->bev);

	while (!client->closing && evbuffer_get_length(output) == 0) {
		size_t len;
		char *line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);

		if (line) {
			answer(client, line, len);
			free(line);
		} else if (evbuffer_get_length(input) >= REQUEST_MAX) {
			send_reply(client,
				   plx_ctl_error("bad_request", "a request is at most %d octets",
						 REQUEST_MAX));
			client->closing = true;
		} else if (client->eof) {
			client->closing = true;
		} else {
			return;
		}
	}
	if (client->closing && evbuffer_get_length(output) == 0)
		client_free(client);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

/* The reply is out. */
static void on_write(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

/* End of input, an error, or the time is up. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *client = arg;

	(void)bev;
	if (what & BEV_EVENT_EOF) {
		/* it may have closed its sending side only, and wait for replies */
		client->eof = true;
		serve(client);
	} else {
		client_free(client);
	}
}

static bool in_group(int fd, gid_t primary, const char *name)
{
	const struct group *group = name[0] ? getgrnam(name) : NULL;
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (!group)
		return false;
	if (primary == group->gr_gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size)) /* Linux 4.13 */
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == group->gr_gid)
			return true;
	return false;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
		      int len, void *arg)
{
	const struct timeval idle = {.tv_sec = IDLE_SECONDS};
	struct plx_ctl_server *server = arg;
	struct client *client;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	(void)addr;
	(void)len;
	if (server->nr_clients >= PLX_CTL_CLIENTS ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
		close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client)
		client->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
						     BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->bev) {
		free(client);
		close(fd);
		return;
	}
	client->server = server;
	client->may_change = peer.uid == 0 || in_group(fd, peer.gid, server->opts.admin_group);
	client->next = server->clients;
	if (client->next)
		client->next->prev = client;
	server->clients = client;
	server->nr_clients++;
	bufferevent_setcb(client->bev, on_read, on_write, on_event, client);
	bufferevent_setwatermark(client->bev, EV_READ, 0, REQUEST_MAX);
	bufferevent_set_timeouts(client->bev, &idle, &idle);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)listener;
	(void)arg;
	plx_log(PLX_LOG_WARNING, "control socket: accept: %s", strerror(EVUTIL_SOCKET_ERROR()));
}

/* The directory of path, one level: /run/parallax does not survive a boot. */
static void make_directory(const char *path)
{
	char dir[108];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	(void)mkdir(dir, 0755); /* if it fails, bind() tells */
}

/* A socket file that nobody answers on is a leftover and is removed. */
static int remove_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	int err;

	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : 0;
	close(fd);
	if (err == 0 || err == EAGAIN)
		return -EADDRINUSE;
	if (err == ECONNREFUSED && lstat(addr->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(addr->sun_path); /* if it fails, bind() tells */
	return 0;
}

static int listen_at(const struct plx_ctl_server_opts *opts, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const struct group *group;
	mode_t mask;
	int fd, err;

	if (strlen(opts->path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, opts->path);
	make_directory(opts->path);
	err = remove_stale(&addr);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Closed to everybody until its group is set. */
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (err)
		goto out;
	group = opts->group[0] ? getgrnam(opts->group) : NULL;
	if (group && chown(opts->path, -1, group->gr_gid))
		plx_log(PLX_LOG_WARNING, "%s: group %s: %s; only root may ask", opts->path,
			opts->group, strerror(errno));
	else if (chmod(opts->path, 0660))
		err = -errno;
	if (!err && listen(fd, SOMAXCONN))
		err = -errno;
	if (err)
		(void)unlink(opts->path);
out:
	if (err)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

int plx_ctl_server__new(struct event_base *base, const struct plx_ctl_server_opts *opts,
			struct plx_ctl_server **ret_server, char *ret_err, size_t err_size)
{
	struct plx_ctl_server *server = NULL;
	int fd = -1, err;

	err = listen_at(opts, &fd);
	if (err == -EADDRINUSE)
		snprintf(ret_err, err_size,
			 "control socket %s: a daemon is listening there already", opts->path);
	else if (err)
		snprintf(ret_err, err_size, "control socket %s: %s", opts->path, strerror(-err));
	if (err)
		return err;
	server = calloc(1, sizeof(*server));
	if (server) {
		server->opts = *opts;
		snprintf(server->path, sizeof(server->path), "%s", opts->path);
		server->listener =
			evconnlistener_new(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE, 0, fd);
	}
	if (!server || !server->listener) {
		free(server);
		close(fd);
		(void)unlink(opts->path);
		snprintf(ret_err, err_size, "control socket %s: out of memory", opts->path);
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	*ret_server = server;
	return 0;
}

void plx_ctl_server__free(struct plx_ctl_server *server)
{
	if (!server)
		return;
	while (server->clients)
		client_free(server->clients);
	evconnlistener_free(server->listener);
	(void)unlink(server->path); /* gone already is as good */
	free(server);
}
