"""Two engines for all tests of a worker: the same policy, the same stored responses."""

from collections.abc import Iterator

import pytest

from tests.policy.building import policy

from .pair import Pair, running_pair


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("drivers")
    (folder / "none").mkdir()
    with running_pair(policy(folder / "none"), folder) as running:
        yield running
