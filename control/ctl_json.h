/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of replies, and the arguments that several requests have. */
#ifndef PLX_CTL_JSON_H
#define PLX_CTL_JSON_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <json-c/json.h>

#include "ctl_server.h"
#include "flow_filter.h"

#define PLX_CTL_LIMIT_DEFAULT 100
#define PLX_CTL_LIMIT_MAX     10000

static inline void plx_ctl_add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, json_object_new_string(text));
}

static inline void plx_ctl_add_number(struct json_object *to, const char *key, uint64_t number)
{
	json_object_object_add(to, key, json_object_new_uint64(number));
}

static inline void plx_ctl_add_bool(struct json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

/* "limit", how many are asked for, into *ret_limit. False, with the error, when it is no such. */
static inline bool plx_ctl_limit(struct json_object *request, int64_t *ret_limit,
				 struct json_object **ret_error)
{
	struct json_object *value;

	*ret_limit = PLX_CTL_LIMIT_DEFAULT;
	if (!json_object_object_get_ex(request, "limit", &value))
		return true;
	*ret_limit = json_object_get_int64(value);
	if (json_object_is_type(value, json_type_int) && *ret_limit >= 1 &&
	    *ret_limit <= PLX_CTL_LIMIT_MAX)
		return true;
	*ret_error = plx_ctl_error("bad_request", "limit: 1 to %d, not %s", PLX_CTL_LIMIT_MAX,
				   json_object_to_json_string(value));
	return false;
}

/* "filter" into *ret_filter: NULL when absent. False, with the error, when it cannot be one. */
static inline bool plx_ctl_filter(struct json_object *request, enum plx_filter_over over,
				  struct plx_filter **ret_filter, struct json_object **ret_error)
{
	struct json_object *value;
	char why[1024];
	int err;

	*ret_filter = NULL;
	if (!json_object_object_get_ex(request, "filter", &value))
		return true;
	if (!json_object_is_type(value, json_type_string) ||
	    strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value)) {
		*ret_error = plx_ctl_error("bad_request", "filter: text expected, not %s",
					   json_object_to_json_string(value));
		return false;
	}
	err = plx_filter__new(json_object_get_string(value), over, ret_filter, why, sizeof(why));
	if (err == -EINVAL)
		*ret_error = plx_ctl_error("bad_request", "filter: %s", why);
	else if (err)
		*ret_error = plx_ctl_error("failed", "filter: %s", strerror(-err));
	return !err;
}

#endif
