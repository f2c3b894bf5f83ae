"""examples/analysts on a world of tests/world: what it counts is what institutions reported; its picture is one.

PHI_PICTURE=FILE and PHI_PICTURE_PEOPLE=N draw a larger world to a file: the picture of docs/analysts.md is such a one.
"""
import collections
import csv
import json
import os
import re
import subprocess
import sys

import pytest
from PIL import Image

from phi_client.analysts import REGION, Analysts
from phi_client.life import ndjson
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic

EXAMPLE = os.path.join(ROOT, "examples", "analysts", "cases_by_region.py")
PEOPLE = os.environ.get("PHI_PICTURE_PEOPLE", "400")


@pytest.fixture(scope="module")
def reported(suite, life, tmp_path_factory):
    """A world's cases and tests as institutions report them: the topic, and the lines that were taken."""
    topic = Analysts(suite, life).in_force()
    before = len(read_topic(suite.bus, topic))
    folder = tmp_path_factory.mktemp("world")
    subprocess.run([os.path.join(ROOT, "tests", "world", "make"), "--people", PEOPLE, "--days", "14", "--seed", "analysts", "--imports",
                    str(max(20, int(PEOPLE) // 200)), "--end", "now", "--quiet", "--out", str(folder)], check=True, timeout=300)
    with open(folder / "source.cases.ndjson", encoding="utf-8") as file:
        lines = [json.loads(line)["line"] for line in file]
    taken = []
    for first in range(0, len(lines), 500):
        answer = life.suite.apps["lab-app"].call("POST", suite.url("svc-declare"), "/v1/sources/cases", ndjson(lines[first:first + 500]),
                                                 headers={"Content-Type": "application/x-ndjson"})
        assert answer.status == 200, answer
        taken += [line for line, said in zip(lines[first:first + 500], map(json.loads, answer.body.splitlines())) if said["result"] == "accepted"]
    assert len(taken) > 20
    wait_until(lambda: len([r for r in read_topic(suite.bus, topic)[before:] if r.header("ce_type") == "cn.phi.open.fact"]) >= len(taken), 60,
               "the stream has them")
    return topic, taken


def truth(lines):
    """{(day, region): people}, of the highest revision of each record."""
    newest = {}
    for line in lines:
        if line["recordNo"] not in newest or newest[line["recordNo"]]["revision"] < line["revision"]:
            newest[line["recordNo"]] = line
    people = collections.defaultdict(set)
    for line in newest.values():
        if line["content"]["class"] != "ruled-out":
            people[line["content"]["diagnosedAt"][:10], line["content"]["region"][:4]].add(line["person"]["idNo"])
    return {cell: len(who) for cell, who in people.items()}


def test_the_example_counts_what_was_reported(suite, reported, tmp_path):
    topic, lines = reported
    picture = os.environ.get("PHI_PICTURE", str(tmp_path / "cases.png"))
    done = subprocess.run([sys.executable, EXAMPLE, "--bus", suite.bus, "--topic", topic, "--picture", picture, "--csv", str(tmp_path / "cases.csv"),
                           "--smallest", "1"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "cases.csv", encoding="utf-8") as file:
        counted = {(row["day"], region): int(count) for row in csv.DictReader(file) for region, count in row.items() if region != "day" and count != "0"}
    wanted = truth(lines)
    # Other tests of the session report cases too: never fewer than ours, and where only ours are, exactly as many.
    assert wanted and all(counted.get(cell, 0) >= count for cell, count in wanted.items())
    assert sum(count == counted[cell] for cell, count in wanted.items()) >= 0.9 * len(wanted)
    with Image.open(picture) as image:
        assert image.size[0] > 800 and len(image.convert("L").getcolors(1 << 20)) > 20


def test_small_cells_are_hidden(suite, reported, tmp_path):
    topic, _lines = reported
    subprocess.run([sys.executable, EXAMPLE, "--bus", suite.bus, "--topic", topic, "--picture", str(tmp_path / "c.png"), "--csv",
                    str(tmp_path / "c.csv"), "--smallest", "5"], check=True, capture_output=True, timeout=120)
    cells = [cell for row in csv.reader(open(tmp_path / "c.csv", encoding="utf-8")) for cell in row[1:]][1:]
    assert "<5" in cells and not {"1", "2", "3", "4"} & set(cells)


def test_its_requirements_are_the_tests_own():
    def pins(*path):
        with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
            return dict(re.findall(r"^([\w.-]+)==(\S+)", file.read(), re.M))
    own = pins("examples", "analysts", "requirements.txt")
    assert len(own) == 3 and own.items() <= pins("tests", "requirements.txt").items()
    assert REGION == "320000"
