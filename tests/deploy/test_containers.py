"""compose/docker-compose.yml, its Dockerfile and compose/kubernetes: valid by validators that are not ours, and of one mind with
the suite's own lists. There is no Docker engine here: images are not built."""
import itertools
import json
import os
import re
import subprocess

import kubernetes_validate
import pytest
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPOSE = os.path.join(ROOT, "compose")
CODE_SIDE, HEALTH_SIDE = ("svc-codegen", "svc-verify"), ("svc-declare", "svc-directory", "svc-correction")
MANIFESTS = ("nation", "province")
RELEASES = ("1.29", "1.34")  # of Kubernetes


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def rows(name):
    return [line.split() for line in read("compose", name).splitlines() if line.strip() and not line.startswith("#")]


SERVICES = {row[0]: row for row in rows("services.txt")}


def settings():
    """{program: {setting: is it required}} of docs/configuration.md, which the programs' own tables make."""
    parts = re.split(r"^## ", read("docs", "configuration.md"), flags=re.M)[1:]
    return {part.split("\n", 1)[0].strip(): {name: default == "required" for name, default in
                                             re.findall(r"^\| `(PHI_\w+)` \| [^|]* \| ([^|]*?) \|", part, re.M)} for part in parts}


def compose_services():
    return yaml.safe_load(read("compose", "docker-compose.yml"))["services"]


def objects(where, kind=None):
    return [item for item in yaml.safe_load_all(read("compose", "kubernetes", f"{where}.yaml")) if kind in (None, item["kind"])]


def containers():
    """(where, program, environment) of both kinds of deployment."""
    found = []
    for name, service in compose_services().items():
        program = name.rsplit("-", 1)[0]
        if program in SERVICES:
            found.append((f"compose {name}", program, service["environment"]))
    for where in MANIFESTS:
        for item in objects(where, "Deployment"):
            (container,) = item["spec"]["template"]["spec"]["containers"]
            found.append((f"kubernetes {where}", container["name"], {e["name"]: e.get("value") for e in container["env"]}))
    return found


# --- valid ---


