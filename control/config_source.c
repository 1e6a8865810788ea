/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walk the events of libyaml along a libcyaml schema; see config_source.h. The schema bounds the
 * depth of the recursion, since a value of the wrong kind ends the walk.
 */
#include "config_source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* Keys and entries of one text. A thousand interfaces with all their keys need 5001. */
#define MAX_PLACES 16384

struct walk {
	struct config_source *source;
	const char *text;
	size_t size;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
};

const char *config_escape(char *buf, size_t buf_size, const char *text, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];
		bool printable = c >= 0x20 && c < 0x7f;

		/* Room for this byte, and for "..." unless it is the last. */
		if (used + (printable ? 1 : 4) + (i + 1 < len ? 3 : 0) >= buf_size) {
			snprintf(buf + used, buf_size - used, "...");
			break;
		}
		used += snprintf(buf + used, buf_size - used, printable ? "%c" : "\\x%02x", c);
	}
	return buf;
}

const char *config_quote(char buf[CONFIG_QUOTE_SIZE], const char *text, size_t len)
{
	char escaped[CONFIG_QUOTE_SIZE - 2];

	snprintf(buf, CONFIG_QUOTE_SIZE, "'%s'",
		 config_escape(escaped, sizeof(escaped), text, len));
	return buf;
}

static int refuse_at(struct config_source *source, unsigned int line, const char *path,
		     const char *fmt, va_list args)
{
	char name[512], at[32] = "", what[512];

	config_escape(name, sizeof(name), source->name, strlen(source->name));
	if (source->has_lines && line)
		snprintf(at, sizeof(at), ":%u", line);
	vsnprintf(what, sizeof(what), fmt, args);
	snprintf(source->err, source->err_size, "%s%s: %s%s%s", name, at, path, *path ? ": " : "",
		 what);
	return -EINVAL;
}

int config_source_refuse(struct config_source *source, const char *path, const char *fmt, ...)
{
	const struct config_place *place = config_source_find(source, path);
	va_list args;
	int err;

	va_start(args, fmt);
	err = refuse_at(source, place ? place->line : 0, path, fmt, args);
	va_end(args);
	return err;
}

__attribute__((format(printf, 4, 5))) static int refuse(struct walk *w, unsigned int line,
							const char *path, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = refuse_at(w->source, line, path, fmt, args);
	va_end(args);
	return err;
}

static const struct config_place *find_place(const struct config_source *source, size_t from,
					     const char *path)
{
	for (size_t i = from; i < source->nr_places; i++)
		if (!strcmp(source->places[i].path, path))
			return &source->places[i];
	return NULL;
}

const struct config_place *config_source_find(const struct config_source *source, const char *path)
{
	return find_place(source, 0, path);
}

static unsigned int event_line(const struct walk *w)
{
	return w->event.start_mark.line + 1;
}

/* Takes path, also on failure. */
static int add_place(struct walk *w, char *path)
{
	struct config_source *source = w->source;
	struct config_place *places;
	int err;

	if (source->nr_places == MAX_PLACES) {
		err = refuse(w, event_line(w), path, "more than %d keys and entries", MAX_PLACES);
		goto out;
	}
	places = reallocarray(source->places, source->nr_places + 1, sizeof(*places));
	if (!places) {
		err = -ENOMEM;
		goto out;
	}
	source->places = places;
	places[source->nr_places++] = (struct config_place){path, event_line(w)};
	return 0;
out:
	free(path);
	return err;
}

/* libyaml's problem; from a file with the text of the line. */
static int refuse_syntax(struct walk *w)
{
	const char *end = w->text + w->size, *begin = w->text, *next;
	const yaml_parser_t *parser = &w->parser;
	char quoted[CONFIG_QUOTE_SIZE] = "";
	unsigned int line = 1;
	size_t len;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	/* The reader, which looks at bytes before there are lines, gives an offset instead. */
	while ((next = memchr(begin, '\n', end - begin))) {
		if (parser->error == YAML_READER_ERROR
			    ? (size_t)(next - w->text) >= parser->problem_offset
			    : line > parser->problem_mark.line)
			break;
		begin = next + 1;
		line++;
	}
	len = (next ? next : end) - begin;
	if (w->source->has_lines && len)
		config_quote(quoted, begin, len);
	return refuse(w, line, "", "not valid YAML: %s%s%s%s%s",
		      parser->context ? parser->context : "", parser->context ? ", " : "",
		      parser->problem ? parser->problem : "cannot be read", *quoted ? " in " : "",
		      quoted);
}

