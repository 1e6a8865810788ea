/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ending on a signal, without losing one between a check and a wait. Without stop_catch() signals
 * keep their default action and these functions only wait.
 */
#ifndef PLX_CLI_STOP_H
#define PLX_CLI_STOP_H

#include <stdbool.h>

/* From here on SIGINT, SIGTERM and SIGHUP set a flag and interrupt blocking calls. */
void stop_catch(void);
bool stop_requested(void);

/* Wait for events on fd (-1: only for time). 0, -ETIMEDOUT, -EINTR after a signal, or -errno. */
int stop_wait(int fd, short events, int timeout_ms);

#endif
