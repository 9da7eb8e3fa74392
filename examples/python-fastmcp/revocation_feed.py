"""What a Grantkeeper deployment has revoked, followed by a server of yours. Standard library only, Python 3.10 or newer.

    feed = RevocationFeed(url, credential)
    feed.start()
    feed.standing(claims, kid)   # 'active', or why not; 'unknown' is no reason to accept it either

A stream brings revocations at once. A lease, asked for every half second, proves that none is missing: what is known is as
old as the request that was answered last, by this process's own clocks. Older than two seconds it is worth nothing.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any, Literal, Mapping

log = logging.getLogger(__name__)

Standing = Literal["active", "expired", "revoked", "unknown"]

MAX_STALENESS = 2.0
LEASE_EVERY = 0.5
TIMEOUT = 1.0
# How far clocks may differ where the expiry of a token is judged.
CLOCK_SKEW = 5.0
# No token lives longer than an hour; and a minute for clocks.
OUTLIVES = 61 * 60.0
# How long a key that has verified a token is taken for one that still does: JWT libraries ask for keys as seldom.
KEY_LIVES = 3_600.0
MOST_KEYS = 100
# The ledger sends something every 15 seconds: a stream that is silent for longer is dead.
STREAM_TIMEOUT = 40.0

# How the names of a feed entry are called in a token.
CLAIMS = {
    "token": "jti",
    "family": "family_id",
    "grant": "grant_id",
    "sub": "sub",
    "client": "client_id",
    "resource": "aud",
}
PAIRS = [("sub", "client"), ("sub", "resource"), ("client", "resource"), ("sub", "client", "resource")]

Name = tuple[tuple[str, str], ...]
NEVER = (0, 0.0, 0.0)


class DenyState:
    """The newest revocation of every name. No clock decides about a token: a name denies what was born below its `seq`."""

    def __init__(self) -> None:
        # Its newest `seq`, when it may be forgotten by the ledger's clock, and when it last came by our monotonic one.
        self._seqs: dict[tuple[str, Name], tuple[int, float, float]] = {}
        self._keys: set[tuple[str, str]] = set()
        self._epochs: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._seqs) + len(self._keys)

    def apply(self, entry: Mapping[str, Any]) -> None:
        """Takes in an entry; twice is as good as once."""
        tenant, names = entry["tenant"], entry["names"]
        if "kid" in names:
            self._keys.add((tenant, names["kid"]))
            return
        name = (tenant, tuple(sorted(names.items())))
        until = float("inf") if entry["until"] is None else entry["until"]
        seq, before, _ = self._seqs.get(name, NEVER)
        self._seqs[name] = (max(seq, entry["seq"]), max(before, until), time.monotonic())

    def set_epochs(self, epochs: Mapping[str, int]) -> None:
        for tenant, epoch in epochs.items():
            self._epochs[tenant] = max(epoch, self._epochs.get(tenant, 1))

    def forget(self, now: float) -> None:
        """
        Drops what no living token can meet: by `now`, the ledger's clock in seconds, and by our own time since it came, as
        either clock may be set forward and back.
        """
        before = time.monotonic() - OUTLIVES
        # Copied first: other threads read meanwhile, and never see a part of it.
        self._seqs = {name: one for name, one in self._seqs.items() if one[1] >= now or one[2] > before}

    def denies_key(self, tenant: str, kid: str) -> bool:
        return (tenant, kid) in self._keys

    def denies(self, claims: Mapping[str, Any], kid: str) -> bool:
        tenant, seq = claims["tenant"], claims["seq"]
        if claims["epoch"] != self._epochs.get(tenant, 1) or self.denies_key(tenant, kid):
            return True
        values = {name: claims[claim] for name, claim in CLAIMS.items()}
        names = [(), *((name,) for name in values), *PAIRS]
        return any(
            self._seqs.get((tenant, tuple(sorted((name, values[name]) for name in combined))), NEVER)[0] > seq
            for combined in names
        )


@dataclass(frozen=True)
class _Moment:
    monotonic: float
    wall: float

    @staticmethod
    def now() -> "_Moment":
        return _Moment(time.monotonic(), time.time())

    def age(self) -> float:
        """By whichever clock ran further: the monotonic one may stand still while the machine sleeps."""
        now = _Moment.now()
        return max(now.monotonic - self.monotonic, now.wall - self.wall)


class RevocationFeed:
    """Follows the feed of one enforcement point in two threads."""

    def __init__(self, url: str, credential: str) -> None:
        self.url = url.rstrip("/")
        self.deny = DenyState()
        # What an admin has set about the resource: url, displayName, whenUnreachable, scopes, defaultScopes.
        self.resource: Mapping[str, Any] | None = None
        self._credential = credential
        self._instance = str(uuid.uuid4())
        self._lock = threading.RLock()
        self._epoch = 0
        # Counts how often the feed has begun again: what a stream from before brings has other numbers.
        self._feed = 0
        self._applied = 0
        self._applied_at = 0.0
        self._known: tuple[_Moment, float] | None = None
        # The point has too many instances, and no receipt names this one: then it knows nothing for sure.
        self._excluded = False
        self._stop = threading.Event()
        # When the ledger's clock was told, and what it said, in seconds.
        self._clock: tuple[_Moment, float] | None = None
        self._last_forgotten = time.monotonic()
        # By which tokens have been verified here, with their tenants, and when for the last time.
        self._verified_with: dict[tuple[str, str], float] = {}

    def start(self) -> None:
        """Reads what there is, if it can, and goes on following."""
        try:
            self._catch_up()
        except Exception as trouble:
            log.warning("The revocation feed cannot be read yet: %s", trouble)
        for work in (self._follow_leases, self._follow_stream):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def stop(self) -> None:
        """Says goodbye, so that nobody waits for this instance."""
        self._stop.set()
        try:
            self._request(f"/lease/{self._instance}", method="DELETE").close()
        except Exception as trouble:
            log.info("No goodbye to the revocation feed: %s", trouble)

    def staleness(self) -> float:
        known = self._known
        return float("inf") if known is None else known[0].age() + known[1]

    def now(self) -> float:
        """Seconds since 1970 by the ledger's clock; by our own until it has told."""
        clock = self._clock
        return time.time() if clock is None else clock[1] + clock[0].age()

    def standing(self, claims: Mapping[str, Any], kid: str) -> Standing:
        """Of a token whose signature, issuer, audience and expiry have been verified."""
        self._verified_with[(claims["tenant"], kid)] = time.monotonic()
        # Again, by the clock by which denials are forgotten: a token must not outlive its own.
        if claims["exp"] <= self.now() - CLOCK_SKEW:
            return "expired"
        if self.deny.denies(claims, kid):
            return "revoked"
        if self.staleness() <= MAX_STALENESS:
            return "active"
        try:
            self._catch_up()
        except Exception as trouble:
            log.warning("The revocation feed does not answer: %s", trouble)
        if self.deny.denies(claims, kid):
            return "revoked"
        return "active" if self.staleness() <= MAX_STALENESS else "unknown"

    def _catch_up(self, anew: bool = False) -> None:
        """Reads page after page until there is no more."""
        with self._lock:
            complete, first = False, anew
            while not complete:
                sent = _Moment.now()
                with self._request(f"/delta?after={0 if first else self._applied}") as response:
                    page = json.load(response)
                if not first and self._is_other_feed(page, sent):
                    self._known = None
                    first = True
                    continue
                if first:
                    # Read anew. What was denied stays denied: a restored ledger may have lost what this process knows.
                    self._epoch, self._applied = page["epoch"], 0
                    self._feed += 1
                    first = False
                self._learn(page)
                for entry in page["entries"]:
                    self.deny.apply(entry)
                self._advance(page["through"])
                complete = page["complete"]
            self._renew(sent, page["age"])

    def _lease(self) -> None:
        with self._lock:
            sent, applied = _Moment.now(), self._applied
        # This client never goes on when nobody can be asked, whatever an admin has set.
        body = {
            "instance": self._instance,
            "epoch": self._epoch,
            "applied": applied,
            "keys": self._accepted_keys(),
            "whenUnreachable": "refuse",
        }
        try:
            with self._request("/lease", method="POST", body=body) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as refusal:
            if refusal.code == 429:
                with self._lock:
                    self._excluded, self._known = True, None
            raise
        with self._lock:
            self._excluded = False
            if self._is_other_feed(answer, sent):
                self._known = None
                self._catch_up(anew=True)
            elif answer["through"] > self._applied:
                self._catch_up()
            else:
                self._learn(answer)
                self._renew(sent, answer["age"])

    def _accepted_keys(self) -> list[str]:
        """The keys that this process would accept, for receipts of revoked ones: an issuer has a few."""
        since = time.monotonic() - KEY_LIVES
        # Copied first: other threads verify meanwhile.
        verified_with = self._verified_with.copy().items()
        recent = [name for name, at in verified_with if at > since and not self.deny.denies_key(*name)]
        return [kid for _, kid in recent[-MOST_KEYS:]]

    def _renew(self, sent: _Moment, age: int) -> None:
        if not self._excluded:
            self._known = (sent, age / 1000)

    def _is_other_feed(self, page: Mapping[str, Any], sent: _Moment) -> bool:
        """Another epoch, or a read begun after the last number had come that ends below it: the ledger was restored."""
        if self._epoch == 0:
            self._epoch = page["epoch"]
        read_at = sent.monotonic - page["age"] / 1000
        return page["epoch"] != self._epoch or (page["through"] < self._applied and read_at > self._applied_at)

    def _learn(self, page: Mapping[str, Any]) -> None:
        self.deny.set_epochs(page["epochs"])
        self.resource = page.get("resource", self.resource)
        if page["age"] / 1000 > MAX_STALENESS:
            return
        self._clock = (_Moment.now(), page["now"] / 1000)
        if time.monotonic() - self._last_forgotten > 60:
            self._last_forgotten = time.monotonic()
            self.deny.forget(page["now"] / 1000)

    def _advance(self, through: int) -> None:
        if through > self._applied:
            self._applied, self._applied_at = through, time.monotonic()

    def _follow_leases(self) -> None:
        while not self._stop.wait(LEASE_EVERY):
            try:
                if self._epoch == 0:
                    self._catch_up()
                self._lease()
            except Exception as trouble:
                log.warning("No lease: %s", trouble)

    def _follow_stream(self) -> None:
        while not self._stop.wait(LEASE_EVERY):
            try:
                feed = self._feed
                with self._request(f"/stream?after={self._applied}", timeout=STREAM_TIMEOUT) as stream:
                    for line in stream:
                        if self._stop.is_set():
                            return
                        if feed != self._feed:
                            break
                        if line.startswith(b"data:"):
                            self._streamed(json.loads(line[5:]), feed)
            except Exception as trouble:
                log.info("The stream broke: %s", trouble)

    def _streamed(self, entries: list[Mapping[str, Any]], feed: int) -> None:
        """Denials count at once; the cursor moves only over entries that follow on it without a gap."""
        gap = False
        with self._lock:
            if feed != self._feed:
                return
            for entry in entries:
                self.deny.apply(entry)
                if entry["number"] <= self._applied:
                    continue
                if entry["prev"] > self._applied:
                    gap = True
                elif not gap:
                    self._advance(entry["number"])
            if gap:
                self._catch_up()

    def _request(self, path: str, method: str = "GET", body: Any = None, timeout: float = TIMEOUT):
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._credential}",
                **({} if body is None else {"Content-Type": "application/json"}),
            },
        )
        return urllib.request.urlopen(request, timeout=timeout)
