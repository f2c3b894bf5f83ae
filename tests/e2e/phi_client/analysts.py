"""A project of analysts, registered by one officer and approved by another of another unit."""
import time

from .life import moment
from .people import Person
from .suite import wait_until

REGION, PROJECT = "320000", "dev-study"
OFFICERS = {"open-1": "health-320100", "open-2": "statistics-320000", "open-3": "health-320100"}


class Analysts:
    def __init__(self, suite, life):
        self.suite, self.life, self.who = suite, life, Person()
        for sub, unit in OFFICERS.items():
            suite.register("staff", "--issuer", suite.url("idp") + "/staff", "--sub", sub, "--unit", unit, "--roles", "open",
                           "--regions", REGION, "--sources", "tests", regions=(REGION,))
        for sub in OFFICERS:
            wait_until(lambda one=sub: self.show("nothing", one).code == "4001", 20, "the officers are known")

    def token(self, sub):
        return self.life.officer(self.who, sub)

    def post(self, path, fields, sub):
        return self.life.post("officer-app", "svc-directory", f"/v1/open/projects{path}", fields, token=self.token(sub))

    def show(self, project, sub="open-1"):
        return self.life.get("officer-app", "svc-directory", f"/v1/open/projects/{project}", token=self.token(sub))

    def register(self, name, sub="open-1", **changed):
        fields = {"project": name, "purpose": "incidence by region", "streams": ["grades", "source.cases", "source.tests"],
                  "until": moment(-86400)}
        return self.post("", {**fields, **changed}, sub)

    def step(self, project, step, sub="open-2"):
        return self.post(f"/{project}/steps", {"step": step}, sub)

    def in_force(self, project=PROJECT):
        """The project whose topic is there, in force in every replica."""
        if self.show(project).code == "4001":
            self.life.done(self.register(project))
        if self.life.done(self.show(project))["state"] == "registered":
            self.life.done(self.step(project, "approve"))
        time.sleep(2.5)  # what replicas follow by the clock, once a second, no answer tells
        return f"phi.{REGION}.open.{project}"
