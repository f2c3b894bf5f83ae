"""How a check is declared: an id that stays, the clause that it holds, one line of what it means."""
import pytest

from .world import BY_NAME, ROUTES

CHECKS = {}


def check(name, clause, meaning):
    """Marks a function as the check of this id."""

    def mark(function):
        assert name not in CHECKS, f"two checks called {name}"
        CHECKS[name] = (clause, meaning)
        return pytest.mark.conformance(name, clause, meaning)(function)

    return mark


def routes(condition=lambda route: True):
    """Runs a check once for each route; it gets a `door`."""
    chosen = [route for route in ROUTES if condition(route)]
    return pytest.mark.parametrize("route", chosen, ids=[route.name for route in chosen])


def route_named(name):
    return BY_NAME[name]


def is_json_post(route):
    return route.method == "POST" and not route.lines


def refused(answer, status, code, field=None, what=""):
    """The answer is this refusal, names the place, and says why."""
    shown = f"{what + ': ' if what else ''}wanted {status} {code}{f' at {field}' if field else ''}, got {answer}"
    assert (answer.status, answer.code) == (status, code), shown
    if field:
        assert answer.data.get("field") == field, shown
        assert answer.data.get("reason"), f"{shown}: no reason"
    return answer


def accepted(answer, what=""):
    shown = f"{what + ': ' if what else ''}a good request was refused: {answer}"
    assert answer.status == 200, shown
    is_lines = answer.headers.get("Content-Type", "").startswith("application/x-ndjson")
    assert answer.code == "0000" or is_lines, shown
    return answer
