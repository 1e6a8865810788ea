#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# afl.sh BUILD/tests/fuzz/afl_NAME: AFL++ on one fuzzer for FUZZ_SECONDS (60), from tests/fuzz/corpus/NAME.
# What it found stays in BUILD/tests/fuzz/afl_NAME.out; the status is 1 when that is a crash or a hang.
set -eu

fuzzer=$1
name=${fuzzer##*/afl_}
out=$fuzzer.out
log=$fuzzer.log
rm -rf "$out"

# No screen, no demands on the host's core pattern and clock, and the CPU is the scheduler's choice.
AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
	afl-fuzz -V "${FUZZ_SECONDS:-60}" -m none -i "${0%/*}/corpus/$name" -o "$out" -- "$fuzzer" \
	>"$log" 2>&1 || { tail -20 "$log"; exit 1; }
grep -E '^(run_time|execs_done|execs_per_sec|corpus_count|edges_found|total_edges|bitmap_cvg|saved_)' \
	"$out/default/fuzzer_stats"
! find "$out/default/crashes" "$out/default/hangs" -name 'id:*' | grep .