static int next_event(struct walk *w)
{
	yaml_event_delete(&w->event);
	return yaml_parser_parse(&w->parser, &w->event) ? 0 : refuse_syntax(w);
}

static const char *schema_kind(const cyaml_schema_value_t *schema)
{
	return schema->type == CYAML_MAPPING	? "a mapping"
	       : schema->type == CYAML_SEQUENCE ? "a sequence"
						: "a single value";
}

static int refuse_kind(struct walk *w, const cyaml_schema_value_t *schema, const char *path)
{
	char quoted[CONFIG_QUOTE_SIZE];
	const char *is = w->event.type == YAML_MAPPING_START_EVENT    ? "a mapping"
			 : w->event.type == YAML_SEQUENCE_START_EVENT ? "a sequence"
								      : "an alias";

	if (w->event.type == YAML_SCALAR_EVENT)
		is = config_quote(quoted, (const char *)w->event.data.scalar.value,
				  w->event.data.scalar.length);
	return refuse(w, event_line(w), *path ? path : "top level", "must be %s, not %s",
		      schema_kind(schema), is);
}

/* Append one name of a list of nr: "auto", ", xdp", " or tc". */
static void list_name(char *buf, size_t buf_size, size_t i, size_t nr, const char *last,
		      const char *name)
{
	size_t used = strlen(buf);

	snprintf(buf + used, buf_size - used, "%s%s", !i ? "" : i + 1 < nr ? ", " : last, name);
}

static int check_scalar(struct walk *w, const cyaml_schema_value_t *schema, const char *path)
{
	const char *value = (const char *)w->event.data.scalar.value;
	size_t len = w->event.data.scalar.length;
	char quoted[CONFIG_QUOTE_SIZE], names[128] = "";

	config_quote(quoted, value, len);
	if (strlen(value) != len)
		return refuse(w, event_line(w), path, "must have no NUL byte, not %s", quoted);
	if (schema->type != CYAML_ENUM)
		return 0;
	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		const char *name = schema->enumeration.strings[i].str;

		if (!strcmp(value, name))
			return 0;
		list_name(names, sizeof(names), i, schema->enumeration.count, " or ", name);
	}
	return refuse(w, event_line(w), path, "must be %s, not %s", names, quoted);
}

static int walk_value(struct walk *w, const cyaml_schema_value_t *schema, const char *path);

static int walk_sequence(struct walk *w, const cyaml_schema_value_t *schema, const char *path)
{
	char *entry;
	int err;

	for (unsigned int i = 0;; i++) {
		err = next_event(w);
		if (err || w->event.type == YAML_SEQUENCE_END_EVENT)
			return err;
		if (asprintf(&entry, "%s[%u]", path, i) < 0)
			return -ENOMEM;
		err = add_place(w, entry);
		if (err)
			return err;
		err = walk_value(w, schema->sequence.entry, entry);
		if (err)
			return err;
	}
}

static int refuse_key(struct walk *w, const cyaml_schema_value_t *schema, const char *path,
		      const char *key)
{
	const cyaml_schema_field_t *field;
	char names[128] = "";
	size_t nr = 0;

	for (field = schema->mapping.fields; field->key; field++)
		nr++;
	for (field = schema->mapping.fields; field->key; field++)
		list_name(names, sizeof(names), field - schema->mapping.fields, nr, ", ",
			  field->key);
	return refuse(w, event_line(w), path, "unknown key %s (known: %s)", key, names);
}

