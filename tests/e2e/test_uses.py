"""Who used my code: pages that lose nothing, months of it, as JSON and as CSV; partitions behind it."""
import csv
import io
import secrets
import time

import psycopg
import pytest
import requests

from phi_client.people import Person

DAY_US = 86400 * 1_000_000


@pytest.fixture(scope="module")
def database(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as connection:
        yield connection


def uses(life, person, **query):
    target = "/v1/codes/uses" + ("?" + "&".join(f"{k}={requests.utils.quote(str(v), safe='')}" for k, v in query.items())
                                 if query else "")
    return life.get("citizen-app", "svc-verify", target, person)


def pages(life, person, **query):
    """All uses, by pages of `limit`."""
    found = []
    while True:
        page = life.done(uses(life, person, **query))
        found += page["uses"]
        if "next" not in page:
            return found
        query["before"] = page["next"]


@pytest.fixture(scope="module")
def holder(life, database):
    """A person with one true use, and a history laid beside it: months, and many uses of one microsecond."""
    person = Person()
    life.done(life.verify(life.mint(person)["code"], Person()))
    row = database.execute("SELECT subject, used_us FROM verify.uses ORDER BY used_us DESC LIMIT 1").fetchone()
    subject, now_us = row
    moments = [now_us - month * 30 * DAY_US for month in range(1, 5)] * 2 + [now_us - DAY_US] * 23
    database.execute("SET search_path TO verify")
    for moment in set(moments):
        database.execute("SELECT make_spans('uses', 604800000000, %s, %s)", (moment // (7 * DAY_US),) * 2)
    for i, moment in enumerate(moments):
        database.execute(
            "INSERT INTO uses VALUES (%s, '320000', 'svc-directory', %s, 1, %s, %s, 0, '0000', 0, 1, %s)",
            (secrets.token_bytes(16), subject, bytes(32), f"gate-{i}", moment))
    person.history = len(moments) + 1
    return person


@pytest.mark.parametrize("limit", (1, 2, 7, 23, 100, 500))
def test_pages_lose_and_double_nothing(life, holder, limit):
    found = pages(life, holder, limit=limit)
    assert len(found) == holder.history
    apps = [use["app"] for use in found]
    assert len(set(apps)) == holder.history, "each use once"
    moments = [use["usedAt"][:19] for use in found]
    assert moments == sorted(moments, reverse=True)
    assert found == pages(life, holder, limit=500), "whatever the pages, one order"


def test_a_time_bounds_both_ways(life, holder):
    day_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600 * 23))
    newest = pages(life, holder, since=day_ago)
    assert [use["app"] for use in newest] == ["scan-app"]
    older = pages(life, holder, until=day_ago, limit=10)
    assert len(older) == holder.history - 1
    assert life.done(uses(life, Person())) == {"uses": []}


def test_the_same_as_csv(life, holder):
    found = pages(life, holder, limit=500)
    lines, before = [], None
    while True:
        answer = uses(life, holder, limit=10, format="csv", **({"before": before} if before else {}))
        assert answer.status == 200 and answer.signed
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        page = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8"), newline="")))
        lines += page
        if len(page) < 10:
            break
        before = page[-1]["cursor"]
    names = ("usedAt", "platform", "program", "app", "scope", "resultCode", "resultDesc")
    assert [{name: line[name] for name in names} for line in lines] == found


@pytest.mark.parametrize("query, field", (({"limit": 0}, "limit"), ({"limit": 501}, "limit"), ({"format": "xml"}, "format"),
                                          ({"before": "yesterday"}, "before"), ({"before": "12-34"}, "before"), ({"until": "7"}, "until"),
                                          ({"since": "now"}, "since"), ({"sort": "x"}, None)))
def test_a_query_that_is_none_is_refused(life, holder, query, field):
    answer = uses(life, holder, **query)
    assert (answer.status, answer.code) == (400, "1012"), answer
    assert field is None or answer.data["field"] == field


def test_partitions_stand_ahead(database):
    """Of uses for weeks, of the ledger past the longest life of a code; none of days long over."""
    def spans(table):
        names = database.execute("SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
                                 "WHERE inhparent = %s::regclass", (f"verify.{table}",)).fetchall()
        return sorted(int(name.rsplit("_", 1)[1]) for (name,) in names)

    day, week = int(time.time()) // 86400, int(time.time()) // (7 * 86400)
    assert set(range(week, week + 4)) <= set(spans("uses"))
    assert set(range(day, day + 31)) <= set(spans("ledger")) and spans("ledger")[0] >= day - 2
