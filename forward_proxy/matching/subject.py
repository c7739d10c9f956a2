"""What a matcher looks at: the facts of one exchange in canonical form, all known before any rule is tried."""

from dataclasses import dataclass
from typing import Literal

from forward_proxy.message.hosts import IPAddress

type Resource = Literal[
    "document", "frame", "script", "style", "image", "font", "media", "fetch", "websocket", "object", "other"
]


@dataclass(frozen=True, slots=True)
class Subject:
    """One exchange as rules see it.

    `path` is canonical, without query; `url` the canonical target URI as text.  `page` is the host of the page that
    made the request, None when the request does not tell.  `third_party` is None when it cannot be told.
    `content_type` is None until the response is known, `request_types` is Content-Type and Accept of the request with a
    comma in between, None where nobody knows.  `user` is None when no name was proved, `listener` the port that the
    client is connected to.  `at` is POSIX seconds.  A tunnel whose content is not read
    has method CONNECT, path "" and url "scheme://authority": what is inside cannot be told.
    """

    method: str
    scheme: str
    host: str
    port: int
    path: str
    url: str
    at: int
    client: IPAddress | None = None
    resource: Resource = "other"
    page: str | None = None
    third_party: bool | None = None
    content_type: str | None = None
    request_types: str | None = None
    user: str | None = None
    listener: int | None = None

    @property
    def is_tunnel(self) -> bool:
        return self.method == "CONNECT"


@dataclass(frozen=True, slots=True)
class RuleRef:
    """Where a rule stands: file as the operator named it, line from 1, and its id if it has one.

    Of a grant (access/grants.py) it is the word `grant` and its number.
    """

    file: str
    line: int
    id: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"
