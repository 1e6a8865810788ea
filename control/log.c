/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's log; see log.h. Bytes from outside are made harmless here, once for all callers. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum plx_log_level max_level = PLX_LOG_NOTICE;

void plx_log_set_level(enum plx_log_level level)
{
	max_level = level;
}

void plx_log(enum plx_log_level level, const char *fmt, ...)
{
	static const char *const prefix[] = {"error: ", "warning: ", "", "", "debug: "};
	char line[1024];
	va_list ap;
	int n;

	if (level > max_level)
		return;
	n = snprintf(line, sizeof(line), "parallaxd: %s", prefix[level]);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	for (n = 0; line[n]; n++)
		if ((unsigned char)line[n] < ' ' || line[n] == 0x7f)
			line[n] = '?';
	line[n++] = '\n';
	/* One write, so that lines of several processes do not mix; nobody to tell should it fail.
	 */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void plx_log_line(void *arg, enum plx_log_level level, const char *line)
{
	(void)arg;
	plx_log(level, "%s", line);
}
