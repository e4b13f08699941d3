#!/usr/bin/env bash
# The page of the example `web` and the docs page of a server, in a browser without a window.
#
#   tests/server/browser.sh [DIR]     puts pictures of both, light and dark, in DIR
#
# Needs Chromium, its driver and Python 3, and installs them where that can be done.
set -euo pipefail
pictures=${1:+$(realpath -m "$1")}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# need COMMAND PACKAGE
need() {
    command -v "$1" >/dev/null && return
    echo "installing $2"
    if ! { command -v apt-get >/dev/null && as_root apt-get update -qq && as_root apt-get install -y -qq "$2" >/dev/null; }; then
        echo "$1 is missing and cannot be installed: install it (on Debian it is in the package $2)" >&2
        exit 1
    fi
}

need python3 python3
need chromium chromium
need chromedriver chromium-driver

profile=${PROFILE:-dev}
cargo build --quiet --profile "$profile" -p memstate-examples --features server --example web
folder=$profile
[ "$profile" != dev ] || folder=debug
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/server/browser.py "${CARGO_TARGET_DIR:-target}/$folder/examples/web" ${pictures:+"$pictures"}
