/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PLX_DATAPLANE_SYSCTL_H
#define PLX_DATAPLANE_SYSCTL_H

#include <stdio.h>

/* The first character of a file of /proc/sys; 0: there is no such file, or nothing in it. */
static inline char plx_sysctl(const char *path)
{
	FILE *f = fopen(path, "re");
	int c;

	if (!f)
		return 0;
	c = fgetc(f);
	fclose(f);
	return c == EOF ? 0 : (char)c;
}

#endif
