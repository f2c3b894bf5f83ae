"""A published risk of a place reaches whoever was there then, whichever came first, and its withdrawal too."""
import secrets

from phi_client.life import moment, place_line, source_line
from phi_client.people import Person
from phi_client.suite import wait_until

DAY = 86400


def grade(life, person):
    data = life.done(life.get("citizen-app", "svc-directory", "/v1/health/explain", person))
    return data["grade"]["code"], [reason["reason"] for reason in data["reasons"]]


def until(life, person, *wanted):
    wait_until(lambda: grade(life, person) == wanted, 30, f"{wanted}")


def visit(life, place, begin, end):
    person = Person()
    line = source_line(person, "venues", placeId=place, **{"from": moment(begin), "to": moment(end)})
    assert [answer["result"] for answer in life.report("venues", [line])] == ["accepted"]
    return person


def test_a_published_place_finds_who_was_there_and_lets_them_go(life):
    place, elsewhere = f"hall-{secrets.token_hex(6)}", f"hall-{secrets.token_hex(6)}"
    there = visit(life, place, 3 * DAY, 2 * DAY)
    before, other = visit(life, place, 6 * DAY, 5 * DAY), visit(life, elsewhere, 3 * DAY, 2 * DAY)
    for person in (there, before, other):
        until(life, person, "green", ["nothing-found"])
    entry = place_line(placeId=place, **{"from": moment(4 * DAY)})
    life.publish([entry])
    until(life, there, "red", ["high-risk-place"])
    # Who comes to be known there only now finds the place published.
    late = visit(life, place, 3 * DAY, 2 * DAY)
    until(life, late, "red", ["high-risk-place"])
    assert [grade(life, person)[0] for person in (before, other)] == ["green", "green"]
    details = life.done(life.post("citizen-app", "svc-directory", "/v1/health/query", {}, there))["details"]
    (report,) = details["reports"]
    assert details["areaRisk"] == report["areaRisk"] and details["areaRisk"]["risk"] == "high"
    life.publish([{**entry, "revision": 2, "risk": "medium"}])
    until(life, there, "yellow", ["medium-risk-place"])
    life.publish([{**entry, "revision": 3, "withdrawn": True}])
    for person in (there, late):
        until(life, person, "green", ["nothing-found"])
