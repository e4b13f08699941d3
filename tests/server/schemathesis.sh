#!/bin/sh
# Looks for requests that the HTTP interface answers otherwise than its description says, and checks the description itself.
#
#   tests/server/schemathesis.sh [EXAMPLES]
#
# Needs Python 3 with venv. What it installs is in target/schemathesis.
set -eu
cd "$(dirname "$0")/../.."
examples=${1:-60}
tools=target/schemathesis
if [ ! -x "$tools/bin/schemathesis" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "schemathesis==4.32.5" openapi-spec-validator
fi
cargo build --quiet -p memstate-server-tests --example shapes
told=$(mktemp -d)
mkfifo "$told/input"
target/debug/examples/shapes 127.0.0.1:0 <"$told/input" >"$told/address" &
server=$!
exec 9>"$told/input"
trap 'exec 9>&-; wait "$server" || true; rm -rf "$told"' EXIT
while [ ! -s "$told/address" ]; do
    kill -0 "$server"
    sleep 0.1
done
url="http://$(cat "$told/address")"
"$tools/bin/python" - "$url" "$told/openapi.json" <<'PYTHON'
import json, sys, urllib.request
from openapi_spec_validator import validate

with urllib.request.urlopen(sys.argv[1] + "/openapi.json") as answer:
    described = json.load(answer)
validate(described)
with open(sys.argv[2], "w") as file:
    json.dump(described, file)
print("the description is OpenAPI", described["openapi"])
PYTHON
# It leaves what it found where it is run.
config=$PWD/tests/server
cd "$tools"
PYTHONPATH=$config PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=schemathesis_hooks bin/schemathesis --config-file "$config/schemathesis.toml" \
    run "$url/openapi.json" --max-examples "$examples" --workers 2 --continue-on-failure --generation-database none --no-color
