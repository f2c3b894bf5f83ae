#!/usr/bin/python3
"""The model behind docs/scale.md: from measured coefficients and a stated scenario to machines.

  docs/scale/model.py                          prints the document
  docs/scale/model.py --write [ROOT]           writes docs/scale.md (tests/tools/make-docs does)
  docs/scale/model.py --take LINES --date DAY [--load N]   takes figures of tests/bench/run (its JSON lines) into coefficients.json

A coefficient is a bench's own figure with its date; nothing here is guessed. What has no figure yet is listed, and what hangs on it is
said to be open. Choices (how full a machine may be, how large a shard) are choices and stand apart.
"""
import argparse
import json
import math
import os

HERE = os.path.dirname(os.path.abspath(__file__))
COEFFICIENTS = os.path.join(HERE, "coefficients.json")
MILLION, GB, TB, DAY_S = 1e6, 1e9, 1e12, 86400

# The task: what is asked of the whole.
SCENARIO = {"people": 1.4e9, "provinces": 31, "codes a person a day": 10, "rush hour factor": 10}
LARGEST = 126_012_510 / 1_411_778_724  # Guangdong's share in the seventh census
FACTS_A_DAY = 10 / 8  # of tests/world: about ten facts a person in eight days

# Choices.
FULL = 0.6           # how full processors may be in the rush hour
SERVER_CORES = 32    # of a database server or broker
SHARD_TB = 8         # as much as one PostgreSQL server shall hold: a restore of it still ends within a day
BROKER_TB = 16
REPLICAS = 3         # of a topic's partition
REPLICA_CORES = 2    # of a program: its limit in compose/kubernetes
KEEP_DAYS = {"a code and its consent record": 1095, "a use": 180, "a fact": 90, "a record on a topic": 7}

# name in this model: (bench, what of its line, what it is)
WANTED = {
    "mint": ("mint.http.rate", "ours", "mints a second of svc-codegen's processor"),
    "mint_database": ("mint.http.cpu.postgresql", "ours", "us of PostgreSQL's processor a mint"),
    "verify": ("verify.rpc.rate", "ours", "codes a second of svc-verify's processor"),
    "verify_database": ("verify.rpc.cpu.postgresql", "ours", "us of PostgreSQL's processor a use"),
    "fact": ("directory.ingest.one.cpu", "ours", "facts a second of svc-directory's processor, graded"),
    "fact_database": ("directory.ingest.one.cpu", "peer_value", "facts a second of PostgreSQL's processor"),
    "partition": ("directory.ingest.one", "ours", "facts a second by the clock, two lanes of one replica"),
    "broker": ("storage.broker.cpu", "ours", "us of Kafka's processor a record in and out"),
    "code_row": ("storage.code.row", "ours", "bytes of a code's row, with application and consent record"),
    "use_row": ("storage.use.row", "ours", "bytes of a use, with its request"),
    "fact_row": ("storage.fact.row", "ours", "bytes of a fact"),
    "person_row": ("storage.person.row", "ours", "bytes of a person: entry, history, name, keys"),
    "nation_row": ("storage.nation.row", "ours", "bytes of an entry at the nation"),
    "minted_record": ("storage.minted.record", "ours", "bytes of code.minted on a broker's disk"),
    "verified_record": ("storage.verified.record", "ours", "bytes of code.verified"),
    "declared_record": ("storage.declared.record", "ours", "bytes of declare.health"),
    "entry_record": ("storage.entry.record", "ours", "bytes of an entry on directory"),
    "codegen_memory": ("memory.codegen", "ours", "MB resident of svc-codegen with 10,000 connections"),
    "verify_memory": ("memory.verify", "ours", "MB resident of svc-verify with 10,000 connections"),
    "ingest": ("platform.ingest", "ours", "entries a second that the nation takes in"),
    "rebuild": ("platform.ingest", "ours", "entries a second of a full rebuild of the nation, ending in one digest"),
    "query": ("platform.query.cpu", "ours", "queries a second of svc-platform's processor"),
    "due": ("directory.due", "ours", "people graded anew a second when many fall due at once"),
}


