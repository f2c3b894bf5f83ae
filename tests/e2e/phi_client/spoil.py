"""Spoilt bodies out of an OpenAPI schema and a good value: each has one fault, of which code and place are known."""
import re

MARK = "MARKER-7f3ab9"  # stands in every spoilt value that can hold it: no answer may repeat it
ID_LIKE = "320102189001010017"  # a citizen's data as a member's name: no answer may repeat it either
MISSING, TYPE, VALUE, UNKNOWN = "1004", "1005", "1006", "1007"


def resolve(schema, root):
    while "$ref" in schema:
        at = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            at = at[part]
        schema = at
    return schema


def wrong_types(kind):
    """A plain value and a container of other types."""
    plain = 7 if kind == "string" else MARK
    return [plain, [MARK] if kind == "object" else {"a": MARK}] + ([1.5] if kind == "integer" else []) + (
        [True] if kind in ("integer", "number") else [])


def wrong_texts(schema):
    """Texts that a member of this schema must not take."""
    found = []
    if "maxLength" in schema:
        letter = "A" if re.fullmatch(schema.get("pattern", ".*"), "A" * max(1, schema.get("minLength", 1))) else "1"
        found.append((MARK + letter * schema["maxLength"])[: schema["maxLength"] + 1])
    if schema.get("minLength", 0) > 0:
        found.append("")
    if schema.get("format") == "date-time":
        found += [MARK, "2026-13-01T00:00:00Z", "2026-02-30T10:00:00+08:00", "2026-02-03 10:00:00"]
    if "enum" in schema:
        found.append(MARK)
    else:
        found.append(MARK + "\u0007")
    if "pattern" in schema:
        found += [text for text in (MARK + " é|", "\u202e" + MARK) if not re.search(schema["pattern"], text)][:1]
    return found


def wrong_values(schema):
    kind = schema["type"]
    if kind == "string":
        return wrong_texts(schema)
    if kind in ("integer", "number"):
        step = 1 if kind == "integer" else 0.1
        return ([schema["minimum"] - step] if "minimum" in schema else []) + (
            [schema["maximum"] + step] if "maximum" in schema else [])
    return []


def spoilt(schema, value, root, where="$"):
    """Yields (what is wrong, the spoilt value, the return code, the place)."""
    schema = resolve(schema, root)
    kind = schema["type"]
    if kind == "array":
        yield from spoilt_array(schema, value, root, where)
    if kind == "object" and "properties" in schema:
        yield from spoilt_object(schema, value, root, where)


def spoilt_array(schema, value, root, where):
    if schema.get("minItems", 0) > 0:
        yield f"{where} without items", [], VALUE, where
    if "maxItems" in schema:
        yield f"{where} with too many items", [value[0]] * (schema["maxItems"] + 1), VALUE, where
    items = resolve(schema["items"], root)
    for bad in wrong_types(items["type"]):
        yield f"an item of {where} of another type", [bad, *value[1:]], TYPE, f"{where}[0]"
    for bad in wrong_values(items):
        yield f"an item of {where} out of bounds", [bad, *value[1:]], VALUE, f"{where}[0]"
    for label, bad, code, place in spoilt(items, value[0], root, f"{where}[0]"):
        yield label, [bad, *value[1:]], code, place


def spoilt_object(schema, value, root, where):
    if schema.get("additionalProperties") is False:
        yield f"an unknown member of {where}", {**value, "zzUnknown": MARK}, UNKNOWN, f"{where}.zzUnknown"
        yield f"data as a member's name in {where}", {**value, ID_LIKE: MARK}, UNKNOWN, f"{where}.?"
    for name, sub in schema["properties"].items():
        sub, at = resolve(sub, root), f"{where}.{name}"
        if name in schema.get("required", ()):
            yield f"{at} missing", {key: one for key, one in value.items() if key != name}, MISSING, at
            yield f"{at} null", {**value, name: None}, MISSING, at
        for bad in wrong_types(sub["type"]):
            yield f"{at} of another type", {**value, name: bad}, TYPE, at
        for bad in wrong_values(sub):
            yield f"{at} out of bounds", {**value, name: bad}, VALUE, at
        if name in value:
            for label, bad, code, place in spoilt(sub, value[name], root, at):
                yield label, {**value, name: bad}, code, place


def holds_mark(body):
    return MARK.encode() in body or ID_LIKE.encode() in body
