"""Institutions ask in batches only under a grant: two officers of two units, receipts of their own, counted and audited."""
import base64
import concurrent.futures
import json
import re
import secrets
import time

import psycopg
import pytest
import requests

from phi_client.codes import Receipt
from phi_client.grants import DESK, INSTITUTION, OTHER, Grants
from phi_client.life import moment
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic


@pytest.fixture(scope="module")
def grants(suite, life):
    return Grants(suite, life)


@pytest.fixture(scope="module")
def shown(suite, life):
    """Codes of three people, green in the nation."""
    people = [Person() for _ in range(3)]
    for person in people:
        life.consent(person)
        life.declare(person)
    codes = [life.mint(person)["code"] for person in people]
    suite.settle()
    return codes


def row(suite, sql, *values):
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        return database.execute(sql, values).fetchall()


def audited(suite, grant):
    return [r.json for r in read_topic(suite.bus, "phi.000000.audit") if r.key == grant.encode()]


def test_two_officers_of_two_units_make_a_grant(grants, life, suite):
    grant = f"g-{secrets.token_hex(5)}"
    assert life.get("officer-app", "svc-platform", f"/v1/grants/{grant}", token=life.officer(Person())).status == 403
    nobody = suite.apps[DESK].post(grants.url, "/v1/grants", {}, suite.token("staff", sub="officer-1", aud=DESK))
    assert nobody.status == 403, "an officer without the role"
    for changed, place in (({"grant": "Not-Small"}, "$.grant"), ({"purpose": ""}, "$.purpose"), ({"regions": []}, "$.regions"),
                           ({"legalReference": ""}, "$.legalReference"), ({"regions": ["320000", "320000"]}, "$.regions[1]"),
                           ({"regions": ["999999"]}, "$.regions[0]"), ({"fields": ["reasons"]}, "$.fields[0]"),
                           ({"fields": ["time"]}, "$.fields[0]"), ({"peoplePerDay": 0}, "$.peoplePerDay"),
                           ({"until": moment(60)}, "$.until"), ({"until": moment(-400 * 86400)}, "$.until"),
                           ({"app": "scan-app"}, "$.app"), ({"app": "nobody"}, "$.app")):
        refused = grants.register(grant, **changed)
        assert refused.status in (400, 422) and place in str(refused.data), (changed, refused)
    life.done(grants.register(grant))
    assert grants.register(grant, sub="grants-2").status == 409
    assert grants.ask(grant, [{}]).code == "4003", "not approved yet"
    for sub, why in (("grants-1", "can't approve"), ("grants-3", "another unit")):
        refused = grants.step(grant, "approve", sub)
        assert refused.status == 403 and why in str(refused.data), refused
    assert life.done(grants.show(grant))["state"] == "registered"
    life.done(grants.step(grant, "approve"))
    assert grants.step(grant, "approve").status == 409
    shown = life.done(grants.show(grant))
    assert (shown["state"], shown["app"], shown["fields"], shown["peopleToday"]) == ("approved", INSTITUTION, "grade,time", 0)
    life.done(grants.step(grant, "end", "grants-3"))
    assert life.done(grants.show(grant))["state"] == "over" and grants.ask(grant, [{}]).code == "4003"
    assert grants.step(grant, "approve").status == 409, "for good"
    wait_until(lambda: [one["step"] for one in audited(suite, grant)] == ["register", "approve", "end"], 20, "steps are on audit")


def test_a_batch_is_answered_line_by_line(grants, suite, shown):
    grant = grants.in_force()
    good = grants.receipt(shown[0])
    subject = Receipt(base64.b64decode(good["receipt"])).subject.hex()
    spoilt = bytearray(base64.b64decode(good["receipt"]))
    spoilt[-1] ^= 1
    lines = [good, {"receipt": base64.b64encode(bytes(spoilt)).decode()}, grants.receipt(shown[1], OTHER), {"receipt": "AA=="},
             {**good, "idNo": "1"}, {}, grants.receipt(shown[1])]
    told = grants.told(grant, lines)
    assert [one["result"] for one in told] == ["accepted", *["rejected"] * 5, "accepted"], told
    assert [one["line"] for one in told] == list(range(1, 8))
    assert {(one["grade"], tuple(one["leftOut"])) for one in (told[0], told[6])} == {("green", ())}
    assert all(set(one) == {"line", "result", "grade", "time", "leftOut"} and one["time"] for one in (told[0], told[6]))
    assert [one["resultCode"] for one in told[1:6]] == ["3013", "3013", "3013", "1007", "1004"]
    assert "another app" in told[2]["reason"] and told[4]["field"] == "$.idNo" and told[5]["field"] == "$.receipt"
    wait_until(lambda: len(audited(suite, grant)) == 3, 20, "the batch is on audit")
    (told,) = [one for one in audited(suite, grant) if one["step"] == "query"]
    assert (told["app"], told["lines"], told["accepted"], told["rejected"]) == (INSTITUTION, 7, 2, 5)
    assert set(told) == {"step", "grant", "at", "app", "lines", "accepted", "rejected"} and subject not in json.dumps(told)
    assert row(suite, "SELECT lines, accepted FROM platform.grant_queries WHERE grant_id = %s", grant) == [(7, 2)]
    metrics = requests.get(grants.url + "/metrics", timeout=10).text
    assert re.search(r'phi_platform_grant_lines_total\{result="accepted"\} [1-9]', metrics)


