"""One record per exchange: written by the driver that answered, kept in SQLite, asked by command line and console."""

from forward_proxy.traffic.log import Health, TrafficLog
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.record import Record

__all__ = ["Health", "Options", "Record", "TrafficLog"]
