"""Two disputes from the wrong record to the scanning person in another province, told step by step: one is put right, one is
refused and overturned by the unified platform. Between any two steps something may be killed (test_story.py). Whoever is
answered by nobody asks the same again."""
import threading
import time

import requests

from phi_client.chain import heads
from phi_client.http import new_serial
from phi_client.life import basic, health, ndjson, source_line
from phi_client.people import Person
from phi_client.suite import SERVICES, wait_until

REGION, VISITED, NATION = "320000", "440000", "000000"
VISITED_SERVICES = ("svc-verify", "svc-directory")
PATIENCE_S = 60
WRONG = {"decision": "retract", "reason": "record-error"}
REFUSED = {"decision": "refuse", "reason": "not-substantiated"}
OVERTURNED = {"decision": "overturn", "reason": "record-error"}
WRONG_STEPS = ["received", "assigned", "evidence-asked", "evidence-given", "proposed", "decided", "applied", "told"]
REFUSED_STEPS = ["received", "assigned", "proposed", "refused", "appealed", "overturned", "applied", "told"]


class Told:
    """A person, what was reported about them, their case and how it is to end."""

    def __init__(self, said, steps, grade):
        self.person, self.said, self.steps, self.grade = Person(), said, steps, grade
        self.line = source_line(self.person, "contacts")
        self.fact = {"region": REGION, "source": "source.contacts", "institution": "cdc-320102",
                     "recordNo": self.line["recordNo"]}
        self.case_id = None


