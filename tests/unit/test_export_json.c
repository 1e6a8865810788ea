/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON exporter into files, full and closed pipes, and standard output. Readers count what they
 * find themselves; the books must say the same. What is in a record test_flow_json.c says.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "control/exporter.h"
#include "flows.h"

#define DEADLINE_NS (20 * SECOND)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static const char *name_of(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 3 ? "eth\"3" : ifindex == 70000 ? "wg0" : NULL;
}

/* An exporter with a folder of its own. */
struct rig {
	struct event_base *base;
	struct plx_exporter *exporter;
	char folder[32];
	char path[64];
	uint64_t next_id;
};

static void open_exporter(struct rig *rig, const char *path)
{
	struct plx_exporter_env env = {.base = rig->base, .ifname = name_of};
	char url[128], err[256] = "";

	snprintf(url, sizeof(url), "json:%s", path);
	if (plx_exporter__open(&env, url, &rig->exporter, err, sizeof(err)))
		fail_msg("%s", err);
}

static void start(struct rig *rig)
{
	*rig = (struct rig){.base = event_base_new(), .folder = "/tmp/plx-test-XXXXXX"};
	assert_non_null(rig->base);
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->path, sizeof(rig->path), "%s/flows", rig->folder);
}

static void stop(struct rig *rig)
{
	plx_exporter__close(rig->exporter);
	event_base_free(rig->base);
	unlink(rig->path);
	rmdir(rig->folder);
}

static struct plx_exporter_stats stats_of(const struct rig *rig)
{
	struct plx_exporter_stats s;

	plx_exporter__stats(rig->exporter, &s);
	assert_int_equal(s.handed.records,
			 s.sent.records + s.queued.records + s.lost[0].records + s.lost[1].records);
	assert_int_equal(s.handed.packets,
			 s.sent.packets + s.queued.packets + s.lost[0].packets + s.lost[1].packets);
	assert_int_equal(s.handed.bytes,
			 s.sent.bytes + s.queued.bytes + s.lost[0].bytes + s.lost[1].bytes);
	assert_int_equal(s.messages, s.sent.records);
	return s;
}

static void export_one(struct rig *rig)
{
	struct plx_flow flow = ++rig->next_id & 1 ? tcp4_flow() : udp6_flow();

	flow.id = rig->next_id;
	flow.stats.packets = rig->next_id;
	flow.stats.frame_octets = rig->next_id * 100;
	plx_exporter__export(rig->exporter, &flow);
	stats_of(rig);
}

static void spin(struct rig *rig)
{
	event_base_loopexit(rig->base, &(struct timeval){.tv_usec = 20000});
	event_base_loop(rig->base, EVLOOP_ONCE);
	stats_of(rig);
}

/* Parse all lines; the ids must rise. Returns how many; consumes text. */
static uint64_t count_lines(char *text, uint64_t *ret_last_id)
{
	uint64_t lines = 0, last_id = 0, id;
	struct json_object *object, *value;
	char *line;

	while ((line = strsep(&text, "\n")) && *line) {
		assert_non_null(text); /* the line has its end */
		object = json_tokener_parse(line);
		assert_non_null(object);
		assert_true(json_object_object_get_ex(object, "flowId", &value));
		id = json_object_get_uint64(value);
		assert_true(id > last_id);
		last_id = id;
		json_object_put(object);
		lines++;
	}
	if (ret_last_id)
		*ret_last_id = last_id;
	return lines;
}

static char text[4 << 20];

static size_t read_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t size;

	assert_true(fd >= 0);
	size = read(fd, text, sizeof(text) - 1);
	assert_true(size >= 0);
	text[size] = '\0';
	close(fd);
	return (size_t)size;
}

static void file_gets_one_object_a_line_and_is_appended_to(void **state)
{
	struct plx_exporter_stats s;
	uint64_t last_id;
	struct stat st;
	mode_t mask = umask(022);
	struct rig rig;

	(void)state;
	start(&rig);
	open_exporter(&rig, rig.path);
	umask(mask);
	for (int i = 0; i < 500; i++)
		export_one(&rig);
	plx_exporter__flush(rig.exporter);
	assert_true(plx_exporter__idle(rig.exporter));
	s = stats_of(&rig);
	assert_int_equal(s.sent.records, 500);
	assert_int_equal(s.sent.packets, 500 * 501 / 2);
	assert_int_equal(s.octets, read_file(rig.path));
	assert_int_equal(count_lines(text, &last_id), 500);
	assert_int_equal(last_id, 500);
	assert_return_code(stat(rig.path, &st), errno);
	assert_int_equal(st.st_mode & 0777, 0644);

	plx_exporter__close(rig.exporter);
	open_exporter(&rig, rig.path);
	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	read_file(rig.path);
	assert_int_equal(count_lines(text, NULL), 501);
	stop(&rig);
}

