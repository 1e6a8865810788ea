/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One source of configuration text, a file or one --set: checks its structure against a libcyaml
 * schema and remembers the line of every key, so that each error names file, line, key and value.
 * What values mean is config.c's business.
 */
#ifndef PLX_CONFIG_SOURCE_H
#define PLX_CONFIG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <cyaml/cyaml.h>

#define CONFIG_QUOTE_SIZE 128

struct config_place {
	char *path;	   /* "tables.flows", "interfaces[0].name" */
	unsigned int line; /* of the value, from 1 */
};

struct config_source {
	const char *name; /* "FILE" or "--set KEY=VALUE": what errors begin with */
	bool has_lines;	  /* a file: errors name the line */
	char *err;
	size_t err_size;
	struct config_place *places; /* in the order of the text */
	size_t nr_places;	     /* 0: the text sets nothing */
};

/*
 * Check text against schema: mappings, fixed keys, sequences, strings and enums. Returns 0,
 * -EINVAL with the message in source->err, or -ENOMEM. libcyaml finds the same mistakes, but names
 * the first of two duplicate keys, no value of a wrong type, and the path only by several log lines
 * of unspecified format; and it cuts values at a NUL byte.
 */
int config_source_check(struct config_source *source, const char *text, size_t size,
			const cyaml_schema_value_t *schema);
void config_source_done(struct config_source *source);

/* The place of path, or NULL when the text does not set it. */
const struct config_place *config_source_find(const struct config_source *source, const char *path);

/* Write "NAME:LINE: PATH: ..." into source->err; returns -EINVAL. */
int config_source_refuse(struct config_source *source, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* text with non-printable bytes as \xNN, cut with "..." when buf is too small. Returns buf. */
const char *config_escape(char *buf, size_t buf_size, const char *text, size_t len);

/* The same between single quotes, for values in messages. */
const char *config_quote(char buf[CONFIG_QUOTE_SIZE], const char *text, size_t len);

#endif
