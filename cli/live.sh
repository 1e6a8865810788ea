#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A look at live traffic without installing anything: starts parallaxd on one interface with a
# private socket, shows the flow table until Ctrl-C, stops the daemon and says what it saw. Leaves
# no process and no file behind.
#
#   live.sh BUILD_DIR [IFACE]      IFACE defaults to the interface of the default route
set -u

dir='' daemon='' view='' shown='' stopped=''

fail() {
	printf 'live.sh: %s\n' "$*" >&2
	exit 1
}

# The first default route, IPv4 before IPv6; "unreachable default" is none.
default_iface() {
	{
		ip -o route show default
		ip -o -6 route show default
	} 2>/dev/null |
		awk '$1 == "default" {
			for (i = 2; i < NF; i++)
				if ($i == "dev") {
					print $(i + 1)
					exit
				}
		}'
}

# shellcheck disable=SC2317 # finish calls it
# The ledger in a line, from the column TOTAL PACKETS, which is the last but one.
totals() {
	"$build/parallax" --socket "$dir/socket" status 2>/dev/null | awk '
		$1 == "LEDGER" { ledger = 1 }
		/^$/ { ledger = 0 }
		ledger && ($1 ~ /^(seen|skipped|metered|lost)$/) {
			line = line (line ? ", " : "") $1 " " $(NF - 1) ($1 == "seen" ? " packets" : "")
		}
		END { print line }'
}

# Asked to stop, waited for, and after 10 s killed. The sleep also lets the shell reap it: before
# that, kill -0 finds the dead process. Sets status.
stop_daemon() {
	kill -TERM "$daemon" 2>/dev/null
	tries=100
	while kill -0 "$daemon" 2>/dev/null; do
		[ "$tries" -gt 0 ] || kill -KILL "$daemon" 2>/dev/null
		tries=$((tries - 1))
		sleep 0.1
	done
	wait "$daemon"
	status=$?
	daemon=
}

# shellcheck disable=SC2317 # the trap calls it
# Whatever ended us: nobody left, nothing left. PIPE as well: the last line may have no reader.
finish() {
	trap '' INT TERM HUP QUIT PIPE
	if [ -n "$view" ]; then
		kill -TERM "$view" 2>/dev/null
		wait "$view"
	fi
	if [ -n "$daemon" ]; then
		line=''
		[ -z "$shown" ] || line=$(totals)
		stop_daemon
		[ -z "$line" ] || printf '%s: %s\n' "$iface" "$line" 2>/dev/null
	fi
	[ -z "$dir" ] || rm -rf "$dir"
}

# The daemon went away, or does not answer: its log says why.
daemon_failed() {
	stop_daemon
	printf 'live.sh: %s (status %s), its log:\n' "$1" "$status" >&2
	tail -n 20 "$dir/log" >&2
	exit 1
}

# Signals end us at once, except while a process is started that has to be known to be stopped.
signals_later() {
	trap 'stopped=1' INT TERM HUP QUIT
}
signals_now() {
	trap 'exit 0' INT TERM HUP QUIT
	[ -z "$stopped" ] || exit 0
}

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	echo "usage: live.sh BUILD_DIR [IFACE]" >&2
	exit 2
fi
build=$1
iface=${2:-}
[ "$(id -u)" -eq 0 ] || fail "metering needs root, try: sudo make run"
for program in parallaxd parallax; do
	[ -x "$build/$program" ] || fail "$build/$program is missing, try: make"
done
[ -n "$iface" ] || iface=$(default_iface)
[ -n "$iface" ] || fail "there is no default route; name an interface: make run IFACE=eth0"

trap finish EXIT
signals_now
dir=$(mktemp -d) || exit 1

# In a session of its own, so that Ctrl-C leaves it running until it has been asked for its totals.
# --pdeathsig ends it even if this shell is killed.
signals_later
setsid setpriv --pdeathsig TERM "$build/parallaxd" -i "$iface" --socket "$dir/socket" \
	>"$dir/log" 2>&1 &
daemon=$!
signals_now

# Up to 30 s: the kernel verifies the programs first, and slow machines take their time.
tries=300
until "$build/parallax" --socket "$dir/socket" status >/dev/null 2>&1; do
	kill -0 "$daemon" 2>/dev/null || daemon_failed "parallaxd did not start"
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || daemon_failed "parallaxd does not answer"
	sleep 0.1
done

# In the background and waited for: a shell acts on a signal of its own only after the command in
# the foreground.
shown=1
signals_later
"$build/parallax" --socket "$dir/socket" flows --follow &
view=$!
signals_now
wait "$view"
result=$?
view=
[ "$result" -eq 3 ] && daemon_failed "parallaxd went away"
exit "$result"
