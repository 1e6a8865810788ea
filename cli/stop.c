/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signals that end a long-running command. They are blocked except inside ppoll(), so one that
 * arrives just before the wait ends the wait; elsewhere they interrupt a write that blocks.
 */
#include "stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define NR_STOP_SIGNALS (sizeof(stop_signals) / sizeof(stop_signals[0]))

static volatile sig_atomic_t requested;

static void request_stop(int signo)
{
	(void)signo;
	requested = 1;
}

void stop_catch(void)
{
	/* No SA_RESTART: a write to a reader that stopped reading must end too. */
	struct sigaction action = {.sa_handler = request_stop};

	/*
	 * Even where they are ignored: a shell script starts its background commands with SIGINT
	 * ignored, and live.sh is such a script.
	 */
	for (size_t i = 0; i < NR_STOP_SIGNALS; i++)
		sigaction(stop_signals[i], &action, NULL);
}

bool stop_requested(void)
{
	return requested;
}

int stop_wait(int fd, short events, int timeout_ms)
{
	const struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	struct pollfd pollfd = {.fd = fd, .events = events};
	sigset_t stops, before;
	int n, err;

	sigemptyset(&stops);
	for (size_t i = 0; i < NR_STOP_SIGNALS; i++)
		sigaddset(&stops, stop_signals[i]);
	sigprocmask(SIG_BLOCK, &stops, &before);
	do {
		n = requested ? -1 : ppoll(&pollfd, 1, &timeout, &before);
		err = n > 0 ? 0 : n == 0 ? -ETIMEDOUT : -errno;
	} while (n < 0 && !requested && err == -EINTR);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return requested ? -EINTR : err;
}
