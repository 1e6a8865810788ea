/* SPDX-License-Identifier: BSD-2-Clause */
/* See config_text.h. */
#include "config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int config_text_of_file(const char *path, char **ret_text, size_t *ret_size)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t nr;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	text = malloc(CONFIG_TEXT_MAX + 1);
	if (!text) {
		err = -ENOMEM;
		goto out;
	}
	do {
		nr = read(fd, text + size, CONFIG_TEXT_MAX + 1 - size);
		if (nr < 0 && errno != EINTR) {
			err = -errno;
			goto out;
		}
		size += nr > 0 ? nr : 0;
	} while (nr && size <= CONFIG_TEXT_MAX);
	if (size > CONFIG_TEXT_MAX) {
		err = -EFBIG;
		goto out;
	}
	*ret_text = text;
	*ret_size = size;
	text = NULL;
	err = 0;
out:
	free(text);
	close(fd);
	return err;
}

static void put_quoted(FILE *out, const char *text, size_t len)
{
	fputc('\'', out);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'')
			fputc('\'', out);
		fputc(text[i], out);
	}
	fputc('\'', out);
}

int config_text_of_set(const char *set, const char *equals, char **ret_text, size_t *ret_size)
{
	const char *dot = memchr(set, '.', equals - set), *key = set, *value = equals + 1;
	FILE *out;

	out = open_memstream(ret_text, ret_size);
	if (!out)
		return -errno;
	if (dot) {
		put_quoted(out, set, dot - set);
		fputs(":\n ", out);
		key = dot + 1;
	}
	put_quoted(out, key, equals - key);
	fputs(": ", out);
	if (*value == '[' || *value == '{')
		fputs(value, out);
	else
		put_quoted(out, value, strlen(value));
	fputc('\n', out);
	return fclose(out) ? -errno : 0;
}
