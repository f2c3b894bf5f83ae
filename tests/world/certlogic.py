"""CertLogic by its specification (eu-dcc-business-rules, version 1.2), for checking another evaluator of it. Where the
specification is silent this one refuses: it is no place to learn what the reference evaluator does with a month 13.
Operations about the vaccination certificates of the EU are not here.

    clock = Clock("2026-11-21T12:00:00+08:00")
    evaluate(logic, {"now": clock, "facts": […]}, turns)

A data context may hold a Clock: a text that is the present. Every comparison of a time made of it with one that is not is
added to `turns`: the first millisecond after the present at which it gives something else.
"""
import calendar
import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d{1,2}:?(?:\d\d)?)?)?", re.ASCII)
DEEP = 64
MOST = 8_640_000_000_000_000  # milliseconds that a date of JavaScript may be from 1970


class Wrong(Exception):
    """An invalid expression, or one that doesn't fit the data."""


class Clock(str):
    """The present, as RFC 3339."""


class Moment:
    """A date-time; of_now: it moves as the clock does."""

    def __init__(self, ms, of_now=False):
        self.ms, self.of_now = ms, of_now


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool) or isinstance(value, float) and value.is_integer()


def truth(value):
    """Truthy, falsy or neither."""
    if value is None or value is False:
        return False
    if value is True:
        return True
    if isinstance(value, (str, list, dict)):
        return len(value) > 0
    if is_integer(value):
        return value != 0
    raise Wrong("neither truthy nor falsy")


def read_time(text):
    """Milliseconds since 1970; a day that its month hasn't runs on into the next one."""
    match = TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise Wrong("not a date or a time")
    year, month, day, *clock = match.groups()
    hour, minute, second = (int(part or 0) for part in clock[:3])
    if not (1 <= int(year) and 1 <= int(month) <= 12 and 1 <= int(day) <= 31 and hour < 24 and minute < 60 and second < 60):
        raise Wrong("no such time")
    at = datetime(int(year), int(month), 1, hour, minute, second, tzinfo=timezone.utc) + timedelta(days=int(day) - 1)
    ms = round((at - EPOCH).total_seconds()) * 1000 + int((clock[3] or "0").ljust(3, "0")[:3])
    offset = clock[4] or "Z"
    if offset != "Z":
        digits = offset[1:].replace(":", "")
        hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
        if int(hours) > 23 or int(minutes) > 59:
            raise Wrong("no such offset")
        ms -= (1 if offset[0] == "+" else -1) * (int(hours) * 60 + int(minutes)) * 60_000
    return ms


def plus_time(ms, amount, unit):
    if unit in ("day", "hour"):
        moved = ms + int(amount) * (86_400_000 if unit == "day" else 3_600_000)
        if abs(moved) > MOST:
            raise Wrong("out of range")
        return moved
    if unit not in ("month", "year"):
        raise Wrong("no such unit")
    at = EPOCH + timedelta(milliseconds=ms)
    months = at.year * 12 + at.month - 1 + int(amount) * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise Wrong("out of range")
    days = calendar.monthrange(year, month + 1)[1]
    moved = at.replace(year=year, month=month + 1, day=min(at.day, days)) + timedelta(days=max(0, at.day - days))
    return (moved - EPOCH) // timedelta(milliseconds=1)


def look(value, path):
    """{"var": path}: into objects by name, into arrays by number; else null."""
    for step in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, (list, str)) and step == "length":
            value = len(value) if isinstance(value, list) else len(value.encode("utf-16-le")) // 2
        elif isinstance(value, list):
            number = re.match(r"\d+", step)
            value = value[int(number[0])] if number and int(number[0]) < len(value) else None
        else:
            return None
    return value


def same(a, b):
    """Without coercion; arrays and objects are the same only as one thing, times never."""
    if isinstance(a, Moment) or isinstance(b, Moment):
        return False
    if isinstance(a, (list, dict)) or isinstance(b, (list, dict)):
        return a is b
    return isinstance(a, bool) == isinstance(b, bool) and a == b


