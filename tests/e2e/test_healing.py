"""The nation's directory heals: what was lost, added, altered or set back there comes right by itself, bucket by bucket."""
import os
import random
import re
import secrets

import psycopg
import pytest

from loadgen import keyfile
from phi_client.http import App
from phi_client.life import source_line
from phi_client.people import Person
from phi_client.sm2 import PrivateKey
from phi_client.suite import wait_until

REGION, DAMAGED, TURN_S = "320000", 1000, 8
PEOPLE = int(os.environ.get("PHI_HEAL_PEOPLE", "1100"))  # more of them: by its own command (docs/chaos.md)
REBUILDS = "/v1/directory/rebuilds"
WHOLE = "subject, version, grade, reasons, sources, from_us, until_us, then_grade, updated_us, is_withdrawn"

# Directory and platform are started anew.
pytestmark = pytest.mark.late


@pytest.fixture(scope="module")
def nation(suite):
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        database.execute("SET search_path = platform")
        yield database


@pytest.fixture(scope="module")
def province(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        database.execute("SET search_path = directory")
        yield database


def at_home(province):
    return set(province.execute("SELECT subject, version, grade, sources_mask, from_us, until_us, updated_us FROM entries "
                                "WHERE version > 0").fetchall())


def in_nation(nation):
    return set(nation.execute("SELECT subject, version, grade, sources, from_us, until_us, updated_us FROM entries WHERE "
                              "region = %s", [REGION]).fetchall())


def is_same(province, nation):
    return at_home(province) == in_nation(nation)


def whole(nation):
    rows = nation.execute(f"SELECT {WHOLE} FROM entries WHERE region = %s", [REGION]).fetchall()
    return {row[0]: row for row in rows}


@pytest.fixture(scope="module")
def people(suite, life, province, nation):
    """Enough entries to damage a thousand of them, all in the nation."""
    suite.set_extra("svc-directory", PHI_HEAL_TURN_S=str(TURN_S))
    suite.restart("svc-directory")
    for first in range(0, PEOPLE, 500):
        lines = [source_line(Person(), "tests", result="positive" if i % 3 else "negative")
                 for i in range(min(500, PEOPLE - first))]
        assert {line["result"] for line in life.report("tests", lines)} == {"accepted"}
    wait_until(lambda: len(at_home(province)) >= PEOPLE and is_same(province, nation), 90 + PEOPLE / 50, "all are in the nation")
    yield
    suite.set_extra("svc-directory")
    suite.restart("svc-directory")


def spoil(nation, subjects, change):
    with nation.cursor() as cursor:
        cursor.executemany(change, [[REGION, subject] for subject in subjects])


def healing(suite):
    answer = suite.apps["directory-320000"].call("GET", suite.url("svc-platform"), f"/v1/platforms/{REGION}/healing")
    assert answer.code == "0000", answer
    return answer.data


def test_a_thousand_entries_come_right_by_themselves(suite, people, province, nation):
    before = whole(nation)
    chosen = random.Random(7).sample(sorted(before), DAMAGED)
    healed = healing(suite)["healing"]["healed"]
    where = "WHERE region = %s AND subject = %s"
    spoil(nation, chosen[:200], f"DELETE FROM entries {where}")
    spoil(nation, chosen[200:400], f"UPDATE entries SET grade = (grade + 1) %% 5 {where}")
    spoil(nation, chosen[400:600], f"UPDATE entries SET grade = 1, reasons = 'none', version = version + 1000000000 {where}")
    spoil(nation, chosen[600:800], f"UPDATE entries SET grade = 0, version = version - 1000000000 {where}")
    strangers = [secrets.token_bytes(16) for _ in range(200)]
    spoil(nation, strangers, "INSERT INTO entries (region, subject, version, grade, reasons, sources, from_us, until_us, "
                             "then_grade, updated_us, is_withdrawn) VALUES (%s, %s, 1, 4, 'invented', 1, 1, 2, 4, 1, false)")
    assert not is_same(province, nation)
    wait_until(lambda: is_same(province, nation), 12 * TURN_S, "the nation has what the province has")
    after = whole(nation)
    assert not set(strangers) & set(after)
    changed = {s for s in before if after.get(s) != before[s]}
    assert {s for s in changed if after[s][1] == before[s][1]} == set()
    wait_until(lambda: healing(suite)["healing"]["different"] == 0, 3 * TURN_S, "every bucket is found equal")
    assert healing(suite)["healing"]["healed"] > healed and healing(suite)["differing"] == []


def test_a_withdrawn_entry_counts_and_is_not_shown(suite, people, province, nation):
    (subject,) = province.execute("UPDATE entries SET is_withdrawn = true, version = version + 1 WHERE subject = (SELECT "
                                  "subject FROM entries WHERE version > 0 ORDER BY subject LIMIT 1) RETURNING subject").fetchone()
    row = "SELECT is_withdrawn FROM entries WHERE region = %s AND subject = %s"
    wait_until(lambda: nation.execute(row, [REGION, subject]).fetchone() == (True,), 30, "the withdrawal is in the nation")
    nation.execute("UPDATE entries SET is_withdrawn = false WHERE region = %s AND subject = %s", [REGION, subject])
    wait_until(lambda: nation.execute(row, [REGION, subject]).fetchone() == (True,), 6 * TURN_S, "it is withdrawn again")


@pytest.fixture(scope="module")
def operator(suite):
    """An app of the operators, with a key that phictl reads; svc-platform soon gives up provinces that left the suite."""
    folder = os.path.join(suite.run, "nation-operator")
    os.makedirs(folder, exist_ok=True)
    key, password = os.path.join(folder, "app.key"), os.path.join(folder, "password")
    with open(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(16) + "\n")
    suite.phictl("key", "new", "--use", "app", "--out", key, "--password-file", password)
    app = App("nation-operator", key=PrivateKey(keyfile.sm2_number(key, password)))
    app.options = ("--app", app.app_id, "--key", key, "--password-file", password)
    suite.register("app", "--app", app.app_id, "--public", suite.public_pem(app), "--roles", "platform", "--client-id",
                   app.app_id, regions=("000000",))
    app.answer_keys = suite.apps["citizen-app"].answer_keys
    suite.set_extra("svc-platform", PHI_REBUILD_PATIENCE_S="15")
    suite.restart("svc-platform")
    wait_until(lambda: app.call("GET", suite.url("svc-platform"), REBUILDS).status in (200, 404), 20, "the operator is known")
    yield app
    suite.set_extra("svc-platform")
    suite.restart("svc-platform")


def test_the_directory_is_read_anew_from_the_topics(suite, people, province, nation, operator):
    before = whole(nation)
    nation.execute("DELETE FROM entries WHERE subject < '\\x80'")
    nation.execute("UPDATE entries SET grade = (grade + 1) % 5 WHERE subject < '\\xa0'")
    told = suite.phictl("directory", "rebuild", "--url", suite.url("svc-platform"), *operator.options, "--wait", "240",
                        timeout=300).splitlines()
    assert len(told) > 1 and ("reading" in told[0] or "comparing" in told[0]), told
    # Provinces of other tests are gone: they are said not to have answered.
    assert re.search(r": (done|unanswered); .* buckets compared, 0 differ(; no answer of [0-9, ]+)?$", told[-1]), told
    done = operator.call("GET", suite.url("svc-platform"), REBUILDS).data
    assert done["buckets"]["different"] == 0 and REGION not in done["unanswered"], done
    assert done["partitions"]["read"] == done["partitions"]["all"] and done["records"] >= len(before) and done["written"] > 0
    windows = nation.execute("SELECT low, high, is_over FROM rebuild_regions WHERE region = %s ORDER BY rebuild DESC LIMIT 1",
                             [REGION]).fetchall()
    assert windows == [(4096, 4096, True)]
    assert is_same(province, nation) and whole(nation) == before
    assert suite.apps["directory-320000"].call("GET", suite.url("svc-platform"), REBUILDS).status == 403


def test_another_province_and_strangers_see_nothing_of_it(suite):
    for app, status in (("scan-app", 403), ("lab-app", 403)):
        answer = suite.apps[app].call("GET", suite.url("svc-platform"), f"/v1/platforms/{REGION}/healing")
        assert answer.status == status, answer
    answer = suite.apps["directory-320000"].call("GET", suite.url("svc-platform"), "/v1/platforms/330000/quality")
    assert answer.status == 403, answer