class Figures:
    def __init__(self, lines):
        self.lines = lines

    def has(self, *names):
        return all(WANTED[name][0] in self.lines for name in names)

    def __getitem__(self, name):
        bench, part, _what = WANTED[name]
        return self.lines[bench][part]


def load():
    with open(COEFFICIENTS, encoding="utf-8") as file:
        return json.load(file)


def take(path, date, load_average):
    """Figures of benches that the model wants; the others are left."""
    lines, wanted = load(), {bench for bench, _part, _what in WANTED.values()}
    taken = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("{"):
                continue
            figure = json.loads(line)
            if figure["bench"] in wanted:
                lines[figure["bench"]] = {"ours": figure["ours"], "unit": figure["unit"], "peer_value": figure["peer_value"],
                                          "peer": figure["peer"], "n": figure["n"], "date": date, "load": load_average}
                taken.append(figure["bench"])
    with open(COEFFICIENTS, "w", encoding="utf-8") as file:
        json.dump(dict(sorted(lines.items())), file, indent=1, ensure_ascii=False)
        file.write("\n")
    print(f"taken: {', '.join(sorted(taken)) or 'none'}")


def number(value):
    if value >= 1e12:
        return f"{value / 1e12:,.2f} million million"
    if value >= 1e9:
        return f"{value / 1e9:,.1f} thousand million"
    if value >= 1e6:
        return f"{value / 1e6:,.2f} million"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def size(value):
    return f"{value / TB:,.0f} TB" if value >= 10 * TB else f"{value / GB:,.0f} GB" if value >= 10 * GB else f"{value / 1e6:,.0f} MB"


def up(value):
    return max(1, math.ceil(value))


class Region:
    """A province of so many people in its rush hour."""

    def __init__(self, name, people, f):
        self.name, self.people = name, people
        per_day = people * SCENARIO["codes a person a day"]
        self.codes_mean = per_day / DAY_S
        self.codes = self.codes_mean * SCENARIO["rush hour factor"]
        self.facts = people * FACTS_A_DAY / DAY_S * SCENARIO["rush hour factor"]
        self.cores = {"svc-codegen": self.codes / f["mint"], "svc-verify": self.codes / f["verify"],
                      "svc-directory": self.facts / f["fact"],
                      "PostgreSQL": (self.codes * (f["mint_database"] + f["verify_database"]) / MILLION + self.facts / f["fact_database"]),
                      "Kafka": (2 * self.codes + 2 * self.facts) * f["broker"] / MILLION * REPLICAS}
        self.replicas = {name: up(self.cores[name] / FULL / REPLICA_CORES) for name in ("svc-codegen", "svc-verify", "svc-directory")}
        keep = KEEP_DAYS
        self.rows = {"codes and consent records": (per_day * keep["a code and its consent record"], f["code_row"]),
                     "uses": (per_day * keep["a use"], f["use_row"]),
                     "facts": (people * FACTS_A_DAY * keep["a fact"], f["fact_row"]), "people": (people, f["person_row"])}
        self.bytes = sum(count * each for count, each in self.rows.values())
        records = (per_day * (f["minted_record"] + f["verified_record"]) + people * FACTS_A_DAY * f["declared_record"])
        self.bus_bytes = records * keep["a record on a topic"] * REPLICAS
        self.bus_rate = (self.codes * (f["minted_record"] + f["verified_record"]) + self.facts * (f["declared_record"] + f["entry_record"]))
        self.partitions = 8 * up(self.facts / f["partition"] / FULL)  # eight a replica's worth: a power of its own speed
        self.brokers = max(3, up(self.cores["Kafka"] / SERVER_CORES / FULL), up(self.bus_bytes / (BROKER_TB * TB)))
        self.by_cores, self.by_bytes = up(self.cores["PostgreSQL"] / SERVER_CORES / FULL), up(self.bytes / (SHARD_TB * TB))
        self.shards = max(self.by_cores, self.by_bytes)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def regions(f):
    mean = SCENARIO["people"] / SCENARIO["provinces"]
    return [Region("mean province", mean, f), Region("largest province", SCENARIO["people"] * LARGEST, f)]


