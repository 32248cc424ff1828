"""A bank's switch as card processor: ISO 8583 over TCP.

`wire` makes and reads messages, `verdicts` says what an answer means, `inflight` matches answers to requests,
`link` keeps the line up, `processor` is the `CardProcessor` over it.
"""

from invoicing.processors.iso8583.inflight import Stray
from invoicing.processors.iso8583.processor import HostOptions, Iso8583Host, StrayAnswer

__all__ = ["HostOptions", "Iso8583Host", "Stray", "StrayAnswer"]
