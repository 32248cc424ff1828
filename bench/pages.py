"""The pages as Google's lighthouse judges them: performance, accessibility, best practices, each 0 to 1.

    python -m bench.pages [--phone]    installs lighthouse 12 into a throw-away folder; wants chromium

The pages are served over a small world of the tests' and looked at as somebody who is signed in. `--phone`
plays lighthouse's slow phone (four times slower processor, slow 4G); without it, a desk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from invoicing import SessionKind
from tests.cabinet.browser.site import Site, served
from tests.cabinet.web import PASSWORD
from tests.invoicing.world import SHOP

WANTED: Final = 0.95
CATEGORIES: Final = ("performance", "accessibility", "best-practices")
PAGES: Final = (
    ("/cabinet/signin", None),
    ("/cabinet/", SessionKind.WEB),
    ("/cabinet/invoices/new", SessionKind.WEB),
    ("/cabinet/reports", SessionKind.WEB),
    ("/cabinet/settings", SessionKind.WEB),
    ("/app/", SessionKind.APP),
    ("/app/invoices/new", SessionKind.APP),
)
_COOKIES: Final = {SessionKind.WEB: "__Host-session", SessionKind.APP: "__Host-app"}
_FLAGS: Final = "--headless=new --no-sandbox --disable-gpu"


def report(*, phone: bool) -> None:
    """Print a row a page."""
    print(f"\nPages by lighthouse, {'a slow phone' if phone else 'a desk'} (wanted {WANTED})")
    with tempfile.TemporaryDirectory(prefix="pages-") as made:
        folder = Path(made)
        _run(
            "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "lighthouse@12"
        )
        with served(Site(folder)) as site:
            site.people.sign_up(SHOP, password=PASSWORD)
            site.busy_week()
            for path, kind in PAGES:
                cookie = (
                    "" if kind is None else f"{_COOKIES[kind]}={site.people.sign_in(SHOP, kind=kind).token}"
                )
                scores = _judged(folder, site.url + path, cookie, phone=phone)
                poor = "" if min(scores.values()) >= WANTED else "   below"
                print(f"{path:26}" + "".join(f"{scores[name]:16.2f}" for name in CATEGORIES) + poor)


def _judged(folder: Path, url: str, cookie: str, *, phone: bool) -> dict[str, float]:
    command = [
        str(folder / "node_modules" / ".bin" / "lighthouse"),
        url,
        "--quiet",
        "--output=json",
        f"--chrome-flags={_FLAGS}",
        f"--only-categories={','.join(CATEGORIES)}",
        *([f"--extra-headers={json.dumps({'Cookie': cookie})}"] if cookie else []),
        *([] if phone else ["--preset=desktop"]),
    ]
    told = json.loads(_tried(*command))
    if told["finalDisplayedUrl"] != url:
        raise RuntimeError(f"{url} led to {told['finalDisplayedUrl']}")
    return {name: float(told["categories"][name]["score"]) for name in CATEGORIES}


def _tried(*command: str) -> str:
    """Lighthouse now and then loses the trace of a page that loads slowly, and asks to be run again."""
    try:
        return _run(*command)
    except RuntimeError:
        return _run(*command)


def _run(*command: str) -> str:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    environment = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("--phone", action="store_true")
    report(phone=parser.parse_args(arguments).phone)


if __name__ == "__main__":
    main()
