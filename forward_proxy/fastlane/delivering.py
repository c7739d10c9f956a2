"""An answer whose content is too large to go out with its head: sent, counted for budgets, and what became of it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import time

from forward_proxy.access.budgets import Use
from forward_proxy.access.rules import Denied
from forward_proxy.errors import StorageError
from forward_proxy.fastlane import records
from forward_proxy.fastlane.judging import Answer
from forward_proxy.fastlane.sending import Sender
from forward_proxy.policy.meter import Meter, Passage
from forward_proxy.storage.pieces import Readable
from forward_proxy.traffic.record import Record

logger = logging.getLogger(__name__)


async def delivered(answer: Answer, content: Readable, sender: Sender, meter: Meter) -> Record:
    """Send the content; the record of the exchange, with an error when not all of it was sent."""
    error = None
    with content, _metered(sender, meter, answer.use) as cut:
        try:
            await sender.send(content)
        except StorageError as fault:
            logger.warning("%s: %s", answer.record.target, fault)
            error = ("proxy_internal_error", "stored content is damaged")
            sender.abort()  # What was sent must not look complete.
    if cut:
        error = ("http_request_denied", f"cut: {cut[0].reason}")
    elif error is None and sender.sent_bytes < answer.record.response_bytes:
        error = ("connection_terminated", "the client went away")
    ended = replace(answer.record, ended_at=time(), response_bytes=sender.sent_bytes)
    if cut:
        ended = records.cut(ended, cut[0])
    return replace(ended, error=error[0], error_detail=error[1]) if error else ended


@contextmanager
def _metered(sender: Sender, meter: Meter, use: Use | None) -> Iterator[list[Denied]]:
    """Count what is sent for budgets; the verdict by which it was cut, if it is."""
    cut: list[Denied] = []
    if use is None:
        yield cut
        return

    def end(denied: Denied) -> None:
        cut.append(denied)
        sender.abort()

    passage = Passage(use.accounts, lambda: sender.sent_bytes, end)
    meter.begin(passage)
    try:
        yield cut
    finally:
        meter.end(passage)
