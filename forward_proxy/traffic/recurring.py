"""An exchange that comes again and again, alike but for its times."""

from forward_proxy.traffic.record import Record


class Recurring:
    """The same client, request and answer at other times; `record` has the times of one of them."""

    __slots__ = ("record",)

    def __init__(self, record: Record) -> None:
        self.record = record
