/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallax flows: the largest flows in the cache, once or every second. A refresh asks on a new
 * connection: the daemon closes idle ones, and a stopped terminal can be idle for hours.
 */
#include "cmd.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "flow_table.h"
#include "out.h"
#include "stop.h"

#define DEFAULT_SORT	       "octetDeltaCount"
#define DEFAULT_TERMINAL_LIMIT 20
#define REFRESH_NS	       1000000000ULL

#define FRAME_EXTRA_ROWS 5 /* header of three lines, that of the table, the cursor's line */

struct flows_view {
	const char *sort;
	unsigned int limit; /* 0: the daemon's default */
	unsigned int width; /* 0: not a terminal */
};

/* What the last refresh saw, for the rates. */
struct flows_mark {
	bool valid;
	uint64_t uptime_ns;
	uint64_t packets;
	uint64_t bytes;
};

static enum cli_exit parse_sort(const struct cli *cli, const char **ret_sort)
{
	static const struct {
		const char *alias;
		const char *name;
	} aliases[] = {
		{"packets", "packetDeltaCount"},
		{"octets", DEFAULT_SORT},
		{"start", "flowStartNanoseconds"},
		{"end", "flowEndNanoseconds"},
	};
	const char *sort = cli->sort ? cli->sort : DEFAULT_SORT;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcmp(sort, aliases[i].alias))
			sort = aliases[i].name;
	/* Which names exist is the daemon's to say. */
	while (isalnum((unsigned char)sort[len]))
		len++;
	if (!len || sort[len]) {
		out_error(cli, "usage",
			  "--sort '%s': expected packets, octets, start, end or an IPFIX name",
			  sort);
		return CLI_USAGE;
	}
	*ret_sort = sort;
	return CLI_DONE;
}

static enum cli_exit ask(const struct cli *cli, const struct flows_view *view,
			 struct client_reply *ret_reply)
{
	struct json_object *request = client_filter(client_request("flows"), cli);

	client_argument(request, "sort", view->sort);
	if (request && view->limit)
		json_object_object_add(request, "limit", json_object_new_int(view->limit));
	return client_call(cli, request, ret_reply);
}

static enum cli_exit print_once(const struct cli *cli, const struct flows_view *view)
{
	char number[OUT_NUMBER_SIZE];
	struct client_reply reply;
	struct json_object *flows;
	struct out_page page;
	enum cli_exit status;

	status = ask(cli, view, &reply);
	if (status != CLI_DONE)
		return status;
	if (cli->json) {
		status = out_json(cli, reply.text, reply.size);
		goto out;
	}
	flows = client_array(cli, reply.document, "flows");
	status = flows ? out_begin(cli, &page) : CLI_FAILED;
	if (status != CLI_DONE)
		goto out;
	status = flow_table_print(cli, flows, view->width, page.stream);
	if (status != CLI_DONE) {
		out_drop(&page);
		goto out;
	}
	out_say(page.stream, "%zu of %s flows", json_object_array_length(flows),
		out_member_count(number, reply.document, "total"));
	status = out_end(cli, &page);
out:
	client_reply_done(&reply);
	return status;
}

/* Packets lost for any cause; "?" if a cause is not a number. */
static const char *lost_text(char buffer[OUT_NUMBER_SIZE], struct json_object *total)
{
	struct json_object *lost = out_member(total, "lost");
	uint64_t packets, sum = 0;

	if (!json_object_is_type(lost, json_type_object))
		return "?";
	json_object_object_foreach (lost, cause, tally) {
		(void)cause;
		if (!out_member_u64(tally, "packets", &packets))
			return "?";
		sum += packets;
	}
	snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64, sum);
	return buffer;
}

/* "eth0 xdp native, eth1 tc": what is being looked at. */
static void print_ifaces(struct json_object *ifaces, FILE *stream)
{
	char hook[OUT_HOOK_SIZE];

	for (size_t i = 0;
	     json_object_is_type(ifaces, json_type_array) && i < json_object_array_length(ifaces);
	     i++) {
		struct json_object *iface = json_object_array_get_idx(ifaces, i);

		fprintf(stream, "%s %s (%s%s)", i ? "," : "", out_member_text(iface, "name"),
			out_member_hook(hook, iface),
			out_member_bool(iface, "present") ? "" : ", gone");
	}
}

/* Two lines: the meter, and its ledger with the rates since the last refresh. */
static enum cli_exit print_head(const struct cli *cli, struct json_object *document,
				const char *flow_total, struct flows_mark *mark, FILE *stream)
{
	struct json_object *total = client_object(cli, document, "total");
	struct json_object *seen = out_member(total, "seen");
	char n[3][OUT_NUMBER_SIZE], packet_rate[OUT_NUMBER_SIZE] = "-", bit_rate[OUT_NUMBER_SIZE];
	struct flows_mark now = {0};
	struct out_page line;
	enum cli_exit status;

	if (!total)
		return CLI_FAILED;
	/* Escaped as one line: names come from outside. */
	status = out_begin(cli, &line);
	if (status != CLI_DONE)
		return status;
	print_ifaces(out_member(document, "interfaces"), line.stream);
	fflush(line.stream);
	out_say(stream, "parallaxd %s  up %s  %s flows %s", out_member_text(document, "version"),
		out_member_duration(n[0], document, "uptime_ns"), flow_total, line.data);
	out_drop(&line);

	strcpy(bit_rate, "- ");
	now.valid = out_member_u64(document, "uptime_ns", &now.uptime_ns) &&
		    out_member_u64(seen, "packets", &now.packets) &&
		    out_member_u64(seen, "bytes", &now.bytes);
	/* By the daemon's clock: it is the one that the counts belong to. */
	if (now.valid && mark->valid && now.uptime_ns > mark->uptime_ns &&
	    now.packets >= mark->packets && now.bytes >= mark->bytes) {
		double seconds = (now.uptime_ns - mark->uptime_ns) / 1e9;

		out_si(packet_rate, (now.packets - mark->packets) / seconds + 0.5);
		out_si(bit_rate, (now.bytes - mark->bytes) * 8.0 / seconds + 0.5);
	}
	out_say(stream, "seen %s  metered %s  lost %s  %s packets/s  %sbit/s",
		out_member_count(n[0], seen, "packets"),
		out_member_count(n[1], out_member(total, "metered"), "packets"),
		lost_text(n[2], total), packet_rate, bit_rate);
	*mark = now;
	return CLI_DONE;
}

