/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event, one line, to stderr; the service manager adds the time. Levels are those of
 * enum plx_log_level: error = asked for and not done, warning = done differently.
 */
#ifndef PLX_LOG_H
#define PLX_LOG_H

#include <plx/dataplane.h>

/* Lines above this level are dropped; the default is PLX_LOG_NOTICE. */
void plx_log_set_level(enum plx_log_level level);

void plx_log(enum plx_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For plx_dataplane_opts.print. */
void plx_log_line(void *arg, enum plx_log_level level, const char *line);

#endif
