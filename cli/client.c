/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control protocol from the asking side. What goes wrong on the way (no socket, hang-up, time)
 * is "daemon not reachable"; what arrives and is not a reply of the protocol is a failure.
 */
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "out.h"
#include "stop.h"

_Static_assert(CLIENT_SOCKET_MAX == sizeof(((struct sockaddr_un *)0)->sun_path) - 1, "");

struct json_object *client_request(const char *command)
{
	struct json_object *request = json_object_new_object();

	client_argument(request, "command", command);
	return request;
}

void client_argument(struct json_object *request, const char *key, const char *value)
{
	if (request && value)
		json_object_object_add(request, key, json_object_new_string(value));
}

struct json_object *client_filter(struct json_object *request, const struct cli *cli)
{
	char *text = NULL;
	size_t size;
	FILE *stream;

	if (!request || !cli->nr_operands)
		return request;
	stream = open_memstream(&text, &size);
	for (int i = 0; stream && i < cli->nr_operands; i++)
		fprintf(stream, "%s%s", i ? " " : "", cli->operands[i]);
	if (stream && fclose(stream) == 0) {
		client_argument(request, "filter", text);
	} else {
		json_object_put(request);
		request = NULL;
	}
	free(text);
	return request;
}

static int connect_to(const char *path, int *ret_fd)
{
	/* Also limits connect(): it waits while the daemon's backlog is full. */
	const struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_MS / 1000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) > CLIENT_SOCKET_MAX)
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR && !stop_requested())
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		data += n;
		size -= n;
	}
	return 0;
}

/*
 * Read up to the newline. -ENODATA: hung up without a byte, -ECONNRESET: in the middle, -EMSGSIZE:
 * over the limit.
 */
static int receive_line(int fd, char **ret_text, size_t *ret_size)
{
	size_t size = 0, allocated = 0;
	char *text = NULL;
	int err;

	for (;;) {
		char *newline;
		ssize_t n;

		if (allocated - size < 2) {
			size_t wanted = allocated ? allocated * 2 : 64 * 1024;
			char *larger;

			if (wanted > CLIENT_REPLY_MAX + 2)
				wanted = CLIENT_REPLY_MAX + 2; /* newline and final NUL */
			larger = wanted > allocated ? realloc(text, wanted) : NULL;
			if (!larger) {
				err = wanted > allocated ? -ENOMEM : -EMSGSIZE;
				goto out;
			}
			text = larger;
			allocated = wanted;
		}
		err = stop_wait(fd, POLLIN, CLIENT_TIMEOUT_MS);
		if (err)
			goto out;
		n = recv(fd, text + size, allocated - size - 1, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			err = n < 0 ? -errno : size ? -ECONNRESET : -ENODATA;
			goto out;
		}
		newline = memchr(text + size, '\n', n);
		size += n;
		if (newline) {
			*newline = '\0';
			*ret_size = newline - text;
			break;
		}
	}
	*ret_text = text;
	return 0;
out:
	free(text);
	return err;
}

/* NULL unless text is one JSON object and nothing else. */
static struct json_object *parse_object(const char *text, size_t size)
{
	struct json_object *object = NULL;
	struct json_tokener *tokener;

	/* json-c lets control characters in strings pass; JSON does not, and a terminal obeys. */
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < 0x20)
			return NULL;
	tokener = json_tokener_new();
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	object = json_tokener_parse_ex(tokener, text, size);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != size ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static enum cli_exit bad_reply(const struct cli *cli, const char *what)
{
	out_error(cli, "bad_reply", "parallaxd at %s sent a reply that %s", cli->socket, what);
	return CLI_FAILED;
}

static enum cli_exit check_reply(const struct cli *cli, struct client_reply *reply)
{
	struct json_object *error;
	uint64_t version;

	reply->document = parse_object(reply->text, reply->size);
	if (!reply->document)
		return bad_reply(cli, "is not a JSON object");
	if (!out_member_u64(reply->document, "schema_version", &version))
		return bad_reply(cli, "has no schema_version");
	if (version != CLI_SCHEMA_VERSION) {
		out_error(cli, "bad_reply",
			  "parallaxd at %s speaks schema version %llu, this parallax %d",
			  cli->socket, (unsigned long long)version, CLI_SCHEMA_VERSION);
		return CLI_FAILED;
	}
	error = out_member(reply->document, "error");
	if (!error)
		return CLI_DONE;
	if (!json_object_is_type(out_member(error, "message"), json_type_string))
		return bad_reply(cli, "is an error without a message");
	if (cli->json)
		(void)out_json(cli, reply->text, reply->size); /* we are failing already */
	else
		out_error(cli, out_member_text(error, "code"), "%s",
			  out_member_text(error, "message"));
	return CLI_FAILED;
}

static enum cli_exit report_unreachable(const struct cli *cli, int err)
{
	const char *hint = err == -ENOENT || err == -ECONNREFUSED ? " (is it running?)" : "";

	/* Ctrl-C reaches a daemon of the same terminal as well: its hang-up is no news then. */
	if (stop_requested())
		return CLI_STOPPED;
	switch (err) {
	case -ENODATA:
		out_error(cli, "unreachable", "parallaxd at %s hung up without a reply",
			  cli->socket);
		break;
	case -ECONNRESET:
		out_error(cli, "unreachable", "parallaxd at %s hung up in the middle of a reply",
			  cli->socket);
		break;
	case -ETIMEDOUT:
		out_error(cli, "unreachable", "parallaxd at %s does not answer (waited %d s)",
			  cli->socket, CLIENT_TIMEOUT_MS / 1000);
		break;
	default:
		out_error(cli, "unreachable", "cannot reach parallaxd at %s: %s%s", cli->socket,
			  strerror(-err), hint);
	}
	return CLI_UNREACHABLE;
}

