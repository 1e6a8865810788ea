/* SPDX-License-Identifier: BSD-2-Clause */
/* See bench.h. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program = "bench";

void samples_add(struct samples *s, double value)
{
	if (s->nr < BENCH_ROUNDS_MAX)
		s->value[s->nr++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct samples sorted(const struct samples *s)
{
	struct samples copy = *s;

	qsort(copy.value, copy.nr, sizeof(copy.value[0]), compare);
	return copy;
}

double samples_median(const struct samples *s)
{
	struct samples in_order = sorted(s);

	if (s->nr == 0)
		return 0;
	return (in_order.value[(s->nr - 1) / 2] + in_order.value[s->nr / 2]) / 2;
}

const char *samples_text(const struct samples *s, int decimals)
{
	static char text[8][64];
	static unsigned int next;
	struct samples in_order = sorted(s);
	char *buf = text[next++ % 8];

	if (s->nr == 0)
		return "-";
	snprintf(buf, sizeof(text[0]), "%.*f (%.*f..%.*f)", decimals, samples_median(s), decimals,
		 in_order.value[0], decimals, in_order.value[s->nr - 1]);
	return buf;
}

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void bench_options(int argc, char **argv, struct bench_opts *ret_opts)
{
	enum { QUICK = 256, ROUNDS, OBJECTS, ONLY };
	static const struct option options[] = {
		{"quick", no_argument, NULL, QUICK},
		{"rounds", required_argument, NULL, ROUNDS},
		{"objects", required_argument, NULL, OBJECTS},
		{"only", required_argument, NULL, ONLY},
		{},
	};
	int c;

	program = argv[0];
	*ret_opts = (struct bench_opts){.rounds = 7};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == QUICK) {
			ret_opts->quick = true;
			ret_opts->rounds = 5;
		} else if (c == ROUNDS) {
			ret_opts->rounds = atoi(optarg);
		} else if (c == OBJECTS && ret_opts->nr_objects < BENCH_OBJECTS_MAX) {
			ret_opts->objects[ret_opts->nr_objects++] = optarg;
		} else if (c == ONLY) {
			ret_opts->only = optarg;
		} else {
			exit(2);
		}
	}
	if (optind < argc || ret_opts->rounds < 1 || ret_opts->rounds > BENCH_ROUNDS_MAX) {
		fprintf(stderr, "%s: bad arguments: [--quick] [--rounds 1..%d] [--only PART]\n",
			program, BENCH_ROUNDS_MAX);
		exit(2);
	}
}

double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

void pin_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("CPU %d: %s", cpu, strerror(errno));
}

int last_cpu(void)
{
	cpu_set_t set;
	int last = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity: %s", strerror(errno));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			last = cpu;
	return last;
}

void run(const char *fmt, ...)
{
	char *command;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&command, fmt, ap) < 0)
		die("out of memory");
	va_end(ap);
	fflush(stdout);
	if (system(command) != 0)
		die("failed: %s", command);
	free(command);
}

static void disable_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	/* Without IPv6 in the kernel there is nothing to disable. */
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		die("disable_ipv6: %s", strerror(errno));
	close(fd);
}

void own_netns(void)
{
	if (unshare(CLONE_NEWNET))
		die("network namespace: %s", strerror(errno));
	disable_ipv6();
	run("ip link set lo up && ip link add a0 type veth peer name b0 && "
	    "ip link set a0 up && ip link set b0 up");
}

pid_t start(char *const argv[])
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	return pid;
}

void finish(pid_t pid, bool stop)
{
	int status;

	if (stop)
		kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("a command that was started failed");
}
