/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output of all commands. Bytes that came from outside (the daemon, the command line) could carry
 * terminal control sequences, so nothing but printable ASCII leaves here in text; JSON keeps its
 * content and only the form of its control characters changes.
 */
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "stop.h"

enum cli_exit out_begin(const struct cli *cli, struct out_page *ret_page)
{
	struct out_page *page = ret_page;

	*page = (struct out_page){0};
	page->stream = open_memstream(&page->data, &page->size);
	if (!page->stream) {
		out_error(cli, "failed", "out of memory");
		return CLI_FAILED;
	}
	return CLI_DONE;
}

enum cli_exit out_end(const struct cli *cli, struct out_page *page)
{
	enum cli_exit status = CLI_FAILED;

	if (fclose(page->stream) == 0)
		status = out_write(page->data, page->size);
	else
		out_error(cli, "failed", "out of memory");
	free(page->data);
	return status;
}

void out_drop(struct out_page *page)
{
	(void)fclose(page->stream); /* what it could not keep is not wanted either */
	free(page->data);
}

enum cli_exit out_write(const char *data, size_t size)
{
	while (size > 0 && !stop_requested()) {
		ssize_t n = write(STDOUT_FILENO, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return CLI_STOPPED;
		if (n < 0) {
			/* Not out_error(): with --json that would come back to stdout. */
			fprintf(stderr, "parallax: cannot write: %s\n", strerror(errno));
			return CLI_FAILED;
		}
		data += n;
		size -= n;
	}
	return stop_requested() ? CLI_STOPPED : CLI_DONE;
}

/*
 * JSON allows DEL and the C1 controls (UTF-8 C2 80 to C2 9F) to stand in a string as they are; a
 * terminal may obey them. Escaped they mean the same.
 */
enum cli_exit out_json(const struct cli *cli, const char *text, size_t size)
{
	enum cli_exit status;
	struct out_page page;

	status = out_begin(cli, &page);
	if (status != CLI_DONE)
		return status;
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = text[i], next = i + 1 < size ? text[i + 1] : 0;

		if (byte == 0x7f) {
			fputs("\\u007f", page.stream);
		} else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
			fprintf(page.stream, "\\u00%02x", next);
			i++;
		} else {
			putc(byte, page.stream);
		}
	}
	putc('\n', page.stream);
	return out_end(cli, &page);
}

/*
 * By hand and without out_begin(): this also reports that there is no memory. message is escaped,
 * that is printable ASCII, so only quotes and backslashes are special.
 */
static void error_json(const char *code, const char *message)
{
	char *text = malloc(2 * strlen(message) + 128), *at = text;

	if (!text)
		return;
	at += sprintf(at, "{\"schema_version\":%d,\"error\":{\"code\":\"%s\",\"message\":\"",
		      CLI_SCHEMA_VERSION, code);
	for (; *message; message++) {
		if (*message == '"' || *message == '\\')
			*at++ = '\\';
		*at++ = *message;
	}
	at = stpcpy(at, "\"}}\n");
	(void)out_write(text, at - text); /* we are failing already */
	free(text);
}

char *out_escape(const char *text)
{
	static const char hex[] = "0123456789abcdef";
	char *escaped = malloc(strlen(text) * 4 + 1), *at = escaped;

	if (!escaped)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c >= 0x7f) {
			*at++ = '\\';
			*at++ = 'x';
			*at++ = hex[*c >> 4];
			*at++ = hex[*c & 15];
			continue;
		}
		if (*c == '\\')
			*at++ = '\\';
		*at++ = *c;
	}
	*at = '\0';
	return escaped;
}

/* NULL: out of memory. */
static char *format_escaped(const char *fmt, va_list args)
{
	char *text, *escaped;

	if (vasprintf(&text, fmt, args) < 0)
		return NULL;
	escaped = out_escape(text);
	free(text);
	return escaped;
}

void out_error(const struct cli *cli, const char *code, const char *fmt, ...)
{
	char *message;
	va_list args;

	/*
	 * Escaped for JSON too: the value repeated in a message may be any bytes from the command
	 * line, and JSON has to be UTF-8.
	 */
	va_start(args, fmt);
	message = format_escaped(fmt, args);
	va_end(args);
	if (cli->json)
		error_json(code, message ? message : "out of memory");
	else
		fprintf(stderr, "parallax: %s\n", message ? message : "out of memory");
	free(message);
}

void out_say(FILE *stream, const char *fmt, ...)
{
	char *line;
	va_list args;

	va_start(args, fmt);
	line = format_escaped(fmt, args);
	va_end(args);
	fprintf(stream, "%s\n", line ? line : "out of memory");
	free(line);
}

void out_table_init(struct out_table *table, const struct out_column *columns, size_t nr,
		    const char *separator)
{
	*table = (struct out_table){.table = scols_new_table()};
	if (!table->table) {
		table->failed = true;
		return;
	}
	/* Never cut: a number without its last digits is wrong. Who needs a width fits it before.
	 */
	scols_table_set_termforce(table->table, SCOLS_TERMFORCE_NEVER);
	/* Its encoding would escape our escapes. */
	if (scols_table_enable_noencoding(table->table, 1) ||
	    scols_table_set_column_separator(table->table, separator))
		table->failed = true;
	for (size_t i = 0; i < nr; i++)
		if (!scols_table_new_column(table->table, columns[i].name, 0,
					    columns[i].right ? SCOLS_FL_RIGHT : 0))
			table->failed = true;
}