static enum cli_exit print_frame(const struct cli *cli, const struct flows_view *view,
				 struct flows_mark *mark, FILE *stream)
{
	struct client_reply state = {0}, reply = {0};
	char number[OUT_NUMBER_SIZE];
	struct json_object *flows;
	enum cli_exit status;

	status = client_call(cli, client_request("status"), &state);
	if (status != CLI_DONE)
		goto out;
	status = ask(cli, view, &reply);
	if (status != CLI_DONE)
		goto out;
	flows = client_array(cli, reply.document, "flows");
	if (!flows) {
		status = CLI_FAILED;
		goto out;
	}
	status = print_head(cli, state.document, out_member_count(number, reply.document, "total"),
			    mark, stream);
	if (status != CLI_DONE)
		goto out;
	fputc('\n', stream);
	if (json_object_array_length(flows) == 0)
		out_say(stream, "no flows");
	else
		status = flow_table_print(cli, flows, view->width, stream);
out:
	client_reply_done(&state);
	client_reply_done(&reply);
	return status;
}

/*
 * A frame in place of the last one: from the top, each line cut at the edge and cleared to its
 * end. Clearing the screen first would flicker. The cursor is hidden only while it moves: then
 * there is nothing to restore if this program is stopped or killed between frames.
 */
static enum cli_exit draw(const struct cli *cli, const struct out_page *frame, unsigned int width)
{
	struct out_page screen;
	enum cli_exit status;
	size_t column = 0;

	status = out_begin(cli, &screen);
	if (status != CLI_DONE)
		return status;
	fputs("\033[?25l\033[H", screen.stream);
	for (size_t i = 0; i < frame->size; i++) {
		if (frame->data[i] == '\n') {
			fputs(column < width ? "\033[K\n" : "\n", screen.stream);
			column = 0;
		} else if (column++ < width) {
			putc(frame->data[i], screen.stream);
		}
	}
	fputs("\033[J\033[?25h", screen.stream);
	return out_end(cli, &screen);
}

static enum cli_exit refresh(const struct cli *cli, struct flows_view *view,
			     struct flows_mark *mark)
{
	unsigned int width, rows;
	bool terminal = !cli->json && out_terminal(&width, &rows);
	struct out_page frame;
	enum cli_exit status;

	if (cli->json)
		return print_once(cli, view);
	if (terminal) {
		unsigned int room = rows > FRAME_EXTRA_ROWS ? rows - FRAME_EXTRA_ROWS : 1;

		view->width = width;
		view->limit = cli->limit && cli->limit < room ? cli->limit : room;
	}
	status = out_begin(cli, &frame);
	if (status != CLI_DONE)
		return status;
	status = print_frame(cli, view, mark, frame.stream);
	if (status != CLI_DONE) {
		out_drop(&frame);
		return status;
	}
	if (!terminal) {
		fputc('\n', frame.stream);
		return out_end(cli, &frame);
	}
	fflush(frame.stream);
	status = draw(cli, &frame, width);
	out_drop(&frame);
	return status;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static enum cli_exit follow(const struct cli *cli, struct flows_view *view)
{
	struct flows_mark mark = {0};
	uint64_t next_ns = now_ns();
	enum cli_exit status;

	stop_catch();
	if (view->width && !cli->json)
		(void)out_write("\033[2J", 4); /* the first frame reports what is wrong */
	for (;;) {
		uint64_t time_ns;
		int err;

		status = refresh(cli, view, &mark);
		if (status != CLI_DONE)
			break;
		next_ns += REFRESH_NS;
		time_ns = now_ns();
		if (next_ns < time_ns) /* was stopped, or the daemon is slow: no catching up */
			next_ns = time_ns;
		err = stop_wait(-1, 0, (next_ns - time_ns) / 1000000);
		if (err != -ETIMEDOUT) {
			status = CLI_STOPPED;
			break;
		}
	}
	/* The signal may have cut a frame short, and the terminal has shown "^C". */
	if (view->width && !cli->json && write(STDOUT_FILENO, "\033[?25h\r\033[K", 10) < 0)
		return CLI_STOPPED; /* the terminal is gone */
	return status;
}

enum cli_exit cmd_flows(const struct cli *cli)
{
	struct flows_view view = {.limit = cli->limit};
	enum cli_exit status;
	unsigned int rows;

	status = parse_sort(cli, &view.sort);
	if (status != CLI_DONE)
		return status;
	if (out_terminal(&view.width, &rows) && !view.limit && !cli->json)
		view.limit = DEFAULT_TERMINAL_LIMIT;
	return cli->follow ? follow(cli, &view) : print_once(cli, &view);
}