enum cli_exit client_call(const struct cli *cli, struct json_object *request,
			  struct client_reply *ret_reply)
{
	struct client_reply reply = {0};
	enum cli_exit status;
	const char *json;
	char *line = NULL;
	int fd = -1, err, size;

	json = request ? json_object_to_json_string_ext(
				 request, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
		       : NULL;
	size = json ? asprintf(&line, "%s\n", json) : -1;
	if (size < 0) {
		out_error(cli, "failed", "out of memory");
		status = CLI_FAILED;
		line = NULL;
		goto out;
	}
	if (size > CLIENT_REQUEST_MAX) {
		out_error(cli, "usage", "the request would have %d bytes, the limit is %d", size,
			  CLIENT_REQUEST_MAX);
		status = CLI_USAGE;
		goto out;
	}
	err = connect_to(cli->socket, &fd);
	if (!err)
		err = send_all(fd, line, size);
	/* A daemon that refuses the client (too many) may have said so before it hung up. */
	if (!err || err == -EPIPE)
		err = receive_line(fd, &reply.text, &reply.size);
	if (err == -EMSGSIZE) {
		status = bad_reply(cli, "is larger than 64 MiB");
	} else if (err == -ENOMEM) {
		out_error(cli, "failed", "out of memory");
		status = CLI_FAILED;
	} else if (err) {
		status = report_unreachable(cli, err);
	} else {
		status = check_reply(cli, &reply);
	}
	if (status == CLI_DONE)
		*ret_reply = reply;
	else
		client_reply_done(&reply);
out:
	if (fd >= 0)
		close(fd);
	free(line);
	json_object_put(request);
	return status;
}

void client_reply_done(struct client_reply *reply)
{
	json_object_put(reply->document);
	free(reply->text);
	*reply = (struct client_reply){0};
}

static struct json_object *typed_member(const struct cli *cli, struct json_object *document,
					const char *key, enum json_type type)
{
	struct json_object *member = out_member(document, key);

	if (json_object_is_type(member, type))
		return member;
	out_error(cli, "bad_reply", "parallaxd at %s sent a reply without '%s'", cli->socket, key);
	return NULL;
}

struct json_object *client_array(const struct cli *cli, struct json_object *document,
				 const char *key)
{
	return typed_member(cli, document, key, json_type_array);
}

struct json_object *client_object(const struct cli *cli, struct json_object *document,
				  const char *key)
{
	return typed_member(cli, document, key, json_type_object);
}

/* A reply that has come: as it is, or by render. Frees it. */
static enum cli_exit show(const struct cli *cli, struct client_reply *reply,
			  client_render_fn render)
{
	struct out_page page;
	enum cli_exit status;

	if (cli->json) {
		status = out_json(cli, reply->text, reply->size);
		goto out;
	}
	status = out_begin(cli, &page);
	if (status != CLI_DONE)
		goto out;
	status = render(cli, reply->document, page.stream);
	if (status == CLI_DONE)
		status = out_end(cli, &page);
	else
		out_drop(&page);
out:
	client_reply_done(reply);
	return status;
}

enum cli_exit client_show(const struct cli *cli, struct json_object *request,
			  client_render_fn render)
{
	struct client_reply reply;
	enum cli_exit status = client_call(cli, request, &reply);

	return status == CLI_DONE ? show(cli, &reply, render) : status;
}

/* In the child: never returns. */
static void exec_program(const struct cli *cli, const char *option)
{
	static const char *const places[] = {"parallaxd", "../sbin/parallaxd"};
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *argv[PROGRAM_OPERANDS_MAX + 3] = {"parallaxd", (char *)option};
	char *slash;

	for (int i = 0; i < cli->nr_operands; i++)
		argv[2 + i] = cli->operands[i];
	self[len < 0 ? 0 : len] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self), self, places[i]);
		execv(path, argv);
	}
	execvp("parallaxd", argv);
	_exit(127);
}

/* Run it; what it says on *ret_fd, a socket as that of a daemon. */
static int start_program(const struct cli *cli, const char *option, int *ret_fd, pid_t *ret_pid)
{
	int fds[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	pid = fork();
	err = pid < 0 ? -errno : 0;
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		exec_program(cli, option);
	}
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return err;
	}
	*ret_fd = fds[0];
	*ret_pid = pid;
	return 0;
}

enum cli_exit client_show_program(const struct cli *cli, const char *option,
				  client_render_fn render)
{
	struct client_reply reply = {0};
	enum cli_exit status;
	int fd = -1, err, how = 0;
	pid_t pid = -1;

	if (cli->nr_operands > PROGRAM_OPERANDS_MAX) {
		out_error(cli, "usage", "%d operands, at most %d", cli->nr_operands,
			  PROGRAM_OPERANDS_MAX);
		return CLI_USAGE;
	}
	err = start_program(cli, option, &fd, &pid);
	if (err) {
		out_error(cli, "failed", "parallaxd: %s", strerror(-err));
		return CLI_FAILED;
	}
	err = receive_line(fd, &reply.text, &reply.size);
	close(fd);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (err) {
		out_error(cli, "failed",
			  WIFEXITED(how) && WEXITSTATUS(how) == 127
				  ? "no parallaxd beside this program, in ../sbin or in the PATH"
				  : "parallaxd %s said nothing",
			  option);
		return CLI_FAILED;
	}
	status = check_reply(cli, &reply);
	if (status != CLI_DONE) {
		client_reply_done(&reply);
		return status;
	}
	status = show(cli, &reply, render);
	return status == CLI_DONE && (!WIFEXITED(how) || WEXITSTATUS(how)) ? CLI_FAILED : status;
}
