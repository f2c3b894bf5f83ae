"""Grid Matrix and Han Xin by module: the vectors obey the standards' rules as read by tests/vectors/symbols/read.py, which
knows no encoder; test_picture holds the encoder to the vectors."""
import copy
import glob
import importlib.util
import json
import os
import random

import pytest

from phi_client.suite import ROOT

FOLDER = os.path.join(ROOT, "tests", "vectors", "symbols")
SPEC = importlib.util.spec_from_file_location("read", os.path.join(FOLDER, "read.py"))
read = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(read)
VECTORS = {os.path.basename(path)[:-5]: path for path in glob.glob(os.path.join(FOLDER, "*.json"))}


def vector_of(name):
    with open(VECTORS[name], encoding="utf-8") as file:
        return json.load(file)


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_a_symbol_obeys_its_standard(name):
    read.check(vector_of(name))


@pytest.mark.parametrize("name", ("gm-short", "gm-code", "hx-short", "hx-code"))
def test_a_module_turned_is_seen(name):
    vector = vector_of(name)
    rows = read.rows_of(vector)
    size, dice = vector["size"], random.Random(name)
    fields = [(y, x) for y in range(size) for x in range(size)]
    if name.startswith("hx"):
        version, _level, _mask = read.function_information(rows)
        free = read.free_fields(size, version)
        filler = sum(map(sum, free)) % 8
        fields = [place for place in fields if free[place[0]][place[1]]]
        fields = fields[:len(fields) - filler]
    for y, x in dice.sample(fields, 40):
        turned = copy.deepcopy(rows)
        turned[y][x] ^= 1
        with pytest.raises(AssertionError):
            read.check_grid_matrix(turned) if name.startswith("gm") else read.check_han_xin(turned, vector["text"])
