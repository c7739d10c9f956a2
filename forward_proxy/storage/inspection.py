"""What is stored?  Answers from the index alone, whether or not the proxy runs.

The index is opened for reading, for one question at a time: nothing is made, repaired or moved aside, and no index is
an empty store.  What a running proxy has decided and not yet written is not seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.storage.faults import STORAGE_FAULTS
from forward_proxy.storage.options import Options
from forward_proxy.storage.reader import DATABASE, Reader
from forward_proxy.storage.records import RECORD_LIMIT_BYTES, decode, key_prefix
from forward_proxy.storage.store import Listed


@dataclass(frozen=True, slots=True)
class StoreReader:
    """Reads the store kept in `folder`; whatever is wrong with it is a StorageError."""

    folder: Path

    @property
    def exists(self) -> bool:
        """Whether there is an index; one that cannot be looked at is there."""
        try:
            (self.folder / DATABASE).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            pass
        return True

    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...]:
        """All responses stored under this key, newest first."""
        with self._asking() as reader:
            rows = reader.of_key(key_prefix(str(key)), RECORD_LIMIT_BYTES, Options().max_per_key) if reader else []
        records = [decode(octets, response_id, key) for response_id, octets in rows]
        return tuple(record.stored for record in records if record is not None)

    def scan(self) -> Iterator[Listed]:
        """Every stored response that can be read, oldest first."""
        with self._asking() as reader:
            for row in reader.rows() if reader else ():
                if (record := decode(row.tag, row.key)) is not None:
                    stored = record.stored
                    yield Listed(stored, stored.content_bytes + row.record_bytes, row.used_at(stored.response_at))

    def count_and_size(self) -> tuple[int, int]:
        """How many responses, and bytes of index and content files together."""
        with self._asking() as reader:
            return reader.count_and_size() if reader else (0, 0)

    @contextmanager
    def _asking(self) -> Iterator[Reader | None]:
        if not self.exists:
            yield None
            return
        try:
            reader = Reader(self.folder)
            try:
                yield reader
            finally:
                reader.close()
        except STORAGE_FAULTS as fault:
            raise StorageError(f"{self.folder / DATABASE}: cannot be read: {fault}") from fault