def provinces_table(f):
    both = regions(f)
    rows = [("people", *(number(r.people) for r in both)), ("codes a second, mean of the day", *(number(r.codes_mean) for r in both)),
            ("codes a second, rush hour", *(number(r.codes) for r in both)), ("facts a second, rush hour", *(number(r.facts) for r in both))]
    for name in both[0].cores:
        rows.append((f"cores: {name}" + (f" ({REPLICAS} copies)" if name == "Kafka" else ""), *(f"{r.cores[name]:,.1f}" for r in both)))
    for name in both[0].replicas:
        rows.append((f"replicas: {name}, {REPLICA_CORES} cores each, {FULL:.0%} full", *(str(r.replicas[name]) for r in both)))
    rows += [("bus, rush hour, before copies", *(f"{r.bus_rate / 1e6:,.0f} MB/s" for r in both)),
             (f"bus, {KEEP_DAYS['a record on a topic']} days, {REPLICAS} copies", *(size(r.bus_bytes) for r in both)),
             ("brokers", *(str(r.brokers) for r in both)), ("partitions of each subject-keyed topic", *(str(r.partitions) for r in both))]
    for name in both[0].rows:
        rows.append((f"rows: {name}", *(f"{number(r.rows[name][0])} · {r.rows[name][1]:,.0f} B = {size(r.rows[name][0] * r.rows[name][1])}" for r in both)))
    rows += [("database, all", *(size(r.bytes) for r in both)),
             (f"database servers by processor ({SERVER_CORES} cores)", *(str(r.by_cores) for r in both)),
             (f"database servers by bytes ({SHARD_TB} TB)", *(str(r.by_bytes) for r in both)), ("**shards**", *(f"**{r.shards}**" for r in both))]
    return table(("", *(r.name for r in both)), rows)


def cost_table(f):
    """Of a million codes, each minted and used once."""
    seconds = [("svc-codegen", MILLION / f["mint"]), ("svc-verify", MILLION / f["verify"]), ("PostgreSQL, mint", f["mint_database"]),
               ("PostgreSQL, use", f["verify_database"]), (f"Kafka, two records, {REPLICAS} copies", 2 * f["broker"] * REPLICAS)]
    rows = [(name, f"{value:,.1f} core-s") for name, value in seconds]
    total = sum(value for _name, value in seconds)
    codes = f["code_row"] * KEEP_DAYS["a code and its consent record"] / 30 * MILLION / GB
    uses = f["use_row"] * KEEP_DAYS["a use"] / 30 * MILLION / GB
    rows += [("**processors**", f"**{total:,.0f} core-s = {total / 3600:.3f} core-h**"),
             ("codes and consent records until they are deleted", f"{codes:,.1f} GB-months"), ("uses until they are dropped", f"{uses:,.1f} GB-months"),
             ("on topics", f"{(f['minted_record'] + f['verified_record']) * REPLICAS * MILLION / GB * KEEP_DAYS['a record on a topic'] / 30:,.2f} GB-months")]
    return table(("of a million codes", "takes"), rows), total / 3600, codes + uses


