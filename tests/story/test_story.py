"""A wrong contact record, red, the dispute, evidence, the decision, green in another province before a scanning person's
eyes; beside it another, whose dispute is refused and, appealed, overturned. With kill -9 of a service between any two steps."""
import os
import random
import secrets
import time

import pytest

from days import tell
from phi_client.http import App
from phi_client.suite import SERVICES, Guest, wait_until
from phi_client.topics import read_topic
from story import REGION, VISITED, VISITED_SERVICES, Killer, Story

TIMES = int(os.environ.get("PHI_STORY_TIMES", "5"))
SEED = os.environ.get("PHI_STORY_SEED") or secrets.token_hex(4)

pytestmark = [pytest.mark.late, pytest.mark.timeout(120 + 60 * TIMES)]


@pytest.fixture(scope="module")
def visited(suite):
    """The other province: what its scanning persons ask, and who verifies there."""
    guest = Guest(suite, VISITED)
    try:
        guest.join(App("scan-app"), App("citizen-app"))
        guest.start(*VISITED_SERVICES)
        yield guest
    finally:
        guest.down(keep=True)  # inside the suite's folder


def check_events(suite, stories):
    """Of each step of each case one event on the topic, none besides."""
    wanted = {told.case_id: told.steps for story in stories for told in story.both}

    def found(records):
        steps = {case_id: {} for case_id in wanted}
        for record in records:
            if record.json["caseId"] in steps:
                steps[record.json["caseId"]].setdefault(record.event_id, record.json["step"])
        return {case_id: sorted(names.values()) for case_id, names in steps.items()}

    expected = {case_id: sorted(steps) for case_id, steps in wanted.items()}
    records = read_topic(suite.bus, f"phi.{REGION}.correction.step", 60,
                         lambda seen: all(len(found(seen)[case]) >= len(expected[case]) for case in expected))
    assert found(records) == expected


def test_every_case_ends_as_its_decisions_say(suite, visited):
    killed, stories, began = [], [], time.monotonic()
    for number in range(TIMES):
        draws = random.Random(f"{SEED}-{number}")
        story, killer = Story(suite, visited), Killer(suite, visited, draws)
        try:
            for step in story.steps[:-1]:
                step()
                killer.strike()
            story.steps[-1]()
            killer.settle()
        except BaseException:
            print(f"seed {SEED}, telling {number}, at {step.__name__}, killed before: {killer.killed}")
            raise
        print(f"seed {SEED}, telling {number}, {time.monotonic() - began:.1f} s: {' '.join(killer.killed)}")
        killed, stories = killed + killer.killed, stories + [story]
    check_events(suite, stories)
    assert len({story.wrong.case_id for story in stories}) == TIMES
    tell(day="disputes told with a kill between any two steps", seed=SEED, times=TIMES, kills=len(killed),
         of={name: sum(one.endswith(name) for one in killed) for name in SERVICES}, seconds=round(time.monotonic() - began, 1))
    wait_until(lambda: all(suite.is_running(name) for name in SERVICES), 30, "all runs again")
