"""Several documents of one person: linked by the holder or by two officers, one grade for all of them, and reversible."""
import json

import psycopg
import pytest

from phi_client.life import source_line
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION, TOPIC = "320000", "phi.320000.declare.documents"


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code) and answer.signed, answer


def grade_of(life, code):
    return life.done(life.post("scan-app", "svc-directory", "/v1/health/query", {"code": code, "scope": "pass"},
                               Person()))["grade"]["code"]


def until_told(life, person, grade):
    def is_told():
        return life.done(life.get("citizen-app", "svc-directory", "/v1/health/explain", person))["grade"]["code"] == grade

    wait_until(is_told, 30, f"graded {grade}")


def facts_of(suite, link_id, count):
    """The events of a link, one each by event id, once there are so many."""
    def mine(records):
        return list({r.event_id: r for r in records if link_id.encode() in (r.value or b"")}.values())

    return mine(read_topic(suite.bus, TOPIC, 30, until=lambda seen: len(mine(seen)) >= count))


def red(life, person):
    (answer,) = life.report("tests", [source_line(person, "tests", result="positive")])
    assert answer["result"] == "accepted", answer


@pytest.fixture
def pair(life):
    """A person who has consented, and their other document."""
    person = Person()
    life.consent(person)
    life.declare(person)
    return person, person.passport()


def test_what_is_known_of_one_document_counts_for_the_other(life, suite, pair):
    """Facts of the one, a code of the other; and back."""
    card, passport = pair
    red(life, passport)
    until_told(life, passport, "red")
    until_told(life, card, "green")
    link = life.link(card, passport)
    assert link["state"] == "linked"
    until_told(life, card, "red")
    assert grade_of(life, life.mint(card)["code"]) == "red" == grade_of(life, life.mint(passport)["code"])
    refused(life.post("citizen-app", "svc-declare", "/v1/me/documents", {"otherIdentity": life.token(passport)}, card),
            409, "4003")
    # What each is told of the other is masked; nothing personal is on the topic.
    (mine,), (theirs,) = life.export(card)["documents"], life.export(passport)["documents"]
    assert (mine["linkId"], mine["proof"]) == (link["linkId"], "holder")
    assert mine["document"]["idType"] == "400" and theirs["document"]["idType"] == "111"
    assert "*" in mine["document"]["idNo"] and mine["document"]["idNo"] != passport.id_no
    records = facts_of(suite, link["linkId"], 2)
    by_subject = {r.json["subject"]: r.json for r in records}
    assert len(records) == 2 == len(by_subject)
    for subject, value in by_subject.items():
        assert value["content"]["other"] in by_subject and value["content"]["other"] != subject
        assert value["revision"] == 1 and value["content"]["state"] == "linked" and "sealed" not in value
        assert value["recordNo"] == f"{link['linkId']}.{1 if subject == min(by_subject) else 2}"
    # Either document takes it back, and the grades part again.
    refused(life.post("citizen-app", "svc-declare", "/v1/me/documents/unlink", {"linkId": link["linkId"]}, Person()),
            404, "4001")
    assert life.unlink(passport, link["linkId"])["state"] == "unlinked"
    until_told(life, card, "green")
    until_told(life, passport, "red")
    assert {r.json["revision"] for r in facts_of(suite, link["linkId"], 4)} == {1, 2}
    assert life.export(card)["documents"][0]["document"] is None
    life.consent(passport)
    assert life.link(passport, card)["linkId"] == link["linkId"], "the same two are the same link"
    until_told(life, card, "red")
    assert [look["what"] for look in life.export(card)["looks"] if look["what"] != "copied"] == [
        "documents-linked", "documents-unlinked", "documents-linked"]


def test_who_proves_less_than_both_links_nothing(life, suite, pair):
    card, passport = pair
    def ask(token, person=card):
        return life.post("citizen-app", "svc-declare", "/v1/me/documents", {"otherIdentity": token}, person)

    wish = {**passport.claims(), "aud": "citizen-app"}
    refused(ask(suite.token("citizens", **{**wish, "amr": ["pwd"]})), 403, "3010")
    refused(ask(suite.token("citizens", **{**wish, "aud": "scan-app"})), 401, "3008")
    refused(ask(suite.token("citizens", **{**wish, "ttl": -30})), 401, "3009")
    refused(ask(suite.token("staff", sub="officer-1", aud="citizen-app")), 401, "3008")
    refused(ask(life.token(card)), 422, "4004")
    born_later = Person(year=1891)
    refused(ask(life.token(born_later)), 422, "4004")
    stranger = Person()
    refused(ask(life.token(passport), stranger), 403, "3015")
    assert life.export(card)["documents"] == []


