"""Disputes: filing, deciding, listing; called by the suite.

correction.file: p50 of filing a case, one after the other, committed and signed; its peer is the p50 of a bare committed insert of the
same rows in one statement, as many and as long, and of a filing that is refused behind the same checks of signature and token, together, in
turns.
correction.list: the worst p99 of an officer's lists by any filter, of 20, over PHI_BENCH_CASES cases (1,000,000), LIST_RATE a second, from
when each was due; against 20 ms. Every list writes down who looked.
correction.decide: decisions a second, from the first request to the last case that svc-directory has applied; against 1,000.
correction.decide.cpu: the same by svc-correction's own processor time, the applying and telling included.
The load generators are on the same cores: Python's files, a small one in C decides and lists (bench_http_load).
"""
import hashlib
import json
import os
import secrets
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("directory", "http"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))

import psycopg  # noqa: E402
from callers import Load  # noqa: E402
from world import BIN, IS_SHORT, ROUNDS, cpu_seconds, is_asked  # noqa: E402

from loadgen.client import Client, Tokens  # noqa: E402
from phi_client.http import App  # noqa: E402
from phi_client.people import Person  # noqa: E402
from phi_client.suite import Suite, wait_until  # noqa: E402

CASES = int(os.environ.get("PHI_BENCH_CASES", "5000" if IS_SHORT else "1000000"))
FILINGS = 10 if IS_SHORT else 200
DECISIONS = 20 if IS_SHORT else 5000
DECIDERS = 32  # requests at once
LISTS = 5 if IS_SHORT else 500
LIST_RATE = 50
REGION = "320000"
NEEDED = ("svc-verify", "svc-directory", "svc-correction", "svc-platform")
APPS = ("citizen-app", "officer-app")

# What a filing writes, in one statement: the open matter, two steps, the case, the nonce, the stored answer, two events, the commit's mark.
# The events lie in the far future, where the relay doesn't look.
FAR_US = 2**62
ROWS = """WITH m AS (INSERT INTO correction.open_matters VALUES (%(matter)s, %(id)s)),
s AS (INSERT INTO correction.steps (case_id, seq, at_us, step, state, reason, note_sealed, note_digest, salt, digest, head) SELECT %(id)s, n,
1, 'received', 'assigned', '', CASE n WHEN 1 THEN %(note)s::bytea END, %(matter)s, %(salt)s, %(matter)s, %(matter)s FROM generate_series(1, 2) n),
n AS (INSERT INTO correction.nonces VALUES ('bench', encode(%(id)s, 'hex'), 1)),
i AS (INSERT INTO correction.idempotency VALUES ('bench', '/v1/corrections', 'load', encode(%(id)s, 'hex'), %(matter)s, 200, %(answer)s, 1)),
o AS (INSERT INTO correction.outbox (event_id, topic, key, partition, headers, value, created_us) SELECT substr(%(id)s || int4send(n), 5), %(topic)s,
%(salt)s, -1, %(headers)s, %(value)s, %(far)s FROM generate_series(1, 2) n),
l AS (INSERT INTO correction.lane_commits VALUES (%(salt)s, true, 1))
INSERT INTO correction.cases (case_id, subject, subject_key, matter, region, source, institution, record_no, state, statement_sealed, opened_us,
decision_version, decided_us, seq, head) VALUES (%(id)s, %(salt)s, 1, %(matter)s, '320000', 'source.tests', 'bench', 'floor', 'assigned', '', 1, 0, 0, 2,
%(matter)s)"""


def tell(name, ours, unit, peer, floor):
    a, b = statistics.median(ours), statistics.median(floor)
    print(json.dumps({"bench": name, "ours": round(a, 2), "unit": unit, "peer": peer, "peer_value": round(b, 2),
                      "ratio": round(a / b, 2), "cores": os.cpu_count(), "n": len(ours)}), flush=True)


