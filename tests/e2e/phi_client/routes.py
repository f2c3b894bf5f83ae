"""Every business route: who calls it, and a good request for it with every member that it knows."""
import base64
import json
import os
import re
import secrets
import struct
import time
import urllib.parse
import zlib

from .http import new_serial
from .life import LAW, SHOT, STATEMENT, basic, batch_line, health, moment, place_line, source_line, trip
from .people import Person
from .suite import ROOT, wait_until

SERVICES = ("svc-codegen", "svc-verify", "svc-declare", "svc-directory", "svc-correction", "svc-platform")


HAND_DOWN = "/v1/platforms/{region}/sources/{kind}"


def document(service):
    with open(os.path.join(ROOT, service, "openapi.json"), encoding="utf-8") as file:
        return json.load(file)


class Cast:
    """People and things that good requests need; made once, when first asked for."""

    def __init__(self, life):
        self.life, self.holder, self.scanner, self.officer = life, Person(), Person(), Person()
        self.ward = Person(year=2015)
        life.consent(self.holder)
        life.declare(self.holder)
        self._made, self._application, self._code = 0, None, None
        life.suite.settle()

    def _mint(self):
        """Fresh ones, long before the others end."""
        if time.monotonic() - self._made > 100 or self._code is None:
            self._made, self._application = time.monotonic(), self.life.apply(self.holder)
            self._code = self.life.mint(self.holder, application=self._application)["code"]

    @property
    def application(self):
        self._mint()
        return self._application

    @property
    def code(self):
        self._mint()
        return self._code

    def receipt(self):
        return base64.b64encode(self.life.receipt(self.code, self.scanner)).decode()

    def look(self):
        """An auditor's request that another one has not let happen yet."""
        return self.life.ask_for_record(self.code, self.life.auditor(Person(), "auditor-2"))["requestId"]

    def behalf(self):
        """A mandate for a new ward, whose consent is given."""
        mandate = self.life.mandate(self.holder, Person())
        self.life.done(self.life.post("citizen-app", "svc-declare", "/v1/consents",
                                      {"noticeVersion": "2026-11", "purpose": "health-code", "onBehalfOf": mandate},
                                      self.holder))
        return mandate

    def open_case(self):
        return self.life.disputed(self.holder)[0]["caseId"]

    def bad_batch(self):
        """A record in a minute of its own, and what retracts that minute."""
        ago = secrets.randbelow(3000 * 1440) * 60 + 86400
        batch = {"institution": "cdc-320102", "time": "observedAt", "from": moment(ago + 5), "to": moment(ago - 5),
                 "reason": "method-error"}
        line = source_line(Person(), "other", **{"from": moment(ago + 600)})
        (answer,) = self.life.report("other", [{**line, "observedAt": moment(ago)}])
        assert answer["result"] == "accepted", answer
        return batch

    def open_retraction(self):
        """Proposed by an officer of another unit."""
        return self.life.propose("other", self.bad_batch(), Person(), "officer-2")["retractionId"]

    def other_document(self):
        """A document that can be linked to the holder's."""
        for link in self.life.export(self.holder)["documents"]:
            if link["state"] == "linked":
                self.life.unlink(self.holder, link["linkId"])
        return self.holder.passport()

    def link(self):
        return self.life.link(self.holder, self.other_document())["linkId"]

    def proposal(self):
        """By an officer of another unit."""
        one = Person()
        return self.life.done(self.life.propose_link((one, one.passport()), Person(), "officer-2"))["proposalId"]

    def project(self):
        """Of analysts, registered by an officer of another unit."""
        fields = _project()
        self.life.done(self.life.post("officer-app", "svc-directory", "/v1/open/projects", fields,
                                      token=self.life.officer(Person(), "officer-2")))
        return fields["project"]

    def token(self, who, app_id):
        if who == "staff":
            return self.life.auditor(self.officer) if app_id == "audit-app" else self.life.officer(self.officer)
        return self.life.token(self.scanner if app_id == "scan-app" else self.holder, app_id) if who else None


def _project():
    return {"project": f"p-{secrets.token_hex(4)}", "purpose": "incidence by region", "streams": ["grades", "source.cases"],
            "until": moment(-86400)}


