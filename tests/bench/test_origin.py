"""The origin of our own answers as nginx would, for machines without it and for answers that are late."""

import http.client
import ssl
from pathlib import Path

from bench.origin import HOST, running_origin


def test_files_are_hits_or_misses_in_the_clear_and_in_tls(tmp_path: Path) -> None:
    with running_origin(tmp_path / "origin", {"1k": b"x" * 1024, "zeros": 300_000}, delay_ms=0) as origin:
        context = ssl.create_default_context(cafile=str(origin.ca_file))
        for connection in (
            http.client.HTTPConnection(HOST, origin.http, timeout=20),
            http.client.HTTPSConnection(HOST, origin.https, timeout=20, context=context),
            http.client.HTTPSConnection(HOST, origin.tunnel, timeout=20, context=context),
        ):
            answers = []
            for method, path in (
                ("GET", "/hit/1k/1"),
                ("GET", "/miss/zeros/1"),
                ("POST", "/sent/"),
                ("GET", "/hit/2k/1"),
            ):
                connection.request(method, path, b"taken" if method == "POST" else None)
                answer = connection.getresponse()
                answers.append((answer.status, answer.headers["Cache-Control"], len(answer.read())))
            connection.close()
            assert answers == [
                (200, "max-age=86400", 1024),
                (200, "no-store", 300_000),
                (200, "no-store", 0),
                (404, "max-age=86400", 0),
            ]
