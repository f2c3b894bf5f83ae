"""What the checks share: the addresses, their documents, callers, people, and codes fresh enough to use."""
import glob
import json
import os
import time

import pytest

from .caller import Address, App, Person, encoded, envelope, moment, new_number, token

HERE = os.path.dirname(os.path.abspath(__file__))
METHODS = ("get", "post", "put", "delete", "patch")
FRESH_S = 100


class Unusable(Exception):
    """The addresses can't be checked at all."""


def skip(reason):
    pytest.skip(reason)


class Route:
    """An interface: who calls it, and `make(world)` gives target and members of a good request."""

    def __init__(self, method, path, app, who, make, lines=False):
        self.method, self.path, self.app, self.who, self.make, self.lines = method, path, app, who, make, lines

    @property
    def name(self):
        return f"{self.method} {self.path}"

    @property
    def content_type(self):
        return "application/x-ndjson" if self.lines else "application/json"


def source_line(person=None, record_no=None):
    person = person or Person()
    return {"recordNo": record_no or new_number(), "revision": 1, "observedAt": moment(3600),
            "person": {"name": person.name, "idType": person.id_type, "idNo": person.id_no, "country": person.country},
            "content": {"distance": "close", "contactAt": moment(86400)}}


def health():
    return {"observedAt": moment(60), "temperature": 36.5, "symptoms": [], "contact": "none", "isolation": "none"}


def basic():
    return {"sex": "1", "nationality": "CHN", "region": "320102", "address": "测试路七号", "phone": "13900001234"}


def trip():
    return {"mode": "train", "number": "G7001", "fromRegion": "310000", "toRegion": "320100",
            "departedAt": moment(7 * 3600), "arrivedAt": moment(5 * 3600)}


def _fact(world):
    return {"region": world.settings.region, "source": "source.contacts", "institution": "cdc-320102",
            "recordNo": new_number()}


ROUTES = (
    Route("POST", "/v1/code-applications", "citizen", "citizen", lambda world: (None, {"scene": world.scene("plain")})),
    Route("POST", "/v1/codes", "citizen", "citizen", lambda world: (None, world.application_fields())),
    Route("POST", "/v1/codes/consent", "citizen", "citizen", lambda world: (None, {"code": world.code})),
    Route("POST", "/v1/codes/verify", "scan", "citizen", lambda world: (None, {"code": world.code, "operation": "check"})),
    Route("GET", "/v1/codes/uses", "citizen", "citizen", lambda world: ("/v1/codes/uses?limit=5", {})),
    Route("POST", "/v1/consents", "citizen", "citizen",
          lambda world: (None, {"noticeVersion": "2026-11", "purpose": "health-code"})),
    Route("POST", "/v1/declarations/health", "citizen", "citizen",
          lambda world: (None, {"basic": basic(), "health": health()})),
    Route("POST", "/v1/declarations/trips", "citizen", "citizen", lambda world: (None, {"trips": [trip()]})),
    Route("POST", "/v1/sources/{kind}", "source", None,
          lambda world: (f"/v1/sources/{world.app('source').kinds[0]}", [source_line()]), lines=True),
    Route("POST", "/v1/health/query", "scan", "citizen", lambda world: (None, {"code": world.code})),
    Route("POST", "/v1/health/picture", "citizen", "citizen", lambda world: (None, {"code": world.code, "format": "svg"})),
    Route("GET", "/v1/health/explain", "citizen", "citizen", lambda world: ("/v1/health/explain?customNumber=c-1", {})),
    Route("POST", "/v1/corrections", "citizen", "citizen",
          lambda world: (None, {"matter": "fact", "fact": _fact(world), "statement": "当日不在该场所，记录有误。"})),
    Route("GET", "/v1/corrections", "citizen", "either", lambda world: ("/v1/corrections?limit=5", {})),
    Route("POST", "/v1/directory/query", "directory", None, lambda world: (None, {"receipt": world.receipt_text})),
)
BY_NAME = {route.name: route for route in ROUTES}


def read_documents(folder=None):
    """The interface documents of this suite, by (method, path): (document, operation)."""
    found = {}
    pattern = os.path.join(folder or os.path.join(HERE, "..", "..", ".."), "*", "openapi.json")
    for name in sorted(glob.glob(pattern)):
        with open(name, encoding="utf-8") as file:
            document = json.load(file)
        for path, operations in document["paths"].items():
            for method in METHODS:
                if method in operations:
                    found[method.upper(), path] = (document, operations[method])
    return found