class Route:
    """`make(cast)` gives the target and the interface's own members; a list of members stands for NDJSON lines."""

    def __init__(self, service, method, path, app_id, who, make):
        self.service, self.method, self.path, self.app_id, self.who, self.make = (
            service, method, path, app_id, who, make)

    @property
    def name(self):
        return f"{self.method} {self.path}"

    @property
    def is_lines(self):
        return self.template in ("/v1/sources/{kind}", HAND_DOWN) or self.path in ("/v1/codes/batch", "/v1/places")

    @property
    def is_file(self):
        return self.method == "POST" and self.path.endswith("/attachments")

    @property
    def content_type(self):
        return "application/octet-stream" if self.is_file else "application/x-ndjson" if self.is_lines else "application/json"

    @property
    def template(self):
        return re.sub("^/v1/sources/[a-z-]+", "/v1/sources/{kind}", self.path)

    def operation(self):
        return document(self.service)["paths"][self.template][self.method.lower()]

    def schema(self):
        content = self.operation()["requestBody"]["content"][self.content_type]
        return content["schema"]


def _mint(cast):
    return "/v1/codes", {"applicationId": cast.application["applicationId"],
                         "challenge": cast.application["challenge"], "picture": {"format": "png"}}


def _health(_cast):
    stay = {"region": "320100", "from": moment(86400 * 3), "to": moment(86400 * 2)}
    full = health(symptoms=["cough"], riskStays=[stay], vaccinationDoses=3, vaccinations=[SHOT], note="自述无不适\n备注第二行")
    return "/v1/declarations/health", {"basic": basic(), "health": full}


def _dispute(cast):
    fact = {"region": "320000", "source": "source.contacts", "institution": "cdc-320102",
            "recordNo": f"r-{secrets.token_hex(8)}"}
    return "/v1/corrections", {"matter": "fact", "fact": fact, "statement": STATEMENT,
                               "onBehalfOf": cast.life.mandate(cast.holder, Person())}


REFUSAL = {"decision": "refuse", "reason": "not-substantiated"}


def _of_case(act, **fields):
    return lambda cast: (f"/v1/corrections/{cast.open_case()}/{act}", fields)


def _evidence(cast):
    case = cast.open_case()
    cast.life.done(cast.life.officers(case, "evidence-requests", cast.officer, question="当日在何处？"))
    return f"/v1/corrections/{case}/evidence", {"text": "当日在家，有门禁记录。"}


def _appeal(cast):
    case = cast.open_case()
    cast.life.decide(case, Person(), **REFUSAL)
    return f"/v1/corrections/{case}/appeal", {"statement": STATEMENT}


def _decision(cast):
    """Proposed by an officer of another unit."""
    case = cast.open_case()
    cast.life.done(cast.life.officers(case, "proposal", Person(), "officer-2", **REFUSAL))
    return f"/v1/corrections/{case}/decision", {**REFUSAL, "note": "查无依据。"}


