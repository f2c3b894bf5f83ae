"""A clock ten minutes off: the service says so, and says so no longer when it is right again."""
import glob
import os

import pytest

from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.suite import wait_until

pytestmark = pytest.mark.timeout(300)  # the suite starts within it

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


@pytest.fixture
def wrong_clock(suite):
    """A function: a replica whose clock is what a file says, and the function that writes that file."""
    assert LIBRARY, "libfaketime is missing: compose/install test"
    made = []

    def make(service):
        path = os.path.join(suite.run, f"clock-{service}")

        def set_off(text):
            with open(path + ".new", "w", encoding="ascii") as file:
                file.write(text + "\n")
            os.chmod(path + ".new", 0o644)  # the service has given up root by the time it reads this
            os.replace(path + ".new", path)

        set_off("+0")
        made.append(Replica(suite, service, LD_PRELOAD=LIBRARY, FAKETIME_TIMESTAMP_FILE=path, FAKETIME_CACHE_DURATION="1",
                            FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1"))
        return made[-1], set_off

    yield make
    for one in made:
        one.kill()  # waits of a drain are longer or shorter under such a clock


@pytest.mark.parametrize("service,off", (("svc-verify", "+10m"), ("svc-codegen", "-10m")))
def test_a_clock_ten_minutes_off_is_told(suite, life, wrong_clock, service, off):
    one, set_off = wrong_clock(service)
    wait_until(lambda: one.degraded() == [], 20, "nothing is wrong")
    set_off(off)
    wait_until(lambda: "clock" in one.degraded(), 20, "the clock is told to be wrong")
    assert one.is_ready(), "a wrong clock alone makes nobody unready"
    # A caller whose clock is right is not believed: its request is ten minutes old, or to come.
    person = Person()
    path, app, who = {"svc-verify": ("/v1/codes/verify", "scan-app", person),
                      "svc-codegen": ("/v1/code-applications", "citizen-app", person)}[service]
    fields = {"code": life.mint(person)["code"]} if service == "svc-verify" else {"scene": "pass"}
    refused = suite.apps[app].twin()
    answer = refused.post(one.url, path, fields, life.token(who, app))
    assert answer.status == 401 and answer.code[0] == "3", answer
    set_off("+0")
    wait_until(lambda: "clock" not in one.degraded(), 20, "the clock is right again")
    answer = refused.post(one.url, path, fields, life.token(who, app))
    assert (answer.status, answer.code) == (200, "0000"), answer