/* The current event is a key: check it, record its place, go on to its value and walk that. */
static int walk_pair(struct walk *w, const cyaml_schema_value_t *schema, const char *path,
		     size_t first_place)
{
	const cyaml_schema_field_t *field = schema->mapping.fields;
	char escaped[CONFIG_QUOTE_SIZE], quoted[CONFIG_QUOTE_SIZE], *child;
	const char *key;
	bool duplicate;
	size_t len;
	int err;

	if (w->event.type != YAML_SCALAR_EVENT)
		return refuse(w, event_line(w), *path ? path : "top level",
			      "keys must be plain words");
	key = (const char *)w->event.data.scalar.value;
	len = w->event.data.scalar.length;
	config_quote(quoted, key, len);
	config_escape(escaped, sizeof(escaped), key, len);
	while (field->key && (strlen(field->key) != len || memcmp(field->key, key, len)))
		field++;

	if (asprintf(&child, "%s%s%s", path, *path ? "." : "", escaped) < 0)
		return -ENOMEM;
	duplicate = find_place(w->source, first_place, child);
	err = add_place(w, child);
	if (err)
		return err;
	if (!field->key)
		return refuse_key(w, schema, child, quoted);
	if (duplicate)
		return refuse(w, event_line(w), child, "duplicate key %s", quoted);

	err = next_event(w);
	if (err)
		return err;
	w->source->places[w->source->nr_places - 1].line = event_line(w);
	return walk_value(w, &field->value, child);
}

static int walk_mapping(struct walk *w, const cyaml_schema_value_t *schema, const char *path)
{
	size_t first_place = w->source->nr_places;
	unsigned int line = event_line(w);
	char *child;
	bool found;
	int err;

	for (;;) {
		err = next_event(w);
		if (err)
			return err;
		if (w->event.type == YAML_MAPPING_END_EVENT)
			break;
		err = walk_pair(w, schema, path, first_place);
		if (err)
			return err;
	}
	for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
		if (field->value.flags & CYAML_FLAG_OPTIONAL)
			continue;
		if (asprintf(&child, "%s.%s", path, field->key) < 0)
			return -ENOMEM;
		found = find_place(w->source, first_place, child);
		if (!found)
			err = refuse(w, line, child, "required key '%s' is missing", field->key);
		free(child);
		if (!found)
			return err;
	}
	return 0;
}

static int walk_value(struct walk *w, const cyaml_schema_value_t *schema, const char *path)
{
	switch (w->event.type) {
	case YAML_MAPPING_START_EVENT:
		if (schema->type == CYAML_MAPPING)
			return walk_mapping(w, schema, path);
		break;
	case YAML_SEQUENCE_START_EVENT:
		if (schema->type == CYAML_SEQUENCE)
			return walk_sequence(w, schema, path);
		break;
	case YAML_SCALAR_EVENT:
		if (schema->type != CYAML_MAPPING && schema->type != CYAML_SEQUENCE)
			return check_scalar(w, schema, path);
		break;
	default:
		break;
	}
	return refuse_kind(w, schema, path);
}

static int walk_document(struct walk *w, const cyaml_schema_value_t *schema)
{
	bool empty;
	int err;

	err = next_event(w);
	if (err)
		return err;
	/* "---" and nothing else is an empty plain scalar. */
	empty = w->event.type == YAML_SCALAR_EVENT && !w->event.data.scalar.length &&
		w->event.data.scalar.plain_implicit;
	err = empty ? 0 : walk_value(w, schema, "");
	if (err)
		return err;
	return next_event(w); /* the end of the document */
}

int config_source_check(struct config_source *source, const char *text, size_t size,
			const cyaml_schema_value_t *schema)
{
	struct walk w = {.source = source, .text = text, .size = size};
	int err;

	if (!yaml_parser_initialize(&w.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, size);

	err = next_event(&w); /* the start of the stream */
	if (err)
		goto out;
	err = next_event(&w);
	if (err || w.event.type == YAML_STREAM_END_EVENT)
		goto out;
	err = walk_document(&w, schema);
	if (err)
		goto out;
	err = next_event(&w);
	if (err)
		goto out;
	if (w.event.type != YAML_STREAM_END_EVENT)
		err = refuse(&w, event_line(&w), "top level", "must be one document, not several");
out:
	yaml_event_delete(&w.event);
	yaml_parser_delete(&w.parser);
	return err;
}

void config_source_done(struct config_source *source)
{
	for (size_t i = 0; i < source->nr_places; i++)
		free(source->places[i].path);
	free(source->places);
	source->places = NULL;
	source->nr_places = 0;
}
