"""What did the origins see?  Every request of every origin, its field lines exactly as they came in, in order."""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as an origin read it; `target` is the request target as received, field names keep their case.

    `connection` is the peer's port, where the origin tells: the same for requests that came the same way.
    """

    scheme: str
    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    connection: int = 0

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def host(self) -> str:
        """The host of Host or :authority, without its port."""
        authority = self.get("host") or self.get(":authority") or ""
        return authority.rpartition(":")[0] or authority

    def get(self, name: str) -> str | None:
        """All lines of one name joined as RFC 9110 §5.3 has it; None when there are none."""
        values = [value for other, value in self.fields if other.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name.lower() for name, _ in self.fields)


class Ledger:
    """Requests in the order in which the origins read them; safe to use from every origin's thread."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._lock = Lock()

    def record(
        self, scheme: str, method: str, target: str, fields: Iterable[tuple[str, str]], connection: int = 0
    ) -> None:
        with self._lock:
            self._seen.append(Seen(scheme, method, target, tuple(fields), connection))

    def naming(self, token: str) -> list[Seen]:
        """Requests whose target contains the token: each test has its own, so that tests may share the site."""
        with self._lock:
            return [seen for seen in self._seen if token in seen.target]

    def count(self, token: str) -> int:
        return len(self.naming(token))