class Story:
    """One telling: `steps` in their order, each a function that returns once it is acknowledged, or seen."""

    def __init__(self, suite, visited):
        self.suite, self.visited = suite, visited
        self.wrong, self.refused = Told(WRONG, WRONG_STEPS, "green"), Told(REFUSED, REFUSED_STEPS, "red")
        self.both, self.scanner, self.first, self.second = (self.wrong, self.refused), Person(), Person(), Person()
        self.tokens = {}

    @property
    def steps(self):
        return (self.declare, self.report, self.see_red, self.dispute, self.ask, self.give, self.propose, self.decide,
                self.see_decided, self.appeal, self.propose_above, self.decide_above, self.see_overturned, self.look_back)

    # --- callers who do not give up ---

    def token(self, person, app_id, kind="citizens", **claims):
        key = (person.sub, app_id, claims.get("sub"))
        if key not in self.tokens:
            self.tokens[key] = self.suite.token(kind, **{**person.claims(), "aud": app_id, "ttl": 900, **claims})
        return self.tokens[key]

    def answered(self, ask):
        """The answer of whoever is there again in the end."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = ask()
                if answer.status < 500:
                    return answer
            except requests.RequestException as failure:
                answer = failure
            assert time.monotonic() < end, f"nobody answers: {answer}"
            time.sleep(0.1)

    def post(self, app_id, service, path, fields, token, suite=None):
        suite, serial = suite or self.suite, new_serial()
        answer = self.answered(lambda: suite.apps[app_id].post(suite.url(service), path, fields, token, serial=serial))
        assert (answer.status, answer.code) == (200, "0000"), answer
        return answer.data

    def citizen(self, told, service, path, fields):
        return self.post("citizen-app", service, path, fields, self.token(told.person, "citizen-app"))

    def officer(self, told, act, who=None, **fields):
        number = 1 if who is None else 2
        token = self.token(who or self.first, "officer-app", "staff", sub=f"officer-{number}")
        return self.post("officer-app", "svc-correction", f"/v1/corrections/{told.case_id}/{act}", fields, token)

    # --- the steps ---

    def declare(self):
        for told in self.both:
            self.citizen(told, "svc-declare", "/v1/consents", {"noticeVersion": "2026-11", "purpose": "health-code"})
            self.citizen(told, "svc-declare", "/v1/declarations/health", {"health": health(), "basic": basic()})

    def national(self, act, number, **fields):
        token = self.token(self.first if number == 1 else self.second, "officer-app", "staff", sub=f"national-{number}")
        return self.post("officer-app", "svc-platform", f"/v1/appeals/{REGION}/{self.refused.case_id}/{act}", fields, token)

    def report(self):
        """Both records are wrong; a line sent again is known already."""
        lab, body = self.suite.apps["lab-app"], ndjson([told.line for told in self.both])
        answer = self.answered(lambda: lab.call("POST", self.suite.url("svc-declare"), "/v1/sources/contacts", body,
                                                headers={"Content-Type": "application/x-ndjson"}))
        results = [line.split(b'"result":"')[1].split(b'"')[0] for line in answer.body.splitlines()]
        assert answer.status == 200 and set(results) <= {b"accepted", b"duplicate"}, answer

    def see_red(self):
        for told in self.both:
            self.seen(told, "red")

    def dispute(self):
        for told in self.both:
            fields = {"matter": "fact", "fact": told.fact, "statement": "当日不在该场所，记录有误。"}
            told.case_id = self.citizen(told, "svc-correction", "/v1/corrections", fields)["caseId"]

    def ask(self):
        self.officer(self.wrong, "evidence-requests", question="当日在何处？")

    def give(self):
        self.citizen(self.wrong, "svc-correction", f"/v1/corrections/{self.wrong.case_id}/evidence", {"text": "当日在家，有门禁记录。"})

    def propose(self):
        for told in self.both:
            self.officer(told, "proposal", **told.said)

    def decide(self):
        for told in self.both:
            self.officer(told, "decision", self.second, **told.said)

    def see_decided(self):
        for told in self.both:
            self.seen(told, told.grade)

    def appeal(self):
        self.citizen(self.refused, "svc-correction", f"/v1/corrections/{self.refused.case_id}/appeal", {"statement": "请复核门禁记录。"})

    def propose_above(self):
        app, token = self.suite.apps["officer-app"], self.token(self.first, "officer-app", "staff", sub="national-1")
        ask = lambda: app.get(self.suite.url("svc-platform"), f"/v1/appeals/{REGION}/{self.refused.case_id}", token)
        wait_until(lambda: self.answered(ask).code == "0000", PATIENCE_S, "the appeal is at the platform")
        self.national("proposal", 1, **OVERTURNED)

    def decide_above(self):
        self.national("decision", 2, **OVERTURNED)

    def see_overturned(self):
        self.seen(self.refused, "green")

    def look_back(self):
        """The case ended as its decision says, each step once, none besides, and the chain holds."""
        for told in self.both:
            wait_until(lambda one=told: self.shown(one)["state"] == "told", PATIENCE_S, "the person is told")
            case = self.shown(told)
            assert [step["step"] for step in case["steps"]] == told.steps, case
            assert case["outcome"] == "retract" and all(heads(case)), case

    # --- what is seen ---

    def shown(self, told):
        app, token = self.suite.apps["citizen-app"], self.token(told.person, "citizen-app")
        answer = self.answered(lambda: app.get(self.suite.url("svc-correction"), f"/v1/corrections/{told.case_id}", token))
        assert answer.code == "0000", answer
        return answer.data

    def mint(self, told):
        application = self.citizen(told, "svc-codegen", "/v1/code-applications", {"scene": "pass"})
        fields = {"applicationId": application["applicationId"], "challenge": application["challenge"]}
        return self.citizen(told, "svc-codegen", "/v1/codes", fields)["code"]

    def scan(self, code):
        token = self.token(self.scanner, "scan-app")
        app, base = self.visited.apps["scan-app"], self.visited.url("svc-directory")
        return self.answered(lambda: app.post(base, "/v1/health/query", {"code": code}, token))

    def seen(self, told, grade):
        """In the other province, by a scanning person: from the home province and from the nation, who it is and the grade."""
        code = self.mint(told)

        def look():
            answer = self.scan(code)
            if answer.code != "0000" or not answer.data["holder"]:
                return False
            said = {(entry["via"], entry["grade"]) for entry in answer.data["entries"] if entry["region"] == REGION}
            is_whole = {(REGION, grade), (NATION, grade)} <= said
            return is_whole and answer.data["grade"]["code"] == grade and not answer.data["unanswered"] and answer.data

        data = wait_until(look, PATIENCE_S, f"{grade} in {VISITED}, from the home province and from the nation")
        assert data["holder"]["name"].startswith(told.person.name[0]) and told.person.id_no not in str(data)


class Killer:
    """Between two steps one of the services of both provinces, or the nation's, goes by -9 and comes back by itself while
    the story goes on, maybe through the next kill."""

    def __init__(self, suite, visited, draws):
        self.draws, self.starting, self.killed, self.failures = draws, {}, [], []
        self.victims = [(suite, name) for name in SERVICES] + [(visited, name) for name in VISITED_SERVICES]

    def strike(self):
        suite, name = victim = self.draws.choice(self.victims)
        if victim in self.starting:
            self._wait(self.starting.pop(victim))
        suite.kill(name)
        self.killed.append(f"{getattr(suite, 'region', REGION)}:{name}")
        self.starting[victim] = threading.Thread(target=self._start, args=victim, daemon=True)
        self.starting[victim].start()

    def _start(self, suite, name):
        try:
            suite.start(name)
        except Exception as failure:  # told by _wait
            self.failures.append(failure)

    def _wait(self, thread):
        thread.join(PATIENCE_S)
        assert not thread.is_alive() and not self.failures, f"killed {self.killed}, does not start: {self.failures}"

    def settle(self):
        for thread in self.starting.values():
            self._wait(thread)
