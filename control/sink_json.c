/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON lines to a file, a pipe or standard output: flow_json.c makes the objects. Lines collect in
 * a bounded buffer and are written in large pieces, after PLX_SINK_HOLD_MS at the latest.
 *
 * Standard output is shared with whoever started us, so it is not made non-blocking: O_NONBLOCK
 * belongs to the open file, and would appear under the feet of the shell or of `tee`. A pipe or
 * terminal is opened anew through /proc, which gives an open file of our own; where it is another
 * user's (sudo -u ... | cat) that is not allowed, and no more is written than poll() has room for;
 * a socket has MSG_DONTWAIT; a regular file never makes one wait for a reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "flow_json.h"
#include "sink.h"

#define BUFFER_BYTES (1 << 20)	/* about 1200 lines; beyond it, lost[export_queue] */
#define WRITE_BYTES  (64 << 10) /* write when there is so much */
#define BUFFER_LINES 8192	/* a line has more than BUFFER_BYTES / BUFFER_LINES bytes */

struct line {
	struct plx_export_tally tally;
	uint32_t size;
};

struct json_sink {
	struct plx_exporter_stats *books;
	plx_ifname_fn ifname;
	void *ifname_arg;
	enum plx_flow_clock clock;
	int fd;
	bool is_socket;
	bool is_blocking;	/* and not ours to change */
	struct event *writable; /* after EAGAIN */
	struct event *hold;
	struct evbuffer *buffer;
	struct line *lines; /* ring: those in buffer */
	uint32_t first;
	uint32_t nr_lines;
	uint32_t head_written; /* bytes of the first line that were written already */
	bool torn;	       /* the last byte written is not the end of a line */
};

/* The first line leaves the ring. */
static void drop_first(struct json_sink *sink)
{
	sink->first = (sink->first + 1) % BUFFER_LINES;
	sink->nr_lines--;
	sink->head_written = 0;
}

static void account_written(struct json_sink *sink, size_t bytes)
{
	struct plx_exporter_stats *books = sink->books;

	sink->torn = false;
	books->octets += bytes;
	while (bytes) {
		struct line *line = &sink->lines[sink->first];
		size_t left = line->size - sink->head_written;

		if (bytes < left) {
			sink->head_written += (uint32_t)bytes;
			return;
		}
		bytes -= left;
		books->messages++;
		plx_books_sent(books, &line->tally);
		drop_first(sink);
	}
}

/* What could not be written is lost: a full disk must not fill the memory as well. */
static void fail_all(struct json_sink *sink, int err)
{
	plx_books_error(sink->books, err);
	sink->torn = sink->torn || sink->head_written;
	while (sink->nr_lines) {
		plx_books_drop(sink->books, PLX_LOSS_SEND, &sink->lines[sink->first].tally);
		drop_first(sink);
	}
	(void)evbuffer_drain(sink->buffer, evbuffer_get_length(sink->buffer));
}

static ssize_t write_some(const struct json_sink *sink, const void *data, size_t size)
{
	if (sink->is_socket)
		return send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink->is_blocking) {
		struct pollfd room = {.fd = sink->fd, .events = POLLOUT};

		if (poll(&room, 1, 0) == 0) {
			errno = EAGAIN;
			return -1;
		}
		/* so much a pipe takes without waiting when it says that it can be written
		 * (pipe(7)) */
		if (size > PIPE_BUF)
			size = PIPE_BUF;
	}
	return write(sink->fd, data, size);
}

static void hold_on(struct json_sink *sink)
{
	const struct timeval hold = {.tv_usec = PLX_SINK_HOLD_MS * 1000};

	if (!evtimer_pending(sink->hold, NULL))
		(void)evtimer_add(sink->hold, &hold);
}

static void write_buffer(struct json_sink *sink)
{
	struct evbuffer_iovec piece;
	ssize_t written;

	while (evbuffer_peek(sink->buffer, -1, NULL, &piece, 1) > 0) {
		written = write_some(sink, piece.iov_base, piece.iov_len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN) {
			/* epoll refuses some devices; then the timer tries again. */
			if (event_add(sink->writable, NULL))
				hold_on(sink);
			return;
		}
		if (written <= 0) {
			fail_all(sink, written ? errno : EIO);
			return;
		}
		sink->books->state = "ready";
		account_written(sink, (size_t)written);
		(void)evbuffer_drain(sink->buffer, (size_t)written);
	}
}

static void on_event(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	write_buffer(arg);
}

/* Append text as a line; its size, 0 without memory. */
static size_t append_line(struct json_sink *sink, const char *text, size_t size)
{
	/* End a torn line first: the reader loses that one and not this one too. */
	bool mend = sink->torn && !sink->nr_lines;
	struct evbuffer_iovec space;
	char *p;

	if (!sink->nr_lines)
		(void)evbuffer_expand(sink->buffer, WRITE_BYTES);
	if (evbuffer_reserve_space(sink->buffer, (ev_ssize_t)size + 2, &space, 1) != 1)
		return 0;
	p = space.iov_base;
	if (mend)
		*p++ = '\n';
	memcpy(p, text, size);
	p[size] = '\n';
	space.iov_len = size + 1 + mend;
	return evbuffer_commit_space(sink->buffer, &space, 1) ? 0 : space.iov_len;
}