static void lines_are_written_without_a_flush(void **state)
{
	uint64_t deadline_ns = now_ns() + DEADLINE_NS;
	struct rig rig;

	(void)state;
	start(&rig);
	open_exporter(&rig, rig.path);
	export_one(&rig);
	assert_int_equal(stats_of(&rig).queued.records, 1);
	while (!plx_exporter__idle(rig.exporter)) {
		assert_true(now_ns() < deadline_ns);
		spin(&rig);
	}
	read_file(rig.path);
	assert_int_equal(count_lines(text, NULL), 1);
	stop(&rig);
}

static void unusable_path_is_an_error_that_names_it(void **state)
{
	static const struct {
		const char *url;
		int err;
		const char *message;
	} cases[] = {
		{"json:/nonexistent/x", -ENOENT,
		 "json: \"/nonexistent/x\": No such file or directory"},
		{"json:/tmp", -EISDIR, "json: \"/tmp\": Is a directory"},
		{"json:/dev/null/x", -ENOTDIR, "json: \"/dev/null/x\": Not a directory"},
	};
	struct plx_exporter *exporter = NULL;
	struct plx_exporter_env env;
	char url[128], err[256];
	struct rig rig;

	(void)state;
	start(&rig);
	env = (struct plx_exporter_env){.base = rig.base};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			plx_exporter__open(&env, cases[i].url, &exporter, err, sizeof(err)),
			cases[i].err);
		assert_string_equal(err, cases[i].message);
	}
	/* A FIFO without a reader must not hang. */
	assert_return_code(mkfifo(rig.path, 0600), errno);
	snprintf(url, sizeof(url), "json:%s", rig.path);
	assert_int_equal(plx_exporter__open(&env, url, &exporter, err, sizeof(err)), -ENXIO);
	assert_null(exporter);
	stop(&rig);
}

static void full_disk_is_counted_per_record(void **state)
{
	struct plx_exporter_stats s;
	struct rig rig;

	(void)state;
	start(&rig);
	open_exporter(&rig, "/dev/full");
	for (int i = 0; i < 1000; i++)
		export_one(&rig);
	plx_exporter__flush(rig.exporter);
	s = stats_of(&rig);
	assert_int_equal(s.lost[PLX_LOSS_SEND].records, 1000);
	assert_true(s.errors >= 1);
	assert_string_equal(s.state, "error");
	assert_string_equal(s.last_error, "No space left on device");
	assert_true(plx_exporter__ready(rig.exporter));
	stop(&rig);
}

/* Let the reader take all there is, and the exporter write all it has. */
static size_t read_until_idle(struct rig *rig, int fd)
{
	uint64_t deadline_ns = now_ns() + DEADLINE_NS;
	size_t size = 0;
	ssize_t ret;

	for (;;) {
		ret = read(fd, text + size, sizeof(text) - 1 - size);
		if (ret > 0) {
			size += (size_t)ret;
			continue;
		}
		if (plx_exporter__idle(rig->exporter))
			break;
		assert_true(now_ns() < deadline_ns);
		spin(rig);
	}
	text[size] = '\0';
	return size;
}

