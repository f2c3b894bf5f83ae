"""What a case may be about, and what it puts right: records amended and added, matters other than one record."""
import secrets

import psycopg
import pytest

from phi_client.chain import heads
from phi_client.life import basic, health, moment, number, source_line
from phi_client.people import Person
from phi_client.routes import attachment, png
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION = "320000"
WHY = {"reason": "record-error"}


def show(life, person, case_id):
    return life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}", person))


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer


def explained(life, person):
    return life.done(life.get("citizen-app", "svc-directory", "/v1/health/explain", person))


def until_grade(life, person, grade):
    return wait_until(lambda: (lambda told: told if told["grade"]["code"] == grade else None)(explained(life, person)), 30,
                      f"the grade is {grade}")


def file(life, person, **fields):
    return life.post("citizen-app", "svc-correction", "/v1/corrections", {"statement": "与事实不符。", **fields}, person)


def settle(life, case_id, **said):
    """One officer proposes, another of another unit decides the same."""
    life.done(life.officers(case_id, "proposal", Person(), **WHY, **said))
    return life.done(life.officers(case_id, "decision", Person(), "officer-2", **WHY, **said))


def red(life, **content):
    """Somebody whom a positive test makes red; the person, and what names the record."""
    person = Person()
    line = source_line(person, "tests", result="positive", **content)
    assert life.report("tests", [line])[0]["result"] == "accepted"
    until_grade(life, person, "red")
    return person, {"region": REGION, "source": "source.tests", "institution": "cdc-320102", "recordNo": line["recordNo"]}


def record(result="negative", **content):
    return {"observedAt": moment(3000), "content": {"method": "nucleic-acid", "result": result, "sampledAt": moment(7200),
                                                    "specimenNo": number("SPECIMEN"), **content}}


def told(life, person, case_id):
    return wait_until(lambda: (lambda case: case if case["state"] == "told" else None)(show(life, person, case_id)), 30, "told")


def test_a_record_is_amended_and_the_case_is_its_source(life):
    person, fact = red(life)
    case_id = life.file(person, fact)["caseId"]
    truth = record()
    life.done(life.officers(case_id, "proposal", Person(), decision="amend", record=truth, **WHY))
    seen = show(life, person, case_id)
    assert seen["steps"][-1]["content"] == {"record": truth} and seen["steps"][-1]["link"]["contentDigest"]
    other = {**truth, "content": {**truth["content"], "result": "positive"}}
    refused(life.officers(case_id, "decision", Person(), "officer-2", decision="amend", record=other, **WHY), 422, "4004")
    refused(life.officers(case_id, "decision", Person(), "officer-2", decision="retract", **WHY), 422, "4004")
    assert show(life, person, case_id)["state"] == "proposed", "what was refused changed nothing"
    life.done(life.officers(case_id, "decision", Person(), "officer-2", decision="amend", record=truth, **WHY))
    told(life, person, case_id)
    until_grade(life, person, "green")
    facts = [fact for reason in explained(life, person)["reasons"] for fact in reason["facts"]]
    made = [fact for fact in facts if fact["institution"] == "correction"]
    assert made and made[0]["recordNo"].startswith(case_id) and made[0]["source"] == "source.tests", facts
    assert [entry["decision"] for entry in explained(life, person)["decisions"] if entry["caseId"] == case_id] == ["amended"]
    # What the case said may be disputed in its turn; the first record stays what it was: corrected.
    refused(file(life, person, matter="fact", fact=fact), 409, "4003")
    again = life.file(person, {name: made[0][name] for name in ("region", "source", "institution", "recordNo")})["caseId"]
    settle(life, again, decision="amend", record=other)
    until_grade(life, person, "red")


@pytest.mark.parametrize("spoiled, code", [
    ({"content": {"method": "nucleic-acid"}}, "1004"),
    ({"content": {"result": "perhaps"}}, "1006"),
    ({"person": {}}, "1007"),
    ({"observedAt": "2099-01-01T00:00:00+08:00"}, "4004"),
])
def test_a_record_that_is_none_is_refused(life, case, spoiled, code):
    person, case_id = case
    truth = {**record(), **{name: value for name, value in spoiled.items() if name != "content"}}
    if "content" in spoiled:
        truth["content"] = {**truth["content"], **spoiled["content"]} if len(spoiled["content"]) > 1 or "result" in \
            spoiled["content"] else spoiled["content"]
    answer = life.officers(case_id, "proposal", Person(), decision="amend", record=truth, **WHY)
    assert answer.status in (400, 422) and answer.code == code, answer
    assert show(life, person, case_id)["state"] == "assigned"


@pytest.fixture
def case(life):
    """Somebody's own, about a record that is there."""
    person = Person()
    line = source_line(person, "tests")
    assert life.report("tests", [line])[0]["result"] == "accepted"
    fact = {"region": REGION, "source": "source.tests", "institution": "cdc-320102", "recordNo": line["recordNo"]}
    return person, life.file(person, fact)["caseId"]


