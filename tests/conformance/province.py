"""A whole suite to test the checker with: the vectors' keys, a suspended and a foreign platform, callers of every kind.

    with Province(programs) as province:
        province.check("--only", "SIG")      # the checker's exit status
"""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from loadgen import keyfile  # noqa: E402
from phi_client.http import App  # noqa: E402
from phi_client.sm2 import PrivateKey  # noqa: E402
from phi_client.suite import SERVICES, Suite  # noqa: E402

VECTORS = os.path.join(HERE, "..", "vectors", "codes")
FOREIGN, SUSPENDED = "330000", "340000"
STRANGERS = {"suspended": ("--status", "suspended"), "idle": ()}
EVERY_ROLE = "mint,declare,picture,query,verify,uses,correct,decide,source,directory"


def load(name):
    """A script of this folder as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def vector_case():
    """Any case of one file: it holds the trust list and the issuer's keys of them all."""
    for name in sorted(one for one in os.listdir(VECTORS) if one.endswith(".json")):
        with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
            value = json.load(file)
        if "trustList" in value and "issuer" in value:
            return value
    return None


class Province:
    def __init__(self, programs, broker="embedded", **variables):
        self.suite, self.suite_config = Suite(programs, broker=broker), load("suite-config")
        self.suite.set_extra("all", **variables)
        self.apps = {role: App(name) for role, name in self.suite_config.APPS.items()}
        self.strangers = {role: App(f"{role}-app") for role in STRANGERS}
        self.platforms = {name: PrivateKey() for name in ("own", "foreign", "suspended")}
        self.seal_key = os.urandom(16)
        self.case = vector_case()

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.suite.down(keep=True)
            raise
        return self

    def __exit__(self, kind, *_rest):
        self.suite.down(keep=kind is not None)

    def up(self):
        for app in self.apps.values():
            self.suite.public_pem(app)
        self.suite.ctl("prepare", self.suite.broker)
        self.use_known_keys()
        for step in ("postgres", "broker", "idp", "registry"):
            self.suite.ctl(step)
        for role, app in self.strangers.items():
            roles = EVERY_ROLE if role == "suspended" else "rest"
            self.suite.register("app", "--app", app.app_id, "--public", self.suite.public_pem(app), "--roles", roles,
                                *STRANGERS[role])
        self.widen_trust_list()
        self.suite.start(*SERVICES)
        for app in (*self.apps.values(), *self.strangers.values()):
            self.suite.adopt(app)
        self.config = os.path.join(self.suite.run, "conformance.json")
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self.config_of(), file)

    def use_known_keys(self):
        """The vectors' code and seal key where there are vectors of whole codes, else keys that only we know. A manifest
        would refuse keys that it has not seen come: these two programs are told their key files one by one."""
        if self.case:
            known = self.case["issuer"]["keySets"][0]
            self.platforms["own"] = PrivateKey(int(known["signPrivate"], 16))
            self.seal_key = bytes.fromhex(known["sealKey"])
        folder = os.path.join(self.suite.run, "keys")
        own = self.platforms["own"]
        keyfile.write_sm2(self.suite.key_file("svc-codegen", "code"), f"{folder}/svc-codegen/password", own)
        with open(self.suite.public_file("svc-codegen", "code"), "w", encoding="ascii") as file:
            file.write(own.public.pem())
        for owner in ("svc-codegen", "svc-verify"):
            os.remove(f"{folder}/{owner}/manifest")
            keyfile.write_secret(self.suite.key_file(owner, "seal"), f"{folder}/{owner}/password", self.seal_key)

    def widen_trust_list(self):
        path = os.path.join(self.suite.run, "platforms.json")
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
        ids = {one["id"] for one in value["platforms"]}
        for one in (self.case or {"trustList": {"platforms": []}})["trustList"]["platforms"]:
            if one["id"] in ids:  # the issuer: its code keys are the vectors', the rest is this suite's
                ours = [mine for mine in value["platforms"] if mine["id"] == one["id"]][0]
                codes = [key for key in one["keys"] if key["use"] == "code"]
                ours["keys"] = codes + [key for key in ours["keys"] if key["use"] != "code"]
            else:
                value["platforms"].append(one)
        for name, region in (("foreign", FOREIGN), ("suspended", SUSPENDED)):
            public = self.platforms[name].public
            value["platforms"].append({
                "id": region, "name": name, "status": "suspended" if name == "suspended" else "active", "endpoints": {},
                "keys": [{"use": "code", "keySetId": 1, "serial": public.serial, "public": public.xy.hex(),
                          "from": "2020-01-01T00:00:00+08:00"}]})
        value["platforms"].sort(key=lambda one: one["id"])
        with open(path, "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False)

    def config_of(self):
        config = self.suite_config.config_of(self.suite.run)
        index_key = keyfile.secret(self.suite.key_file("svc-codegen", "index"),
                                   f"{self.suite.run}/keys/svc-codegen/password")
        for role, app in {**self.apps, **self.strangers}.items():
            config["apps"].setdefault(role, {})["id"] = app.app_id
            config["apps"][role]["key"] = f"{app.key.number:064x}"
        number = lambda name: f"{self.platforms[name].number:064x}"
        config["platforms"] = {
            "own": {"code_key": number("own"), "key_set": 1, "seal_key": self.seal_key.hex(), "index_key": index_key.hex()},
            "foreign": {"id": FOREIGN, "code_key": number("foreign")},
            "suspended": {"id": SUSPENDED, "code_key": number("suspended")}}
        return config

    def arguments(self, *more):
        urls = [f"--url={url}" for url in self.suite_config.urls_of(self.suite.run)]
        return [*urls, "--config", self.config, *more]

    def check(self, *more, timeout=240):
        """The checker as a province runs it: (exit status, what it printed)."""
        done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "run"), *self.arguments(*more)], text=True,
                              capture_output=True, timeout=timeout)
        return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    began = time.time()
    with Province(sys.argv[1]) as here:
        print(f"up after {time.time() - began:.1f} s; --config {here.config}; {' '.join(here.arguments())}", flush=True)
        if "--keep" in sys.argv:
            input("Enter ends it")
        else:
            print(here.check()[1])
