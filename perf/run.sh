#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# All measurements, as Markdown on stdout. Without --quick also to perf/results/DATE-KERNEL.md.
# Needs root. Traffic stays inside network namespaces that are made and removed here.
#
#   run.sh BUILD_DIR VERSION [--quick]
set -eu

build=$1 version=$2 quick=${3:-}

if [ "$(id -u)" -ne 0 ]; then
	echo 'perf: needs root (sudo make perf)' >&2
	exit 1
fi

# Share of all CPUs in use over a second, in percent. The sleep is the span that is measured: a load
# is a difference of counters over a time, and there is no condition to wait for.
busy() {
	first=$(awk '/^cpu /{print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9}' /proc/stat)
	sleep 1
	second=$(awk '/^cpu /{print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9}' /proc/stat)
	echo "$first $second" | awk '{printf "%d", 100 - 100 * ($3 - $1) / ($4 - $2)}'
}

# Begin a part when others leave us the machine, or after some patience; say how it was.
part() {
	printf '\n## %s\n\n' "$1"
	shift
	for _ in 1 2 3 4 5 6 7 8; do
		others=$(busy)
		[ "$others" -gt 5 ] || break
	done
	# shellcheck disable=SC2016 # Markdown
	printf '`%s`; the machine was %s %% busy before.\n' "$*" "$others"
	"$@"
}

machine() {
	printf '# Measured on %s%s\n\n' "$(date -u '+%Y-%m-%d %H:%M UTC')" "${quick:+ (quick)}"
	printf 'Parallax %s, Linux %s, ' "$version" "$(uname -r)"
	awk -F': ' '/^model name/ && !n++ {printf "%s", $2}' /proc/cpuinfo
	printf ', %s CPUs, ' "$(nproc)"
	awk '/^MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo
	grep -qw hypervisor /proc/cpuinfo && printf ', virtual machine'
	printf ', return thunks: %s.\n' \
		"$(cat /sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow 2>/dev/null ||
			echo unknown)"
	printf 'All figures: median (smallest..largest). perf/README.md says what they mean.\n'
}

all() {
	machine
	# shellcheck disable=SC2086 # an option or nothing
	{
		part 'Packet' "$build/perf/bench_packet" $quick
		part 'Drain' "$build/perf/bench_drain" $quick
		part 'Accounted for, without the network stack' "$build/perf/bench_live" $quick
		part 'Accounted for, the daemon' python3 perf/load.py "$build" accounted $quick
		part 'Memory of the daemon' python3 perf/load.py "$build" memory $quick
		part 'Export' "$build/perf/bench_export" $quick
	}
}

if [ -n "$quick" ]; then
	all
else
	# The status of a pipe is that of tee: a failed part must not leave a result behind.
	results=perf/results/$(date -u +%Y-%m-%d)-$(uname -r).md
	mkdir -p perf/results/tmp
	all >perf/results/tmp/running.md &
	pid=$!
	trap 'kill $pid 2>/dev/null' INT TERM
	tail -n +1 -f --pid=$pid perf/results/tmp/running.md
	wait $pid
	mv perf/results/tmp/running.md "$results"
	rmdir perf/results/tmp
	echo
	echo "written to $results"
fi
