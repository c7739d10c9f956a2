"""One client's connection, request by request.  RFC 9112 §9.

While it is READY each head is read here: answered, handed over alone, or handed over for good.  Handed over alone, its
answer is followed to its end and the connection is READY again; handed over for good, the lane is a pipe.  Octets go
over as they came.  A client that does not take its answers is read no further.
"""

import asyncio
import logging
import re
from dataclasses import replace
from enum import Enum, auto
from time import time
from typing import TYPE_CHECKING, cast

from forward_proxy.fastlane.delivering import delivered
from forward_proxy.fastlane.framing import Answered, Framer
from forward_proxy.fastlane.judging import Answer, Client, Elsewhere, judge
from forward_proxy.fastlane.pipe import Outbound, Pipe
from forward_proxy.fastlane.remembered import Remembered
from forward_proxy.fastlane.requests import ODD, Odd, Other, Plain, read
from forward_proxy.fastlane.sending import Sender
from forward_proxy.message.rawheads import FIELD_SECTION_BYTES, REQUEST_LINE_BYTES
from forward_proxy.message.socks import BY_SOCKS
from forward_proxy.policy import Foreseen
from forward_proxy.storage.pieces import Readable
from forward_proxy.traffic.recurring import Recurring

if TYPE_CHECKING:
    from forward_proxy.fastlane.lane import Lane

logger = logging.getLogger(__name__)

# A head that takes more reads than this, or is longer, is mitmproxy's to wait for or to refuse.
_MOST_READS = 16
_MOST_HEAD_BYTES = REQUEST_LINE_BYTES + FIELD_SECTION_BYTES
# What may wait behind a request that is being answered (RFC 9112 §9.3.2).
_PIPELINED_BYTES = 64 * 1024
_LIKE_A_METHOD = re.compile(rb"[A-Za-z]+(?:[ -]|\Z)")
_BARE_LF = re.compile(rb"\n(?<!\r\n)")


class Mode(Enum):
    """Whose turn it is."""

    READY = auto()
    AWAITING = auto()  # One request was handed over.
    SENDING = auto()  # Content too large to send at once.
    SWALLOWING = auto()  # A CONNECT that was answered already is handed over; its answer is not wanted.
    PIPED = auto()  # Handed over for good.
    DONE = auto()


