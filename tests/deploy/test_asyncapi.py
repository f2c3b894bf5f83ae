"""docs/asyncapi.yaml against AsyncAPI 3's own schema, and its payloads' schemas against JSON Schema's."""
import copy
import json
import os

import jsonschema
import pytest
import yaml

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs")


@pytest.fixture(scope="module")
def validator(asyncapi_schemas):
    with open(os.path.join(asyncapi_schemas, "3.0.0.json"), encoding="utf-8") as file:
        return jsonschema.Draft7Validator(json.load(file))


@pytest.fixture(scope="module")
def document():
    with open(os.path.join(DOCS, "asyncapi.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


def faults(validator, document):
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def test_it_is_asyncapi_3(validator, document):
    assert faults(validator, document) == []


@pytest.mark.parametrize("change", [
    lambda d: d["info"].pop("title"), lambda d: d.update(asyncapi="2.6.0"), lambda d: d["servers"]["province"].pop("protocol"),
    lambda d: next(iter(d["operations"].values())).update(action="publish"),
    lambda d: next(iter(d["channels"].values())).update(adress="x"),
    lambda d: next(iter(d["components"]["messages"].values())).update(payloads={}),
])
def test_the_validator_refuses(validator, document, change):
    wrong = copy.deepcopy(document)
    change(wrong)
    assert faults(validator, wrong)


def test_payloads_are_json_schemas(document):
    names = {message["payload"]["$ref"] for message in document["components"]["messages"].values() if "$ref" in message["payload"]}
    assert names == {f"schemas/{name}" for name in os.listdir(os.path.join(DOCS, "schemas"))}
    for name in names:
        with open(os.path.join(DOCS, name), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft7Validator.check_schema(schema)
        # A letter is read whole, by whom it is written to; everything else may get members.
        is_letter = name.startswith("schemas/intake.") and "read and written whole" in schema["description"]
        assert is_letter or "Additive within a major version" in schema["description"], name
