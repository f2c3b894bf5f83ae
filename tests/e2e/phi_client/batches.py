"""Records of an institution that turn out to be wrong together."""
import secrets

from phi_client.life import moment, source_line


def bad_batch(life, people, each=1):
    """`each` records of each of the people, in a moment of their own; the lines and what retracts them."""
    ago = 86400 * 30 + secrets.randbelow(40 * 86400)
    at, before = moment(ago), moment(ago + 600)
    lines = [{**source_line(person, "other", **{"from": before}), "observedAt": at} for person in people for _ in range(each)]
    for first in range(0, len(lines), 100):
        assert {answer["result"] for answer in life.report("other", lines[first:first + 100])} == {"accepted"}
    return lines, {"institution": "cdc-320102", "time": "observedAt", "from": at, "to": at, "reason": "method-error"}