def nation_text(f):
    people = SCENARIO["people"]
    lines = [f"- Entries: {people / MILLION:,.0f} million of {f['nation_row']:,.0f} B = {size(people * f['nation_row'])}, and one server of {SHARD_TB} TB holds them; native hash "
             "partitions by subject would keep its indexes small." if f.has("nation_row") else "- Entries: not measured."]
    for name, text in (("ingest", "taken in at {0} a second a consumer: what all provinces' facts change in the rush hour needs {1} consumers, for which 31 topics of 8 partitions are enough"),
                       ("rebuild", "a full rebuild from the compacted topics at {0} a second a province, all at once: {1} hours, where processors and the database keep up")):
        if not f.has(name):
            lines.append(f"- {WANTED[name][2].capitalize()}: **open**, no figure of `{WANTED[name][0]}` yet.")
        elif name == "ingest":
            rate = people * FACTS_A_DAY / DAY_S * SCENARIO["rush hour factor"]
            lines.append("- " + text.format(number(f[name]), up(rate / f[name] / FULL)).capitalize() + " (as if every fact changed an entry).")
        else:
            lines.append("- " + text.format(number(f[name]), f"{people / f[name] / SCENARIO['provinces'] / 3600:,.1f}").capitalize() + ".")
    if f.has("due"):
        lines.append(f"- At midnight a million fall due together: {MILLION / f['due']:,.0f} s of one replica of svc-directory ({number(f['due'])} people a second).")
    return "\n".join(lines)


def document():
    lines = load()
    f = Figures(lines)
    needed = [name for name in WANTED if name not in ("ingest", "rebuild", "query", "due")]
    missing = [name for name in needed if not f.has(name)]
    if missing:
        raise SystemExit("model: no figure of " + ", ".join(sorted({WANTED[name][0] for name in missing})))
    both, (costs, hours, months) = regions(f), cost_table(f)
    largest = both[1]
    figures = table(("figure", "bench", "value", "unit", "date", "load"), [
        (what, f"`{bench}`", number(lines[bench][part]), lines[bench]["unit"] if part == "ours" else "the same, its peer's", lines[bench]["date"], lines[bench]["load"])
        for bench, part, what in WANTED.values() if bench in lines])
    open_ones = [(what, f"`{bench}`") for bench, _part, what in WANTED.values() if bench not in lines]
    return TEXT.format(
        people=f"{SCENARIO['people'] / MILLION:,.0f} million", provinces=SCENARIO["provinces"], codes=SCENARIO["codes a person a day"], rush=SCENARIO["rush hour factor"],
        nation_mean=number(SCENARIO["people"] * SCENARIO["codes a person a day"] / DAY_S),
        nation_rush=number(SCENARIO["people"] * SCENARIO["codes a person a day"] / DAY_S * SCENARIO["rush hour factor"]),
        share=f"{LARGEST:.1%}", facts=f"{FACTS_A_DAY:g}", provinces_table=provinces_table(f), costs=costs, hours=f"{hours:.3f}", months=f"{months:,.1f}",
        nation=nation_text(f), figures=figures, full=f"{FULL:.0%}", cores=SERVER_CORES, shard=SHARD_TB, broker=BROKER_TB, copies=REPLICAS,
        open_ones=table(("what", "bench"), open_ones) if open_ones else "None.",
        keep=", ".join(f"{what} {days} days" for what, days in KEEP_DAYS.items()),
        consent_share=f"{largest.rows['codes and consent records'][0] * largest.rows['codes and consent records'][1] / largest.bytes:.0%}",
        by_cores=largest.by_cores, shards=largest.shards, by_day=size(largest.people * SCENARIO["codes a person a day"] * f["code_row"]),
        fewer=up((largest.bytes - largest.rows["codes and consent records"][0] * largest.rows["codes and consent records"][1] * (1 - 90 / 1095)) / (SHARD_TB * TB)),
        codegen_memory=f"{f['codegen_memory']:.0f}", verify_memory=f"{f['verify_memory']:.0f}")


