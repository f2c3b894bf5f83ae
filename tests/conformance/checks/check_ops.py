"""What operators see, and what is the same on every path."""
import re

import pytest

from client.checks import check, refused
from client.world import METHODS, read_documents

PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json")
SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\})? [-+0-9.eEInfNa]+( \d+)?')


@check("OPS-01", "HTTP: /healthz", "a program that lives says so, in JSON")
def check_health(world):
    for address in world.addresses:
        answer = address.send("GET", "/healthz", [])
        assert answer.status == 200 and answer.members.get("status"), f"{address.base}: {answer}"
        assert answer.headers.get("Content-Type", "").startswith("application/json"), address.base


@check("OPS-02", "HTTP: /readyz", "a program that can work says so, and what it lacks")
def check_ready(world):
    for address in world.addresses:
        answer = address.send("GET", "/readyz", [])
        assert answer.status == 200 and answer.members.get("ready") is True, f"{address.base}: {answer}"


@check("OPS-03", "HTTP: /metrics; Prometheus text format 0.0.4",
       "metrics keep to their format, with histograms of times")
def check_metrics(world):
    for address in world.addresses:
        answer = address.send("GET", "/metrics", [])
        text = answer.body.decode()
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), address.base
        for line in text.splitlines():
            assert line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(line), f"{address.base}: {line}"
        assert " histogram\n" in text and "_bucket{" in text, f"{address.base}: no histogram"


@check("OPS-04", "HTTP: /openapi.json",
       "each address tells its interfaces, with the members that the documents of this suite have")
def check_documents(world):
    ours = read_documents()
    assert not world.without_document, f"no OpenAPI document at {[one.base for one in world.without_document]}"
    assert world.served, "no interface is served"
    for (method, path), (address, document) in world.served.items():
        if not ours:
            pytest.skip("the documents of this suite are not here")
        assert (method, path) in ours, f"{address.base}: {method} {path} is in no document of this suite"
        mine, theirs = ours[method, path][1], document["paths"][path][method.lower()]
        for kind, content in mine.get("requestBody", {}).get("content", {}).items():
            given = theirs["requestBody"]["content"][kind]["schema"]
            for member in ("properties", "required"):
                wanted = content["schema"].get(member, ())
                assert set(wanted) == set(given.get(member, ())), f"{method} {path}: {member} of {kind}"


@check("OPS-05", "HTTP: X-Request-Id",
       "every answer has a request id; a sound one of the caller's is kept, another is not")
def check_request_id(world):
    for address in world.addresses:
        mine = "conformance-0123456789"
        assert address.send("GET", "/healthz", [("X-Request-Id", mine)]).headers["X-Request-Id"] == mine, address.base
        for bad in ("short", "with space in it", "x" * 100):
            made = address.send("GET", "/healthz", [("X-Request-Id", bad)]).headers["X-Request-Id"]
            assert made and made != bad, f"{address.base}: {bad}"


@check("OPS-06", "HTTP: methods; return codes 1009, 1010", "another method is refused with Allow, another path is none")
def check_methods_and_paths(world):
    for address in world.addresses:
        for path in PATHS:
            answer = refused(address.send("POST", path, [("Content-Type", "application/json")], b"{}"), 405, "1010", what=path)
            assert "GET" in answer.headers.get("Allow", ""), path
        refused(address.send("GET", "/v1/zz-nothing", []), 404, "1009")
    for method, path in world.served:
        others = {one.upper() for one in METHODS} - {m for m, p in world.served if p == path}
        if "{" not in path:
            answer = world.served[method, path][0].send(sorted(others)[0], path, [])
            refused(answer, 405, "1010", what=path)
            assert method in answer.headers.get("Allow", ""), path


@check("OPS-07", "privacy: nothing personal in operations",
       "after a code was minted and used, metrics name neither person nor code")
def check_metrics_tell_nobody(world):
    minted = world.mint()
    world.verify(minted["code"], operation="verify")
    told = [text.encode() for text in (world.holder.name, world.holder.id_no, world.holder.sub, minted["code"])]
    for address in world.addresses:
        body = address.send("GET", "/metrics", []).body
        assert not [text for text in told if text in body], address.base