def test_no_more_is_told_than_the_grant_says(grants, suite, shown):
    """The grade alone; and entries of other regions than the grant's don't count."""
    subject = Receipt(base64.b64decode(grants.receipt(shown[1])["receipt"])).subject
    here, both = grants.in_force(fields=["grade"]), grants.in_force(regions=["320000", "630000"])
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        database.execute("INSERT INTO platform.entries VALUES (%s, '630000', 1, 4, 'invented', 1, 1, 9223372036854775807, 4, 1, "
                         "false)", (subject,))
        try:
            (told,) = grants.told(here, [grants.receipt(shown[1])])
            assert told == {"line": 1, "result": "accepted", "grade": "green", "leftOut": []}
            # 630000 is in no trust list: its word doesn't count, and that is said.
            (told,) = grants.told(both, [grants.receipt(shown[1])])
            assert (told["grade"], told["leftOut"]) == ("green", ["630000"])
        finally:
            database.execute("DELETE FROM platform.entries WHERE region = '630000'")


def test_a_person_without_an_entry_is_grey(grants, suite, shown):
    grant = grants.in_force()
    subject = Receipt(base64.b64decode(grants.receipt(shown[2])["receipt"])).subject
    before = row(suite, "DELETE FROM platform.entries WHERE subject = %s RETURNING *", subject)
    (told,) = grants.told(grant, [grants.receipt(shown[2])])
    assert (told["grade"], told["time"]) == ("grey", None)
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        for one in before:
            database.execute(f"INSERT INTO platform.entries VALUES ({','.join(['%s'] * len(one))}) ON CONFLICT DO NOTHING", one)


def test_whose_grant_it_is_and_of_which_region(grants, shown):
    grant, elsewhere = grants.in_force(), grants.in_force(regions=["440000"])
    line = grants.receipt(shown[0])
    assert grants.ask(grant, [line], OTHER).code == "4001", "another app's grant"
    assert grants.ask("no-such-grant", [line]).code == "4001"
    assert grants.ask(grant, [line], "scan-app").code == "3012", "an app without the role"
    (told,) = grants.told(elsewhere, [line])
    assert (told["result"], told["resultCode"]) == ("rejected", "3013") and "regions" in told["reason"]
    assert grants.ask(grant, [line] * 501).code == "1001" and grants.ask(grant, b"").status == 400


def test_the_days_count_is_never_passed(grants, life, suite, shown):
    """Also by several at once; and one signed request is one batch."""
    grant = grants.in_force(peoplePerDay=7)
    line = grants.receipt(shown[0])
    assert [one["result"] for one in grants.told(grant, [line] * 3)] == ["accepted"] * 3
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: grants.told(grant, [line] * 3), range(4)))
    results = [one["result"] for answer in answers for one in answer]
    assert results.count("accepted") == 4 and {one["resultCode"] for answer in answers for one in answer
                                               if one["result"] == "rejected"} == {"5008"}
    assert life.done(grants.show(grant))["peopleToday"] == 7
    again = {"nonce": secrets.token_hex(10), "timestamp": int(time.time())}
    other = grants.in_force(peoplePerDay=7)
    assert grants.ask(other, [line], **again).status == 200
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        counted = database.execute("SELECT people FROM platform.grant_days WHERE grant_id = %s", (other,)).fetchone()
    assert counted == (1,)
    assert grants.ask(other, [line], **again).code == "3006", "a signed request is answered once"
    assert row(suite, "SELECT people FROM platform.grant_days WHERE grant_id = %s", other) == [(1,)], "and counts once"
