/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the benchmarks share: repeated measurements and their median, printed as Markdown, a CPU of
 * one's own, a namespace of one's own. Failures end the program: a benchmark without its set-up has
 * nothing to say.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_ROUNDS_MAX  64
#define BENCH_OBJECTS_MAX 16

struct samples {
	double value[BENCH_ROUNDS_MAX];
	size_t nr;
};

void samples_add(struct samples *s, double value);
double samples_median(const struct samples *s);

/* "median (min..max)" with this many decimals, in one of a few static buffers. */
const char *samples_text(const struct samples *s, int decimals);

__attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...);

/* Options of all benchmarks, see the members. Others end the program with usage, exit 2. */
struct bench_opts {
	bool quick;
	int rounds;
	/* --objects DIR, many times: where bench_packet finds its BPF objects */
	const char *objects[BENCH_OBJECTS_MAX];
	size_t nr_objects;
	const char *only; /* --only WORD: one part of the benchmark */
};
void bench_options(int argc, char **argv, struct bench_opts *ret_opts);

double now_s(void);
void pin_cpu(int cpu);
int last_cpu(void);

/*
 * A network namespace of this process, with lo up and a veth pair a0, b0 without IPv6, up; it goes
 * away with the process.
 */
void own_netns(void);

/* Run a command and wait; its failure is the end. */
__attribute__((format(printf, 1, 2))) void run(const char *fmt, ...);
/* Start a command without a shell in between; to be ended with finish(). Output is discarded. */
pid_t start(char *const argv[]);
/* Wait for a command, after a SIGTERM if stop. Its failure is the end. */
void finish(pid_t pid, bool stop);

#endif
