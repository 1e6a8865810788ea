/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration from a text, or the message that refuses it. Tests run in the top folder; files
 * are written to a temporary one, which is the working folder during the tests so that messages
 * begin with a short name.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/config.h"

#define FILE_NAME "c.yaml"

static char top_folder[4096];
static char temp_folder[] = "/tmp/plx-test-config-XXXXXX";
static char message[512];

static inline void write_bytes(const char *bytes, size_t size)
{
	FILE *file = fopen(FILE_NAME, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* To be freed with plx_config__free(). text NULL: no file. */
static inline struct plx_config *load(const char *text, const char *const *sets, size_t nr_sets)
{
	struct plx_config *config = NULL;
	int err;

	if (text)
		write_bytes(text, strlen(text));
	message[0] = '\0';
	err = plx_config__load(text ? FILE_NAME : NULL, sets, nr_sets, &config, message,
			       sizeof(message));
	if (err)
		fail_msg("%s", message);
	assert_non_null(config);
	return config;
}

static inline void expect_error(const char *path, const char *const *sets, size_t nr_sets,
				int want_err, const char *want)
{
	static struct plx_config marker;
	struct plx_config *config = &marker;
	int err;

	message[0] = '\0';
	err = plx_config__load(path, sets, nr_sets, &config, message, sizeof(message));
	assert_string_equal(message, want);
	assert_int_equal(err, want_err);
	assert_ptr_equal(config, &marker);
}

static inline void expect_refused(const char *text, const char *want)
{
	write_bytes(text, strlen(text));
	expect_error(FILE_NAME, NULL, 0, -EINVAL, want);
}

static inline void expect_set_refused(const char *set, const char *want)
{
	expect_error(NULL, &set, 1, -EINVAL, want);
}

static inline int enter_temp_folder(void **state)
{
	(void)state;
	if (!getcwd(top_folder, sizeof(top_folder)) || !mkdtemp(temp_folder))
		return -1;
	return chdir(temp_folder);
}

static inline int remove_temp_folder(void **state)
{
	(void)state;
	(void)unlink(FILE_NAME); /* absent when no test wrote it */
	return chdir(top_folder) || rmdir(temp_folder);
}

#endif