HOLDS = {"<": lambda a, b: a < b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b}
ORDERS = {"before": "<", "after": ">", "not-after": "<=", "not-before": ">="}


def turn(a, relation, b, turns):
    """A moment of the clock's against one that stands: from when on their order is another, in ms of the clock's way."""
    if a.of_now == b.of_now:
        return
    ahead = b.ms - a.ms if a.of_now else a.ms - b.ms  # so far must the clock's moment still go to meet the other
    holds = HOLDS[relation](a.ms, b.ms)
    turns.extend(after for after in (ahead, ahead + 1) if after > 0 and holds != HOLDS[relation](
        a.ms + after * a.of_now, b.ms + after * b.of_now))


def evaluate(logic, data, turns, depth=0):
    if depth >= DEEP:
        raise Wrong("too deep")

    def of(part, scope=data):
        return evaluate(part, scope, turns, depth + 1)

    if isinstance(logic, list):
        found = [of(item) for item in logic]
        if any(isinstance(item, Moment) for item in found):
            raise Wrong("a time can't stand in an array")
        return found
    if isinstance(logic, (str, bool)) or is_integer(logic):
        return logic
    if not isinstance(logic, dict) or len(logic) != 1:
        raise Wrong("neither an operation nor a literal")
    (name, arguments), = logic.items()
    if name == "var":
        if not isinstance(arguments, str) or isinstance(data, Scope) and not arguments:
            raise Wrong("no path")
        return look(data, arguments)
    if not isinstance(arguments, list) or not arguments:
        raise Wrong("operands are an array")
    count = len(arguments)
    least, most = COUNTS.get(name, (0, -1))
    if not least <= count <= most:
        raise Wrong("an unknown operation, or too few or too many operands")
    if name == "if":
        return of(arguments[1 if truth(of(arguments[0])) else 2])
    if name == "and":
        for part in arguments:
            value = of(part)
            if not truth(value):
                break
        return value
    if name == "!":
        return not truth(of(arguments[0]))
    if name == "plusTime":
        amount, unit = arguments[1:]
        start = of(arguments[0])
        if not is_integer(amount) or isinstance(start, Moment):
            raise Wrong("not a time as text, an integer, a unit")
        return Moment(plus_time(read_time(start), amount, unit), isinstance(start, Clock))
    if name == "reduce":
        items = of(arguments[0])
        value = of(arguments[2])
        if items is not None and not isinstance(items, list):
            raise Wrong("not an array")
        for item in items or ():
            value = of(arguments[1], Scope(current=item, accumulator=value))
        return value
    operands = [of(part) for part in arguments]
    if name == "===":
        return same(*operands)
    if name == "in":
        if not isinstance(operands[1], list):
            raise Wrong("not an array")
        return any(same(operands[0], item) for item in operands[1])
    if name == "+":
        if not all(is_integer(value) for value in operands) or abs(sum(operands)) > 2**53 - 1:
            raise Wrong("not integers, or out of bounds")
        return operands[0] + operands[1]
    if name in HOLDS:
        if not all(is_integer(value) for value in operands):
            raise Wrong("not integers")
        return all(HOLDS[name](a, b) for a, b in zip(operands, operands[1:]))
    if not all(isinstance(value, Moment) for value in operands):
        raise Wrong("not times")
    relation = ORDERS[name]
    for a, b in zip(operands, operands[1:]):
        turn(a, relation, b, turns)
    return all(HOLDS[relation](a.ms, b.ms) for a, b in zip(operands, operands[1:]))


class Scope(dict):
    """What is seen inside "reduce"."""


COUNTS = {"if": (3, 3), "and": (2, 10**6), "!": (1, 1), "===": (2, 2), "in": (2, 2), "+": (2, 2), "plusTime": (3, 3),
          "reduce": (3, 3), **{name: (2, 3) for name in (*HOLDS, *ORDERS)}}
