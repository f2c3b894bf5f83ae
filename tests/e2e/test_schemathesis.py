"""Requests made out of each service's OpenAPI document, by schemathesis: no server error, and answers as documented.

Unsigned and signed; out of the schema and against it. PHI_SCHEMATHESIS_EXAMPLES sets how many of each (and makes them
differ from run to run)."""
import json
import os

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from conftest import EVERY_ROLE
from phi_client.http import App
from phi_client.life import SOURCE_KINDS
from phi_client.people import Person
from phi_client.routes import SERVICES, document

EXAMPLES = int(os.environ.get("PHI_SCHEMATHESIS_EXAMPLES", "20"))
IS_REPEATABLE = "PHI_SCHEMATHESIS_EXAMPLES" not in os.environ
CONFORMS = [checks.status_code_conformance, checks.content_type_conformance, checks.response_headers_conformance,
            checks.response_schema_conformance]


@schemathesis.serializer("application/x-ndjson")
def write_lines(_context, value):
    lines = value if isinstance(value, list) else [value]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8", "surrogatepass")


@schemathesis.deserializer("application/x-ndjson")
def read_lines(_context, response):
    return response.content.decode()


class Signature(requests.auth.AuthBase):
    """Signs what is about to leave, whatever it is."""

    def __init__(self, app):
        self.app = app

    def __call__(self, request):
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        _nonce, request.headers["Authorization"] = self.app.authorization(request.method, request.path_url, body)
        return request


@pytest.fixture(scope="module")
def caller(suite):
    """An app that may do everything."""
    app = App("every-app")
    suite.register("app", "--app", app.app_id, "--public", suite.public_pem(app), "--roles", EVERY_ROLE, "--scopes",
                   "pass,medical,self", "--sources", ",".join(SOURCE_KINDS), "--institution", "320000")
    suite.adopt(app)
    return app


@pytest.fixture(scope="module")
def tokens(suite, caller):
    person = Person()
    return {"citizen": suite.token("citizens", **{**person.claims(), "aud": caller.client_id, "ttl": 900}),
            "staff": suite.token("staff", **{**Person().claims(), "sub": "officer-1", "aud": caller.client_id,
                                             "ttl": 900})}


def schema_of(service, with_security):
    whole = document(service)
    lines = whole["paths"].get("/v1/sources/{kind}")
    if lines:  # OpenAPI 3.0 can't say "one of these on each line"; the document names them as components
        one = [{"$ref": f"#/components/schemas/{name}"} for name in whole["components"]["schemas"] if name.endswith("Line")]
        lines["post"]["requestBody"]["content"]["application/x-ndjson"]["schema"] = {
            "type": "array", "minItems": 1, "maxItems": 4, "items": {"oneOf": one}}
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": with_security}})
    return schemathesis.openapi.from_dict(whole, config=config)


def operations():
    return [(service, f"{method.upper()} {path}") for service in SERVICES
            for path, methods in document(service)["paths"].items() for method in methods if method != "parameters"]


def cases():
    """Whose requests have nothing that could be wrong are asked with what is right only."""
    for service, label in operations():
        method, path = label.split(" ")
        operation = document(service)["paths"][path][method.lower()]
        for generation in ("valid", "invalid") if operation.get("parameters") or "requestBody" in operation else ("valid",):
            yield service, label, generation


def headers_for(operation, tokens):
    """The token that the operation's security asks for."""
    names = {name for one in operation.definition.raw.get("security", ()) for name in one}
    for kind in ("citizen", "staff"):
        if kind in names:
            return {"Phi-Identity": tokens[kind]}
    return {}


def judge(case, response, is_signed, is_valid):
    assert response.status_code < 500 or response.status_code == 503, response.text
    # Wrong lines are told line by line in an answer that succeeds.
    is_to_refuse = is_signed and not is_valid and "/sources/" not in case.path and case.path != "/v1/directory/entries"
    wanted = CONFORMS + ([checks.negative_data_rejection] if is_to_refuse else [])
    case.validate_response(response, checks=wanted)
    if response.status_code >= 400:
        assert response.json()["resultCode"][0] in "12345", response.text
    if not is_signed:
        is_open = case.path in ("/v1/trust-list", "/v1/codes/revocations", "/v1/rules")
        assert response.status_code != 200 or is_open, "an unsigned request was served"
    elif is_valid and response.status_code == 400:
        # What the document allows may break a rule (404, 409, 422), but not the form; what a schema can't say of
        # any JSON (U+0000, whole numbers past 64 bits) is said in its description.
        is_any = case.body.get("bizExtData") or case.body.get("record", {}).get("content")
        assert response.json()["resultCode"] == "1003" and is_any, f"valid by the document, refused: {case.body} {response.text}"


@pytest.mark.parametrize("mode", ("unsigned", "signed"))
@pytest.mark.parametrize("service,label,generation", list(cases()))
def test_no_server_error_and_as_documented(suite, caller, tokens, service, label, mode, generation):
    schema = schema_of(service, with_security=mode == "unsigned")
    operation = schema.find_operation_by_label(label)
    is_valid, is_signed = generation == "valid", mode == "signed"
    with_mode = GenerationMode.POSITIVE if is_valid else GenerationMode.NEGATIVE
    session = requests.Session()
    options = {"auth": Signature(caller), "headers": headers_for(operation, tokens)} if is_signed else {}

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=IS_REPEATABLE,
                         suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate])
    @hypothesis.given(case=operation.as_strategy(with_mode))
    def ask(case):
        response = case.call(base_url=suite.url(service), session=session, timeout=15, **options)
        judge(case, response, is_signed, is_valid)

    ask()
