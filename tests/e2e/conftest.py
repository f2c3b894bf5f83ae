"""What the end-to-end tests share: one running suite, callers, people, tokens."""
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from phi_client.http import App  # noqa: E402
from phi_client.life import Life  # noqa: E402
from phi_client.people import Person  # noqa: E402
from phi_client.suite import ROOT, Suite  # noqa: E402

APPS = ("citizen-app", "scan-app", "lab-app", "border-app", "officer-app", "audit-app", "civil-app", "home-app", "clinic-app",
        "directory-320000")
# Registered besides those of compose/apps.txt: one cut off, one that may do nothing here.
STRANGERS = {"suspended-app": ("--status", "suspended"), "idle-app": ()}
EVERY_ROLE = "mint,declare,picture,query,verify,uses,correct,decide,source,directory,link"


def pytest_configure(config):
    # Told to end, it ends as at Ctrl-C: the suite that it started goes with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line("markers", "late: disturbs the suite, so it runs after the tests that do not")
    config.addinivalue_line("markers", "last: looks at what the whole session left behind")


def pytest_collection_modifyitems(items):
    def rank(item):
        if item.get_closest_marker("last"):
            return 3
        # Keys change for good in test_keys.py: those that sign with what was there before come first.
        return (2 if item.path.name == "test_keys.py" else 1) if item.get_closest_marker("late") else 0

    items.sort(key=rank)


def pytest_addoption(parser):
    parser.addoption("--broker", default="kafka", choices=("kafka", "embedded"), help="the bus of the suite")
    parser.addoption("--keep", action="store_true", help="leave the suite's folder, say where it is")


@pytest.fixture(scope="session")
def programs():
    """The folder of the programs: PHI_BIN, as tests/run sets it, or the build of compose/up."""
    return os.environ.get("PHI_BIN", os.path.join(ROOT, "build", "bin"))


@pytest.fixture(scope="session")
def apps(suite):
    """Callers by app id; their keys are gmssl's, and what they sign is signed by gmssl."""
    return suite.apps


@pytest.fixture(scope="session")
def suite(request, programs):
    """The whole suite on free ports, once a session."""
    suite = Suite(programs, broker=request.config.getoption("--broker"))
    # Everything that may be logged is, so that what must not be there would show.
    suite.set_extra("all", PHI_LOG_LEVEL="debug")
    suite.apps = {}
    for app_id in APPS:
        suite.apps[app_id] = App(app_id)
        suite.public_pem(suite.apps[app_id])
    try:
        suite.up()
        for app in suite.apps.values():
            suite.adopt(app, wait=app.app_id == APPS[-1])  # the last one written is the last one read
        yield suite
    except BaseException:
        request.config.option.keep = True
        raise
    finally:
        keep = request.config.getoption("--keep") or request.session.testsfailed > 0
        suite.down(keep=keep)
        if keep:
            print(f"\nthe suite's folder is kept: {suite.run} (logs in log/)")


@pytest.fixture(scope="session")
def strangers(suite):
    """Callers to refuse, by app id; known to every service when this returns."""
    callers = {app_id: App(app_id) for app_id in STRANGERS}
    for app_id, status in STRANGERS.items():
        roles = EVERY_ROLE if app_id == "suspended-app" else "rest"
        suite.register("app", "--app", app_id, "--public", suite.public_pem(callers[app_id]), "--roles", roles, *status)
    for app in callers.values():
        suite.adopt(app)
    return callers


@pytest.fixture(scope="session")
def life(suite):
    """Steps of a code's life as a caller takes them."""
    return Life(suite)


@pytest.fixture
def person():
    """An invented person nobody else in this session is."""
    return Person()


@pytest.fixture
def citizen_token(suite):
    """A function: the id token of a person, for an app."""

    def make(person, app_id="citizen-app", **wish):
        return suite.token("citizens", **{**person.claims(), "aud": suite.apps[app_id].client_id, **wish})

    return make


@pytest.fixture
def staff_token(suite):
    """A function: the id token of a member of staff, for an app."""

    def make(sub="officer-1", app_id="officer-app", **wish):
        return suite.token("staff", **{"sub": sub, "aud": suite.apps[app_id].client_id, **wish})

    return make
