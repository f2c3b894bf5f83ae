"""Answers: their members, their signatures, their codes and statuses."""
import base64
import os
import re
import time

import pytest

from client.caller import new_number
from client.checks import check, is_json_post, refused, routes
from client.schema import TIME, faults
from client.world import HERE

CLAUSE = "38963 answers"
TABLE = os.path.join(HERE, "..", "..", "..", "docs", "return-codes.md")


def return_codes():
    """{resultCode: (HTTP status, resultDesc, resultDescEn)} out of docs/return-codes.md."""
    if not os.path.exists(TABLE):
        pytest.skip("docs/return-codes.md is not here")
    with open(TABLE, encoding="utf-8") as file:
        rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in file if re.match(r"\| \d{4} ", line)]
    return {row[0]: (int(row[2]), row[4], row[5]) for row in rows}


def some(door):
    """A good answer, and refusals to a caller who is known."""
    yield "a good request", door.send()
    target, _fields = door.good
    if door.route.method == "POST" and not door.route.lines:
        yield "an unknown member", door.send(fields={"zzUnknown": 1})
    if door.route.who:
        yield "no token", door.send(token=None)
    yield "an unknown query", door.send(target=f"{target or door.route.path}?zzUnknown=1")


@check("ANS-01", f"{CLAUSE}: Phi-Signature over status, time, nonce, body",
       "answers to a known caller are signed, good ones and refusals")
@routes()
def check_signatures(door, world):
    keys = world.settings.answer_keys
    for what, answer in some(door):
        assert answer.is_signed, f"{what}: not signed: {answer}"
        assert answer.headers.get("Phi-Nonce") == answer.nonce, f"{what}: another nonce than the request's"
        assert abs(int(answer.headers["Phi-Timestamp"]) - time.time()) <= 60, f"{what}: the time is off"
        signature = base64.b64decode(answer.headers["Phi-Signature"], validate=True)
        assert len(signature) == 64, f"{what}: not raw r ‖ s"
        if not keys:
            pytest.skip("the configuration has no answer_keys: signatures are there, but were not verified")
        serial = answer.headers.get("Phi-Key-Serial")
        assert serial in keys, f"{what}: signed by a key ({serial}) that the configuration doesn't have"
        assert keys[serial].verify(answer.signed_bytes(), signature), f"{what}: the signature does not verify"


@check("ANS-02", f"{CLAUSE}: not before the caller is known", "a refusal to an unknown caller is not signed")
@routes()
def check_unsigned_refusals(door):
    assert not door.send(sign=False).is_signed
    _nonce, header = door.app.authorization(door.route.method, door.route.path, b"", app_id="zz-nobody")
    assert not door.send(authorization=(None, header)).is_signed


@check("ANS-03", f"{CLAUSE}: members", "an answer has its members, the request's number, and its own time at +08:00")
@routes(lambda route: not route.lines)
def check_members(door):
    number = new_number()
    for what, answer in (("good", door.send(number=number)), ("refused", door.send(sign=False))):
        members = answer.members
        assert answer.headers.get("Content-Type", "").lower() == "application/json; charset=utf-8", what
        for name in ("resultCode", "resultDesc", "resultDescEn", "bizSerialNum", "timeStamp"):
            assert isinstance(members.get(name), str), f"{what}: {name} is missing"
        assert TIME.fullmatch(members["timeStamp"]) and members["timeStamp"].endswith("+08:00"), f"{what}: timeStamp"
        if what == "good" and door.route.method == "POST":
            assert members["bizSerialNum"] == number, "another bizSerialNum than the request's"


@check("ANS-04", "return codes; HTTP", "resultCode, HTTP status and both descriptions agree with the table")
@routes(lambda route: not route.lines)
def check_codes(door):
    table = return_codes()
    for what, answer in (*some(door), ("unsigned", door.send(sign=False))):
        assert answer.code in table, f"{what}: {answer}"
        members = answer.members
        assert (answer.status, members["resultDesc"], members["resultDescEn"]) == table[answer.code], f"{what}: {answer}"


@check("ANS-05", "OpenAPI: responses", "what is answered has the form that the documents give")
@routes(lambda route: not route.lines and route.path != "/v1/health/picture")
def check_forms(door):
    document, operation = door.operation()
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    answer = door.send()
    if answer.status == 200:
        broken = list(faults(answer.json, schema, document))
        assert not broken, broken[:3]
    refusal = door.send(sign=False)
    broken = list(faults(refusal.json, document["components"]["schemas"]["Answer"], document))
    assert not broken, broken[:3]


@check("ANS-06", "privacy: errors name the field and the reason, never the data",
       "no refusal repeats what the caller or the token said of a person")
@routes(is_json_post)
def check_refusals_tell_nothing(door, world):
    if not door.route.who:
        pytest.skip("no person behind this interface")
    person = world.who(door.route)
    wrong = person.id_no[:-1] + ("1" if person.id_no[-1] != "1" else "2")
    for what, answer in (("a wrong check digit", door.send(token=door.token(phi_id_no=wrong))),
                         ("a name that breaks the record", door.send(token=door.token(name=person.name + "|x"))),
                         ("data as a member's name", door.send(fields={person.id_no: person.name})),
                         ("data as a value", door.send(fields={"zzUnknown": person.id_no})),
                         ("expired", door.send(token=door.token(exp=int(time.time()) - 30)))):
        assert answer.status in (400, 401), f"{what}: {answer}"
        told = answer.body.decode()
        assert not [text for text in (person.name, person.id_no, wrong, person.sub) if text in told], what
    refused(door.send(token=door.token(phi_id_no=wrong)), 401, "3008", "phi_id_no")
