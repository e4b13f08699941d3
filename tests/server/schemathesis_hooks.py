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
    # The answer is as long as it is asked for.
    body = case.body if isinstance(case.body, dict) else {}
    if case.path == "/queries/numbers":
        for given in (query, body):
            end = given.get("end")
            text = str(end).removesuffix(".0")
            if not isinstance(end, bool) and text.isdigit() and 1000 < int(text) < 2**32:
                given["end"] = 1000
    # A key of a map stands in it once, also where the map is a list of pairs.
    everything = body.get("everything")
    pairs = everything.get("by_pair") if isinstance(everything, dict) else None
    if isinstance(pairs, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        everything["by_pair"] = list({repr(pair[0]): pair for pair in pairs}.values())
