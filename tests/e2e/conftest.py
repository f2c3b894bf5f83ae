"""What the end-to-end tests share: one running suite, callers, people, tokens."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from phi_client.http import App  # noqa: E402
from phi_client.people import Person  # noqa: E402
from phi_client.sm2 import PublicKey  # noqa: E402
from phi_client.suite import ROOT, SERVICES, Suite  # noqa: E402

APPS = ("citizen-app", "scan-app", "officer-app")


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
    suite.apps = {}
    for app_id in APPS:
        app = App(app_id)
        folder = os.path.join(suite.run, "keys", "apps", app_id)
        os.makedirs(folder)
        with open(os.path.join(folder, "public.pem"), "w", encoding="ascii") as file:
            file.write(app.key.public.pem())
        suite.apps[app_id] = app
    try:
        suite.up()
        for app in suite.apps.values():
            for name in SERVICES:
                app.answer_keys[suite.url(name)] = PublicKey.from_file(suite.public_file(name, "answer"))
        yield suite
    except BaseException:
        request.config.option.keep = True
        raise
    finally:
        keep = request.config.getoption("--keep") or request.session.testsfailed > 0
        suite.down(keep=keep)
        if keep:
            print(f"\nthe suite's folder is kept: {suite.run} (logs in log/)")


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
