"""What a person types into the browser's own dialogue for a name and password, where no page has its fields.

Told over the Chrome DevTools Protocol, domain Fetch, on a connection of its own beside the driver's.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.request import urlopen

from selenium.webdriver.remote.webdriver import WebDriver
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect


@contextmanager
def signing_in(driver: WebDriver, user: str, password: str) -> Iterator[list[str]]:
    """While it lasts, the page that is shown answers each dialogue so, once; who asked each time, as `Proxy http`."""
    asked: list[str] = []
    with connect(_page(driver), max_size=None, proxy=None) as devtools:
        _send(devtools, "Fetch.enable", handleAuthRequests=True, patterns=[{"urlPattern": "*"}])
        thread = Thread(target=_answer, args=(devtools, user, password, asked))
        thread.start()
        try:
            yield asked
        finally:
            devtools.close()
            thread.join()


def _page(driver: WebDriver) -> str:
    address = driver.capabilities["goog:chromeOptions"]["debuggerAddress"]
    with urlopen(f"http://{address}/json") as answer:
        pages = json.load(answer)
    return str(next(page["webSocketDebuggerUrl"] for page in pages if page["id"] == driver.current_window_handle))


def _answer(devtools: ClientConnection, user: str, password: str, asked: list[str]) -> None:
    answered: set[str] = set()
    try:
        for text in devtools:
            said = json.loads(text)
            told: dict[str, Any] = said.get("params", {})
            match said.get("method"):
                case "Fetch.requestPaused":
                    _send(devtools, "Fetch.continueRequest", requestId=told["requestId"])
                case "Fetch.authRequired":
                    challenge = told["authChallenge"]
                    asked.append(f"{challenge['source']} {challenge['scheme']} {challenge['realm']}")
                    again = told["requestId"] in answered
                    answered.add(told["requestId"])
                    answer = {"response": "CancelAuth"} if again else _typed(user, password)
                    _send(devtools, "Fetch.continueWithAuth", requestId=told["requestId"], authChallengeResponse=answer)
    except ConnectionClosed:
        pass


def _typed(user: str, password: str) -> dict[str, str]:
    return {"response": "ProvideCredentials", "username": user, "password": password}


def _send(devtools: ClientConnection, method: str, **params: object) -> None:
    devtools.send(json.dumps({"id": 1, "method": method, "params": params}))