def p50(work, count):
    """Milliseconds; the first tenth warms up."""
    times = []
    for number in range(count + count // 10):
        begin = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times[count // 10:])


class Office:
    def __init__(self):
        self.suite = Suite(BIN, broker="kafka")
        self.apps = {name: App(name) for name in APPS}

    def open(self):
        suite = self.suite
        suite.apps = self.apps
        for app in self.apps.values():
            suite.public_pem(app)
        suite.ctl("prepare", "kafka")
        for step in ("postgres", "broker", "idp", "registry"):
            suite.ctl(step)
        suite.start(*NEEDED)
        self.url = suite.url("svc-correction")
        for app in self.apps.values():
            wait_until(lambda one=app: one.post(self.url, "/v1/corrections").code != "3003", 60, "the app is known")
        self.tokens, self.staff = Tokens(suite), Tokens(suite, "staff")
        self.database = psycopg.connect(**suite.database(), autocommit=True)
        self.citizens = client_of(suite, "citizen-app")
        self.officer = Person()
        self.load = Load(suite, self.apps["officer-app"])

    def officers_token(self, sub):
        return self.staff.make(self.officer, "officer-app", sub=sub)

    def explain(self):
        """What the database takes for a list of each kind, in ms."""
        for state in (None, "proposed", "told", "appealed"):
            plan = self.database.execute(
                "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM correction.cases WHERE region = ANY(%s) AND source = ANY(%s) AND opened_us < %s "
                "AND (%s::text IS NULL OR state = %s) ORDER BY opened_us DESC LIMIT 20",
                ([REGION], ["source.tests", "source.contacts"], 2**62, state, state)).fetchone()[0][0]
            print(f"bench correction: the list of {state or 'all'} by the database alone: {plan['Execution Time']:.2f} ms", file=sys.stderr)

    def fact(self, number):
        return {"region": REGION, "source": "source.tests", "institution": "bench", "recordNo": f"r-{number}"}


def client_of(suite, app_id):
    """The load generator's client knows all services' keys; only those that run have ports."""
    return Client(suite, suite.apps[app_id])


# --- filing ---


def lengths_of(office, file):
    """Fields as long as a filing's, which is seen before the relay has told its events."""
    for number in range(100):
        file(f"l{number}")
        row = office.database.execute("SELECT topic, octet_length(headers), octet_length(value) FROM correction.outbox LIMIT 1").fetchone()
        if row is not None:
            break
    note, answer = office.database.execute(
        "SELECT (SELECT max(octet_length(note_sealed)) FROM correction.steps), (SELECT max(octet_length(answer)) FROM correction.idempotency)"
    ).fetchone()
    return {"topic": row[0], "headers": "h" * row[1], "value": secrets.token_bytes(row[2]), "note": secrets.token_bytes(note),
            "answer": secrets.token_bytes(answer)}


def filing(office, run):
    person = Person()
    token = office.tokens.make(person, "citizen-app")

    def file(number):
        fields = {"matter": "fact", "fact": office.fact(f"{run}-{number}"), "statement": "当日不在该场所，记录有误。"}
        office.citizens.post("svc-correction", "/v1/corrections", fields, token, f"{run}-f{number}")

    def refused(number):
        fields = {"matter": "fact", "fact": {**office.fact(number), "region": "440000"}, "statement": "当日不在该场所，记录有误。"}
        answer = office.citizens._try("svc-correction", "/v1/corrections", fields, token, f"{run}-r{number}", "load")
        assert answer[0] == 422, answer

    lengths = lengths_of(office, file)

    def insert(_number):
        value = {"id": secrets.token_bytes(16), "matter": secrets.token_bytes(32), "salt": secrets.token_bytes(16), "far": FAR_US, **lengths}
        office.database.execute(ROWS, value, prepare=True)

    times = p50(file, FILINGS), p50(insert, FILINGS) + p50(refused, FILINGS)
    office.database.execute("DELETE FROM correction.outbox WHERE created_us = %s", (FAR_US,))
    return times


def bench_filing(office):
    runs = [filing(office, secrets.token_hex(4)) for _ in range(ROUNDS)]
    tell("correction.file", [ours for ours, _ in runs], "ms", "the same rows inserted bare, and a refused filing",
         [floor for _, floor in runs])


# --- listing ---


def fill(office):
    """Cases of a year, nine of ten closed; one in a thousand waits for a second officer."""
    office.database.execute(
        "INSERT INTO correction.cases (case_id, subject, subject_key, matter, region, source, institution, record_no, state, "
        "statement_sealed, opened_us, decision_version, decided_us) SELECT decode(md5('c' || i), 'hex'), decode(md5('s' || i), 'hex'), 1, "
        "decode(md5('c' || i) || md5('c' || i), 'hex'), '320000', (ARRAY['source.tests', 'source.contacts', 'source.roaming', "
        "'source.travel'])[i %% 4 + 1], 'bench', 'r-' || i, CASE WHEN i %% 1000 = 0 THEN 'proposed' WHEN i %% 10 = 0 THEN 'assigned' WHEN i %% 3 "
        "= 0 THEN 'refused' ELSE 'told' END, '', 1750000000000000 + i * 31000000::bigint, 0, 0 FROM generate_series(1, %s) i", (CASES,))
    office.database.execute("VACUUM ANALYZE correction.cases")
    office.database.execute("CHECKPOINT")  # a year's cases did not come just now


def p99_of(office, query):
    requests = [(f"/v1/corrections{query}", office.officers_token("officer-1"), None)]
    return office.load.send("svc-correction", requests, LIST_RATE, connections=8, count=LISTS)["p99_us"] / 1000


def bench_listing(office):
    fill(office)
    times = {query: p99_of(office, query) for query in
             ("", "?state=proposed", "?state=assigned", "?state=told", "?before=2025-06-20T00:00:00Z",
              "?state=refused&before=2025-08-01T00:00:00Z", "?state=appealed")}
    print("bench correction: lists, p99 in ms: " + ", ".join(f"{query or 'all'} {ms:.1f}" for query, ms in times.items()),
          file=sys.stderr)
    tell("correction.list", [max(times.values())], "ms", "the target", [20])
    office.explain()


# --- deciding ---


def record_id(number, revision):
    """docs/codes.md, fact id; of all revisions of a record with 0."""
    fields = (text.encode() for text in (REGION, "source.tests", "bench", number, str(revision)))
    return hashlib.new("sm3", b"".join(len(field).to_bytes(2, "big") + field for field in fields)).digest()[:16]


def add_facts(office, count, run):
    """The records in dispute, as svc-directory has them: a decision about one that has not come would wait for it."""
    now_us = time.time_ns() // 1000
    rows = [(record_id(f"{run}{i}", 1), f"p{i}", record_id(f"{run}{i}", 0), f"{run}{i}") for i in range(1, count + 1)]
    with office.database.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO directory.facts (observed_us, recorded_us, known_us, revision, subject_key, fact_id, subject, record, digest, source, "
            f"institution, record_no, content) VALUES ({now_us}, {now_us}, {now_us}, 1, 1, %s, decode(md5(%s), 'hex'), %s, decode(md5('bench'), "
            "'hex'), 'source.tests', 'bench', %s, '{\"method\":\"nucleic-acid\",\"result\":\"negative\"}')", rows)


def propose(office, count, run):
    """Cases that wait for the second officer; their ids."""
    add_facts(office, count, run)
    rows = office.database.execute(
        "INSERT INTO correction.cases (case_id, subject, subject_key, matter, region, source, institution, record_no, state, "
        "statement_sealed, opened_us, decision_version, decided_us, seq, outcome, reason, proposer, proposer_unit) SELECT decode(md5(%(run)s || i), "
        "'hex'), decode(md5('p' || i), 'hex'), 1, decode(md5(%(run)s || i) || md5('d' || i), 'hex'), '320000', 'source.tests', 'bench', %(run)s || i, "
        "'proposed', '', 1, 0, 0, 3, 'retract', 'record-error', decode(md5('o') || md5('o'), 'hex'), 'health-320100' FROM generate_series(1, "
        "%(count)s) i RETURNING encode(case_id, 'hex')", {"run": run, "count": count}).fetchall()
    return [row[0] for row in rows]


def decide_all(office, cases):
    token, said = office.officers_token("officer-2"), {"decision": "retract", "reason": "record-error"}
    requests = [(f"/v1/corrections/{case}/decision", token, said) for case in cases]
    office.load.send("svc-correction", requests, 1e6, connections=DECIDERS)


def wait_told(office, run, count):
    wait_until(lambda: office.database.execute("SELECT count(*) FROM correction.cases WHERE record_no LIKE %s AND state = 'told'",
                                               (f"{run}%",)).fetchone()[0] == count, 120, "all decisions are applied")


def bench_deciding(office):
    decide_all(office, propose(office, 10, "warm-"))
    wait_told(office, "warm-", 10)  # the services have joined their groups
    cases = propose(office, DECISIONS, "d-")
    pid = office.suite.pid("svc-correction")
    begin, cpu = time.monotonic(), cpu_seconds(pid)
    decide_all(office, cases)
    decided = time.monotonic()
    wait_told(office, "d-", DECISIONS)
    applied = time.monotonic()
    print(f"bench correction: {DECISIONS} decisions taken in {decided - begin:.2f} s, applied {applied - decided:.2f} s later", file=sys.stderr)
    tell("correction.decide", [DECISIONS / (applied - begin)], "1/s", "the target", [1000])
    tell("correction.decide.cpu", [DECISIONS / (cpu_seconds(pid) - cpu)], "1/s of svc-correction's processor", "the target", [1000])


def main():
    office = Office()
    try:
        office.open()
        for name, bench in (("correction.file", bench_filing), ("correction.decide", bench_deciding),
                            ("correction.list", bench_listing)):
            if is_asked(name):
                bench(office)
        print(f"bench correction: load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    finally:
        office.suite.down()


if __name__ == "__main__":
    main()
