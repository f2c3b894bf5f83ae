#!/usr/bin/python3
"""What every person's entry must say: grade, reasons, until, then, of facts and a rule file, by a reading of the documents
(svc-directory's README, rules/*.schema.json) and of CertLogic's specification, and of no line of the suite's own code.

    truth = Truth(json.load(open("svc-directory/rules/320000.json")))
    truth.add(fact)                                # Fact(subject, source, institution, record, revision, …)
    truth.retract("source.tests", "lab-320000", "c-1-7", decided)
    entry = truth.entry(subject, now)              # .grade, .reasons, .until, .then; None: nobody of that name

As a program: facts as rows of `tests/world/make --format facts`, entries as NDJSON.

  tests/world/truth.py RULES.json 2026-11-21T12:00:00+08:00 [RETRACTIONS.tsv] < FACTS.tsv
"""
import collections
import json
import sys
import time

if __package__:
    from . import certlogic
else:
    import certlogic

ORDER = ("grey", "green", "yellow", "review", "red")  # of strictness
WINDOW_US, CHINA_US = 30 * 86_400_000_000, 8 * 3_600_000_000
FACTS_MOST = 500
NEVER = None

Fact = collections.namedtuple("Fact", "subject source institution record revision observed content recorded event",
                              defaults=(0, None))
Entry = collections.namedtuple("Entry", "grade reasons until then errors turns")  # turns: looked at before until


def moment(us):
    """RFC 3339 at +08:00, with a fraction only where there is one."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((us + CHINA_US) // 1_000_000))
    return text + (f".{us % 1_000_000:06d}" if us % 1_000_000 else "") + "+08:00"


class Truth:
    def __init__(self, rules, silent=()):
        self.rules, self.silent = rules["rules"], tuple(silent)
        self.records = {}  # (source, institution, record): {revision: fact}
        self.subjects = collections.defaultdict(set)  # subject: keys of records
        self.decisions = {}  # key: (version, is retracted, decided)

    # Both sets only grow, and their order means nothing.

    def add(self, fact):
        key = fact.source, fact.institution, fact.record
        revisions = self.records.setdefault(key, {})
        assert revisions.setdefault(fact.revision, fact)[:7] == fact[:7], "one number, two contents"
        self.subjects[fact.subject].add(key)

    def retract(self, source, institution, record, decided=0, version=1, is_retracted=True):
        key = source, institution, record
        self.decisions[key] = max((version, is_retracted, decided), self.decisions.get(key, (0, False, 0)))

    def _is_retracted(self, key):
        return self.decisions.get(key, (0, False))[1]

    def _facts(self, subject, now):
        """(those that count, newest first; those that would, were they not retracted)"""
        found = [self.records[key][max(self.records[key])] for key in self.subjects[subject]]
        found = [fact for fact in found if fact.subject == subject and fact.observed >= now - WINDOW_US]
        found.sort(key=lambda fact: -fact.observed)
        standing, gone = [], []
        for fact in found[:FACTS_MOST]:
            (gone if self._is_retracted(fact[1:4]) else standing).append(fact)
        return standing, gone

    def _is_reopened(self, standing, gone):
        """A new record about an event whose record had been retracted before it was written."""
        return any(fact.event and fact.event == other.event and fact.source == other.source and
                   self.decisions[other[1:4]][2] < fact.recorded for fact in standing for other in gone)

    def _input(self, facts, now):
        clock = certlogic.Clock(moment(now))
        rows = []
        for fact in facts:
            content = dict(fact.content)
            if isinstance(content.get("temperature"), (int, float)):
                content["temperatureTenths"] = round(content["temperature"] * 10)
            rows.append({"source": fact.source, "institution": fact.institution, "observedAt": moment(fact.observed),
                         "content": content, "now": clock})
        return {"now": clock, "facts": rows}

    def _look(self, subject, now):
        """(grade, reasons) at a moment, and the moments after it at which they may be others."""
        standing, gone = self._facts(subject, now)
        data, fired, erred, turns = self._input(standing, now), [], [], []
        for rule in self.rules:
            begin, end = rule["validFrom"], rule.get("validTo")
            edges = [certlogic.read_time(edge) * 1000 for edge in (begin, end) if edge]
            turns.extend(edge // 1000 - now // 1000 for edge in edges)
            if edges[0] > now or len(edges) == 2 and edges[1] <= now:
                continue
            try:
                if certlogic.truth(certlogic.evaluate(rule["logic"], data, turns)):
                    fired.append(rule)
            except certlogic.Wrong:
                erred.append(rule)
        fired.sort(key=lambda rule: -ORDER.index(rule["grade"]))  # stable: as the file has them
        grade = fired[0]["grade"] if fired else "grey"
        if ORDER.index(grade) > ORDER.index("green"):
            fired = [rule for rule in fired if ORDER.index(rule["grade"]) > ORDER.index("green")]
        reasons = [rule["reason"] for rule in fired] + ["rule-error"] * len(erred)
        if grade == "green" and erred:
            grade = "grey"
        if self._is_reopened(standing, gone):
            grade = max(grade, "review", key=ORDER.index)
            reasons.append("case-reopened")
        if grade == "green" and self.silent:
            grade = "grey"
            reasons += ["source-silent"] * len(self.silent)
        # Turns are milliseconds ahead of the clock's; a fact is seen for thirty days.
        next_moments = [(now // 1000 + after) * 1000 for after in turns if after > 0]
        next_moments += [fact.observed + WINDOW_US + 1 for fact in standing + gone]
        return (grade, reasons), [at for at in next_moments if at > now], len(erred)

    def sources(self, subject, now):
        """The sources of the facts that count."""
        return {fact.source for fact in self._facts(subject, now)[0]}

    def entry(self, subject, now, with_until=True):
        """The entry at `now` (µs since 1970); until is the last µs at which it holds, NEVER when nothing ends it."""
        if subject not in self.subjects:
            return None
        found, nexts, errors = self._look(subject, now)
        then, until = found[0], NEVER
        turns = 0
        while with_until and nexts:
            at, turns = min(nexts), turns + 1
            later, nexts, _errors = self._look(subject, at)
            if later != found:
                then, until = later[0], at - 1
                break
        return Entry(*found, until, then, errors, turns)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        truth = Truth(json.load(file))
    now = certlogic.read_time(sys.argv[2]) * 1000
    for line in sys.stdin:
        subject, source, institution, record, revision, observed, content = line.rstrip("\n").split("\t")
        truth.add(Fact(subject, source, institution, record, int(revision), int(observed), json.loads(content)))
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf-8") as file:
            for line in file:
                truth.retract(*line.rstrip("\n").split("\t")[:3])
    for subject in sorted(truth.subjects):
        entry = truth.entry(subject, now)
        print(json.dumps({"subject": subject, "grade": entry.grade, "reasons": entry.reasons,
                          "until": entry.until and moment(entry.until), "then": entry.then}))


if __name__ == "__main__":
    main()
