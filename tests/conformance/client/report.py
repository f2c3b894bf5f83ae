"""The report: progress while it runs, a table at the end, JSON; pytest writes the JUnit XML."""
import json
import sys
import time

import pytest

WORDS = {"passed": "passed", "failed": "FAILED", "skipped": "skipped"}


class Report:
    def __init__(self, config):
        self.config, self.began = config, time.time()
        self.rows, self.total, self.is_quiet = [], 0, config.getoption("--report-quiet")

    def say(self, text=""):
        if not self.is_quiet:
            print(text, flush=True)

    def pytest_collection_finish(self, session):
        self.total = len(session.items)

    def pytest_collectreport(self, report):
        if report.failed:
            print(report.longrepr, file=sys.stderr)

    def pytest_internalerror(self, excrepr):
        print(excrepr, file=sys.stderr)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        report = outcome.get_result()
        mark = item.get_closest_marker("conformance")
        if mark is None or (report.when != "call" and report.outcome == "passed") or report.when == "teardown":
            return
        name, clause, meaning = mark.args
        item.user_properties[:] = [("check", name), ("clause", clause), ("meaning", meaning)]
        report.user_properties = list(item.user_properties)
        detail = ""
        if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            detail = report.longrepr[2].removeprefix("Skipped: ")
        elif report.outcome == "failed":
            detail = call.excinfo.exconly().split("\nassert ")[0].removeprefix("AssertionError: ")[:600]
        case = item.callspec.id if hasattr(item, "callspec") else ""
        self.rows.append({"check": name, "case": case, "clause": clause, "meaning": meaning, "outcome": report.outcome,
                          "detail": detail, "seconds": round(report.duration, 3)})
        self.tell(self.rows[-1])

    def tell(self, row):
        if row["outcome"] == "failed":
            self.say(f"\r{'':70}\r{row['check']} {row['case']}: FAILED: {row['detail']}")
        elif sys.stdout.isatty():
            self.say_over(f"{len(self.rows)}/{self.total} {row['check']} {row['case']}")
        elif len(self.rows) % 100 == 0:
            self.say(f"[{time.time() - self.began:5.1f} s] {len(self.rows)} of {self.total} done")

    def say_over(self, text):
        if not self.is_quiet:
            print(f"\r{text[:70]:70}", end="", flush=True)

    def checks(self):
        """One row a check, its cases counted; the first detail of the worst outcome."""
        found = {}
        for row in self.rows:
            one = found.setdefault(row["check"], {"check": row["check"], "clause": row["clause"], "meaning": row["meaning"],
                                                  "passed": 0, "failed": 0, "skipped": 0, "details": {}})
            one[row["outcome"]] += 1
            if row["detail"]:
                one["details"].setdefault(row["outcome"], row["detail"])
        for one in found.values():
            one["outcome"] = "failed" if one["failed"] else "passed" if one["passed"] else "skipped"
        return sorted(found.values(), key=lambda one: one["check"])

    def table(self):
        for one in self.checks():
            counts = f"{one['passed']}/{one['passed'] + one['failed'] + one['skipped']}"
            self.say(f"{one['check']:8} {WORDS[one['outcome']]:8} {counts:>8}  {one['meaning']}  [{one['clause']}]")
            if one["outcome"] != "passed" or one["skipped"]:
                for outcome in ("failed", "skipped"):
                    if outcome in one["details"]:
                        self.say(f"{'':28}{outcome}: {one['details'][outcome][:160]}")

    def pytest_sessionfinish(self, session, exitstatus):
        if not self.rows:
            return
        counts = {name: sum(row["outcome"] == name for row in self.rows) for name in WORDS}
        self.say_over("") if sys.stdout.isatty() else None
        self.say()
        self.table()
        self.say(f"{len(self.checks())} checks, {len(self.rows)} cases in {time.time() - self.began:.1f} s: "
                 f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
        path = self.config.getoption("--report-json")
        if path:
            value = {"began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began)),
                     "urls": self.config.getoption("--url"), "counts": counts, "checks": self.checks(), "cases": self.rows}
            with open(path, "w", encoding="utf-8") as file:
                json.dump(value, file, ensure_ascii=False, indent=1)
