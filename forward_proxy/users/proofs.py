"""Does this name go with this password?  Asked of bcrypt once, in a thread, and remembered for a while.

bcrypt takes 50 ms and more on purpose: never on the loop that serves others, and never twice for the same credentials,
be they right or wrong.  What is remembered is a keyed digest; it is forgotten with the file that it was found out from.
A name that nobody has costs as much time as one that somebody has: another one's hash is tried in its place.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from forward_proxy.matching.client import Unproved, User
from forward_proxy.message.basic import Credentials, read_basic
from forward_proxy.message.hosts import IPAddress
from forward_proxy.message.targets import Malformed
from forward_proxy.users.attempts import Attempts
from forward_proxy.users.htpasswd import LONGEST_PASSWORD_BYTES

REMEMBERED_S = 3600.0
_MOST_REMEMBERED = 4096
_AT_ONCE = 2
_MOST_WAITING = 64

type Proof = User | Unproved
type Hashes = Mapping[str, bytes]

WRONG = Unproved("the name or the password is wrong")


class Proofs:
    """Of one process, and on one event loop; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._hashes: Hashes = {}
        self._seen: dict[bytes, tuple[Proof, float]] = {}
        self._under_way: dict[bytes, asyncio.Task[Proof]] = {}
        self._attempts = Attempts()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bcrypt")

    def seen(self, sent: bytes, hashes: Hashes) -> Proof | None:
        """What this value of Proxy-Authorization proved before; None when it has to be proved."""
        if hashes is not self._hashes:
            self._hashes = hashes
            self._seen.clear()
        found = self._seen.get(self._digest(sent))
        return found[0] if found is not None and self._clock() < found[1] else None

    async def prove(self, sent: bytes, hashes: Hashes, address: IPAddress) -> Proof:
        """What it proves; the address is where it came from.  Raises nothing but by a fault."""
        if (known := self.seen(sent, hashes)) is not None:
            return known
        credentials = read_basic(sent)
        if isinstance(credentials, Malformed):
            return Unproved(credentials.reason)
        digest = self._digest(sent)
        if (task := self._under_way.get(digest)) is None:
            if wait_s := self._attempts.take(address, self._clock()):
                reason = f"too many wrong passwords from {address}; the next may be tried in {int(wait_s) + 1} s"
                return Unproved(reason, 429)
            if len(self._under_way) >= _MOST_WAITING:
                self._attempts.give_back(address, self._clock())
                return Unproved("too many passwords are being tried at once; try again in a moment", 429)
            task = asyncio.get_running_loop().create_task(self._tried(credentials, digest, hashes, address))
            self._under_way[digest] = task
            task.add_done_callback(lambda _: self._under_way.pop(digest, None))
        return await asyncio.shield(task)  # Others may wait for it when this client has gone.

    def close(self) -> None:
        """Try nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _tried(self, credentials: Credentials, digest: bytes, hashes: Hashes, address: IPAddress) -> Proof:
        entry = hashes.get(credentials.user)
        tried = entry or self._decoy(credentials.user, hashes)
        loop = asyncio.get_running_loop()
        fits = await loop.run_in_executor(self._threads, _fits, credentials.password, tried) if tried else False
        proof: Proof = User(credentials.user, entry) if fits and entry is not None else WRONG
        if isinstance(proof, User):
            self._attempts.give_back(address, self._clock())
        if hashes is self._hashes:
            self._remember(digest, proof)
        return proof

    def _remember(self, digest: bytes, proof: Proof) -> None:
        while len(self._seen) >= _MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[digest] = (proof, self._clock() + REMEMBERED_S)

    def _decoy(self, name: str, hashes: Hashes) -> bytes:
        """The same one each time for a name that nobody has, of a cost that somebody's has."""
        if not hashes:
            return b""
        place = int.from_bytes(self._digest(name.encode())) % len(hashes)
        return tuple(hashes.values())[place]

    def _digest(self, octets: bytes) -> bytes:
        return hashlib.blake2b(octets, key=self._key, digest_size=32).digest()


def _fits(password: bytes, hashed: bytes) -> bool:
    """In a thread.  bcrypt refuses what it would cut short; that takes no less time than another wrong password."""
    fits = bcrypt.checkpw(password[:LONGEST_PASSWORD_BYTES], hashed)
    return fits and len(password) <= LONGEST_PASSWORD_BYTES
