"""Bytes on disk of what stays of a mint, a use and a declaration: rows with their indexes, records of the topics.

Citizens declare, mint and are scanned; sizes are taken after some of them and after all, so that what an empty table or
segment takes is no part of the slope. storage.*: bytes a row with all indexes, or a record, its share of the batch included;
the peer of a row is its fields' own bytes, that of a record its key, value and headers. storage.broker.cpu: what a real Kafka
takes of the processor to take in a record of the size of code.verified, acknowledged by all (one), and to give it out once.
"""
import glob
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

import psycopg  # noqa: E402
from confluent_kafka import Consumer, Producer  # noqa: E402
from loadgen.client import Client, Tokens  # noqa: E402
from loadgen.load import Load  # noqa: E402
from phi_client.http import App, new_serial  # noqa: E402
from phi_client.suite import Suite  # noqa: E402
from phi_client.topics import read_topic  # noqa: E402

BIN = os.environ["PHI_BENCH_BIN"]
IS_SHORT = int(os.environ["PHI_BENCH_MS"]) < 50
SOME, ALL = (100, 300) if IS_SHORT else (500, 3000)
APPS = ("citizen-app", "scan-app")
ROWS = {"code": ("320000", ("codegen.codes", "codegen.applications")), "use": ("320000", ("verify.uses", "verify.requests")),
        "declaration": ("320000", ("declare.declarations",)), "fact": ("320000", ("directory.facts",)),
        "person": ("320000", ("directory.entries", "directory.people", "directory.history", "directory.customers",
                              "declare.basic", "declare.person_keys", "directory.person_keys")),
        "nation": ("000000", ("platform.entries",))}
TOPICS = {"minted": "code.minted", "verified": "code.verified", "declared": "declare.health", "entry": "directory"}


class Sizes:
    def __init__(self, suite):
        self.suite, self.rows, self.topics = suite, {}, {}
        for name, (region, tables) in ROWS.items():
            self.rows[name] = self._rows(region, tables)
        for name, stream in TOPICS.items():
            logs = glob.glob(f"{suite.run}/broker/**/phi.320000.{stream}-*/*.log", recursive=True)
            records = read_topic(suite.bus, f"phi.320000.{stream}")
            bare = sum(len(r.key or b"") + len(r.value or b"") + sum(len(n) + len(v or b"") for n, v in r.headers.items()) for r in records)
            self.topics[name] = (len(records), sum(os.path.getsize(path) for path in logs), bare)

    def _rows(self, region, tables):
        """(rows of the first table, bytes of all with their indexes, the fields' bytes)."""
        total = bare = 0
        with psycopg.connect(**self.suite.database(region), autocommit=True) as database:
            count = database.execute(f"SELECT count(*) FROM {tables[0]}").fetchone()[0]
            for table in tables:
                database.execute(f"VACUUM {table}")
                parts = database.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%s)", (table,)).fetchone()[0]
                if parts is None:  # not a partitioned one
                    parts = database.execute("SELECT pg_total_relation_size(%s)", (table,)).fetchone()[0]
                total += int(parts)
                bare += database.execute(f"SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM {table} t").fetchone()[0]
        return count, total, bare


def tell(name, before, after, unit, peer):
    count = after[0] - before[0]
    ours, bare = ((after[i] - before[i]) / count for i in (1, 2))
    print(json.dumps({"bench": f"storage.{name}", "ours": round(ours, 1), "unit": unit, "peer": peer, "peer_value": round(bare, 1),
                      "ratio": round(ours / bare, 2), "cores": os.cpu_count(), "n": count}), flush=True)


def processor_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return sum(int(field) for field in file.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")


def broker_s(suite, count, size):
    """The broker's processor time for so many records in, then out."""
    topic, pid = "phi.320000.correction.step", suite.pid("broker")
    begin = processor_s(pid)
    producer = Producer({"bootstrap.servers": suite.bus, "acks": "all", "enable.idempotence": True, "linger.ms": 2,
                         "queue.buffering.max.messages": 1000000})
    for number in range(count):
        producer.produce(topic, value=b"x" * (size - 16), key=number.to_bytes(16, "big"))
        producer.poll(0)
    assert producer.flush(120) == 0
    consumer = Consumer({"bootstrap.servers": suite.bus, "group.id": f"bench-{time.time_ns()}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    seen, end = 0, time.monotonic() + 120
    while seen < count and time.monotonic() < end:
        seen += sum(1 for message in consumer.consume(10000, 1.0) if not message.error())
    consumer.close()
    assert seen >= count, f"{seen} of {count} records came back"
    return processor_s(pid) - begin


def bench_broker(suite, size):
    count = 5000 if IS_SHORT else 300000
    broker_s(suite, count // 10, size)  # the Java machine is warm
    rounds = sorted(broker_s(suite, count, size) / count * 1e6 for _ in range(1 if IS_SHORT else 3))
    ours = rounds[len(rounds) // 2]
    print(json.dumps({"bench": "storage.broker.cpu", "ours": round(ours, 2), "unit": "us/record", "peer": "its bytes", "peer_value": size,
                      "ratio": round(ours / size, 4), "cores": os.cpu_count(), "n": len(rounds)}), flush=True)


def live(load, scanner, tokens, count, scanned):
    """So many declare and mint; every code is scanned once."""
    load.wait(load.declared, count, 300)
    load.wait(load.minted, count, 300)
    load.hold()
    for minted in load.minted[scanned:]:
        scanner.post("svc-verify", "/v1/codes/verify", {"code": minted.code}, tokens.make(minted.person, scanner.audience), new_serial())
    load.suite.settle(120)
    return len(load.minted)


def main():
    suite = Suite(os.path.join(os.path.dirname(BIN), "bin"))
    suite.apps = {name: App(name) for name in APPS}
    for app in suite.apps.values():
        suite.public_pem(app)
    try:
        suite.up()
        for app in suite.apps.values():
            suite.adopt(app)
        tokens = Tokens(suite)
        load = Load(Client(suite, suite.apps["citizen-app"]), tokens, SOME)
        load.suite = suite
        load.start()
        scanner = Client(suite, suite.apps["scan-app"])
        scanned = live(load, scanner, tokens, SOME, 0)
        first = Sizes(suite)
        load.go_on()
        live(load, scanner, tokens, ALL, scanned)
        last = Sizes(suite)
        load.go_on()
        load.finish()
        count, _disk, bare = last.topics["verified"]
        bench_broker(suite, bare // count)
    finally:
        suite.down()
    for name in ROWS:
        tell(f"{name}.row", first.rows[name], last.rows[name], "bytes/row", "its fields")
    for name in TOPICS:
        tell(f"{name}.record", first.topics[name], last.topics[name], "bytes/record", "key, value, headers")


if __name__ == "__main__":
    main()