/* Takes object, which may be NULL. Same return. */
static size_t append_object(struct json_sink *sink, struct json_object *object)
{
	const char *text;
	size_t size = 0;

	if (!object)
		return 0;
	text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &size);
	size = text ? append_line(sink, text, size) : 0;
	json_object_put(object);
	return size;
}

static bool has_room(const struct json_sink *sink)
{
	return evbuffer_get_length(sink->buffer) < BUFFER_BYTES && sink->nr_lines < BUFFER_LINES;
}

/* size: of the line that was appended, 0: none was. */
static void account_line(struct json_sink *sink, const struct plx_export_tally *tally, size_t size)
{
	if (!size) {
		plx_tally_add(&sink->books->lost[PLX_LOSS_QUEUE], tally);
		return;
	}
	sink->lines[(sink->first + sink->nr_lines++) % BUFFER_LINES] =
		(struct line){.tally = *tally, .size = (uint32_t)size};
	plx_tally_add(&sink->books->queued, tally);
	if (event_pending(sink->writable, EV_WRITE, NULL))
		return;
	if (evbuffer_get_length(sink->buffer) >= WRITE_BYTES)
		write_buffer(sink);
	else
		hold_on(sink);
}

static void json_export(void *arg, const struct plx_flow *flow)
{
	struct json_sink *sink = arg;
	struct plx_export_tally tally = plx_flow_tally(flow);
	size_t size = 0;

	if (has_room(sink))
		size = append_object(sink, plx_flow_json(flow, plx_wall_offset_ns(sink->clock),
							 sink->ifname, sink->ifname_arg));
	account_line(sink, &tally, size);
}

static void json_event(void *arg, const struct plx_nat_event *event)
{
	static const struct plx_export_tally tally = {.records = 1};
	struct json_sink *sink = arg;
	size_t size = 0;

	if (has_room(sink))
		size = append_object(sink,
				     plx_nat_event_json(event, plx_wall_offset_ns(sink->clock)));
	account_line(sink, &tally, size);
}

static bool json_ready(const void *arg)
{
	return has_room(arg);
}

static void json_flush(void *arg)
{
	struct json_sink *sink = arg;

	if (!event_pending(sink->writable, EV_WRITE, NULL))
		write_buffer(sink);
}

static void json_close(void *arg)
{
	struct json_sink *sink = arg;

	if (!sink)
		return;
	if (sink->writable)
		event_free(sink->writable);
	if (sink->hold)
		event_free(sink->hold);
	if (sink->buffer)
		evbuffer_free(sink->buffer);
	if (sink->fd >= 0)
		close(sink->fd);
	free(sink->lines);
	free(sink);
}

/* Descriptor or negative errno. *ret_blocking: a write to it may wait. */
static int open_stdout(bool *ret_blocking)
{
	struct stat st;
	int fd;

	if (fstat(STDOUT_FILENO, &st))
		return -errno;
	if (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode))
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	else
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == EACCES) {
		*ret_blocking = true;
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	}
	return fd < 0 ? -errno : fd;
}

/* O_NONBLOCK: a FIFO that nobody reads must fail here (ENXIO) and not hang. */
static int open_path(const char *path)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	int fd = open(path, flags, 0644);

	return fd < 0 ? -errno : fd;
}

static int open_output(struct json_sink *sink, const char *path)
{
	struct stat st;

	sink->fd = strcmp(path, "-") ? open_path(path) : open_stdout(&sink->is_blocking);
	if (sink->fd < 0)
		return sink->fd;
	if (fstat(sink->fd, &st))
		return -errno;
	sink->is_socket = S_ISSOCK(st.st_mode);
	return 0;
}

static int json_open(const struct plx_exporter_env *env, const struct plx_url *url,
		     struct plx_exporter_stats *books, void **ret_sink, char *ret_err,
		     size_t err_size)
{
	struct json_sink *sink = calloc(1, sizeof(*sink));
	int err;

	if (!sink) {
		err = -ENOMEM;
		goto out;
	}
	sink->books = books;
	sink->ifname = env->ifname;
	sink->ifname_arg = env->ifname_arg;
	sink->clock = env->clock;
	err = open_output(sink, url->path);
	if (err)
		goto out;
	sink->lines = calloc(BUFFER_LINES, sizeof(*sink->lines));
	sink->buffer = evbuffer_new();
	sink->writable = event_new(env->base, sink->fd, EV_WRITE, on_event, sink);
	sink->hold = evtimer_new(env->base, on_event, sink);
	if (!sink->lines || !sink->buffer || !sink->writable || !sink->hold) {
		err = -ENOMEM;
		goto out;
	}
	/* A reader that goes away is an error of this exporter, not the end of the daemon. */
	(void)signal(SIGPIPE, SIG_IGN);
	*ret_sink = sink;
	sink = NULL;
	err = 0;
out:
	if (err && !strcmp(url->path, "-"))
		snprintf(ret_err, err_size, "json:-: standard output: %s", strerror(-err));
	else if (err)
		snprintf(ret_err, err_size, "json: \"%s\": %s", url->path, strerror(-err));
	json_close(sink);
	return err;
}

const struct plx_sink_ops plx_sink_json = {
	.open = json_open,
	.ready = json_ready,
	.export = json_export,
	.event = json_event,
	.flush = json_flush,
	.close = json_close,
};