void out_line(struct out_table *table)
{
	if (table->failed)
		return;
	table->line = scols_table_new_line(table->table, NULL);
	table->failed = !table->line;
	table->next = 0;
}

void out_cell(struct out_table *table, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	out_cell_take(table, format_escaped(fmt, args));
	va_end(args);
}

void out_cell_take(struct out_table *table, char *escaped)
{
	/* The line owns the text unless this fails. */
	if (!escaped || table->failed ||
	    scols_line_refer_data(table->line, table->next++, escaped)) {
		free(escaped);
		table->failed = true;
	}
}

enum cli_exit out_table_done(const struct cli *cli, struct out_table *table, FILE *stream)
{
	if (!table->failed) {
		scols_table_set_stream(table->table, stream);
		table->failed = scols_print_table(table->table) != 0;
	}
	scols_unref_table(table->table);
	if (table->failed)
		out_error(cli, "failed", "out of memory");
	return table->failed ? CLI_FAILED : CLI_DONE;
}

const char *out_end_text(char buffer[OUT_END_SIZE], const char *address, uint64_t port)
{
	snprintf(buffer, OUT_END_SIZE, strchr(address, ':') ? "[%s]:%" PRIu64 : "%s:%" PRIu64,
		 address, port);
	return buffer;
}

bool out_terminal(unsigned int *ret_columns, unsigned int *ret_rows)
{
	struct winsize window;

	if (!isatty(STDOUT_FILENO))
		return false;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window))
		window = (struct winsize){0};
	/* A serial console reports 0 x 0. */
	*ret_columns = window.ws_col ? window.ws_col : 80;
	*ret_rows = window.ws_row ? window.ws_row : 24;
	return true;
}

const char *out_si(char buffer[OUT_NUMBER_SIZE], uint64_t value)
{
	static const char units[] = " kMGTPE";
	double scaled = value;
	size_t unit = 0;

	/* 999.5 would print as 1000. */
	while (scaled >= 999.5 && unit + 2 < sizeof(units)) {
		scaled /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64, value);
	else
		snprintf(buffer, OUT_NUMBER_SIZE, "%.*f%c",
			 scaled < 9.995	  ? 2
			 : scaled < 99.95 ? 1
					  : 0,
			 scaled, units[unit]);
	return buffer;
}

const char *out_duration(char buffer[OUT_NUMBER_SIZE], uint64_t ns)
{
	uint64_t s = ns / 1000000000;
	unsigned int tenths; /* cut, not rounded: 59.96 s is not 60.0s beside 1m00s */

	if (ns == 0)
		snprintf(buffer, OUT_NUMBER_SIZE, "0s");
	else if (ns < 1000)
		snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64 "us", ns / 1000);
	else if (ns < 10000000) {
		tenths = ns / 100000;
		snprintf(buffer, OUT_NUMBER_SIZE, "%u.%ums", tenths / 10, tenths % 10);
	} else if (s == 0)
		snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64 "ms", ns / 1000000);
	else if (s < 60) {
		tenths = ns / 100000000;
		snprintf(buffer, OUT_NUMBER_SIZE, "%u.%us", tenths / 10, tenths % 10);
	} else if (s < 3600)
		snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
	return buffer;
}

struct json_object *out_member(struct json_object *object, const char *key)
{
	struct json_object *member;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &member))
		return NULL;
	return member;
}

const char *out_member_text(struct json_object *object, const char *key)
{
	struct json_object *member = out_member(object, key);

	return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "-";
}

bool out_member_u64(struct json_object *object, const char *key, uint64_t *ret_value)
{
	struct json_object *member = out_member(object, key);

	if (!json_object_is_type(member, json_type_int) || json_object_get_int64(member) < 0)
		return false;
	*ret_value = json_object_get_uint64(member);
	return true;
}

bool out_member_bool(struct json_object *object, const char *key)
{
	return json_object_get_boolean(out_member(object, key));
}

const char *out_member_hook(char buffer[OUT_HOOK_SIZE], struct json_object *iface)
{
	const char *mode = out_member_text(iface, "xdp_mode");
	bool has_mode = mode[0] && strcmp(mode, "-");

	snprintf(buffer, OUT_HOOK_SIZE, "%s%s%s", out_member_text(iface, "hook_in"),
		 has_mode ? " " : "", has_mode ? mode : "");
	return buffer;
}

const char *out_member_count(char buffer[OUT_NUMBER_SIZE], struct json_object *object,
			     const char *key)
{
	uint64_t value;

	if (!out_member_u64(object, key, &value))
		return "?";
	snprintf(buffer, OUT_NUMBER_SIZE, "%" PRIu64, value);
	return buffer;
}

const char *out_member_si(char buffer[OUT_NUMBER_SIZE], struct json_object *object, const char *key)
{
	uint64_t value;

	return out_member_u64(object, key, &value) ? out_si(buffer, value) : "?";
}

const char *out_member_duration(char buffer[OUT_NUMBER_SIZE], struct json_object *object,
				const char *key)
{
	uint64_t value;

	return out_member_u64(object, key, &value) ? out_duration(buffer, value) : "?";
}
