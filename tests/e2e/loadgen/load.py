"""The load: declarations (consent, then health with basic information) and mints (application, then code) of many people
at once, from two crews of threads; whoever strikes waits for a count of acknowledgements. People keep coming until
`finish`, so that a strike always meets a load."""
import itertools
import secrets
import threading
import time

from phi_client.life import basic, health
from phi_client.people import Person

CREW = 8


class Declared:
    def __init__(self, person, fact_id, ack, repeat):
        self.person, self.fact_id, self.ack, self.repeat = person, fact_id, ack, repeat


class Minted:
    def __init__(self, person, application_id, code, ack, repeat):
        self.person, self.application_id, self.code, self.ack, self.repeat = person, application_id, code, ack, repeat


class Load:
    """Of at least `count` people."""

    def __init__(self, client, tokens, count, repeat_every=8, pause_s=0.0):
        """`pause_s`: a thread's rest after each person."""
        self.client, self.tokens, self.repeat_every, self.pause_s = client, tokens, repeat_every, pause_s
        self.people, self._tokens, self._lock, self._ending = [], {}, threading.Lock(), False
        for _ in range(count):
            self._come()
        self.run_id = secrets.token_hex(4)
        self.declared, self.minted, self.failures = [], [], []
        self._changed, self._open = threading.Condition(), threading.Event()
        self._open.set()
        self._threads = []

    def start(self):
        for step, kept in ((self._declare, self.declared), (self._mint, self.minted)):
            numbers = itertools.count()
            for _ in range(CREW):
                self._threads.append(threading.Thread(target=self._work, args=(numbers, step, kept), daemon=True))
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def wait(self, kept, count, seconds=60.0):
        """Until so many are acknowledged; the count then."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(kept) >= count or self.failures, seconds), (
                f"{len(kept)} of {count} acknowledged in {seconds} s")
            self._judge()
            return len(kept)

    def hold(self):
        """What has begun is finished, nothing begins until `go_on`."""
        self._open.clear()

    def go_on(self):
        self._open.set()

    def finish(self, seconds=150.0):
        """Nobody comes any more, all are acknowledged; the seconds it took."""
        with self._lock:
            self._ending = True
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.1, end - time.monotonic()))
        self._judge()
        assert not any(thread.is_alive() for thread in self._threads), f"not acknowledged within {seconds} s"
        assert len(self.declared) == len(self.minted) == len(self.people)
        return time.monotonic() - self.began

    def _judge(self):
        if self.failures:
            raise self.failures[0]

    def _come(self):
        person = Person()
        self._tokens[person.sub] = self.tokens.make(person, self.client.audience)
        self.people.append(person)

    def _next(self, numbers):
        """(number, person) from a crew's own numbers, or None at the end."""
        with self._lock:
            number = next(numbers)
            if number == len(self.people) and not self._ending:
                self._come()
            return (number, self.people[number]) if number < len(self.people) else None

    def _work(self, numbers, step, kept):
        while not self.failures:
            self._open.wait()
            whose = self._next(numbers)
            if not whose:
                return
            number, person = whose
            try:
                done = step(number, person, self._tokens[person.sub])
            except Exception as failure:  # a thread's failure is told by whoever waits
                with self._changed:
                    self.failures.append(failure)
                    self._changed.notify_all()
                return
            with self._changed:
                kept.append(done)
                self._changed.notify_all()
            time.sleep(self.pause_s)

    def _again(self, number, ack):
        """Whether to ask for the same once more: whenever its first tries were lost, and now and then."""
        return ack.tries > 1 or number % self.repeat_every == 0

    def _post(self, service, path, fields, token, serial):
        return self.client.post(service, path, fields, token, f"{self.run_id}-{serial}")

    def _declare(self, number, person, token):
        consent = {"noticeVersion": "2026-11", "purpose": "health-code"}
        self._post("svc-declare", "/v1/consents", consent, token, f"consent-{number}")
        request = ("svc-declare", "/v1/declarations/health", {"basic": basic(), "health": health()}, token,
                   f"health-{number}")
        ack = self._post(*request)
        repeat = self._again(number, ack)
        if repeat:
            assert self._post(*request).data == ack.data, "a repeat got another fact"
        return Declared(person, ack.data["factId"], ack, repeat)

    def _mint(self, number, person, token):
        request = ("svc-codegen", "/v1/code-applications", {"scene": "pass"}, token, f"application-{number}")
        application = self._post(*request)
        if self._again(number, application):
            assert self._post(*request).data == application.data, "a repeat got another application"
        application_id = application.data["applicationId"]
        fields = {"applicationId": application_id, "challenge": application.data["challenge"]}
        request = ("svc-codegen", "/v1/codes", fields, token, f"code-{number}")
        ack = self._post(*request)
        repeat = self._again(number, ack)
        if repeat:
            assert self._post(*request).data == ack.data, "a repeat got another code"
        return Minted(person, application_id, ack.data["code"], ack, repeat)


class Crowd:
    """work(item) of all items, so many at once."""

    def __init__(self, work, items, threads=CREW):
        self.results, self.failures, self.done = [None] * len(items), [], 0
        self._work, self._left, self._changed = work, iter(list(enumerate(items))), threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while not self.failures:
            with self._changed:
                number, item = next(self._left, (None, None))
            if number is None:
                return
            try:
                self.results[number] = self._work(item)
            except Exception as failure:  # told by whoever waits
                self.failures.append(failure)
            with self._changed:
                self.done += 1
                self._changed.notify_all()

    def wait(self, count, seconds=60.0):
        """Until so many are done."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.done >= count or self.failures, seconds)
        if self.failures:
            raise self.failures[0]

    def finish(self, seconds=150.0):
        """The results in the items' order; the first failure is raised."""
        self.wait(len(self.results), seconds)
        return self.results
