"""The nation's directory made anew from a province's compacted topic, and compared with the province's own."""
import os
import subprocess
import sys

from world import BIN, ROOT, Stopwatch

START = "import sys; from phi_client.suite import Suite; Suite(sys.argv[2], 'kafka', sys.argv[1]).start('svc-platform')"
# Of whom there is an entry, of which version and which grade, in the order of subjects.
DIGEST = "SELECT count(*), md5(string_agg(encode(subject, 'hex') || ' ' || version || ' ' || grade, ',' ORDER BY subject))"


def published(province):
    pending = "SELECT count(*) FROM directory.entries WHERE published_version < version"
    province.wait(lambda: province.sql(pending)[0][0] == 0, 1800, "all entries are published", 0.2)


def entries(province):
    return province.sql("SELECT count(*) FROM platform.entries", region="000000")[0][0]


def rebuild(province, people):
    """Entries a second by the clock, of svc-platform's processor time, of its sessions' in the database."""
    published(province)
    suite = province.suite
    suite.stop("svc-platform")
    province.sql("TRUNCATE platform.entries", region="000000")
    province.sql("DELETE FROM platform.offsets WHERE topic = 'phi.320000.directory'", region="000000")
    command = [sys.executable, "-B", "-c", START, suite.run, BIN]
    with subprocess.Popen(command, cwd=os.path.join(ROOT, "tests", "e2e")) as starting:
        province.wait(lambda: entries(province) > 0, 120, "the first entries are read", 0.01)
        watch, before = Stopwatch(province, "svc-platform", "platform"), entries(province)
        with watch:
            province.wait(lambda: entries(province) >= people, 1800, "all are read", 0.05)
        assert starting.wait(60) == 0
    ours = province.sql(f"{DIGEST} FROM platform.entries", region="000000")[0]
    theirs = province.sql(f"{DIGEST} FROM directory.entries")[0]
    assert ours == theirs, f"the nation has {ours}, the province {theirs}"
    return watch.rates(people - before)
