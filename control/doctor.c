/* SPDX-License-Identifier: BSD-2-Clause */
/* See doctor.h. */
#include "doctor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>
#include <plx/probe.h>

#include "ctl_json.h"

struct report {
	struct json_object *checks;
	bool able;
};

static void add_check(void *arg, const char *what, enum plx_probe_state state, const char *text)
{
	static const char *const states[] = {
		[PLX_PROBE_OK] = "ok",
		[PLX_PROBE_LIMITED] = "limited",
		[PLX_PROBE_MISSING] = "missing",
	};
	struct json_object *check = json_object_new_object();
	struct report *report = arg;

	plx_ctl_add_text(check, "check", what);
	plx_ctl_add_text(check, "state", states[state]);
	plx_ctl_add_text(check, "text", text);
	json_object_array_add(report->checks, check);
	report->able = report->able && state != PLX_PROBE_MISSING;
}

static void print(struct json_object *document)
{
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
}

int plx_doctor(const char *const *ifaces, size_t nr_ifaces)
{
	struct report report = {.checks = json_object_new_array(), .able = true};
	struct json_object *document;

	plx_probe_kernel(add_check, &report);
	plx_probe_nat(add_check, &report);
	if (!nr_ifaces)
		plx_probe_ifaces(add_check, &report);
	for (size_t i = 0; i < nr_ifaces; i++)
		if (plx_probe_iface(ifaces[i], add_check, &report)) {
			json_object_put(report.checks);
			print(plx_ctl_error("not_found", "%s: no such interface", ifaces[i]));
			return -ENODEV;
		}
	document = plx_ctl_reply();
	json_object_object_add(document, "checks", report.checks);
	plx_ctl_add_bool(document, "able", report.able);
	print(document);
	return report.able ? 0 : -ENOENT;
}
