/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that reaches the terminal: pages written at once, errors as text or JSON, tables,
 * numbers for people. Text from outside is escaped on its way: out_say(), out_cell() and
 * out_error() do that to everything they print.
 */
#ifndef PLX_CLI_OUT_H
#define PLX_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cmd.h"

#define CLI_SCHEMA_VERSION 1

struct json_object;
struct libscols_table;
struct libscols_line;

/* A piece of output, collected in memory: what is printed is complete, and appears at once. */
struct out_page {
	FILE *stream;
	char *data;
	size_t size;
};

/* Start a page; on failure it has been reported and out_end() must not be called. */
enum cli_exit out_begin(const struct cli *cli, struct out_page *ret_page);
/* Write the page to stdout and free it. CLI_STOPPED when nobody reads any more. */
enum cli_exit out_end(const struct cli *cli, struct out_page *page);
/* Free without writing. */
void out_drop(struct out_page *page);

/* All of data to stdout. Same return as out_end(). */
enum cli_exit out_write(const char *data, size_t size);

/* One JSON document of the daemon, unchanged but for the form of control characters. */
enum cli_exit out_json(const struct cli *cli, const char *text, size_t size);

/*
 * Report a failure: one line on stderr, or with --json a document on stdout. code is one of the
 * protocol's, or "usage", "unreachable", "bad_reply"; printable ASCII without quotes.
 */
void out_error(const struct cli *cli, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Printable ASCII as it is, everything else as \xHH, a backslash doubled. malloc()ed or NULL. */
char *out_escape(const char *text);
/* One line to stream, escaped. */
void out_say(FILE *stream, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct out_column {
	const char *name;
	bool right;
};

/* A table being filled, line by line and cell by cell. Allocation failures are kept till the end.
 */
struct out_table {
	struct libscols_table *table;
	struct libscols_line *line;
	size_t next;
	bool failed;
};

void out_table_init(struct out_table *table, const struct out_column *columns, size_t nr,
		    const char *separator);
void out_line(struct out_table *table);
void out_cell(struct out_table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with a text that is escaped already; the table frees it. */
void out_cell_take(struct out_table *table, char *escaped);
/* Print to stream and free. */
enum cli_exit out_table_done(const struct cli *cli, struct out_table *table, FILE *stream);

/* An address with its port: "192.0.2.1:80", "[2001:db8::1]:80". */
#define OUT_END_SIZE 96
const char *out_end_text(char buffer[OUT_END_SIZE], const char *address, uint64_t port);

/* Size of the terminal on stdout; false when it is not one. */
bool out_terminal(unsigned int *ret_columns, unsigned int *ret_rows);

/* Longest texts: "18446744073709551615", "999.9ms". */
#define OUT_NUMBER_SIZE 24

/* "999", "1.23k", "45.6M": three digits, powers of 1000. Returns buffer. */
const char *out_si(char buffer[OUT_NUMBER_SIZE], uint64_t value);
/* "12.3us", "850ms", "12.3s", "3m12s", "2h05m", "4d03h". Returns buffer. */
const char *out_duration(char buffer[OUT_NUMBER_SIZE], uint64_t ns);

/*
 * Members of the daemon's documents. A text that is missing or not one is "-"; a number that is
 * missing is "?", never 0: a meter does not invent a value.
 */
const char *out_member_text(struct json_object *object, const char *key);
bool out_member_u64(struct json_object *object, const char *key, uint64_t *ret_value);
bool out_member_bool(struct json_object *object, const char *key);
struct json_object *out_member(struct json_object *object, const char *key);
/* Ingress hook of an interface: "xdp native", "tc", "none". Returns buffer. */
#define OUT_HOOK_SIZE 64
const char *out_member_hook(char buffer[OUT_HOOK_SIZE], struct json_object *iface);
/* Exact, by out_si() or by out_duration(); "?" where there is no number. Returns buffer. */
const char *out_member_count(char buffer[OUT_NUMBER_SIZE], struct json_object *object,
			     const char *key);
const char *out_member_si(char buffer[OUT_NUMBER_SIZE], struct json_object *object,
			  const char *key);
const char *out_member_duration(char buffer[OUT_NUMBER_SIZE], struct json_object *object,
				const char *key);

#endif
