"""What a description cannot say of a request that is fine: it depends on what was sent before, and on when."""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    # A key that was used for another command is refused, and the generator likes to use `0` for all of them.
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) <= 200 and all("!" <= one <= "~" for one in key):
        headers["Idempotency-Key"] = key.strip('"') + uuid.uuid4().hex
    # A position that is not reached is waited for.
    if str(headers.get("Memstate-After", "")).isdigit():
        headers["Memstate-After"] = "0"
    query = case.query or {}
    is_argument = case.path == "/queries/at_that" and case.method == "GET"
    if str(query.get("after", "")).isdigit() and not is_argument:
        query["after"] = 0