class World:
    def __init__(self, settings, urls):
        self.settings = settings
        self.addresses = [Address(url) for url in urls]
        self.documents = read_documents()
        self.served, self.without_document = {}, []
        for address in self.addresses:
            self._discover(address)
        self._apps, self._tokens, self._made, self._kept = {}, {}, 0, {}
        self._consented = self._trust = self.known_person = None
        self.holder, self.scanner = Person(), Person()

    def _discover(self, address):
        try:
            answer = address.send("GET", "/openapi.json", [])
        except OSError as error:
            raise Unusable(f"nothing answers at {address.base}: {error}") from error
        paths = answer.members.get("paths")
        if answer.status != 200 or not isinstance(paths, dict):
            self.without_document.append(address)
            return
        for path, operations in paths.items():
            for method in METHODS:
                if method in operations:
                    self.served[method.upper(), path] = (address, answer.json)
                    self.documents.setdefault((method.upper(), path), (answer.json, operations[method]))

    def address(self, method, path):
        """Who serves it: by its document, else the only address that there is."""
        found = self.served.get((method, path))
        if found:
            return found[0]
        if len(self.without_document) == 1 and len(self.addresses) == 1:
            return self.addresses[0]
        return skip(f"no address given serves {method} {path}")

    def app(self, name):
        if name not in self.settings.apps:
            skip(f"the configuration has no apps.{name}")
        if name not in self._apps:
            given = self.settings.apps[name]
            self._apps[name] = App(given["id"], given["client_id"], given["key"], given["kinds"])
        return self._apps[name]

    def provider(self, kind="citizens"):
        return getattr(self.settings, kind) or skip(f"the configuration has no {kind}: no id token can be made")

    def scene(self, name):
        return self.settings.scenes.get(name) or skip(f"the configuration has no scenes.{name}")

    def platform(self, name):
        return self.settings.platforms.get(name) or skip(f"the configuration has no platforms.{name}: its keys are needed")

    def token(self, person, app, **claims):
        """One for a person and app, as long as it is fresh; with `claims` a new one."""
        key = (person.sub, app.app_id)
        made, kept = self._tokens.get(key, (0, None))
        if claims or kept is None or time.monotonic() - made > FRESH_S:
            kept = token(self.provider(), {**person.claims(), **claims}, app.client_id)
            if not claims:
                self._tokens[key] = (time.monotonic(), kept)
        return kept

    def who(self, route):
        return self.scanner if route.app == "scan" else self.holder

    def door(self, name):
        return Door(self, BY_NAME[name])

    def post(self, name, fields, person=None, **options):
        """A good business request of a route, and its answer."""
        return self.door(f"POST {name}").send(fields=fields, person=person, **options)

    def done(self, answer):
        assert (answer.status, answer.code) == (200, "0000"), f"a good request was not answered: {answer}"
        return answer.data

    def apply(self, person, scene=None):
        return self.done(self.post("/v1/code-applications", {"scene": scene or self.scene("plain")}, person))

    def mint(self, person=None, scene=None, application=None, **fields):
        person = person or self.holder
        application = application or self.apply(person, scene)
        wanted = {"applicationId": application["applicationId"], "challenge": application["challenge"], **fields}
        return self.done(self.post("/v1/codes", wanted, person))

    def verify(self, code, person=None, operation="check", **fields):
        options = {name: fields.pop(name) for name in ("number", "customer", "app") if name in fields}
        return self.post("/v1/codes/verify", {"code": code, "operation": operation, **fields}, person, **options)

    def _freshen(self):
        if time.monotonic() - self._made > FRESH_S or not self._kept:
            application = self.apply(self.holder)
            self._kept = {"application": application, "minted": self.mint(application=application)}
            self._made = time.monotonic()
        return self._kept

    def application_fields(self):
        application = self._freshen()["application"]
        return {"applicationId": application["applicationId"], "challenge": application["challenge"]}

    @property
    def minted(self):
        return self._freshen()["minted"]

    @property
    def code(self):
        return self.minted["code"]

    @property
    def receipt_text(self):
        answer = self.verify(self.code, operation="verify", challenge=os.urandom(16).hex())
        return self.done(answer).get("receipt") or pytest.fail("no receipt for a challenge")

    @property
    def consented(self):
        """A person who agreed to the collection of data, once a run."""
        if self._consented is None:
            person = Person()
            self.done(self.post("/v1/consents", {"noticeVersion": "2026-11", "purpose": "health-code"}, person))
            self._consented = person
        return self._consented

    def trust_list(self):
        """(the answer's data, the platforms by id); read once a run."""
        if self._trust is None:
            answer = self.address("GET", "/v1/trust-list").send("GET", "/v1/trust-list", [])
            assert (answer.status, answer.code) == (200, "0000"), f"no trust list: {answer}"
            platforms = {one["id"]: one for one in json.loads(answer.data["value"])["platforms"]}
            self._trust = (answer.data, platforms)
        return self._trust


class Door:
    """One route and its address."""

    def __init__(self, world, route):
        self.world, self.route = world, route
        self.address = world.address(route.method, route.path)
        self.app = world.app(route.app)

    @property
    def good(self):
        """(target, members) of a good request."""
        target, fields = self.route.make(self.world)
        return target or self.route.path, fields

    def encode(self, fields, number=None, customer="c-1", stamp=None):
        if self.route.method == "GET":
            return b""
        if self.route.lines:
            return b"".join(encoded(line) + b"\n" for line in fields)
        return encoded(envelope(fields, number, customer, stamp))

    def token(self, person=None, app=None, **claims):
        if not self.route.who:
            return None
        return self.world.token(person or self.world.who(self.route), app or self.app, **claims)

    def send(self, fields=None, person=None, body=None, target=None, token=True, app=None, number=None, customer="c-1",
             stamp=None, method=None, **options):
        """A good request, but for what is given."""
        app = app or self.app
        if fields is None and body is None:
            good_target, fields = self.good
            target = target or good_target
        target = target or (self.route.path if "{" not in self.route.path else self.good[0])
        if body is None:
            body = self.encode(fields, number, customer, stamp)
        token = self.token(person, app) if token is True else token
        options.setdefault("content_type", self.route.content_type)
        return app.call(self.address, method or self.route.method, target, body, token, **options)

    def operation(self):
        found = self.world.documents.get((self.route.method, self.route.path))
        return found or skip(f"no interface document has {self.route.name}")

    def schema(self):
        """(the request's schema, its document)"""
        document, operation = self.operation()
        return operation["requestBody"]["content"]["application/json"]["schema"], document
