#!/bin/sh
# The tests need Chromium and the PostgreSQL server programs. Where they are absent, install them from Debian's
# packages if we may, else say what to install.
set -eu

missing=""
found_browser=""
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then found_browser=$name; fi
done
[ -n "$found_browser" ] || missing="chromium fonts-liberation"
"${PYTHON:-.venv/bin/python}" -m tests.cluster >/dev/null 2>&1 || missing="$missing postgresql"
missing=${missing# }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "The tests need programs that are not installed here. Install these packages, then run make test again: $missing (PostgreSQL 15 or newer)." >&2
    exit 1
fi

echo "Installing $missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# RUNLEVEL=1 keeps the new server from starting by itself: the tests start their own.
# shellcheck disable=SC2086  # a list of package names
if ! { apt-get update && RUNLEVEL=1 apt-get install --yes --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "The packages could not be installed. Install these by hand, then run make test again: $missing." >&2
    exit 1
fi
if ! "${PYTHON:-.venv/bin/python}" -m tests.cluster; then exit 1; fi