@pytest.fixture
def database(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as connection:
        yield connection


def test_a_missing_record_is_added(life):
    person = Person()
    missing = {"source": "source.tests", "institution": "cdc-320102", "date": moment(7200)[:10]}
    filed = life.done(file(life, person, matter="missing", missing=missing))
    assert show(life, person, filed["caseId"])["missing"] == missing
    assert life.done(file(life, person, matter="missing", missing=missing))["added"] is True, "one open case for a matter"
    refused(life.officers(filed["caseId"], "proposal", Person(), decision="retract", **WHY), 422, "4004")
    settle(life, filed["caseId"], decision="add", record=record("positive"))
    told(life, person, filed["caseId"])
    until_grade(life, person, "red")
    assert [entry["decision"] for entry in explained(life, person)["decisions"]] == ["added"]


def test_the_grade_as_a_whole(life):
    person, fact = red(life)
    filed = life.done(file(life, person, matter="grade"))
    assert life.done(file(life, person, matter="grade"))["added"] is True
    refused(life.officers(filed["caseId"], "proposal", Person(), decision="retract", **WHY), 400, "1004")
    settle(life, filed["caseId"], decision="retract", fact=fact)
    told(life, person, filed["caseId"])
    wait_until(lambda: explained(life, person)["grade"]["code"] != "red", 30, "not red any more")


def test_identity_details_are_declared_anew(life):
    person = Person()
    filed = life.done(file(life, person, matter="identity", identity={"item": "phone"}))
    refused(file(life, person, matter="identity", identity={"item": "shoes"}), 400, "1006")
    refused(file(life, person, matter="identity", identity={"item": "phone"}, fact={}), 422, "4004")
    decided = settle(life, filed["caseId"], decision="redeclare")
    assert (decided["state"], decided["outcome"]) == ("told", "redeclare")


def test_a_source_that_is_none(life, database, case):
    person, case_id = case
    gone = {"region": REGION, "source": "source.gone", "institution": "cdc-320102", "recordNo": "R-1"}
    refused(file(life, Person(), matter="fact", fact=gone), 422, "4004")
    database.execute("UPDATE correction.cases SET source = 'source.gone' WHERE case_id = decode(%s, 'hex')", (case_id,))
    refused(life.officers(case_id, "proposal", Person(), decision="retract", **WHY), 422, "4004")
    assert show(life, person, case_id)["state"] == "assigned"


# Interim relief


def relief(life, case_id, act, officer, sub="officer-1", **fields):
    return life.officers(case_id, act, officer, sub, **{"hours": 24, **fields})


def test_interim_relief_is_given_by_two_and_ends_with_the_case(life):
    person, fact = red(life)
    case_id, officer = life.file(person, fact)["caseId"], Person()
    refused(relief(life, case_id, "relief-approval", Person(), "officer-2"), 409, "4003")
    refused(relief(life, case_id, "relief", officer, hours=73), 400, "1006")
    due = show(life, person, case_id)["dueAt"]
    life.done(relief(life, case_id, "relief", officer))
    refused(relief(life, case_id, "relief-approval", officer), 403, "3012")
    refused(relief(life, case_id, "relief-approval", Person(), "officer-2", hours=23), 422, "4004")
    refused(relief(life, case_id, "relief-approval", person, "officer-2"), 403, "3012")
    assert explained(life, person)["grade"]["code"] == "red"
    until = life.done(relief(life, case_id, "relief-approval", Person(), "officer-2"))["until"]
    seen = until_grade(life, person, "review")
    assert "interim-relief" in [reason["reason"] for reason in seen["reasons"]] and seen["then"]["code"] == "red"
    assert seen["until"][:19] <= until[:19]
    shown = show(life, person, case_id)
    assert [step["step"] for step in shown["steps"]][2:] == ["relief-proposed", "relief-granted"]
    assert shown["steps"][-1]["content"]["until"] == until and shown["dueAt"] == due and all(heads(shown))
    refused(relief(life, case_id, "relief", officer), 409, "4003")
    settle(life, case_id, decision="refuse")
    until_grade(life, person, "red")
    assert show(life, person, case_id)["state"] == "refused"


def test_nothing_is_set_aside_for_a_missing_record(life):
    person = Person()
    missing = {"source": "source.tests", "institution": "cdc-320102", "date": moment(86400)[:10]}
    case_id = life.done(file(life, person, matter="missing", missing=missing))["caseId"]
    refused(relief(life, case_id, "relief", Person()), 422, "4004")


# Attachments

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer << >>\n%%EOF\n"


def attach(life, case_id, person, kind, body):
    return life.suite.apps["citizen-app"].call("POST", life.suite.url("svc-correction"), attachment(case_id, kind), body,
                                               life.token(person), headers={"Content-Type": "application/octet-stream"})


def fetch(life, case_id, number, token, app="citizen-app"):
    return life.suite.apps[app].call("GET", life.suite.url("svc-correction"), f"/v1/corrections/{case_id}/attachments/{number}", b"",
                                     token)


def test_attachments_are_kept_sealed_and_handed_out_as_files(life, case, database):
    person, case_id = case
    first = life.done(attach(life, case_id, person, "png", png(64, 64)))
    assert (first["number"], first["type"]) == (1, "image/jpeg")
    picture = fetch(life, case_id, 1, life.token(person))
    assert picture.body[:3] == b"\xff\xd8\xff" and len(picture.body) == first["sizeBytes"] and picture.signed
    assert picture.headers["Content-Type"] == "image/jpeg" and picture.headers["X-Content-Type-Options"] == "nosniff"
    assert picture.headers["Content-Disposition"] == 'attachment; filename="attachment-1.jpg"'
    large = PDF + b" " * 270_000 + b"%%EOF\n"
    assert life.done(attach(life, case_id, person, "pdf", large))["number"] == 2
    assert fetch(life, case_id, 2, life.officer(Person()), "officer-app").body == large
    assert life.done(attach(life, case_id, person, "jpeg", picture.body))["number"] == 3
    told = show(life, person, case_id)
    assert [one["digest"] for one in told["attachments"]] == [step["link"]["contentDigest"] for step in told["steps"][2:]]
    assert [step["step"] for step in told["steps"]][2:] == ["attached"] * 3 and all(heads(told))
    chunks = database.execute("SELECT k.sealed FROM correction.attachment_chunks k JOIN correction.attachments a USING "
                              "(attachment_id) WHERE a.case_id = decode(%s, 'hex')", (case_id,)).fetchall()
    assert len(chunks) == 4 and not any(b"%PDF" in sealed or b"JFIF" in sealed for (sealed,) in chunks)
    refused(fetch(life, case_id, 1, life.token(Person())), 404, "4001")
    refused(fetch(life, case_id, 4, life.token(person)), 404, "4001")
    database.execute("INSERT INTO correction.attachments SELECT set_byte(attachment_id, 15, n), case_id, number + n, type, size_bytes, "
                     "digest, at_us FROM correction.attachments, generate_series(3, 7) AS n WHERE case_id = decode(%s, 'hex') AND "
                     "number = 1", (case_id,))
    refused(attach(life, case_id, person, "pdf", PDF), 422, "4004")


@pytest.mark.parametrize("kind, body, status, code", [
    ("pdf", png(), 422, "4004"),
    ("png", PDF, 422, "4004"),
    ("jpeg", png(), 422, "4004"),
    ("png", png()[:40], 422, "4004"),
    ("png", b"\x89PNG\r\n\x1a\n" + b"x" * 1000, 422, "4004"),
    ("pdf", b"%PDF-1.4 without an end", 422, "4004"),
    ("gif", b"GIF89a", 400, "1012"),
])
def test_an_attachment_that_is_not_what_it_says(life, case, kind, body, status, code):
    person, case_id = case
    refused(attach(life, case_id, person, kind, body), status, code)
    assert show(life, person, case_id)["attachments"] == []


def test_nothing_is_attached_to_a_case_that_is_over(life, case):
    person, case_id = case
    settle(life, case_id, decision="refuse")
    refused(attach(life, case_id, person, "pdf", PDF), 409, "4003")
    refused(attach(life, case_id, Person(), "pdf", PDF), 404, "4001")


# A bad batch


def test_each_person_of_a_bad_batch_is_told_and_counted(life, suite):
    told, other = Person(), Person()
    life.consent(told)
    life.done(life.post("citizen-app", "svc-declare", "/v1/declarations/health", {"basic": basic(), "health": health()}, told))
    ago = secrets.randbelow(3000 * 1440) * 60 + 86400
    at, before = moment(ago), moment(ago + 600)
    batch = {"institution": "cdc-320102", "time": "observedAt", "from": at, "to": at, "reason": "method-error"}
    lines = [{**source_line(person, "other", **{"from": before}), "observedAt": at} for person in (told, other)]
    assert [answer["result"] for answer in life.report("other", lines)] == ["accepted"] * 2
    suite.settle()
    batch_id = life.propose("other", batch, Person())["retractionId"]
    target = f"/v1/correction-batches/{batch_id}"
    life.done(life.approve(batch_id, Person()))

    def counted():
        answer = life.get("officer-app", "svc-correction", target, token=life.officer(Person()))
        return answer.code == "0000" and answer.data["told"]

    wait_until(lambda: counted() == 2, 30, "told to both")

    def corrected(records):
        return {one.event_id: one.json for one in records if one.json.get("caseId") == batch_id}

    records = read_topic(suite.bus, "phi.320000.notice.citizen-app", 30, until=corrected)
    (notice,) = corrected(records).values()
    assert notice["action"] == "retract" and told.id_no not in str(notice)