class Conversation(asyncio.Protocol):
    """The protocol of a transport, or of the TLS on one."""

    out: Outbound
    _client: Client

    def __init__(self, lane: "Lane", client: Client | None = None) -> None:
        self._lane = lane
        self._known_client = client
        self._number = -1
        self._answers = lane.memory.answers
        self._mode = Mode.READY
        self._pending = bytearray()
        self._reads = 0
        self._held: set[str] = set()
        self._choked = False
        self._ended = False
        self._drainers: list[asyncio.Future[None]] = []
        self._pipe: Pipe | None = None
        self._framer: Framer | None = None
        self._swallowed = bytearray()
        self._sender: Sender | None = None
        self.active = True
        self._idle_ticks = 0
        self._sent_bytes = 0

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.out = transport  # type: ignore[assignment]
        peername = transport.get_extra_info("peername")
        if peername is None:  # The client has gone again already, and its address with it.
            self._mode = Mode.DONE
            self.out.abort()
            return
        by_socks = bool(transport.get_extra_info(BY_SOCKS))
        sockname = transport.get_extra_info("sockname")
        self._client = self._known_client or self._lane.client_of(peername, sockname, by_socks=by_socks)
        self._number = self._lane.memory.number_of(self._client)
        self._lane.conversations.add(self)

    def data_received(self, data: bytes) -> None:
        self.active = True
        if self._mode is Mode.READY and not self._pending:
            if self._answers_again(data):
                return
        elif self._mode is Mode.PIPED and self._pipe is not None:
            self._pipe.reader.feed_data(data)
            return
        self._pending += data
        self._reads += 1
        self._advance()

    def eof_received(self) -> bool:
        """True keeps the way to the client open."""
        self._ended = True
        if self._mode is Mode.AWAITING:
            self._hand_over_for_good()
        elif self._mode is Mode.PIPED and self._pipe is not None:
            self._pipe.reader.feed_eof()
        elif self._mode is Mode.READY:
            self._advance()
        return self._mode is not Mode.DONE

    def connection_lost(self, exc: Exception | None) -> None:
        self._mode = Mode.DONE
        self._lane.conversations.discard(self)
        if self._pipe is not None:
            self._pipe.reader.feed_eof()
        self._wake()

    def pause_writing(self) -> None:
        self._choked = True
        if self._mode is Mode.READY:
            self.hold("choked")

    def resume_writing(self) -> None:
        self._choked = False
        self.active = True
        self._wake()
        self.release("choked")
        self._advance()

    # What the pipe asks and tells.

    def hold(self, why: str) -> None:
        """Read no further until every reason to wait is gone."""
        if not self._held and not self.out.is_closing():
            self.out.pause_reading()
        self._held.add(why)

    def release(self, why: str) -> None:
        if why in self._held:
            self._held.remove(why)
            if not self._held and not self.out.is_closing():
                self.out.resume_reading()

    async def drained(self) -> None:
        """Wait until the client has taken most of what was written."""
        if self._choked and self._mode is not Mode.DONE:
            waiter = asyncio.get_running_loop().create_future()
            self._drainers.append(waiter)
            await waiter

    def answered(self, data: bytes) -> None:
        """A piece of an answer of mitmproxy's."""
        self.active = True
        if self._mode is Mode.SWALLOWING:
            self._swallow(data)
        elif self._mode is not Mode.DONE:
            self.out.write(data)
            if self._mode is Mode.AWAITING and self._framer is not None:
                match self._framer.feed(data):
                    case Answered.WHOLE:
                        self._be_ready()
                    case Answered.LAST:
                        self._hand_over_for_good()
            elif self._mode is Mode.READY:
                self._hand_over_for_good()  # Nobody asked; whoever speaks now goes on speaking.

    def left(self, pipe: Pipe) -> None:
        """mitmproxy has closed this pipe; between requests another one can take its place."""
        if pipe is self._pipe:
            self._pipe = None
            if self._mode is not Mode.READY:
                self._finish()

    def detach(self) -> asyncio.Transport | None:
        """The transport of a pipe, for good; whoever takes it sets its protocol.  None while somebody waits for it."""
        if self._mode is not Mode.PIPED or self._choked or self._client.tunnel is not None:
            return None
        self._mode = Mode.DONE
        self._lane.conversations.discard(self)
        return cast(asyncio.Transport, self.out)

    # What the lane asks.

    def take_over(self, connect: bytes, hello: bytes) -> None:
        """Hand over a CONNECT that the client has been told is open, with what it has sent inside."""
        self._mode = Mode.SWALLOWING
        self._opened_pipe().reader.feed_data(connect + hello)

    def tick(self, idle_ticks: int) -> None:
        """Called now and then: end what has been idle for so many ticks, pass on a head that does not come."""
        self._idle_ticks = 0 if self.active else self._idle_ticks + 1
        self.active = False
        if self._mode is Mode.READY and self._pending and not self._choked and self._idle_ticks >= 2:
            self._hand_over_for_good()
        elif self._mode is Mode.SENDING and self._sender is not None and self._sender.sent_bytes != self._sent_bytes:
            self._sent_bytes, self._idle_ticks = self._sender.sent_bytes, 0
        elif self._mode in (Mode.READY, Mode.SENDING) and self._idle_ticks >= idle_ticks:
            self.out.abort()

    def stop(self) -> bool:
        """End the connection if nothing is under way; whether it is ended.  Asked again until it is."""
        if self._mode is Mode.READY and not self._pending:
            self._finish()
        elif self._mode is Mode.PIPED and self._pipe is not None:
            # What has just been handed over may not have been looked at.
            quiet, self.active = not self.active, False
            if quiet and not self._lane.handover.busy(self._pipe):
                self._finish()
        return self._mode is Mode.DONE

    # One request after the other.

    def _advance(self) -> None:
        self._answer_pending()
        if self._mode is not Mode.PIPED and len(self._pending) > _PIPELINED_BYTES:
            self.hold("pipelined")
        else:
            self.release("pipelined")

    def _answer_pending(self) -> None:
        while self._mode is Mode.READY and not self._choked:
            end = self._pending.find(b"\r\n\r\n")
            if end < 0:
                self._wait_for_head()
                return
            head = bytes(self._pending[: end + 4])
            del self._pending[: end + 4]
            self._reads = 0
            if not self._answers_again(head):
                self._request(head)

    def _wait_for_head(self) -> None:
        pending = self._pending
        if not pending:
            if self._ended:
                self._finish()
        elif (
            self._ended
            or self._reads > _MOST_READS
            or len(pending) > _MOST_HEAD_BYTES
            or not _LIKE_A_METHOD.match(pending)
            or _BARE_LF.search(pending)
        ):
            self._hand_over_for_good()

    def _answers_again(self, head: bytes) -> bool:
        """Answer as the same client was answered before; False when it has to be decided."""
        answer = self._answers.get((self._number, head))
        if answer is None or self._choked:
            return False
        now = time()
        if not answer.holds(int(now), self._lane.policy()):
            return False
        self.out.write(answer.octets)
        self._lane.log.recurred(answer.recurring, now, time())
        if answer.use is not None:
            self._lane.meter.count(answer.use)
        if answer.closes:
            self._finish()
        return True

    def _request(self, head: bytes) -> None:
        now = time()
        try:
            reading: Odd | Other | Plain = read(head, self._client.tunnel)
            outcome = self._judged(reading, head, now) if isinstance(reading, Plain) else None
        except Exception:
            # Whoever it is handed to judges again, inside a guard of its own.
            logger.exception("a request could not be judged in the lane")
            reading, outcome = ODD, None
        match reading, outcome:
            case Plain(closes=closes), Answer() as answer:
                self._answer(answer, now, closes)
            case Plain(), Elsewhere(foreseen):
                self._hand_over(head, reading, foreseen)
            case Other(), _:
                self._hand_over(head, reading, None)
            case _:
                self._odd(head)

    def _judged(self, plain: Plain, head: bytes, now: float) -> Answer | Elsewhere:
        policy, sent = self._lane.policy(), plain.request.fields.get(b"proxy-authorization")
        client = self._lane.proved(self._client, sent, policy)
        if client is None:
            return Elsewhere()
        outcome = judge(plain, client, policy, self._lane.storage, now)
        # Credentials are not kept, not even as part of a request.
        if isinstance(outcome, Answer) and outcome.content is None and sent is None:
            answer = Remembered(
                outcome.octets,
                Recurring(outcome.record),
                policy,
                outcome.generation,
                int(now),
                outcome.until,
                closes=plain.closes,
                use=outcome.use,
            )
            self._lane.memory.add(self._number, head, answer)
        return outcome

    def _answer(self, answer: Answer, now: float, closes: bool) -> None:
        self.out.write(answer.octets)
        if answer.use is not None:
            self._lane.meter.count(answer.use)
        if answer.content is None:
            self._lane.log.record(replace(answer.record, ended_at=time()))
            if closes:
                self._finish()
            return
        self._mode = Mode.SENDING
        self._lane.run(self._send(answer, answer.content, closes))

    async def _send(self, answer: Answer, content: Readable, closes: bool) -> None:
        """Large content, and the record once it has gone."""
        self._sender = sender = Sender(self.out, self.drained)
        record = await delivered(answer, content, sender, self._lane.meter)
        self._sender = None
        self._lane.log.record(record)
        if self._mode is Mode.SENDING:
            if closes or record.error:
                self._finish()
            else:
                self._be_ready()

    def _odd(self, head: bytes) -> None:
        if self._pipe is None and head.startswith(b"CONNECT "):
            self.release("pipelined")
            self._lane.conversations.discard(self)
            if self._lane.begins_tunnel(self.out, self._client, head, bytes(self._pending)):
                self._mode = Mode.DONE
                return
            self._lane.conversations.add(self)
        self._pending[:0] = head
        self._hand_over_for_good()

    def _hand_over(self, head: bytes, reading: Plain | Other, foreseen: Foreseen | None) -> None:
        """This request alone; the policy need not find out again what it has found already."""
        self._framer = Framer(head_only=reading.head_only, last=reading.closes)
        pipe = self._opened_pipe()
        if foreseen is not None:
            self._lane.handover.foresee(self.out.get_extra_info("peername"), foreseen)
        self._mode = Mode.AWAITING
        pipe.reader.feed_data(head)

    def _hand_over_for_good(self) -> None:
        pipe = self._opened_pipe()
        self._mode = Mode.PIPED
        self._framer = None
        for why in ("pipelined", "choked"):
            self.release(why)
        if self._pending:
            pipe.reader.feed_data(bytes(self._pending))
            self._pending.clear()
        if self._ended:
            pipe.reader.feed_eof()

    def _opened_pipe(self) -> Pipe:
        if self._pipe is None:
            self._pipe = pipe = Pipe(self)
            task = self._lane.run(self._lane.handover.serve(pipe.reader, pipe, self._client.tunnel, self._client.known))
            task.add_done_callback(lambda _: pipe.close())
        return self._pipe

    def _be_ready(self) -> None:
        self._mode = Mode.READY
        self._framer = None
        if self._lane.stopping and not self._pending:
            self._finish()
        else:
            self._advance()

    def _swallow(self, data: bytes) -> None:
        """The answer to a CONNECT, up to its empty line; another one than was given ends the connection."""
        self._swallowed += data
        head, end, rest = bytes(self._swallowed).partition(b"\r\n\r\n")
        if not end:
            return
        if not re.match(rb"HTTP/1\.[01] 2", head):
            self._finish()
            return
        self._mode = Mode.PIPED
        if self._pending or self._ended:
            self._hand_over_for_good()
        if rest:
            self.out.write(rest)

    def _finish(self) -> None:
        self._mode = Mode.DONE
        self._pending.clear()
        if not self.out.is_closing():
            self.out.close()

    def _wake(self) -> None:
        if self._sender is not None:
            self._sender.wake()
        waiting, self._drainers = self._drainers, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
