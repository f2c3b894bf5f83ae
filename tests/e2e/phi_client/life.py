"""Steps of a code's life, as the apps of citizens, scanning persons, institutions and officers take them."""
import base64
import json
import secrets
import time

from .http import new_serial
from .people import Person


def moment(seconds_ago=0):
    """RFC 3339 at +08:00."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() - seconds_ago + 8 * 3600))


ADDRESS, PHONE = "南京市玄武区测试路七号", "13900001234"
SEAT, COMPANIONS = "05-12F", "与测试同行人一名"
SHOT = {"dose": 2, "date": "2021-06-01", "vaccine": "inactivated", "manufacturer": "SINO-01", "region": "320102"}
LAW = "《个人信息保护法》第五十六条，（2026）苏审字第0412号"
STATEMENT = "当日不在该场所，记录有误。"


def basic():
    return {"sex": "1", "nationality": "CHN", "region": "320102", "address": ADDRESS, "phone": PHONE,
            "medicalHistory": "无特殊病史"}


def health(**changed):
    value = {"observedAt": moment(60), "temperature": 36.5, "symptoms": [], "contact": "none", "isolation": "none"}
    return {**value, **changed}


def trip(**changed):
    value = {"mode": "train", "number": "G7001", "seat": SEAT, "fromRegion": "310000", "toRegion": "320100",
             "departedAt": moment(7 * 3600), "arrivedAt": moment(5 * 3600), "companions": COMPANIONS, "purpose": "探亲"}
    return {**value, **changed}


def number(what):
    return f"{what}-{secrets.token_hex(8)}"


def source_contents():
    """One content of every kind of data source, all members told."""
    stay = {"region": "310101", "from": moment(5 * 86400), "to": moment(4 * 86400)}
    return {
        "cases": {"class": "confirmed", "diagnosedAt": moment(7200), "onsetAt": moment(86400), "region": "320102",
                  "severity": "mild", "outcome": "in-treatment", "outcomeAt": moment(3700), "caseNo": number("CASE")},
        "contacts": {"distance": "close", "contactAt": moment(86400)},
        "tests": {"method": "nucleic-acid", "result": "positive", "sampledAt": moment(7200), "specimenNo": number("SPECIMEN")},
        "fever-clinics": {"diagnosis": "observation", "visitedAt": moment(7200), "region": "320102", "temperature": 38.2,
                          "symptoms": ["fever", "cough"], "visitNo": number("VISIT")},
        "roaming": {"region": "310101", "from": moment(3 * 86400), "to": moment(2 * 86400), "riskLevel": "high"},
        "travel": {"mode": "train", "fromRegion": "310000", "toRegion": "320100", "departedAt": moment(9 * 3600),
                   "arrivedAt": moment(7 * 3600), "number": "G7001", "seat": SEAT, "ticketNo": number("TICKET")},
        "border": {"direction": "entry", "crossedAt": moment(7200), "portRegion": "310115", "country": "JPN", "mode": "plane",
                   "number": "MU524", "passageNo": number("PASSAGE")},
        "customs": {"disposition": "isolated", "inspectedAt": moment(7200), "portRegion": "310115", "temperature": 37.4,
                    "symptoms": ["cough"], "isSampled": True, "declarationNo": number("DECLARATION")},
        "venues": {"placeKind": "venue", "placeId": "market-1", "region": "320102", "role": "visitor",
                   "from": moment(86400), "to": moment(80000)},
        "health-records": {"recordType": "vaccination", "eventAt": moment(86400 * 30), "dose": 2, "vaccine": "inactivated",
                           "note": STATEMENT, "documentNo": number("DOCUMENT")},
        "surveys": {"isolation": "none", "surveyedAt": moment(7200), "residenceRegion": "320102", "household": "family",
                    "householdSize": 3, "symptoms": ["cough"], "stays": [stay], "address": ADDRESS, "note": STATEMENT,
                    "surveyNo": number("SURVEY")},
        "checkpoints": {"direction": "entry", "passedAt": moment(7200), "placeId": "station-1", "region": "320102",
                        "temperature": 36.4},
        "other": {"measure": "isolation-begin", "from": moment(7200), "region": "320102", "note": STATEMENT,
                  "referenceNo": number("REFERENCE")},
    }


SOURCE_KINDS = tuple(source_contents())


def source_line(person, kind, record_no=None, revision=1, **content):
    """One line of POST /v1/sources/{kind}."""
    return {"recordNo": record_no or f"r-{secrets.token_hex(8)}", "revision": revision,
            "person": {"name": person.name, "idType": person.id_type, "idNo": person.id_no,
                       "country": person.country},
            "observedAt": moment(3600), "content": {**source_contents()[kind], **content}}


def place_line(record_no=None, revision=1, **changed):
    """One line of POST /v1/places: a venue nobody else has named."""
    line = {"recordNo": record_no or number("p"), "revision": revision, "kind": "venue", "region": "320102",
            "placeId": number("market"), "name": "测试市场", "risk": "high", "from": moment(3 * 86400)}
    return {name: value for name, value in {**line, **changed}.items() if value is not None}


def batch_line(person, serial=None, **changed):
    """One line of POST /v1/codes/batch."""
    line = {"serial": serial or f"s-{secrets.token_hex(8)}", "person": person.document(), "scene": "paper",
            "paperDays": 14, "consentRef": "paper-1"}
    return {**line, **changed}


def ndjson(lines):
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


class Life:
    def __init__(self, suite):
        self.suite = suite
        self.codes = []  # every code that was minted, to look for in places where none may be
        self._tokens = {}

    def token(self, person, app_id="citizen-app"):
        """One token per person and app, as long as it is fresh."""
        key = (person.sub, app_id)
        made, token = self._tokens.get(key, (0, None))
        if time.monotonic() - made > 120 or token is None:
            aud = self.suite.apps[app_id].client_id
            token = self.suite.token("citizens", **{**person.claims(), "aud": aud})
            self._tokens[key] = (time.monotonic(), token)
        return token

    def officer(self, person, sub="officer-1"):
        return self.suite.token("staff", **{**person.claims(), "sub": sub, "aud": "officer-app"})

    def auditor(self, person, sub="auditor-1"):
        return self.suite.token("staff", **{**person.claims(), "sub": sub, "aud": "audit-app"})

    def ask_for_record(self, code, token):
        return self.done(self.post("audit-app", "svc-codegen", "/v1/codes/consent/requests",
                                   {"code": code, "legalReference": LAW}, token=token))

    def post(self, app_id, service, path, fields, person=None, token=None, **options):
        app = self.suite.apps[app_id]
        token = token or (self.token(person, app_id) if person else None)
        return app.post(self.suite.url(service), path, fields, token, **options)

    def get(self, app_id, service, path, person=None, token=None, **options):
        app = self.suite.apps[app_id]
        token = token or (self.token(person, app_id) if person else None)
        return app.get(self.suite.url(service), path, token, **options)

    @staticmethod
    def done(answer):
        assert (answer.status, answer.code) == (200, "0000"), answer
        assert answer.signed, answer
        return answer.data

    def consent(self, person):
        return self.done(self.post("citizen-app", "svc-declare", "/v1/consents",
                                   {"noticeVersion": "2026-11", "purpose": "health-code"}, person))

    def declare(self, person, with_basic=True, **changed):
        fields = {"health": health(**changed)}
        if with_basic:
            fields["basic"] = basic()
        return self.done(self.post("citizen-app", "svc-declare", "/v1/declarations/health", fields, person))

    def declare_trips(self, person, *trips):
        return self.done(self.post("citizen-app", "svc-declare", "/v1/declarations/trips",
                                   {"trips": list(trips) or [trip()]}, person))

    def report(self, kind, lines, app_id="lab-app"):
        """Lines of an institution; the answer's lines as objects."""
        return self._lines(f"/v1/sources/{kind}", lines, app_id)

    def hand_down(self, kind, lines, region="320000", app_id="border-app"):
        """Results of a national institution, for a province."""
        return self._lines(f"/v1/platforms/{region}/sources/{kind}", lines, app_id, "svc-platform")

    def publish(self, lines, app_id="lab-app"):
        """Places of the published list; the answer's lines as objects."""
        return self._lines("/v1/places", lines, app_id)

    def _lines(self, target, lines, app_id, service="svc-declare"):
        answer = self.suite.apps[app_id].call("POST", self.suite.url(service), target, ndjson(lines),
                                              headers={"Content-Type": "application/x-ndjson"})
        assert answer.status == 200 and answer.signed, answer
        return [json.loads(line) for line in answer.body.splitlines()]

    def batch(self, lines):
        """Paper codes for an institution; the answer's lines as objects."""
        answer = self.suite.apps["home-app"].call("POST", self.suite.url("svc-codegen"), "/v1/codes/batch", ndjson(lines),
                                                  headers={"Content-Type": "application/x-ndjson"})
        assert answer.status == 200 and answer.signed, answer
        return [json.loads(line) for line in answer.body.splitlines()]

    def apply(self, person, scene="pass", **fields):
        return self.done(self.post("citizen-app", "svc-codegen", "/v1/code-applications", {"scene": scene, **fields},
                                   person))

    def mandate(self, guardian, ward, issuer="civil-app", key=None, **changed):
        """What `onBehalfOf` takes: a statement of an institution, signed; `changed` is not what was signed."""
        key = key or (self.suite.apps.get(issuer) or self.suite.apps["civil-app"]).key
        terms = {"mandateId": f"m-{secrets.token_hex(6)}", "relation": "parent", "from": moment(3600),
                 "until": moment(-86400 * 30)}
        for name in ("mandateId", "relation", "from", "until"):
            terms[name] = changed.pop(f"signed_{name}", terms[name])
        who = {name: guardian.document()[name] for name in ("idType", "idNo", "country")}
        statement = {"type": "phi-mandate-1", "region": "320000", **terms, "guardian": who, "ward": ward.document()}
        # RFC 8785 of texts of the plane 0 with names in ASCII is what sorted keys without blanks give.
        signed = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        signature = base64.b64encode(key.sign(signed)).decode()
        mandate = {**terms, "issuer": issuer, "keySerial": key.public.serial, "signature": signature}
        return {"ward": ward.document(), "mandate": {**mandate, **changed}}

    def mint(self, person, scene="pass", application=None, **fields):
        application = application or self.apply(person, scene)
        data = self.done(self.post("citizen-app", "svc-codegen", "/v1/codes",
                                   {"applicationId": application["applicationId"],
                                    "challenge": application["challenge"], **fields}, person))
        self.codes.append(data["code"])
        return data

    def verify(self, code, person, serial=None, customer="c-1", **fields):
        """The answer, whatever its verdict."""
        return self.post("scan-app", "svc-verify", "/v1/codes/verify", {"code": code, **fields}, person,
                         serial=serial or new_serial(), customer=customer)

    def receipt(self, code, person):
        answer = self.verify(code, person, challenge=secrets.token_hex(16))
        return base64.b64decode(self.done(answer)["receipt"], validate=True)

    def file(self, person, fact, statement=STATEMENT):
        return self.done(self.post("citizen-app", "svc-correction", "/v1/corrections",
                                   {"matter": "fact", "fact": fact, "statement": statement}, person))

    def dispute(self, person, dispute, region="320000"):
        """A case of any region, filed at the unified platform."""
        return self.done(self.post("citizen-app", "svc-platform", "/v1/disputes", {"region": region, "dispute": dispute}, person))

    def officers(self, case_id, act, officer, sub="officer-1", **fields):
        """What an officer does with a case; the answer, whatever it is."""
        return self.post("officer-app", "svc-correction", f"/v1/corrections/{case_id}/{act}", fields,
                         token=self.officer(officer, sub))

    def decide(self, case_id, officer, decision="retract", reason="record-error", **note):
        """One officer proposes, another one decides."""
        said = {"decision": decision, "reason": reason}
        self.done(self.officers(case_id, "proposal", officer, **said))
        return self.done(self.officers(case_id, "decision", Person(), "officer-2", **said, **note))

    def link(self, person, other):
        """The holder links another document of theirs."""
        return self.done(self.post("citizen-app", "svc-declare", "/v1/me/documents",
                                   {"otherIdentity": self.token(other)}, person))

    def unlink(self, person, link_id):
        return self.done(self.post("citizen-app", "svc-declare", "/v1/me/documents/unlink", {"linkId": link_id}, person))

    def propose_link(self, persons, officer, sub="officer-1", state="linked", **options):
        """The first officer; the answer, whatever it is."""
        fields = {"persons": [person.document() for person in persons], "state": state, "basis": "户口簿"}
        return self.post("officer-app", "svc-declare", "/v1/documents/links", fields, token=self.officer(officer, sub), **options)

    def confirm_link(self, proposal_id, officer, sub="officer-2", **options):
        return self.post("officer-app", "svc-declare", f"/v1/documents/links/{proposal_id}/confirmation", {},
                         token=self.officer(officer, sub), **options)

    def export(self, person, **fields):
        return self.done(self.post("citizen-app", "svc-declare", "/v1/me/export", fields, person))

    def propose(self, kind, batch, officer, sub="officer-1"):
        """The first officer of a bulk retraction."""
        return self.done(self.post("officer-app", "svc-declare", f"/v1/sources/{kind}/retractions", batch,
                                   token=self.officer(officer, sub)))

    def approve(self, retraction_id, officer, sub="officer-2", **options):
        """The second; the answer, whatever it is."""
        return self.post("officer-app", "svc-declare", f"/v1/retractions/{retraction_id}/approval", {},
                         token=self.officer(officer, sub), **options)

    def disputed(self, person):
        """A case about a fact that an institution reported of the person: its case and the fact."""
        line = source_line(person, "contacts")
        assert [answer["result"] for answer in self.report("contacts", [line])] == ["accepted"]
        fact = {"region": "320000", "source": "source.contacts", "institution": "cdc-320102",
                "recordNo": line["recordNo"]}
        return self.file(person, fact), fact
