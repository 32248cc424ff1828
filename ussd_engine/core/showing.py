"""What the subscriber gets to see of a state: its screen, or the page of a list once its rows are there."""

from __future__ import annotations

from ussd_engine.core.events import ActionDone, Ask, Close, Effect, Run
from ussd_engine.core.screens import ROWS_MAX, is_plain, list_page, pages
from ussd_engine.core.service import End, Listing, Shown
from ussd_engine.core.walk import Walk


def show(walk: Walk, state: Shown) -> Effect:
    """Show a state; a list asks for its rows first."""
    if isinstance(state, Listing):
        return fetch(walk, state)
    session, service = walk.session, walk.service
    cached = None
    if not walk.note and session.page == 0:
        key = (state.id, session.language, bool(session.history), walk.octets)
        cached = service.screens.get(key)
        if cached is None and is_plain(state):
            laid_out = pages(service, session, state, octets=walk.octets)
            if len(laid_out) == 1:
                cached = service.screens[key] = laid_out[0]
    if cached is not None:
        return Close(cached) if isinstance(state, End) else Ask(cached)
    laid_out = pages(service, session, state, note=walk.note, octets=walk.octets)
    session.page = min(session.page, len(laid_out) - 1)
    text = laid_out[session.page]
    ends = isinstance(state, End) and session.page == len(laid_out) - 1
    return Close(text) if ends else Ask(text)


def fetch(walk: Walk, state: Listing) -> Run:
    """Ask for the list page that begins at the present cursor."""
    cursors = walk.session.cursors
    args = walk.arguments(state.args)
    args["after"] = cursors[-1] if cursors else None
    args["limit"] = state.rows_max or ROWS_MAX
    return Run(state.action, state.name, walk.session.answers, args)


def show_rows(walk: Walk, state: Listing, done: ActionDone) -> Effect | None:
    """Show the rows that came; None when the dialogue moved on instead: there were none, or one to pick."""
    session = walk.session
    first = len(session.cursors) <= 1
    if not done.rows and first:
        walk.fire("=none")
        return None
    if state.picks_only_row and first and len(done.rows) == 1 and not done.more and state.variable:
        session.variables[state.variable] = done.rows[0].id
        walk.fire("=one")
        return None
    page = list_page(
        walk.service, session, state, done.rows, more=done.more, note=session.note, octets=walk.octets
    )
    session.note, session.rows, session.more = "", list(page.ids), page.more
    last = state.ends_on_last and not page.more
    walk.fire("=last" if last else "=page")
    return Close(page.text) if last else Ask(page.text)
