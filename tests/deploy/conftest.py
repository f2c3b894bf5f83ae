"""What the validators need beside Python: the AsyncAPI schema (npm) and Docker Compose's own library (Go), both pinned."""
import os
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def pytest_addoption(parser):
    parser.addoption("--programs", default=os.path.join(ROOT, "build-test", "gcc", "bin"), help="folder of the built programs")
    parser.addoption("--work", default=os.path.join(ROOT, "build-test", "deploy"), help="where validators are kept")


@pytest.fixture(scope="session")
def programs(request):
    return os.path.abspath(request.config.getoption("--programs"))


@pytest.fixture(scope="session")
def work(request):
    path = os.path.abspath(request.config.getoption("--work"))
    os.makedirs(path, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def asyncapi_schemas(work):
    """The folder of AsyncAPI's own schemas; fetched once."""
    if shutil.which("npm") is None:
        pytest.skip("LEFT OUT: npm is missing; docs/asyncapi.yaml is not held against AsyncAPI's schema")
    folder, mark = os.path.join(work, "npm"), os.path.join(work, "npm", "node_modules", ".of")
    with open(os.path.join(HERE, "package-lock.json"), encoding="utf-8") as file:
        lock = file.read()
    if not os.path.exists(mark) or open(mark, encoding="utf-8").read() != lock:
        os.makedirs(folder, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, name), folder)
        subprocess.run(["npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                       check=True, timeout=300)
        with open(mark, "w", encoding="utf-8") as file:
            file.write(lock)
    return os.path.join(folder, "node_modules", "@asyncapi", "specs", "schemas")


@pytest.fixture(scope="session")
def compose_program(work):
    """tests/deploy/compose, built; Go 1.21 or later."""
    have = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True).stdout if shutil.which("go") else ""
    if not have.startswith("go1.") or int(have[4:].split(".")[0]) < 21:
        pytest.skip("LEFT OUT: Go 1.21 or later is missing; docker-compose.yml is not loaded by Docker's library")
    program = os.path.join(work, "compose")
    subprocess.run(["go", "build", "-o", program, "."], cwd=os.path.join(HERE, "compose"), check=True, timeout=300,
                   env={**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"})
    return program


@pytest.fixture(scope="session")
def secrets(programs, tmp_path_factory):
    """What compose/containers/prepare makes, and its .env as a dict."""
    folder = tmp_path_factory.mktemp("containers")
    made = subprocess.run([os.path.join(ROOT, "compose", "containers", "prepare"), str(folder / "secrets")], capture_output=True,
                          text=True, timeout=180, env={**os.environ, "PHI_BIN": programs, "PHI_ENV_FILE": str(folder / "env")})
    assert made.returncode == 0, made.stdout + made.stderr
    with open(folder / "env", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("=", 1) for line in lines)
