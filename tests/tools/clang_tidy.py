"""Runs clang-tidy on every file of compile_commands.json: clang_tidy.py BUILD-FOLDER ROOT PATTERN JOBS

A file that was clean is not looked at again as long as its own bytes, those of the project's headers that it includes
(whichever way), its compiler's arguments and the settings are the same.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys

INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.M)


@functools.lru_cache(maxsize=None)
def read(path):
    with open(path, "rb") as file:
        return file.read()


class Checker:
    def __init__(self, build, root):
        self.build = build
        self.root = root
        self.settings = b"".join(read(os.path.join(root, name)) for name in (".clang-tidy", "tests/.clang-tidy"))

    def find(self, name, folder):
        for base in (folder, os.path.join(self.root, "common"), self.root):
            path = os.path.normpath(os.path.join(base, name))
            if os.path.isfile(path):
                return path
        return None

    def closure(self, path):
        """The file and all of the project's headers that it reads, in a fixed order."""
        seen, waiting = set(), [path]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            for name in INCLUDE.findall(read(at)):
                found = self.find(name.decode(), os.path.dirname(at))
                if found:
                    waiting.append(found)
        return sorted(seen)

    def digest(self, command):
        total = hashlib.sha256(self.settings)
        total.update(command.get("command", "").encode())
        for path in self.closure(command["file"]):
            total.update(path.encode() + b"\0" + hashlib.sha256(read(path)).digest())
        return total.hexdigest()

    def mark(self, path):
        name = os.path.relpath(path, self.root).replace("/", "%")
        return os.path.join(self.build, "clang-tidy-clean", name)

    def is_clean(self, command):
        try:
            with open(self.mark(command["file"]), encoding="ascii") as file:
                return file.read() == self.digest(command)
        except OSError:
            return False

    def look(self, command):
        path = command["file"]
        run = subprocess.run(["clang-tidy", "-p", self.build, "--quiet", "--warnings-as-errors=*", path],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            return run.stdout + ("" if "warning:" in run.stdout or "error:" in run.stdout else run.stderr)
        with open(self.mark(path), "w", encoding="ascii") as file:
            file.write(self.digest(command))
        return ""


def main():
    build, root, pattern, jobs = sys.argv[1], sys.argv[2], re.compile(sys.argv[3]), int(sys.argv[4])
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = {command["file"]: command for command in json.load(file)}
    ours = [command for path, command in sorted(commands.items())
            if path.startswith(root + "/") and not path.startswith(build) and
            "/embed_" not in path and pattern.search(path[len(root) + 1:])]
    checker = Checker(build, root)
    waiting = [command for command in ours if not checker.is_clean(command)]
    faults = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for said in pool.map(checker.look, waiting):
            if said:
                print(said, end="")
                faults += 1
    print(f"check-static: clang-tidy looked at {len(waiting)} of {len(ours)} files, {faults} are not clean")
    sys.exit(1 if faults or not ours else 0)


if __name__ == "__main__":
    main()
