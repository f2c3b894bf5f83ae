"""Grants of institutions at the unified platform: officers of two units, and an institution's app with codes that it was shown."""
import base64
import json
import secrets

from .http import App
from .life import moment, ndjson
from .people import Person
from .suite import wait_until

DESK, INSTITUTION, OTHER = "grants-desk", "grants-clinic", "grants-school"
OFFICERS = {"grants-1": "health-000000", "grants-2": "law-000000", "grants-3": "health-000000"}


class Grants:
    def __init__(self, suite, life):
        self.suite, self.life, self.url = suite, life, suite.url("svc-platform")
        for app_id, roles in ((DESK, "platform.review"), (INSTITUTION, "verify,grant"), (OTHER, "verify,grant")):
            if app_id not in suite.apps:
                suite.apps[app_id] = App(app_id)
                suite.register("app", "--app", app_id, "--public", suite.public_pem(suite.apps[app_id]), "--roles", roles,
                               "--scopes", "pass", "--client-id", app_id)
                suite.adopt(suite.apps[app_id])
        for sub, unit in OFFICERS.items():
            suite.register("staff", "--issuer", suite.url("idp") + "/staff", "--sub", sub, "--unit", unit, "--roles", "grants",
                           "--regions", "320000", regions=("000000",))
        for sub in OFFICERS:
            wait_until(lambda one=sub: self.show("nothing", one).code == "4001", 20, "the officers are known")

    def token(self, sub):
        return self.suite.token("staff", sub=sub, aud=DESK)

    def show(self, grant, sub="grants-1"):
        return self.suite.apps[DESK].get(self.url, f"/v1/grants/{grant}", self.token(sub))

    def register(self, name, sub="grants-1", **changed):
        fields = {"grant": name, "app": INSTITUTION, "purpose": "admission to wards", "legalReference": "《传染病防治法》第十二条",
                  "regions": ["320000"], "fields": ["grade", "time"], "peoplePerDay": 100, "until": moment(-86400)}
        return self.suite.apps[DESK].post(self.url, "/v1/grants", {**fields, **changed}, self.token(sub))

    def step(self, grant, step, sub="grants-2"):
        return self.suite.apps[DESK].post(self.url, f"/v1/grants/{grant}/steps", {"step": step}, self.token(sub))

    def in_force(self, **changed):
        """A fresh grant with the word of two."""
        grant = f"g-{secrets.token_hex(5)}"
        self.life.done(self.register(grant, **changed))
        self.life.done(self.step(grant, "approve"))
        return grant

    def receipt(self, code, app_id=INSTITUTION):
        """What svc-verify tells the app that was shown the code, as a line."""
        answer = self.life.post(app_id, "svc-verify", "/v1/codes/verify", {"code": code, "challenge": secrets.token_hex(16)},
                                Person())
        return {"receipt": base64.b64encode(base64.b64decode(self.life.done(answer)["receipt"])).decode()}

    def ask(self, grant, lines, app_id=INSTITUTION, **signing):
        body = lines if isinstance(lines, bytes) else ndjson(lines)
        return self.suite.apps[app_id].call("POST", self.url, f"/v1/grants/{grant}/queries", body,
                                            headers={"Content-Type": "application/x-ndjson"}, **signing)

    def told(self, *arguments, **options):
        answer = self.ask(*arguments, **options)
        assert answer.status == 200 and answer.signed, answer
        return [json.loads(line) for line in answer.body.splitlines()]
