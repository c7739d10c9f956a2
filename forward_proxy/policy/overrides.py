"""Which entry of `cache:` holds for an exchange?  The first that matches, as everywhere.

It is chosen with the request, and again once a response is known, stored or received: an entry with `content_type` can
come first only then.  What had to be decided with the request stays as it was: the key.
"""

from collections.abc import Sequence
from dataclasses import replace

from forward_proxy import caching
from forward_proxy.caching import Options, Override, StoredResponse
from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.subjects import with_response
from forward_proxy.message.heads import RequestHead, ResponseHead


class Overrides:
    """The entries as the options that each leads to."""

    def __init__(self, choices: Sequence[Choice[Override]], options: Options) -> None:
        self._otherwise = options
        self._choices = tuple(
            Choice(replace(options, override=choice.value), choice.matcher, choice.where, choice.reason)
            for choice in choices
        )
        self._need_response = any(choice.matcher.needs_response for choice in choices)
        self.any_keys = any(choice.value.key is not None for choice in choices)

    def of_request(self, subject: Subject) -> Options:
        """The options for a request."""
        choice = first_match(self._choices, subject)
        return choice.value if choice else self._otherwise

    def of_response(self, options: Options, subject: Subject, response: ResponseHead) -> Options:
        """The options for this response to a request that has those."""
        if not self._need_response:
            return options
        chosen = self.of_request(with_response(subject, response))
        key = options.override.key if options.override else None
        if key is None or chosen.override is None:
            return chosen
        return replace(chosen, override=replace(chosen.override, key=key))

    def of_stored(
        self, options: Options, subject: Subject, request: RequestHead, held: Sequence[StoredResponse], now: int
    ) -> Options:
        """The options for the stored response that the request would be answered with."""
        if not self._need_response or not (matches := caching.matching(request, held, now, options)):
            return options
        response = ResponseHead(matches[0].status, matches[0].fields)
        return self.of_response(self.of_request(subject), subject, response)
