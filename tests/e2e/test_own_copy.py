"""A citizen's copy of own data: what svc-declare keeps, and what svc-correction does."""
import urllib.parse

from phi_client.life import STATEMENT, source_line
from phi_client.people import Person
from phi_client.routes import attachment

PDF = b"%PDF-1.4\n" + b" " * 2000 + b"%%EOF\n"


def reported(life, person):
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    return {"region": "320000", "source": "source.contacts", "institution": "cdc-320102", "recordNo": line["recordNo"]}


def copy(life, person, **query):
    target = "/v1/me/corrections" + ("?" + urllib.parse.urlencode(query) if query else "")
    return life.done(life.get("citizen-app", "svc-correction", target, person))


def show(life, person, case_id):
    return life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}", person))


def test_all_that_is_kept_about_own_cases(life):
    person, ward = Person(), Person()
    older, newer = (life.file(person, reported(life, person))["caseId"] for _ in range(2))
    life.done(life.officers(older, "evidence-requests", Person(), question="当日在何处？"))
    life.done(life.suite.apps["citizen-app"].call("POST", life.suite.url("svc-correction"), attachment(older, "pdf"), PDF, life.token(person),
                                                  headers={"Content-Type": "application/octet-stream"}))
    life.done(life.get("officer-app", "svc-correction", f"/v1/corrections/{older}", token=life.officer(Person())))
    for_ward = life.done(life.post("citizen-app", "svc-correction", "/v1/corrections", {
        "matter": "fact", "fact": reported(life, ward), "statement": STATEMENT,
        "onBehalfOf": life.mandate(person, ward)}, person))["caseId"]
    told = copy(life, person)
    assert [one["caseId"] for one in told["cases"]["items"]] == [newer, older] and told["cases"]["next"] is None
    whole = told["cases"]["items"][1]
    assert whole == show(life, person, older), "as the case itself is shown"
    assert whole["statement"] == STATEMENT and [step["note"] for step in whole["steps"]][2] == "当日在何处？"
    assert [one["sizeBytes"] for one in whole["attachments"]] == [len(PDF)]
    assert {(look["unit"], look["purpose"]) for look in whole["looks"]} >= {("health-320100", "case")}
    (filed,) = told["filedForOthers"]
    assert (filed["caseId"], filed["role"], filed["issuer"]) == (for_ward, "guardian", "civil-app")
    # The ward has the case, its guardian only that they filed it.
    (of_ward,) = copy(life, ward)["cases"]["items"]
    assert of_ward["caseId"] == for_ward and of_ward["filedAs"] == "guardian" and copy(life, ward)["filedForOthers"] == []
    first = copy(life, person, limit=1)["cases"]
    second = copy(life, person, limit=1, before=first["next"])["cases"]
    assert [one["caseId"] for part in (first, second) for one in part["items"]] == [newer, older]
    assert copy(life, Person()) == {"cases": {"items": [], "next": None}, "filedForOthers": []}
    answer = life.get("citizen-app", "svc-correction", "/v1/me/corrections?limit=21", person)
    assert (answer.status, answer.code) == (400, "1012"), answer


def test_the_copy_of_declarations_names_the_others(life):
    person = Person()
    life.consent(person)
    life.declare(person)
    places = {one["service"]: one["path"] for one in life.export(person)["elsewhere"]}
    assert places["svc-correction"] == "/v1/me/corrections"
    assert set(places) == {"svc-correction", "svc-directory", "svc-verify", "svc-codegen", "svc-platform"}