TEXT = """# Scale

Made by `docs/scale/model.py` from `docs/scale/coefficients.json`; CI refuses a stale copy. Each coefficient is a figure of a bench of this repository on one machine of two
cores (docs/benchmarks.md says which), with its date and the load at the time; the rest is arithmetic. It tells where the limits are and what meets them first. It is no test of a
nation: nothing larger than that machine was run.

## Asked

{people} people, {provinces} provinces, {codes} codes a person a day, each minted once and used once, a rush hour of {rush} times the day's mean: {nation_mean} codes a second in the mean, {nation_rush} in the
rush hour. The largest province has {share} of the people (Guangdong, seventh census). {facts} facts a person a day (`tests/world`), with the same rush hour. Kept: {keep} (the defaults).

Choices: processors {full} full in the rush hour; database servers and brokers of {cores} cores; {shard} TB a database server, {broker} TB a broker; {copies} copies of each topic. Copies of the databases (a standby each)
come on top.

## A province

{provinces_table}

**What meets its limit first is the disk of consent records**: {consent_share} of the largest province's bytes. By processor it needs {by_cores} database server(s), by bytes {shards}. {by_day} come each day. Levers, in this order: an app
that shows the code it has (within `refreshSeconds`, or until its deadline) mints nothing; `consentKeepDays` of the policy (at 90 instead of 1095 days the largest province has {fewer} shards); old
partitions on cheaper disks, since nothing but an audit reads them, once codes are partitioned by their deadline. Not counted: svc-declare's own rows of declarations and reports, stored answers of repeats and nonces, which go after a day, and the outbox,
which is empty while the broker is there.

## Where one database ends

1. **Native partitioning** carries one server: `verify.uses` and the one-time ledger are partitioned by time and dropped whole already (a day of a million one-time uses went in 31 ms, docs/benchmarks.md); codes by their deadline would be the
   same step. It bounds indexes and makes deletion free. It does not add servers.
2. **Sharding by region** comes next, and needs nothing new: a city with a system of its own has its six digits, keys, database, Kafka and topics (it *is* a platform to the others). A province of several shards becomes
   several such platforms behind one name; people of another city are asked about as people of another province are. This is the way for the health side, whose state is bound to
   partitions of the subject anyway, and for provinces of which one city has most of the people.
3. **Citus** (or the like) is for a single city past one server, on the code side only: every row about a code has the HMAC of its serial, no transaction touches two
   serials but a group commit's, and its rows would go to the shards by that HMAC. What it costs is that a group commit becomes a distributed transaction, unless lanes are kept by shard, one lane each; that
   would have to be measured before. It is not needed for rates: by processor even the largest province has {by_cores} server(s).

## Cost of a million codes

{costs}

With p the price of a core-hour and q that of a GB-month: {hours}·p + {months}·q, minted and used, full machines; divide by {full} for the rush hour's headroom. Memory is no bound: svc-codegen {codegen_memory} MB and svc-verify {verify_memory} MB with
10,000 connections.

## The nation

{nation}

## Partitions

A topic's partitions are fixed for life, so they are chosen for the largest rate that is foreseen and not for today's: more partitions than replicas cost little, fewer stop growth. The development topics have 8. Partitions of each
subject-keyed topic above are as many as keep every partition's owner {full} busy in the rush hour, by what two lanes of one replica took in on two cores shared with PostgreSQL and Kafka: an upper bound.

## Coefficients

{figures}

### Without a figure yet

{open_ones}

New figures: `tests/bench/run NAME… > lines; docs/scale/model.py --take lines --date 2026-12-01 --load 2; tests/tools/make-docs BUILD`.
"""


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--write", nargs="?", const=os.path.dirname(os.path.dirname(HERE)))
    parser.add_argument("--take")
    parser.add_argument("--date")
    parser.add_argument("--load", default="not said")
    given = parser.parse_args()
    if given.take:
        if not given.date:
            parser.error("--take needs --date")
        take(given.take, given.date, given.load)
    elif given.write:
        with open(os.path.join(given.write, "docs", "scale.md"), "w", encoding="utf-8") as file:
            file.write(document())
    else:
        print(document(), end="")


if __name__ == "__main__":
    main()
