"""A needed source that is silent: nobody reads as green meanwhile, here or on the topic, and all do again after."""
import time

import psycopg
import pytest

from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.suite import wait_until

SOURCE, INSTITUTION = "source.border", "border-320000"


@pytest.fixture(scope="module")
def needy(suite):
    """A replica whose province needs the source: it grades the people of the partitions that it is given."""
    replica = Replica(suite, "svc-directory", PHI_NEEDED_SOURCES=SOURCE)
    yield replica
    assert replica.end() == 0


@pytest.fixture
def database(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as connection:
        yield connection


def grade(life, replica, person):
    app = life.suite.apps["citizen-app"]
    answer = app.post(replica.url, "/v1/health/query", {}, life.token(person))
    return life.done(answer)["grade"]["code"]


def expect_since(database, since_us):
    database.execute("UPDATE declare.rhythms SET since_us = %s WHERE source = %s AND institution = %s", (since_us, SOURCE, INSTITUTION))


def partitions(database, sources):
    return database.execute("SELECT count(*) FROM directory.silences WHERE sources = %s AND swept IS NULL", (sources,)).fetchone()[0]


def green(database):
    """Of the people whose partition was graded for the silence."""
    return database.execute("SELECT count(*) FROM directory.entries JOIN directory.silences s USING (partition) WHERE s.sources = %s "
                            "AND s.swept IS NULL AND grade = 1", (SOURCE,)).fetchone()[0]


def test_silence_never_reads_as_green(suite, life, needy, database):
    people = [Person() for _ in range(12)]
    for person in people:
        life.consent(person)
        life.declare(person, temperature=36.5)
    for person in people:
        wait_until(lambda who=person: grade(life, needy, who) == "green", 30, "graded")
    expect_since(database, 1)
    try:
        for person in people:
            wait_until(lambda who=person: grade(life, needy, who) == "grey", 30, "silence is seen")
        wait_until(lambda: partitions(database, SOURCE) > 0 and green(database) == 0, 60, "graded for the silence")
        assert all(grade(life, needy, person) == "grey" for person in people)
    finally:
        expect_since(database, time.time_ns() // 1000)
    for person in people:
        wait_until(lambda who=person: grade(life, needy, who) == "green", 60, "green again")
    wait_until(lambda: partitions(database, SOURCE) == 0, 60, "all graded anew")
