"""How a browser is started, and what is looked for on every page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).with_name("vendored") / "axe-4.14.1.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SMALL = """
() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
  .filter(one => one.offsetParent && !one.closest('p, dd, .row, .skip'))
  .map(one => [(one.closest('label') || one).getBoundingClientRect(), one.outerHTML.slice(0, 90)])
  .filter(([box, _]) => box.height && box.height < 43.5)
  .map(([box, html]) => box.height + ' ' + html)
"""


@dataclass(frozen=True)
class Look:
    """The size of the window, and the scheme of its system."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]

    @property
    def is_phone(self) -> bool:
        return self.width < 600


def looked_over(page: Page) -> None:
    """Nothing that axe-core knows is wrong, nothing is wider than the window, nothing too small to be hit.

    Contrasts are judged in the other scheme too, and the scheme of before comes back.
    """
    page.evaluate("window.scrollTo(0, 0)")  # what lies under a bar cannot be judged
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.emulate_media(reduced_motion="reduce")  # without motion a colour is there at once
    _faultless(page, _RULES)
    wide, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window, f"{page.url} is {wide} wide in a window of {window}"
    assert page.evaluate(_SMALL) == [], page.url
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    page.emulate_media(color_scheme="light" if dark else "dark")
    _faultless(page, ["color-contrast"])
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.evaluate("getComputedStyle(document.body).color")  # the colours are back before motion is
    page.emulate_media(reduced_motion="no-preference")


def _faultless(page: Page, rules: list[str]) -> None:
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})"
        ".then(done => done.violations.map("
        "one => ({id: one.id, nodes: one.nodes.map(node => node.html.slice(0, 160))})))",
        rules,
    )
    assert found == [], f"{page.url}: {found}"
