/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this kernel, these privileges and these interfaces can do, and what would be chosen. Needs
 * no open dataplane, and changes nothing: no program is attached, no module loaded. Never prints.
 */
#ifndef PLX_PROBE_H
#define PLX_PROBE_H

#include <stddef.h>

enum plx_probe_state {
	PLX_PROBE_OK,
	PLX_PROBE_LIMITED, /* something is worse for it, the text says what */
	PLX_PROBE_MISSING, /* nothing can be metered without it */
};

/* One finding: what was looked at, and one line of what it means. Valid during the call. */
typedef void (*plx_probe_fn)(void *arg, const char *what, enum plx_probe_state state,
			     const char *text);

/* The kernel and the privileges of this process; then connection tracking. */
void plx_probe_kernel(plx_probe_fn found, void *arg);
void plx_probe_nat(plx_probe_fn found, void *arg);

/* Interface name. -ENODEV: there is none, and nothing was found. */
int plx_probe_iface(const char *name, plx_probe_fn found, void *arg);

/* All Ethernet interfaces that are up. */
void plx_probe_ifaces(plx_probe_fn found, void *arg);

#endif
