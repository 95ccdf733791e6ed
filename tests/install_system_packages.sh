#!/bin/sh
# The tests need Chromium and the PostgreSQL server programs, and let Go's own trees and notes check the log. Where
# they are absent, install them from Debian's packages if we may, else say what to install.
set -eu

missing=""
found_browser=""
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then found_browser=$name; fi
done
[ -n "$found_browser" ] || missing="chromium fonts-liberation"
"${PYTHON:-.venv/bin/python}" -m tests.cluster >/dev/null 2>&1 || missing="$missing postgresql"
wanted=$missing
# Without Go the tests in tests/outside say that they were left out; nothing else needs it.
if ! command -v go >/dev/null 2>&1 || [ ! -d /usr/share/gocode/src/golang.org/x/mod/sumdb ]; then
    wanted="$wanted golang-go golang-golang-x-mod-dev"
fi
missing=${missing# }
wanted=${wanted# }
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    if [ -z "$missing" ]; then
        echo "Go is not installed here, so tests/outside is left out. Install golang-go and golang-golang-x-mod-dev to run it." >&2
        exit 0
    fi
    echo "The tests need programs that are not installed here. Install these packages, then run make test again: $missing (PostgreSQL 15 or newer)." >&2
    exit 1
fi

echo "Installing $wanted"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# RUNLEVEL=1 keeps the new server from starting by itself: the tests start their own.
# shellcheck disable=SC2086  # a list of package names
if ! { apt-get update && RUNLEVEL=1 apt-get install --yes --no-install-recommends $wanted; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "The packages could not be installed. Install these by hand, then run make test again: $wanted." >&2
    exit 1
fi
if ! "${PYTHON:-.venv/bin/python}" -m tests.cluster; then exit 1; fi
