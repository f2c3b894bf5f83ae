"""6.4: who sees what of a person, by scope; one's own; and why."""
import pytest

from phi_client.life import ADDRESS, PHONE, moment, source_line
from phi_client.people import Person
from phi_client.suite import wait_until

HERE = "320000"


def query(life, app_id, who, **fields):
    return life.post(app_id, "svc-directory", "/v1/health/query", fields, who)


def graded(life, person, grade, app_id="citizen-app"):
    """The citizen's own query, once it says so."""
    def look():
        answer = query(life, app_id, person)
        return answer.data if answer.code == "0000" and answer.data["grade"]["code"] == grade else None
    return wait_until(look, 30, f"the grade {grade}")


@pytest.fixture(scope="module")
def ill(life):
    """Somebody with a fever who was tested and vaccinated, and was somewhere a month ago."""
    person = Person()
    life.consent(person)
    life.declare(person, temperature=38.1, symptoms=["cough"])
    life.declare_trips(person)
    reported = {"tests": source_line(person, "tests", result="negative"), "contacts": source_line(person, "contacts")}
    for kind, line in reported.items():
        assert [answer["result"] for answer in life.report(kind, [line])] == ["accepted"]
    graded(life, person, "red")
    wait_until(lambda: query(life, "citizen-app", person).data["details"]["tests"], 30, "the test's result")
    return person


@pytest.fixture(scope="module")
def doctor():
    return Person()


def test_ones_own_query_needs_no_code_and_shows_the_details(life, ill):
    data = query(life, "citizen-app", ill).data
    assert data["holder"]["name"].startswith(ill.name[0]) and data["notAsked"] == ["000000"] and not data["unanswered"]
    (entry,) = data["entries"]
    assert (entry["region"], entry["via"], entry["grade"]) == (HERE, "local", "red")
    details = data["details"]
    assert [fact["content"]["temperature"] for fact in details["declarations"] if fact["source"] == "declare.health"] == [38.1]
    assert {fact["source"] for fact in details["declarations"]} == {"declare.health", "declare.trip"}
    assert [fact["content"]["result"] for fact in details["tests"]] == ["negative"]
    assert [fact["source"] for fact in details["reports"]] == ["source.contacts"] and details["truncated"] is False
    assert ADDRESS not in str(data) and PHONE not in str(data) and ill.id_no not in str(data)


def test_medical_shows_details_only_where_code_app_and_request_have_it(life, ill, doctor):
    medical, passing = life.mint(ill, "medical")["code"], life.mint(ill)["code"]
    shown = life.done(query(life, "clinic-app", doctor, code=medical, scope="medical"))
    assert shown["grade"]["code"] == "red" and [fact["content"]["result"] for fact in shown["details"]["tests"]] == ["negative"]
    assert "details" not in life.done(query(life, "clinic-app", doctor, code=life.mint(ill, "medical")["code"]))
    assert "details" not in life.done(query(life, "scan-app", doctor, code=passing))
    refused = query(life, "scan-app", doctor, code=passing, scope="medical")
    assert (refused.status, refused.code, refused.data["field"]) == (403, "3012", "$.scope")


def test_a_code_of_passing_never_shows_details(life, ill, doctor):
    answer = query(life, "clinic-app", doctor, code=life.mint(ill)["code"], scope="medical")
    assert "details" not in (answer.data or {}), answer


@pytest.mark.parametrize("app_id, fields, code, field", [
    ("scan-app", {}, "3012", "$.scope"),
    ("citizen-app", {"scope": "pass"}, "1006", "$.scope"),
    ("citizen-app", {"scope": "everything"}, "1006", "$.scope"),
])
def test_a_scope_that_does_not_fit_is_refused(life, doctor, app_id, fields, code, field):
    answer = query(life, app_id, doctor, **fields)
    assert (answer.code, answer.data["field"]) == (code, field), answer


def test_self_is_not_a_scope_of_a_scan(life, ill, doctor):
    answer = query(life, "citizen-app", doctor, code=life.mint(ill)["code"], scope="self")
    assert (answer.code, answer.data["field"]) == ("1006", "$.scope"), answer


def test_explain_says_until_when_and_how_far_it_has_got(life):
    person = Person()
    life.consent(person)
    life.declare(person, temperature=38.1)
    graded(life, person, "yellow")

    def arrived():
        data = life.get("citizen-app", "svc-directory", "/v1/health/explain", person).data
        return data if data["nation"]["seenVersion"] == data["nation"]["version"] else None

    data = wait_until(arrived, 30, "the nation holds the entry's version")
    assert data["nation"]["publishedVersion"] == data["nation"]["version"] != "0"
    assert data["until"] > moment(0) and data["then"]["code"] in ("green", "grey") and data["decisions"] == []
