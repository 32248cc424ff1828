"""Reading XML bodies by defusedxml, and writing text into XML."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from adapters.codec import Answer, Asked
from ussd_engine import WireError

XML = "text/xml; charset=utf-8"
DEPTH_MAX = 16
_READ = ("text/xml", "application/xml")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 §2.2: no escape lets other characters in."""


def read_xml(asked: Asked, root: str) -> Element:
    """The document in a request's body.

    Args:
        root: the name its outermost element must have.

    Raises:
        WireError: another content type (415); not well formed, a document type or entity declaration, nested
            deeper than `DEPTH_MAX`, another root.
    """
    kind = asked.content_type.partition(";")[0].strip().lower()
    if kind not in _READ and not (kind.startswith("application/") and kind.endswith("+xml")):
        raise WireError("send text/xml", status=415)
    try:
        document: Element = fromstring(asked.body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise WireError("the body is not well-formed XML without declarations") from None
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise WireError("the XML is nested too deep")
        level = [child for element in level for child in element]
    if document.tag != root:
        raise WireError(f"the document is no <{root}>")
    return document


def child_text(parent: Element, name: str, limit: int = 182, *, needed: bool = False) -> str:
    """The text of a child element, blanks around it dropped; absent as empty.

    Raises:
        WireError: it comes twice, is longer than `limit`, or is empty where it is `needed`.
    """
    found = parent.findall(name)
    if len(found) > 1:
        raise WireError(f"{name} comes twice")
    text = (found[0].text or "").strip() if found else ""
    if len(text) > limit:
        raise WireError(f"{name} is longer than {limit} characters")
    if needed and not text:
        raise WireError(f"missing: {name}")
    return text


def written(text: str) -> str:
    """`text` as content of an element; characters that XML can't hold are dropped."""
    return escape(_FORBIDDEN.sub("", text))


def attribute(text: str) -> str:
    """`text` as an attribute's value, quotes included. Line feeds survive as references (XML 1.0 §3.3.3)."""
    return quoteattr(_FORBIDDEN.sub("", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def within_quotes(text: str) -> str:
    """`text` for an attribute whose quotes, of either kind, stand already; otherwise as `attribute`."""
    return escape(
        _FORBIDDEN.sub("", text), {'"': "&quot;", "'": "&apos;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
    )


def xml_answer(document: str) -> Answer:
    """A document as an answer."""
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?>{document}'.encode(), XML)
