"""Health query (6.4), picture, and declarations: what a scanning person sees, and what only the holder does."""
import base64
import time

import pytest

from client.caller import Person, moment
from client.checks import check, refused
from client.world import BY_NAME, basic, health, trip

from .check_verify import EXPIRED, Forge

CLAUSE = "38963 6.4"
GRADES = {"red": "高风险", "yellow": "中风险", "green": "未见异常", "review": "审核中", "grey": "未知"}


def known(world):
    """A person who has declared and whom the directory knows; waited for, once a run."""
    if world.known_person is None:
        person = Person()
        world.done(world.post("/v1/consents", {"noticeVersion": "2026-11", "purpose": "health-code"}, person))
        world.done(world.post("/v1/declarations/health", {"basic": basic(), "health": health()}, person))
        end = time.monotonic() + 20
        while True:
            text = world.mint(person)["code"]
            data = world.done(world.post("/v1/health/query", {"code": text}))
            if data["holder"] or time.monotonic() > end:
                break
            time.sleep(0.2)
        assert data["holder"], "20 s after declaring, the directory doesn't know the person"
        world.known_person = (person, text, data)
    return world.known_person


@check("QRY-01", f"{CLAUSE}; masked", "a scanning person sees name and number with their middle covered, never whole")
def check_masked(world):
    person, _text, data = known(world)
    assert data["holder"]["name"] == person.masked[0], "the name is not masked as first, star, last"
    assert data["holder"]["idNo"] == person.masked[1], "the number is not masked but for four digits at each end"


@check("QRY-02", "GB/T 38961 5: colour and words or a symbol",
       "a grade is told in its code, words, colour and shape, with the time")
def check_grade(world):
    _person, _text, data = known(world)
    grade = data["grade"]
    assert grade["code"] in GRADES and grade["zh"] == GRADES[grade["code"]], grade
    assert grade["colour"].startswith("#") and grade["shape"] and grade["en"] and data["time"].endswith("+08:00")


@check("QRY-03", f"{CLAUSE}; 健康码已过期", "who asks with an expired or forged code sees a verdict, no grade and no person")
def check_refused_codes(world):
    known(world)
    forge = Forge(world)
    for text, code in ((forge.text(life_s=-60), "2003"), (forge.text(life_s=60)[:-8] + "AAAAAAAA", "2002"), ("AAAA", "2001")):
        answer = world.post("/v1/health/query", {"code": text})
        assert (answer.status, answer.code) == (200, code), answer
        assert not {"grade", "holder", "entries"} & set(answer.data), "tells more than the verdict"
        assert code != "2003" or answer.members["resultDesc"] == EXPIRED


@check("QRY-04", "GB/T 38961 5: graded picture",
       "the graded picture is for the holder's own code, with name and number covered")
def check_picture(world):
    person, _text, _data = known(world)
    text = world.mint(person)["code"]
    data = world.done(world.post("/v1/health/picture", {"code": text, "format": "svg"}, person))
    picture = base64.b64decode(data["base64"]).decode()
    assert "<svg" in picture and "<title" in picture and data["grade"]["code"] in GRADES
    assert person.name not in picture and person.id_no not in picture
    answer = refused(world.post("/v1/health/picture", {"code": text, "format": "svg"}, world.holder), 403, "3014")
    assert "base64" not in answer.data


@check("QRY-05", "38963; once is once", "a one-time code that was queried is spent")
def check_one_time(world):
    text = world.mint(scene=world.scene("once"))["code"]
    assert world.post("/v1/health/query", {"code": text}).code == "0000"
    answer = world.post("/v1/health/query", {"code": text})
    assert (answer.status, answer.code) == (200, "2004") and not {"grade", "holder"} & set(answer.data), answer


@check("QRY-06", "38963; for the citizen's own eyes",
       "the explanation of a grade is about the person of the token, and has its reasons")
def check_explain(world):
    person, _text, _data = known(world)
    data = world.done(world.door("GET /v1/health/explain").send(person=person, target="/v1/health/explain"))
    assert data["grade"]["code"] in GRADES and isinstance(data["reasons"], list) and isinstance(data["history"], list)


@check("DEC-01", "38963 6.2; consent first, 3015", "nothing is declared for a person who did not agree")
def check_consent_first(world):
    stranger = Person()
    answer = world.post("/v1/declarations/health", {"basic": basic(), "health": health()}, stranger)
    refused(answer, 403, "3015", "Phi-Identity")
    refused(world.post("/v1/declarations/trips", {"trips": [trip()]}, stranger), 403, "3015", "Phi-Identity")


@check("DEC-02", "38963 6.2; 4005", "health is declared after basic information")
def check_basic_first(world):
    person = Person()
    world.done(world.post("/v1/consents", {"noticeVersion": "2026-11", "purpose": "health-code"}, person))
    refused(world.post("/v1/declarations/health", {"health": health()}, person), 422, "4005", "$.basic")
    world.done(world.post("/v1/declarations/health", {"basic": basic(), "health": health()}, person))
    world.done(world.post("/v1/declarations/health", {"health": health()}, person))


@check("DEC-03", "38963 6.2, 6.3; rules, 4004",
       "what can't have been, such as an observation of tomorrow, is refused with its place")
def check_rules(world):
    person = world.consented
    future = {**health(), "observedAt": moment(-600)}
    refused(world.post("/v1/declarations/health", {"basic": basic(), "health": future}, person), 422, "4004", "$.health.observedAt")
    late = {**trip(), "departedAt": moment(60), "arrivedAt": moment(120)}
    refused(world.post("/v1/declarations/trips", {"trips": [trip(), late]}, person), 422, "4004", "$.trips[1].arrivedAt")


@check("COR-01", "38963 6.8", "a dispute is its filer's to see: to others it does not exist")
def check_dispute(world):
    _target, fields = BY_NAME["POST /v1/corrections"].make(world)
    case = world.done(world.post("/v1/corrections", fields))
    look = lambda person: world.door("GET /v1/corrections").send(person=person, target=f"/v1/corrections/{case['caseId']}")
    assert world.done(look(world.holder))["caseId"] == case["caseId"]
    refused(look(world.scanner), 404, "4001", "id")


@check("TRU-01", "trust list",
       "the list is signed over topic, key, version and value by the pinned key, and has the platform's keys")
def check_trust_list(world):
    data, platforms = world.trust_list()
    own = platforms.get(world.settings.region)
    assert own and own["status"] == "active", "the platform is not in force"
    assert {"code", "receipt"} <= {key["use"] for key in own["keys"]}, "keys by use"
    if world.settings.trust_key is None:
        pytest.skip("the configuration has no trust_key: the signature was not verified")
    message = "\n".join(data[name] for name in ("topic", "key", "version", "value")).encode()
    assert data["keySerial"] == world.settings.trust_key.serial, "signed by another key"
    assert world.settings.trust_key.verify(message, base64.b64decode(data["signature"])), "the signature does not verify"
