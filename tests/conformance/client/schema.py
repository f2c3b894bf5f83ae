"""The part of JSON Schema that the OpenAPI documents use: holds an answer against one, and spoils a request by one."""
import re

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
TIME = re.compile(r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
MARK = "MARKER-7f3ab9"  # stands in every spoilt value that can hold it: no answer may repeat it
NUMBER_LIKE = "320102189001010017"  # a citizen's number as a member's name: no answer may repeat it either


def resolved(schema, root):
    while "$ref" in schema:
        at = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            at = at[part]
        schema = at
    return schema


def _is_kind(value, kind):
    return isinstance(value, KINDS[kind]) and (kind not in ("integer", "number") or not isinstance(value, bool))


def faults(value, schema, root, where="$"):
    """What in `value` breaks the schema, as sentences."""
    schema = resolved(schema, root)
    if value is None and schema.get("nullable"):
        return
    for part in schema.get("allOf", ()):
        yield from faults(value, part, root, where)
    if "oneOf" in schema and not any(not list(faults(value, one, root, where)) for one in schema["oneOf"]):
        yield f"{where} is none of the forms that it may have"
    kind = schema.get("type")
    if kind and not _is_kind(value, kind):
        yield f"{where} is not of type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is not one of {schema['enum']}"
    if isinstance(value, str):
        yield from _text_faults(value, schema, where)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), root, f"{where}[{i}]")
    if isinstance(value, dict):
        yield from _object_faults(value, schema, root, where)


def _text_faults(value, schema, where):
    if schema.get("format") == "date-time" and not TIME.fullmatch(value):
        yield f"{where} is not a date-time"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} breaks its pattern"
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{where} is shorter or longer than it may be"


def _object_faults(value, schema, root, where):
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name} is missing"
    for name, sub in schema.get("properties", {}).items():
        if name in value:
            yield from faults(value[name], sub, root, f"{where}.{name}")
    if schema.get("additionalProperties") is False and set(value) - set(schema.get("properties", {})):
        yield f"{where} has members that its document doesn't"


def _bad_texts(schema):
    if "enum" in schema:
        yield MARK
        return
    if schema.get("minLength", 0):
        yield ""
    if "maxLength" in schema:
        yield (MARK + "A" * schema["maxLength"])[: schema["maxLength"] + 1]
    if schema.get("format") == "date-time":
        yield from (MARK, "2026-02-30T10:00:00+08:00")
    if "pattern" in schema and not re.search(schema["pattern"], MARK + "\u0007"):
        yield MARK + "\u0007"


def bad_values(schema):
    """Values of the right type that the schema doesn't take."""
    if schema.get("type") == "string":
        yield from _bad_texts(schema)
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1


def missing(schema, value):
    """(the place, the value without the member)"""
    for name in schema.get("required", ()):
        yield f"$.{name}", {key: one for key, one in value.items() if key != name}


def retyped(schema, value, root):
    for name, sub in schema["properties"].items():
        kind = resolved(sub, root).get("type")
        yield f"$.{name}", {**value, name: 7 if kind == "string" else MARK}


def out_of_bounds(schema, value, root):
    for name, sub in schema["properties"].items():
        for bad in bad_values(resolved(sub, root)):
            yield f"$.{name}", {**value, name: bad}


def unknown(schema, value, root):
    """With a member that the document doesn't have, at the top and in each object that stands in the request."""
    if schema.get("additionalProperties") is False:
        yield "$.zzUnknown", {**value, "zzUnknown": MARK}
    for name, sub in schema["properties"].items():
        sub = resolved(sub, root)
        if sub.get("additionalProperties") is False and isinstance(value.get(name), dict):
            yield f"$.{name}.zzUnknown", {**value, name: {**value[name], "zzUnknown": MARK}}


def told(body):
    """True when an answer repeats what was only sent to see that."""
    return MARK.encode() in body or NUMBER_LIKE.encode() in body