static int start_fifo(struct rig *rig)
{
	int fd;

	start(rig);
	assert_return_code(mkfifo(rig->path, 0600), errno);
	fd = open(rig->path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	open_exporter(rig, rig->path);
	return fd;
}

static void slow_reader_fills_the_buffer_and_then_gets_whole_lines(void **state)
{
	struct plx_exporter_stats s;
	uint64_t last_id;
	struct rig rig;
	size_t size;
	int fd;

	(void)state;
	fd = start_fifo(&rig);
	while (plx_exporter__ready(rig.exporter)) {
		assert_true(rig.next_id < 10000);
		export_one(&rig);
	}
	assert_int_equal(stats_of(&rig).lost[PLX_LOSS_QUEUE].records, 0);
	plx_exporter__flush(rig.exporter);
	for (int i = 0; i < 10; i++)
		export_one(&rig);
	s = stats_of(&rig);
	assert_int_equal(s.lost[PLX_LOSS_QUEUE].records, 10);
	assert_true(s.queued.records > 500);
	assert_string_equal(s.state, "ready");
	size = read_until_idle(&rig, fd);
	assert_int_equal(size, stats_of(&rig).octets);
	assert_int_equal(count_lines(text, &last_id), rig.next_id - 10);
	assert_int_equal(last_id, rig.next_id - 10);
	assert_true(plx_exporter__ready(rig.exporter));
	close(fd);
	stop(&rig);
}

static void closed_pipe_is_an_error_and_a_new_reader_loses_one_line(void **state)
{
	struct plx_exporter_stats s;
	uint64_t sent;
	struct rig rig;
	char *torn;
	int fd;

	(void)state;
	fd = start_fifo(&rig);
	/* Until the pipe is full in the middle of a line: 64 KiB is no multiple of its size. */
	while (plx_exporter__ready(rig.exporter))
		export_one(&rig);
	sent = stats_of(&rig).sent.records;
	assert_true(sent > 0);
	close(fd);
	for (int i = 0; i < 100 && !plx_exporter__idle(rig.exporter); i++)
		spin(&rig);
	s = stats_of(&rig);
	assert_int_equal(s.lost[PLX_LOSS_SEND].records, s.handed.records - sent);
	assert_string_equal(s.state, "error");
	assert_string_equal(s.last_error, "Broken pipe");
	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	assert_int_equal(stats_of(&rig).lost[PLX_LOSS_SEND].records, s.lost[1].records + 1);

	fd = open(rig.path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	export_one(&rig);
	export_one(&rig);
	plx_exporter__flush(rig.exporter);
	read_until_idle(&rig, fd);
	/* The pipe still had what it was full of: whole lines, then one without its end. */
	torn = text;
	for (uint64_t i = 0; i < sent; i++)
		torn = strchr(torn, '\n') + 1;
	assert_int_equal(*torn, '{');
	torn = strchr(torn, '\n');
	assert_int_not_equal(torn[-1], '}');
	assert_int_equal(count_lines(torn + 1, NULL), 2);
	assert_int_equal(stats_of(&rig).sent.records, sent + 2);
	assert_string_equal(stats_of(&rig).state, "ready");
	close(fd);
	stop(&rig);
}

/* Export to standard output while it is fd; returns what stats_of() then says. */
static void export_to_stdout(struct rig *rig, int fd, int lines)
{
	int saved, flags;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	open_exporter(rig, "-");
	for (int i = 0; i < lines; i++)
		export_one(rig);
	plx_exporter__flush(rig->exporter);
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	/* Others who write there must not meet EAGAIN. */
	assert_false(flags & O_NONBLOCK);
}

static void pipe_as_standard_output_stays_blocking_for_others(void **state)
{
	struct rig rig;
	int fds[2];

	(void)state;
	start(&rig);
	assert_return_code(pipe(fds), errno);
	assert_return_code(fcntl(fds[0], F_SETFL, O_NONBLOCK), errno);
	/* More than the pipe takes: this would hang if a write could block. */
	export_to_stdout(&rig, fds[1], 300);
	assert_true(stats_of(&rig).queued.records > 0);
	read_until_idle(&rig, fds[0]);
	assert_int_equal(count_lines(text, NULL), 300);
	close(fds[0]);
	close(fds[1]);
	stop(&rig);
}

static void socket_as_standard_output_stays_blocking_for_others(void **state)
{
	struct rig rig;
	int fds[2];

	(void)state;
	start(&rig);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), errno);
	assert_return_code(fcntl(fds[0], F_SETFL, O_NONBLOCK), errno);
	export_to_stdout(&rig, fds[1], 1000);
	assert_true(stats_of(&rig).queued.records > 0);
	read_until_idle(&rig, fds[0]);
	assert_int_equal(count_lines(text, NULL), 1000);
	close(fds[0]);
	close(fds[1]);
	stop(&rig);
}

static void file_as_standard_output_is_written_where_it_stands(void **state)
{
	struct rig rig;
	int fd;

	(void)state;
	start(&rig);
	fd = open(rig.path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"flowId\":0.5}\n", 15), 15);
	export_to_stdout(&rig, fd, 2);
	assert_int_equal(write(fd, "{\"flowId\":99}\n", 14), 14);
	close(fd);
	read_file(rig.path);
	assert_memory_equal(text, "{\"flowId\":0.5}\n", 15);
	assert_int_equal(count_lines(text + 15, NULL), 3);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_gets_one_object_a_line_and_is_appended_to),
		cmocka_unit_test(lines_are_written_without_a_flush),
		cmocka_unit_test(unusable_path_is_an_error_that_names_it),
		cmocka_unit_test(full_disk_is_counted_per_record),
		cmocka_unit_test(slow_reader_fills_the_buffer_and_then_gets_whole_lines),
		cmocka_unit_test(closed_pipe_is_an_error_and_a_new_reader_loses_one_line),
		cmocka_unit_test(pipe_as_standard_output_stays_blocking_for_others),
		cmocka_unit_test(socket_as_standard_output_stays_blocking_for_others),
		cmocka_unit_test(file_as_standard_output_is_written_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
