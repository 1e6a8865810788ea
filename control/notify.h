/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readiness for the service manager: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET. Thirty
 * lines instead of a library that nothing else here needs.
 */
#ifndef PLX_NOTIFY_H
#define PLX_NOTIFY_H

/* Send state ("READY=1", "STOPPING=1"); nothing when nobody asked for it. */
void plx_notify(const char *state);

#endif
