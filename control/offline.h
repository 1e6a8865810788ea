/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallaxd -r: a capture file through the same parser, cache and exporters, then the end. No
 * dataplane, no control socket, no privileges. The counterpart of daemon.h.
 */
#ifndef PLX_OFFLINE_H
#define PLX_OFFLINE_H

#include "config.h"

/*
 * Read the capture path and export its flows, as config says; its interfaces and socket are not
 * used. Logs the closing ledger, and what went wrong. Returns 0 when all of the file was read and
 * all flows were sent. Otherwise negative errno; what was read before a failure has been exported.
 */
int plx_offline__run(const struct plx_config *config, const char *path);

#endif