def test_at_most_four_documents_of_one_person(life, pair):
    card, passport = pair
    third, fourth, fifth = (card.passport() for _ in range(3))
    for other in (passport, third):
        life.link(card, other)
    life.consent(third)
    life.link(third, fourth)
    for holder in (card, third):
        refused(life.post("citizen-app", "svc-declare", "/v1/me/documents", {"otherIdentity": life.token(fifth)}, holder),
                422, "4004")
    (link,) = life.export(passport)["documents"]
    life.unlink(passport, link["linkId"])
    life.link(card, fifth)


def test_two_officers_of_two_units(life, suite, pair):
    card, passport = pair
    first, second = Person(), Person()
    suite.register("staff", "--issuer", f"{suite.url('idp')}/staff", "--sub", "officer-of-one", "--unit", "health-320100",
                   "--roles", "link", "--regions", REGION)
    refused(life.propose_link(pair, first, "auditor-1"), 403, "3012")
    refused(life.propose_link(pair, card), 403, "3012")
    proposed = life.done(life.propose_link(pair, first))["proposalId"]
    refused(life.confirm_link(proposed, first, "officer-1"), 403, "3012")
    refused(wait_until(lambda: [a for a in [life.confirm_link(proposed, second, "officer-of-one")]
                                if "same unit" in a.data["reason"]], 15, "the registry knows the third officer")[0], 403, "3012")
    refused(life.confirm_link(proposed, passport), 403, "3012")
    refused(life.confirm_link("00" * 16, second), 404, "4001")
    assert life.export(card)["documents"] == []
    serial = {"serial": f"s-{proposed}"}
    linked = life.done(life.confirm_link(proposed, second, **serial))
    assert life.done(life.confirm_link(proposed, second, **serial)) == linked
    refused(life.confirm_link(proposed, second), 404, "4001")
    (line,) = life.export(passport)["documents"]
    assert (line["linkId"], line["proof"], line["state"]) == (linked["linkId"], "officers", "linked")
    assert [look["who"] for look in life.export(card)["looks"] if look["what"] != "copied"] == ["health-320000",
                                                                                                "health-320100"]
    red(life, card)
    until_told(life, passport, "red")
    refused(life.propose_link(pair, first), 409, "4003")
    proposed = life.done(life.propose_link(pair, second, "officer-2", state="unlinked"))["proposalId"]
    assert life.done(life.confirm_link(proposed, first, "officer-1"))["state"] == "unlinked"
    until_told(life, passport, "grey")
    topic = f"phi.{REGION}.audit"

    def steps(records):
        found = {r.event_id: r.json for r in records if linked["linkId"].encode() in (r.value or b"")}
        return [(value["step"], value["state"], value["unit"]) for value in found.values()]

    seen = steps(read_topic(suite.bus, topic, 30, until=lambda records: len(steps(records)) >= 4))
    assert sorted(seen) == sorted([("proposed", "linked", "health-320100"), ("confirmed", "linked", "health-320000"),
                                   ("proposed", "unlinked", "health-320000"), ("confirmed", "unlinked", "health-320100")])


def test_an_erased_document_is_not_named_any_more(life, suite, pair):
    card, passport = pair
    link = life.link(card, passport)["linkId"]
    proposed = life.done(life.propose_link((passport, card.passport()), Person()))["proposalId"]
    life.done(life.post("citizen-app", "svc-declare", "/v1/me/erase", {"confirm": "erase"}, passport))
    assert [one["document"] for one in life.export(card)["documents"]] == [None]
    refused(life.confirm_link(proposed, Person()), 404, "4001")
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        assert database.execute("SELECT octet_length(lesser_view), octet_length(greater_view) FROM declare.links WHERE "
                                "link_id = decode(%s, 'hex')", (link,)).fetchone() == (0, 0)
    assert passport.id_no not in json.dumps(life.export(card), ensure_ascii=False)
