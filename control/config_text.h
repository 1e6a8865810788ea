/* SPDX-License-Identifier: BSD-2-Clause */
/* The YAML of a source of configuration: what is in a file, or what a --set stands for. */
#ifndef PLX_CONFIG_TEXT_H
#define PLX_CONFIG_TEXT_H

#include <stddef.h>

/* Far above any real file; stops a wrong path (/dev/zero) from filling the memory. */
#define CONFIG_TEXT_MAX (1 << 20)

/* All of a file. To be freed. A negative errno; -EFBIG for more than CONFIG_TEXT_MAX octets. */
int config_text_of_file(const char *path, char **ret_text, size_t *ret_size);

/*
 * "a.b=value" as YAML in block style; equals: the "=" in set. The value is taken literally unless
 * it begins with [ or {: after such a value, block style has no place for anything else, so it
 * cannot set further keys. *ret_text is to be freed, on failure (a negative errno), too.
 */
int config_text_of_set(const char *set, const char *equals, char **ret_text, size_t *ret_size);

#endif
