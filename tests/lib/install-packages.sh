#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# install-packages.sh PACKAGE...: install the Debian packages that are missing; quiet when none is.
set -eu

missing=
for package in "$@"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages:$missing" >&2
	echo "install them with: sudo apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # a list of names
apt-get -qq -y --no-install-recommends install $missing >/dev/null
