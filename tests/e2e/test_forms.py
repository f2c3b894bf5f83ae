"""docs/declarations says what the reader of declarations takes: a table of right and wrong documents, and made ones."""
import copy
import datetime
import json
import os
import random

import jsonschema
import pytest

from phi_client.life import SHOT, basic, health, moment, trip
from phi_client.people import Person
from phi_client.routes import document
from phi_client.spoil import spoilt
from phi_client.suite import ROOT

FORMATS = jsonschema.FormatChecker(formats=())
MADE = 40  # documents of each kind, and as many spoilt ones


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(text):
    return not isinstance(text, str) or ("T" in text and datetime.datetime.fromisoformat(text).tzinfo is not None)


@FORMATS.checks("date", raises=ValueError)
def is_date(text):
    return not isinstance(text, str) or bool(datetime.date.fromisoformat(text))


def stay():
    return {"region": "320100", "from": moment(86400 * 3), "to": moment(86400 * 2)}


# What is declared, its path, its member of the body, a right one with every member that it knows.
KINDS = {"basic": ("/v1/me/basic", "basic", lambda: {**basic(), "registeredRegion": "320102", "birthDate": "1890-01-01"}),
         "health": ("/v1/declarations/health", "health", lambda: health(
             symptoms=["cough", "fever"], riskStays=[stay()], vaccinationDoses=3, vaccinations=[SHOT], note="自述\n无不适")),
         "trip": ("/v1/declarations/trips", "trips", trip)}


class Reader:
    """svc-declare, asked by somebody who may declare."""

    def __init__(self, life, kind):
        self.life, self.path, self.member, self.right = life, *KINDS[kind]
        with open(os.path.join(ROOT, "docs", "declarations", f"{kind}.json"), encoding="utf-8") as file:
            self.schema = json.load(file)
        self.validator = jsonschema.Draft7Validator(self.schema, format_checker=FORMATS)
        self.person = Person()
        # A document that tells no birth, so that any may be declared.
        self.person.id_type, self.person.id_no = "400", f"E{self.person.number % 10**8:08d}"
        life.consent(self.person)
        life.declare(self.person)

    def root(self):
        body = document("svc-declare")["paths"][self.path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        schema = body["properties"][self.member]
        return schema.get("items", schema)

    def ask(self, value):
        fields = {self.member: [value] if self.member == "trips" else value}
        return self.life.post("citizen-app", "svc-declare", self.path, fields, self.person)

    def agrees(self, value):
        """Right by the schema is taken, or breaks a rule that a schema can't say; wrong by it is refused, for its form unless a rule is met first."""
        answer, fault = self.ask(value), next(self.validator.iter_errors(value), None)
        if fault is None:
            assert answer.code in ("0000", "4004"), (value, answer)
        else:
            assert answer.code in ("1003", "1004", "1005", "1006", "1007", "4004"), (value, answer, fault.message)
        return answer.code, fault is None


@pytest.fixture(scope="module", params=KINDS)
def reader(life, request):
    return Reader(life, request.param)


def test_a_table_of_right_and_wrong_documents(reader):
    right = reader.right()
    variants = [right] + [{key: value for key, value in right.items() if key != name} for name in right
                          if name not in reader.schema["required"]]
    variants += [{**right, name: None} for name, member in reader.schema["properties"].items() if "null" in member["type"]]
    variants += [{**right, name: code} for name, member in reader.schema["properties"].items()
                 for code in member.get("enum", ())]
    assert [reader.agrees(value) for value in variants] == [("0000", True)] * len(variants)
    root = reader.root()
    wrong = [bad for _what, bad, _code, _place in spoilt(root, right, document("svc-declare"), "$")]
    assert len(wrong) > 30
    found = [reader.agrees(value) for value in wrong]
    assert {is_right for _code, is_right in found} == {False} and "4004" not in {code for code, _is_right in found}


class Maker:
    """Documents out of a schema, the same ones each time."""

    def __init__(self, schema, seed):
        self.schema, self.draw = schema, random.Random(seed)

    def make(self, schema=None, name=""):
        schema = self.schema if schema is None else schema
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kind = self.draw.choice(kinds)
        return None if kind == "null" else getattr(self, f"_{kind}")(schema, name)

    def _object(self, schema, _name):
        return {name: self.make(member, name) for name, member in schema["properties"].items()
                if name in schema["required"] or self.draw.random() < 0.6}

    def _array(self, schema, _name):
        made = [self.make(schema["items"]) for _ in range(self.draw.randrange(4))]
        return [one for i, one in enumerate(made) if one not in made[:i]] if schema.get("uniqueItems") else made

    def _integer(self, schema, _name):
        return self.draw.randint(schema["minimum"], schema["maximum"])

    def _number(self, schema, _name):
        return round(self.draw.uniform(schema["minimum"], schema["maximum"]), 1)

    def _string(self, schema, name):
        if "enum" in schema:
            return self.draw.choice(schema["enum"])
        if schema.get("format") == "date":
            return (datetime.date(2025, 12, 31) - datetime.timedelta(self.draw.randrange(3000))).isoformat()
        if schema.get("format") == "date-time":
            return moment(self.draw.randrange(3600, 86400 * 300))
        if "egion" in name:
            return self.draw.choice(("110000", "320102", "330106", "440304", "320000", "659999"))
        if name == "nationality":
            return self.draw.choice(("CHN", "JPN", "XXX", "FRA"))
        letters = "0123456789-" if name == "phone" else "AZaz09._-" if "A-Za-z0-9" in schema["pattern"] else "甲乙 Aa1，\U00020000"
        size = self.draw.randint(schema["minLength"], min(schema["maxLength"], 40) - 1)
        text = "".join(self.draw.choice(letters) for _ in range(size))
        return "1" + text[1:] if name == "phone" else text

    def spoil(self, value):
        """One place of it, deep or not, is something else."""
        value = copy.deepcopy(value)
        at, places = value, []

        def walk(node, path):
            for key in (node if isinstance(node, dict) else range(len(node))):
                places.append((node, key))
                if isinstance(node[key], (dict, list)):
                    walk(node[key], [*path, key])

        walk(value, [])
        node, key = self.draw.choice(places)
        node[key] = self.draw.choice(({}, [], "", "甲" * 2000, -1, 10**6, 0.5, True, "\u0007", "2026-02-30", [[]], {"a": 1}))
        return at


def test_made_documents(reader):
    maker = Maker(reader.schema, f"declared-{reader.path}")
    made = [maker.make() for _ in range(MADE)]
    found = [reader.agrees(value) for value in made]
    assert {is_right for _code, is_right in found} == {True}, "the maker keeps to the schema"
    assert "0000" in {code for code, _is_right in found}
    found = [reader.agrees(maker.spoil(value)) for value in made]
    assert sum(not is_right for _code, is_right in found) > MADE // 2
