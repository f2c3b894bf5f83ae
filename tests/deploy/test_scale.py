"""docs/scale.md is what its model makes of the coefficients, and every coefficient is a figure of a bench that is here."""
import json
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(ROOT, "docs", "scale", "model.py")
sys.path.insert(0, os.path.dirname(MODEL))

import model  # noqa: E402


def run(*arguments):
    return subprocess.run([sys.executable, "-B", MODEL, *arguments], capture_output=True, text=True, timeout=30)


def test_the_document_is_current():
    made = run()
    assert made.returncode == 0, made.stderr
    with open(os.path.join(ROOT, "docs", "scale.md"), encoding="utf-8") as file:
        assert file.read() == made.stdout, "docs/scale.md is stale: docs/scale/model.py --write"


def test_every_coefficient_has_a_bench():
    texts = ""
    for folder, _folders, names in os.walk(os.path.join(ROOT, "tests", "bench")):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                texts += file.read()
    for bench, figure in model.load().items():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", figure["date"]) and figure["ours"] > 0 and figure["load"], bench
        suite, rest = bench.split(".")[0], bench.split(".")
        assert os.access(os.path.join(ROOT, "tests", "bench", suite, "suite"), os.X_OK), f"{bench}: no suite {suite}"
        # Names are put together in the benches: their parts stand there.
        assert bench in texts or all(f"{part}" in texts for part in rest), bench


@pytest.mark.parametrize("name", ["mint", "verify", "code_row", "use_row", "fact", "broker"])
def test_a_missing_figure_is_said(name, tmp_path, monkeypatch):
    lines = model.load()
    lines.pop(model.WANTED[name][0])
    path = tmp_path / "coefficients.json"
    path.write_text(json.dumps(lines))
    monkeypatch.setattr(model, "COEFFICIENTS", str(path))
    with pytest.raises(SystemExit, match=re.escape(model.WANTED[name][0])):
        model.document()


def test_figures_are_taken_from_a_bench_s_lines(tmp_path, monkeypatch):
    path, figures = tmp_path / "coefficients.json", tmp_path / "lines"
    path.write_text("{}")
    figures.write_text('{"bench": "mint.http.rate", "ours": 5, "unit": "mints/cpu-s", "peer": "x", "peer_value": 2, "ratio": 2.5, "cores": 2, "n": 3}\n'
                       '{"bench": "sm2.sign", "ours": 5, "unit": "1/s", "peer": "x", "peer_value": 2, "ratio": 2.5, "cores": 2, "n": 3}\nbench  ours\n')
    monkeypatch.setattr(model, "COEFFICIENTS", str(path))
    model.take(str(figures), "2026-11-22", "2")
    assert set(model.load()) == {"mint.http.rate"} and model.load()["mint.http.rate"]["ours"] == 5


def test_the_arithmetic(monkeypatch):
    """One province in numbers that a head can follow."""
    lines = {bench: {"ours": 1.0, "unit": "x", "peer_value": 1.0, "peer": "x", "n": 1, "date": "2026-01-01", "load": "0"}
             for bench, _part, _what in model.WANTED.values()}
    lines["mint.http.rate"]["ours"] = 10000
    lines["verify.rpc.cpu.postgresql"]["ours"] = lines["mint.http.cpu.postgresql"]["ours"] = 50
    lines["directory.ingest.one.cpu"].update(ours=1000, peer_value=500)
    lines["storage.use.row"]["ours"] = 100
    region = model.Region("x", 864_000, model.Figures(lines))
    assert region.codes_mean == pytest.approx(100) and region.codes == pytest.approx(1000)
    assert region.facts == pytest.approx(125)
    assert region.cores["svc-codegen"] == pytest.approx(0.1) and region.cores["svc-directory"] == pytest.approx(0.125)
    assert region.cores["PostgreSQL"] == pytest.approx(1000 * 100e-6 + 125 / 500)
    count, each = region.rows["uses"]
    assert count == 864_000 * 10 * 180 and each == 100