def test_docker_s_own_library_loads_the_file(compose_program, secrets):
    done = subprocess.run([compose_program, os.path.join(COMPOSE, "docker-compose.yml"), *(f"{n}={v}" for n, v in secrets.items())],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    project = json.loads(done.stdout)
    assert len(project["services"]) == len(compose_services())
    assert project["services"]["svc-directory-440000"]["environment"]["PHI_VERIFY_RPC_PUBLIC"] == secrets["PHI_CURVE_SVC_VERIFY_440000"]


@pytest.mark.parametrize("broken, why", [
    (("image: 'nginx", "imag: 'nginx"), "imag"), (("networks:\n      - watch", "networks:\n      - nowhere"), "nowhere"),
    (("condition: service_healthy", "condition: service_wealthy"), "condition"), (("PHI_CURVE_SVC_VERIFY_440000:?", "PHI_NO_SUCH:?"), "PHI_NO_SUCH"),
])
def test_the_validator_refuses(compose_program, secrets, tmp_path, broken, why):
    text = read("compose", "docker-compose.yml")
    assert broken[0] in text
    path = tmp_path / "docker-compose.yml"
    path.write_text(text.replace(*broken), encoding="utf-8")
    done = subprocess.run([compose_program, str(path), *(f"{n}={v}" for n, v in secrets.items())], capture_output=True, text=True)
    assert done.returncode == 1 and why in done.stderr, done.stderr


@pytest.mark.parametrize("where", MANIFESTS)
@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_schemas(where, release):
    for item in objects(where):
        kubernetes_validate.validate(item, release, strict=True)


def test_kubernetes_schemas_refuse_what_is_wrong():
    (item, *_rest) = objects("province", "Deployment")
    item["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(item, RELEASES[0], strict=True)


# --- of one mind with the suite ---


def test_every_program_is_there():
    wanted = sorted(f"{name}-{region}" for name, row in SERVICES.items()
                    for region in (("000000",) if row[1] == "000000" else ("320000", "440000")))
    assert sorted(name for name in compose_services() if name.rsplit("-", 1)[0] in SERVICES) == wanted
    for name in ("nginx", "prometheus", "grafana", *(f"{kind}-{r}" for kind in ("postgres", "kafka") for r in ("000000", "320000", "440000"))):
        assert name in compose_services()
    for where in MANIFESTS:
        programs = {name for name, row in SERVICES.items() if (row[1] == "000000") == (where == "nation")}
        for kind in ("Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"):
            assert {item["metadata"]["name"] for item in objects(where, kind)} == programs


@pytest.mark.parametrize("where, program, environment", containers(), ids=lambda value: value if isinstance(value, str) else "")
def test_settings_are_the_program_s_own(where, program, environment):
    known = settings()[program]
    given = {name for name in environment if name.startswith("PHI_") and not name.startswith("PHI_CURVE_")}
    assert given <= set(known), f"{where}: {program} knows no {sorted(given - set(known))}"
    missing = {name for name, is_required in known.items() if is_required} - given
    assert not missing, f"{where}: {program} needs {sorted(missing)}: add it to compose/containers/make"
    keys = {variable for _use, _kind, variable, *readers in rows("keys.txt") if readers == ["each"] or program in readers}
    foreign = {row[2] for row in rows("keys.txt")} - keys
    assert not given & foreign and keys & set(known) <= given
    assert (environment["PHI_HTTP_PORT"], environment["PHI_SCHEMA"]) == (SERVICES[program][2], SERVICES[program][4])
    if SERVICES[program][3] != "-":
        assert environment["PHI_RPC_BIND"].endswith(f":{SERVICES[program][3]}")


def mapped(value, region, program, secrets):
    """A path inside the container as it is here."""
    keys = f"{secrets['PHI_SECRETS']}/{region}/keys"
    for inside, here in (("/run/phi/keys", f"{keys}/{program}"), ("/run/phi/public", f"{keys}/public")):
        value = value.replace(inside, here)
    data = re.fullmatch(r"/etc/phi/(svc-[a-z]+)/([a-z]+)/(\d{6})\.json", value)
    if data:  # the image has a copy of the first province's under the other's name: Dockerfile
        assert os.path.isfile(os.path.join(ROOT, data[1], data[2], "320000.json"))
        value = os.path.join(ROOT, data[1], data[2], "320000.json")
    return re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: secrets[match[1]], value)


@pytest.mark.parametrize("name", [name for name in compose_services() if name.rsplit("-", 1)[0] in SERVICES])
def test_each_program_takes_its_settings_and_finds_its_files(programs, secrets, name):
    program, region = name.rsplit("-", 1)
    environment = {variable: mapped(value, region, program, secrets)
                   for variable, value in compose_services()[name]["environment"].items() if variable != "PHI_USER"}
    done = subprocess.run([os.path.join(programs, program), "--check"], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    for variable, value in environment.items():
        if value.startswith("/"):
            assert os.path.isfile(value), f"{variable}: {value}"
            is_secret = variable not in ("PHI_ACCESS_PUBLIC_FILE", "PHI_TRUST_PUBLIC_FILE", "PHI_PLACES_PUBLIC_FILE",
                                         "PHI_PLATFORMS_FILE") and not value.startswith(ROOT + "/svc-")
            assert not is_secret or os.stat(value).st_mode & 0o077 == 0, value
    (keys, _public) = compose_services()[name]["volumes"]
    assert keys == f"${{PHI_SECRETS:-./secrets}}/{region}/keys/{program}:/run/phi/keys:ro"


def test_the_two_sides_meet_only_where_directory_asks_verify():
    services = compose_services()
    for one, other in itertools.product((n for n in services if n.startswith(CODE_SIDE)), (n for n in services if n.startswith(HEALTH_SIDE))):
        shared = set(services[one]["networks"]) & set(services[other]["networks"])
        assert not shared or (one.startswith("svc-verify") and other.startswith("svc-directory")), (one, other, shared)


def matches(selector, labels):
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


def test_network_policies_keep_the_two_sides_apart():
    """All the ways between pods of a province: from svc-directory to svc-verify's RPC, and no other."""
    labels = {item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"] for item in objects("province", "Deployment")}
    policies = [item["spec"] for item in objects("province", "NetworkPolicy")]
    nothing = [p for p in policies if not p["podSelector"] and p["policyTypes"] == ["Ingress", "Egress"] and not p["ingress"] and not p["egress"]]
    assert nothing, "what no policy allows is refused"

    def goes(kind, at, other, far):
        """Ports that `at` may use with `other` by its own policies of a kind."""
        return {port["port"] for p in policies if matches(p["podSelector"], labels[at]) for rule in p.get(kind) or []
                for peer in rule.get(far, []) if "podSelector" in peer and "namespaceSelector" not in peer and
                matches(peer["podSelector"], labels[other]) for port in rule["ports"]}

    ways = {(one, other): goes("egress", one, other, "to") & goes("ingress", other, one, "from")
            for one in labels for other in labels if one != other}
    assert {pair: ports for pair, ports in ways.items() if ports} == {("svc-directory", "svc-verify"): {int(SERVICES["svc-verify"][3])}}
    sides = {name: value["phi/side"] for name, value in labels.items()}
    assert sides == {**{name: "code" for name in CODE_SIDE}, **{name: "health" for name in HEALTH_SIDE}}


@pytest.mark.parametrize("where", MANIFESTS)
def test_pods(where):
    partitions = min(int(row[3]) for row in rows("topics.txt") if row[2] == "subject")
    scaled = {item["metadata"]["name"]: item["spec"] for item in objects(where, "HorizontalPodAutoscaler")}
    for item in objects(where, "Deployment"):
        name, spec = item["metadata"]["name"], item["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz" and container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert set(container["resources"]) == {"requests", "limits"}
        assert container["securityContext"]["readOnlyRootFilesystem"] and container["securityContext"]["capabilities"]["drop"] == ["ALL"]
        (keys, _public) = spec["volumes"]
        assert keys == {"name": "keys", "secret": {"secretName": f"{name}-keys", "defaultMode": 0o400}}
        drain = next(int(default) for n, default in re.findall(r"^\| `(PHI_\w+)` \| duration \| `(\d+)`", read("docs", "configuration.md"), re.M)
                     if n == "PHI_DRAIN_MS")
        assert spec["terminationGracePeriodSeconds"] * 1000 > drain
        lag = [m["external"]["metric"]["name"] for m in scaled[name]["metrics"] if m["type"] == "External"]
        assert lag == (["phi_consumer_lag"] if name in ("svc-directory", "svc-platform") else [])
        assert not lag or scaled[name]["maxReplicas"] <= partitions, "more replicas than partitions would have nothing to do"
    public = {part for part in ("PHI_CURVE_SVC_VERIFY", "PHI_CURVE_SVC_PLATFORM")}
    assert where == "nation" or public == {e["name"] for item in objects(where, "Deployment") for e in
                                           item["spec"]["template"]["spec"]["containers"][0]["env"] if "valueFrom" in e}


# --- images, the edge, what is watched ---


def stages():
    return dict(re.findall(r"^FROM \S+ AS (\S+)\n((?:(?!^FROM).*\n?)*)", read("compose", "containers", "Dockerfile"), re.M))


def test_images_hold_what_cmake_builds(programs):
    found = stages()
    assert set(found) == {"build", "base", "tools", *SERVICES}
    built = set(re.search(r"ninja -C /build (.*)", found["build"])[1].split())
    assert built == {*SERVICES, "phictl"} and built <= set(os.listdir(programs))
    for program in SERVICES:
        assert found[program].strip().splitlines() == [f"COPY --from=build /build/bin/{program} /usr/local/bin/", f'ENTRYPOINT ["{program}"]']
    targets = {service["build"]["target"] for service in compose_services().values() if "build" in service}
    assert targets == {"tools", *SERVICES}
    for path in re.findall(r"^COPY (?!--from)(.*) \S+$", read("compose", "containers", "Dockerfile"), re.M):
        assert all(os.path.exists(os.path.join(ROOT, part)) for part in path.split()), path


def owners_of_libraries():
    """{file name: Debian packages that have it}, as dpkg keeps it."""
    found, folder = {}, "/var/lib/dpkg/info"
    for name in os.listdir(folder):
        if name.endswith(".list") and name.startswith("lib"):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                for line in lines:
                    if ".so" in line:
                        found.setdefault(line.rstrip("\n").rsplit("/", 1)[1], set()).add(re.split("[:]|[.]list$", name)[0])
    return found


def test_images_have_the_libraries(programs):
    """Every shared library that a program names belongs to a package of the image, or to one that those need anyway."""
    listed = set(re.search(r"--no-install-recommends ([^&]*)", stages()["base"])[1].replace("\\", " ").split())
    owners = owners_of_libraries()
    for program in (*SERVICES, "phictl"):
        needed = subprocess.run(["readelf", "-d", os.path.join(programs, program)], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"\(NEEDED\).*\[(.*?)\]", needed):
            assert owners.get(library, set()) & (listed | {"libc6"}), f"{program} needs {library} of {owners.get(library)}"


def test_the_edge_knows_the_ports():
    text = read("compose", "containers", "nginx.conf")
    ports = dict(re.findall(r"^\s+(svc-[a-z]+) (\d+);$", text, re.M))
    assert ports == {name: row[2] for name, row in SERVICES.items()}
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in text and "listen 8443 ssl" in text
    assert text.count("{") == text.count("}")


def test_what_is_watched_is_there():
    jobs = yaml.safe_load(read("compose", "containers", "prometheus.yml"))["scrape_configs"]
    watched = {(job["job_name"], job["dns_sd_configs"][0]["port"]) for job in jobs}
    assert watched == {(name, int(SERVICES[name.rsplit("-", 1)[0]][2])) for name in compose_services() if name.rsplit("-", 1)[0] in SERVICES}
    sources = "".join(read(folder, name) for top in ("common", *SERVICES) for folder, _folders, names in os.walk(os.path.join(ROOT, top))
                      for name in names if name.endswith(".c"))
    board = json.loads(read("compose", "containers", "grafana", "dashboards", "phi.json"))
    assert len(board["panels"]) > 10
    for panel in board["panels"]:
        for metric in re.findall(r"\bphi_[a-z_]+", panel["targets"][0]["expr"]):
            assert f'"{re.sub("_bucket$", "", metric)}"' in sources, f"{panel['title']}: nobody counts {metric}"
