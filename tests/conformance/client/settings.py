"""The province's configuration file: what the checker may know and use. README.md tells each member."""
import base64
import json
import os
import re
import subprocess

from .curve import PrivateKey, PublicKey

APPS = ("citizen", "scan", "source", "officer", "directory", "suspended", "idle")


class Wrong(Exception):
    """The configuration can't be used; the text names the member."""


def _der(path, password_path=None):
    """The DER of a key file in PEM; openssl opens one under a password."""
    with open(path, encoding="ascii") as file:
        text = file.read()
    if "ENCRYPTED" in text:
        if not password_path:
            raise Wrong(f"{path}: a password_file is needed")
        done = subprocess.run(["openssl", "pkey", "-in", path, "-passin", f"file:{password_path}"], text=True,
                              capture_output=True, timeout=20)
        if done.returncode:
            raise Wrong(f"{path}: openssl can't open it")
        text = done.stdout
    lines = re.findall(r"^[A-Za-z0-9+/=]+$", text, re.M)
    return base64.b64decode("".join(lines))


def private_number(value, place):
    """The number of a private key: 64 hex digits, or {"file": PEM, "password_file": …}; SM2 and P-256 alike."""
    try:
        if isinstance(value, str):
            return int(value, 16)
        der = _der(value["file"], value.get("password_file"))
        at = der.index(bytes.fromhex("0201010420")) + 5  # ECPrivateKey: version 1, OCTET STRING of 32 bytes
        return int.from_bytes(der[at : at + 32], "big")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise Wrong(f"{place}: not a private key ({error})") from error


def public_key(value, place):
    """x‖y as 128 hex digits, or the path of a PEM file."""
    try:
        return PublicKey(bytes.fromhex(value) if re.fullmatch("[0-9a-fA-F]{128}", value) else _der(value)[-64:])
    except (OSError, ValueError, TypeError) as error:
        raise Wrong(f"{place}: not a public key ({error})") from error


class Provider:
    """A test identity provider: an issuer that the addresses under test have registered, and its key."""

    def __init__(self, value, place):
        self.issuer, self.kid, self.sub = value["issuer"], value["kid"], value.get("sub")
        self.number = private_number(value["key"], f"{place}.key")


class Platform:
    """The code key, key set and (of the platform under test) the keys that seal; for codes of our own making."""

    def __init__(self, value, place, region=None):
        self.id = value.get("id", region)
        self.key, self.key_set = PrivateKey(private_number(value["code_key"], f"{place}.code_key")), value.get("key_set", 1)
        self.seal_key = bytes.fromhex(value["seal_key"]) if "seal_key" in value else None
        self.index_key = bytes.fromhex(value["index_key"]) if "index_key" in value else None


class Settings:
    def __init__(self, value=None):
        value = value or {}
        known = {"region", "apps", "citizens", "staff", "answer_keys", "trust_key", "platforms", "scenes", "documents"}
        if set(value) - known:
            raise Wrong(f"unknown members: {', '.join(sorted(set(value) - known))}")
        self.region = value.get("region", "320000")
        self.apps = {name: self._app(name, app) for name, app in value.get("apps", {}).items()}
        self.citizens = Provider(value["citizens"], "citizens") if "citizens" in value else None
        self.staff = Provider(value["staff"], "staff") if "staff" in value else None
        keys = [public_key(key, "answer_keys") for key in value.get("answer_keys", [])]
        self.answer_keys = {key.serial: key for key in keys}
        self.trust_key = public_key(value["trust_key"], "trust_key") if "trust_key" in value else None
        self.platforms = {name: Platform(one, f"platforms.{name}", self.region)
                          for name, one in value.get("platforms", {}).items()}
        self.scenes = {"plain": "pass", **value.get("scenes", {})}

    @staticmethod
    def _app(name, value):
        if name not in APPS:
            raise Wrong(f"apps.{name}: not one of {', '.join(APPS)}")
        return {"id": value["id"], "client_id": value.get("client_id", value["id"]),
                "key": PrivateKey(private_number(value["key"], f"apps.{name}.key")), "kinds": value.get("kinds", [])}

    @classmethod
    def read(cls, path):
        if not path:
            return cls()
        folder = os.path.dirname(os.path.abspath(path))
        try:
            with open(path, encoding="utf-8") as file:
                value = json.load(file)
        except ValueError as error:
            raise Wrong(f"{path}: not JSON: {error}") from error
        before = os.getcwd()
        os.chdir(folder)  # paths in the file are the file's neighbours
        try:
            return cls(value)
        except (KeyError, AttributeError, TypeError) as error:
            raise Wrong(f"a member is missing or of another type: {error}") from error
        finally:
            os.chdir(before)
