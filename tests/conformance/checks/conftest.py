"""Options and fixtures of the checks; the report is client/report.py."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from client.report import Report  # noqa: E402
from client.settings import Settings, Wrong  # noqa: E402
from client.world import Door, Unusable, World  # noqa: E402


def pytest_addoption(parser):
    group = parser.getgroup("conformance")
    group.addoption("--url", action="append", default=[], help="an address under test")
    group.addoption("--settings", default=None, help="the configuration file")
    group.addoption("--only", default="", help="ids of checks or their beginnings, with commas")
    group.addoption("--first", default="", help="ids of checks to begin with, with commas")
    group.addoption("--report-json", default=None, help="where the JSON report goes")
    group.addoption("--report-quiet", action="store_true", help="no progress, no table")


def pytest_configure(config):
    config.addinivalue_line("markers", "conformance(id, clause, meaning): what the check holds")
    config.pluginmanager.register(Report(config), "conformance-report")


def check_of(item):
    mark = item.get_closest_marker("conformance")
    return mark.args[0] if mark else ""


def pytest_collection_modifyitems(config, items):
    only = [name for name in config.getoption("--only").split(",") if name]
    first = [name for name in config.getoption("--first").split(",") if name]
    if only:
        items[:] = [item for item in items if any(check_of(item) == n or check_of(item).startswith(n + "-") for n in only)]
    items.sort(key=lambda item: first.index(check_of(item)) if check_of(item) in first else len(first))


def pytest_sessionstart(session):
    """The world is made before anything is collected, so that what can't be used is told once."""
    options = session.config.option
    try:
        session.config.world = World(Settings.read(options.settings), options.url)
    except (Wrong, Unusable, OSError, ValueError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        pytest.exit("unusable", 2)


@pytest.fixture(scope="session")
def world(pytestconfig):
    return pytestconfig.world


@pytest.fixture
def door(world, route):
    return Door(world, route)