def png(width=8, height=8):
    """A picture of noise."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + secrets.token_bytes(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def attachment(case, kind):
    return f"/v1/corrections/{case}/attachments?type={kind}&customNumber=c-1&bizSerialNum={secrets.token_hex(8)}"


def _attachment(cast):
    case, app = cast.open_case(), cast.life.suite.apps["citizen-app"]
    answer = app.call("POST", cast.life.suite.url("svc-correction"), attachment(case, "png"), png(), cast.token("citizen", "citizen-app"),
                      headers={"Content-Type": "application/octet-stream"})
    assert answer.code == "0000", answer
    return f"/v1/corrections/{case}/attachments/1", {}


def _batch(cast):
    """A bad batch that counts for somebody."""
    batch = cast.life.propose("other", cast.bad_batch(), Person(), "officer-2")["retractionId"]
    cast.life.done(cast.life.approve(batch, Person(), "officer-1"))
    target = f"/v1/correction-batches/{batch}"

    def state():
        answer = cast.life.get("officer-app", "svc-correction", target, token=cast.life.officer(Person()))
        return answer.code == "0000" and answer.data["state"]

    wait_until(lambda: state() == "told", 30, "the batch counts")
    return target, {}


def _relief(cast):
    """Proposed by an officer of another unit."""
    case = cast.open_case()
    cast.life.done(cast.life.officers(case, "relief", Person(), "officer-2", hours=2))
    return f"/v1/corrections/{case}/relief-approval", {"hours": 2}


def _page(path, bound="before"):
    moment_then = urllib.parse.quote(moment(-60), safe="")
    return lambda _cast: (f"{path}?limit=5&{bound}={moment_then}&customNumber=c-1", {})


ROUTES = (
    Route("svc-codegen", "POST", "/v1/code-applications", "citizen-app", "citizen",
          lambda cast: ("/v1/code-applications", {
              "scene": "paper", "termSeconds": 600, "paperDays": 7,
              "onBehalfOf": cast.life.mandate(cast.holder, cast.ward)})),
    Route("svc-codegen", "POST", "/v1/codes", "citizen-app", "citizen", _mint),
    Route("svc-codegen", "POST", "/v1/codes/consent", "citizen-app", "citizen",
          lambda cast: ("/v1/codes/consent", {"code": cast.code})),
    Route("svc-codegen", "POST", "/v1/codes/consent/requests", "audit-app", "staff",
          lambda cast: ("/v1/codes/consent/requests", {"code": cast.code, "legalReference": LAW})),
    Route("svc-codegen", "POST", "/v1/codes/consent/requests/{id}/approval", "audit-app", "staff",
          lambda cast: (f"/v1/codes/consent/requests/{cast.look()}/approval", {})),
    Route("svc-codegen", "GET", "/v1/codes/consent/looks", "citizen-app", "citizen",
          lambda _cast: (f"/v1/codes/consent/looks?limit=5&before={'f' * 32}&customNumber=c-1", {})),
    Route("svc-codegen", "POST", "/v1/codes/batch", "home-app", None,
          lambda _cast: ("/v1/codes/batch", [batch_line(Person())])),
    Route("svc-verify", "POST", "/v1/codes/verify", "scan-app", "citizen",
          lambda cast: ("/v1/codes/verify", {"code": cast.code, "operation": "verify", "scope": "pass",
                                             "challenge": secrets.token_hex(16)})),
    Route("svc-verify", "POST", "/v1/codes/verify/batch", "scan-app", "citizen",
          lambda cast: ("/v1/codes/verify/batch", {"items": [
              {"bizSerialNum": new_serial(), "code": cast.code, "operation": "verify", "scope": "pass",
               "challenge": secrets.token_hex(16)}]})),
    Route("svc-verify", "GET", "/v1/codes/uses", "citizen-app", "citizen", _page("/v1/codes/uses", "until")),
    Route("svc-verify", "POST", "/v1/codes/revoke", "citizen-app", "either",
          lambda cast: ("/v1/codes/revoke", {"code": cast.life.mint(cast.holder)["code"]})),
    Route("svc-declare", "POST", "/v1/consents", "citizen-app", "citizen",
          lambda _cast: ("/v1/consents", {"noticeVersion": "2026-11", "purpose": "health-code"})),
    Route("svc-declare", "GET", "/v1/consents", "citizen-app", "citizen", lambda _cast: ("/v1/consents", {})),
    Route("svc-declare", "POST", "/v1/consents/withdraw", "citizen-app", "citizen",
          lambda cast: ("/v1/consents/withdraw", {"purpose": "health-code", "onBehalfOf": cast.behalf()})),
    Route("svc-declare", "POST", "/v1/me/basic", "citizen-app", "citizen",
          lambda cast: ("/v1/me/basic", {"basic": basic(), "onBehalfOf": cast.behalf()})),
    Route("svc-declare", "POST", "/v1/me/export", "citizen-app", "citizen",
          lambda _cast: ("/v1/me/export", {"declarationsBefore": moment(0), "reportsBefore": moment(0)})),
    Route("svc-declare", "POST", "/v1/me/erase", "citizen-app", "citizen",
          lambda cast: ("/v1/me/erase", {"confirm": "erase", "onBehalfOf": cast.behalf()})),
    Route("svc-declare", "POST", "/v1/me/documents", "citizen-app", "citizen",
          lambda cast: ("/v1/me/documents", {"otherIdentity": cast.life.token(cast.other_document())})),
    Route("svc-declare", "POST", "/v1/me/documents/unlink", "citizen-app", "citizen",
          lambda cast: ("/v1/me/documents/unlink", {"linkId": cast.link()})),
    Route("svc-declare", "POST", "/v1/documents/links", "officer-app", "staff",
          lambda _cast: ("/v1/documents/links", {"persons": [Person().document(), Person().passport().document()],
                                                 "state": "linked", "basis": "户口簿"})),
    Route("svc-declare", "POST", "/v1/documents/links/{id}/confirmation", "officer-app", "staff",
          lambda cast: (f"/v1/documents/links/{cast.proposal()}/confirmation", {})),
    Route("svc-declare", "POST", "/v1/declarations/health", "citizen-app", "citizen", _health),
    Route("svc-declare", "POST", "/v1/declarations/trips", "citizen-app", "citizen",
          lambda _cast: ("/v1/declarations/trips", {"trips": [trip()]})),
    Route("svc-declare", "GET", "/v1/declarations/due", "citizen-app", "citizen",
          lambda _cast: ("/v1/declarations/due?customNumber=c-1", {})),
    Route("svc-declare", "POST", "/v1/sources/contacts", "lab-app", None,
          lambda _cast: ("/v1/sources/contacts", [source_line(Person(), "contacts")])),
    Route("svc-declare", "POST", "/v1/sources/tests", "lab-app", None,
          lambda _cast: ("/v1/sources/tests", [source_line(Person(), "tests")])),
    Route("svc-declare", "GET", "/v1/sources/tests/report", "lab-app", None,
          lambda _cast: ("/v1/sources/tests/report?recordNo=r-1&customNumber=c-1", {})),
    Route("svc-declare", "POST", "/v1/sources/other/retractions", "officer-app", "staff",
          lambda cast: ("/v1/sources/other/retractions", cast.bad_batch())),
    Route("svc-declare", "POST", "/v1/retractions/{id}/approval", "officer-app", "staff",
          lambda cast: (f"/v1/retractions/{cast.open_retraction()}/approval", {})),
    Route("svc-declare", "POST", "/v1/retractions/{id}/refusal", "officer-app", "staff",
          lambda cast: (f"/v1/retractions/{cast.open_retraction()}/refusal", {})),
    Route("svc-declare", "GET", "/v1/retractions/{id}", "officer-app", "staff",
          lambda cast: (f"/v1/retractions/{cast.open_retraction()}", {})),
    Route("svc-declare", "POST", "/v1/places", "lab-app", None, lambda _cast: ("/v1/places", [place_line()])),
    Route("svc-directory", "POST", "/v1/health/query", "scan-app", "citizen",
          lambda cast: ("/v1/health/query", {"code": cast.code, "scope": "pass"})),
    Route("svc-directory", "POST", "/v1/health/picture", "citizen-app", "citizen",
          lambda cast: ("/v1/health/picture", {"code": cast.code, "format": "png"})),
    Route("svc-directory", "GET", "/v1/health/explain", "citizen-app", "citizen",
          lambda _cast: ("/v1/health/explain", {})),
    Route("svc-directory", "POST", "/v1/open/projects", "officer-app", "staff",
          lambda _cast: ("/v1/open/projects", _project())),
    Route("svc-directory", "GET", "/v1/open/projects/{project}", "officer-app", "staff",
          lambda cast: (f"/v1/open/projects/{cast.project()}", {})),
    Route("svc-directory", "POST", "/v1/open/projects/{project}/steps", "officer-app", "staff",
          lambda cast: (f"/v1/open/projects/{cast.project()}/steps", {"step": "approve"})),
    Route("svc-correction", "POST", "/v1/corrections", "citizen-app", "citizen", _dispute),
    Route("svc-correction", "GET", "/v1/corrections", "citizen-app", "either", _page("/v1/corrections")),
    Route("svc-correction", "GET", "/v1/corrections/{id}", "citizen-app", "either",
          lambda cast: (f"/v1/corrections/{cast.open_case()}", {})),
    Route("svc-correction", "GET", "/v1/me/corrections", "citizen-app", "citizen", _page("/v1/me/corrections")),
    Route("svc-correction", "POST", "/v1/corrections/{id}/attachments", "citizen-app", "citizen",
          lambda cast: (attachment(cast.open_case(), "png"), png())),
    Route("svc-correction", "GET", "/v1/corrections/{id}/attachments/{number}", "citizen-app", "either", _attachment),
    Route("svc-correction", "POST", "/v1/corrections/{id}/evidence", "citizen-app", "citizen", _evidence),
    Route("svc-correction", "POST", "/v1/corrections/{id}/appeal", "citizen-app", "citizen", _appeal),
    Route("svc-correction", "POST", "/v1/corrections/{id}/withdrawal", "citizen-app", "citizen", _of_case("withdrawal")),
    Route("svc-correction", "POST", "/v1/corrections/{id}/evidence-requests", "officer-app", "staff",
          _of_case("evidence-requests", question="当日在何处？")),
    Route("svc-correction", "POST", "/v1/corrections/{id}/proposal", "officer-app", "staff",
          _of_case("proposal", **REFUSAL, note="查无依据。")),
    Route("svc-correction", "GET", "/v1/correction-batches/{id}", "officer-app", "staff", _batch),
    Route("svc-correction", "POST", "/v1/corrections/{id}/relief", "officer-app", "staff", _of_case("relief", hours=2)),
    Route("svc-correction", "POST", "/v1/corrections/{id}/relief-approval", "officer-app", "staff", _relief),
    Route("svc-correction", "POST", "/v1/corrections/{id}/decision", "officer-app", "staff", _decision),
    Route("svc-platform", "POST", "/v1/disputes", "citizen-app", "citizen",
          lambda cast: ("/v1/disputes", {"region": "320000", "dispute": _dispute(cast)[1]})),
    Route("svc-platform", "GET", "/v1/disputes", "citizen-app", "citizen", _page("/v1/disputes")),
    Route("svc-platform", "GET", "/v1/disputes/{id}", "citizen-app", "citizen",
          lambda cast: (f"/v1/disputes/{cast.life.dispute(cast.holder, _dispute(cast)[1])['disputeId']}", {})),
    Route("svc-platform", "POST", HAND_DOWN, "border-app", None,
          lambda _cast: ("/v1/platforms/320000/sources/border", [source_line(Person(), "border")])),
    Route("svc-platform", "GET", "/v1/platforms/{region}/quality", "directory-320000", None,
          lambda _cast: ("/v1/platforms/320000/quality", {})),
    Route("svc-platform", "GET", "/v1/platforms/{region}/healing", "directory-320000", None,
          lambda _cast: ("/v1/platforms/320000/healing", {})),
    Route("svc-platform", "POST", "/v1/platforms/{region}/healing", "directory-320000", None,
          lambda _cast: ("/v1/platforms/320000/healing", {"bucket": 7})),
    Route("svc-platform", "POST", "/v1/directory/query", "directory-320000", None,
          lambda cast: ("/v1/directory/query", {"receipt": cast.receipt()})),
)
# Whose platform it is, no role, says who may call.
OF_PLATFORM = ("/v1/platforms/{region}/quality", "/v1/platforms/{region}/healing")
# No signature needed.
OPEN = (("svc-platform", "GET", "/v1/trust-list"), ("svc-verify", "GET", "/v1/codes/revocations"), ("svc-directory", "GET", "/v1/rules"))
# What they do concerns everybody, or whole provinces: files of their own call them (rules, members, push, healing, grants).
ELSEWHERE = (*(("svc-platform", method, f"/v1/{path}") for method, path in (
                 ("POST", "platforms"), ("GET", "platforms"), ("GET", "platforms/{region}"), ("GET", "platforms/{region}/own"),
                 ("POST", "platforms/{region}/decisions"), ("POST", "platforms/{region}/keys"),
                 ("POST", "platforms/{region}/parcels"), ("POST", "platforms/{region}/hand-over"), ("GET", "bus/users"),
                 ("POST", "directory/entries"), ("GET", "directory/entries"), ("POST", "directory/rebuilds"),
                 ("GET", "directory/rebuilds"), ("GET", "statistics"), ("GET", "appeals"),
                 ("GET", "appeals/{region}/{id}"), ("POST", "appeals/{region}/{id}/proposal"),
                 ("POST", "appeals/{region}/{id}/decision"), ("POST", "grants"), ("GET", "grants/{id}"),
                 ("POST", "grants/{id}/steps"), ("POST", "grants/{id}/queries"))),
             ("svc-directory", "POST", "/v1/rules/trials"), ("svc-directory", "GET", "/v1/rules/trials/{id}"),
             ("svc-directory", "POST", "/v1/rules/trials/{id}/steps"), ("svc-directory", "POST", "/v1/rules/rollback"))
