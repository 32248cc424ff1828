"""The handset as a program of the terminal: phones side by side, and what the network does to them."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.css.query import NoMatches
from textual.widgets import Static

from simulator.faults import OPERATORS, Fault
from simulator.network import Network
from simulator.script import transcript
from simulator.subscriber import Subscriber
from simulator.ui import keys, paint
from simulator.ui.sheets import Ask, FramesSheet, Sheet, help_text
from simulator.ui.widgets import Bar, Pane, PhoneKey, PhoneView, Tabs
from simulator.wires.wire import Leaving, NoService
from ussd_engine import WireError

if TYPE_CHECKING:
    from simulator.replaying import Replay
    from simulator.script_replay import Frame

PHONE_COLUMNS: Final = 34
WIDE_PHONE_COLUMNS: Final = 42
PANEL_COLUMNS: Final = 32
NARROW: Final = 70
"""Columns below which one phone has them all: a panel beside it could not be read."""
LOW: Final = 22
"""Lines below which a screen has those of the keypad, whose keys are on the keyboard too."""
SIDE_BY_SIDE: Final = 100
"""Columns from which phones stand side by side."""
TALL: Final = 38
"""Lines from which keys have frames."""
ROOMY: Final = 140
"""Columns from which phones are wider."""
BEAT_S: Final = 0.25
_FRAMES_SHOWN: Final = 4
NOTE_S: Final = 6.0


class HandsetApp(App[None]):
    """The whole screen."""

    CSS_PATH = "handset.tcss"
    TITLE = "ussd handset"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = [
        *(Binding(key.key, key.action, key.help, priority=key.priority) for key in keys.ALL),
        # Enter typed before the screen was there: the terminal has made a line feed of it.
        Binding("ctrl+j", "call", "Call"),
    ]

    def __init__(
        self, network: Network, *, folder: Path | None = None, secrets: Mapping[str, str] | None = None
    ) -> None:
        """`network`: with one phone at least. `folder`: where things are saved; else the current one.

        `secrets`: what scenarios type without saying it.
        """
        super().__init__()
        self.secrets = dict(secrets or {})
        self._saved: Path | None = None
        self._replay: Replay | None = None
        self._stepping = False
        self.network = network
        self.folder = folder or Path()
        self.active: Subscriber = network.phones[0]
        self._views: dict[Subscriber, PhoneView] = {}
        self._beat = 0
        self._panel_on = True
        self._noted_until = 0

    # --- the screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield Pane(id="head")
        yield Tabs(id="tabs")
        with Horizontal(id="middle"):
            with Horizontal(id="phones"):
                for phone in self.network.phones:
                    yield self._view(phone)
            with VerticalScroll(id="panel", can_focus=False):
                yield Pane(id="told")
        yield Static(id="note", markup=False)
        yield Bar(id="faults")
        yield Bar(id="keys")

    async def on_mount(self) -> None:
        """Open the wire; from now on whatever changes is drawn."""
        self.network.changed = self.redraw
        try:
            await self.network.open()
        except NoService as error:
            self.note(str(error))
        self.run_worker(self.network.watch(), exclusive=False)
        self.set_interval(BEAT_S, self._tick)
        self._arrange()
        self.redraw()

    async def on_unmount(self) -> None:
        """Let go of the wire."""
        self.network.changed = lambda: None
        await self.network.close()

    def on_resize(self) -> None:
        """Another layout where the room asks for it."""
        self.call_later(self._arrange)  # `size` is the old one until Textual has seen to the event itself

    def redraw(self) -> None:
        """Show what is new."""
        with contextlib.suppress(NoMatches):
            seen = self._replay.stepper.frame if self._replay is not None else None
            is_back = self._replay is not None and self._replay.looking_back and seen is not None
            for phone, view in self._views.items():
                view.set_class(phone is self.active, "active")
                instead = None
                if is_back and seen is not None and phone.handset.number == seen.number:
                    instead = paint.looked_at(seen, phone.wire.screen_octets)
                view.draw(self._beat, instead)
            base = self.screen_stack[0]
            base.query_one("#head", Pane).show(self._head())
            base.query_one(Tabs).phones(self.network.phones, self.active)
            told = base.query_one("#told", Pane)
            told.show(self._panel(seen, told.content_size.width))
            armed = self.active.carrier.armed
            base.query_one("#faults", Bar).keys(
                [
                    (
                        key,
                        (armed is not None and keys.fault_of(key) == armed.name)
                        or (key.action == "down" and self.network.down),
                    )
                    for key in keys.FAULTS
                ]
            )
            shown = (*keys.REPLAY, *keys.MORE) if self._replay is not None else (*keys.PHONE, *keys.MORE)
            base.query_one("#keys", Bar).keys([(key, False) for key in shown if key.short])

    def note(self, text: str) -> None:
        """Say something for a while."""
        note = self.screen_stack[0].query_one("#note", Static)
        note.update(text)
        note.add_class("on")
        self._noted_until = self._beat + int(NOTE_S / BEAT_S)

    def _head(self) -> Text:
        return Text(f"ussd handset  {self.network.wire.state}  ·  {self.active.carrier.operator}")

    def _panel(self, seen: Frame | None, width: int) -> Text:
        """All of the side panel: a replay's step above it; where there is room, the last frames below."""
        replay, recorded = self._replay, len(self.network.recorder.moments)
        text = Text() if replay is None else paint.replay(f"{replay.position}/{len(replay)}", seen)
        text += paint.panel(self.active, self.network.wire.state, recorded, width)
        if self.size.height >= TALL:
            text += paint.wire(self.network.frames.kept[-_FRAMES_SHOWN:], max(width, PANEL_COLUMNS - 4))
        return text

    def _view(self, phone: Subscriber) -> PhoneView:
        view = self._views[phone] = PhoneView(phone)
        return view

    def _tick(self) -> None:
        if not self.is_headless and _terminal_is_gone():
            self.exit()  # Textual's reader would spin on the end of its input
            return
        self._beat += 1
        for phone in self.network.phones:
            phone.tick()
        if self._beat == self._noted_until:
            self.screen_stack[0].query_one("#note", Static).remove_class("on")
        self.redraw()

    def _arrange(self) -> None:
        """Which phones are seen, and whether the panel is, in the room there is."""
        base, width = self.screen_stack[0], self.size.width
        phones = self.network.phones
        is_wide = width >= SIDE_BY_SIDE
        has_panel = self._panel_on and width >= NARROW
        columns = WIDE_PHONE_COLUMNS if width >= ROOMY else PHONE_COLUMNS
        fit = max(1, (width - (PANEL_COLUMNS if has_panel else 0)) // columns) if is_wide else 1
        at = phones.index(self.active)
        first = min(max(0, at - fit + 1), max(0, len(phones) - fit)) if at >= fit else 0
        for index, phone in enumerate(phones):
            self._views[phone].set_class(not first <= index < first + fit, "hidden")
        base.set_class(len(phones) > fit, "tabbed")
        base.set_class(not is_wide, "compact")
        base.set_class(not has_panel, "nopanel")
        base.set_class(self.size.height >= TALL, "tall")
        base.set_class(self.size.height < LOW, "low")
        base.set_class(width >= ROOMY, "roomy")

    # --- keys of the phone --------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Whatever is printed on a key is typed."""
        if event.character is not None and event.is_printable and len(self.screen_stack) == 1:
            event.stop()
            self.active.handset.press(event.character)
            self.redraw()

    def on_paste(self, event: events.Paste) -> None:
        """All of it at once."""
        if len(self.screen_stack) == 1:
            self.active.handset.press(event.text.strip("\r\n"))
            self.redraw()

    def on_phone_key_pressed(self, event: PhoneKey.Pressed) -> None:
        """A key of the keypad was clicked."""
        self._take(event.phone)
        if event.key in ("call", "clear", "end"):
            getattr(self, f"action_{event.key}")()
        else:
            self.active.handset.press(event.key)
            self.redraw()

    def on_phone_view_chosen(self, event: PhoneView.Chosen) -> None:
        """A phone was clicked."""
        self._take(event.phone)

    def action_call(self) -> None:
        """The green key."""
        self.active.press_call()

    def action_end(self) -> None:
        """The red key."""
        self.active.press_end()

    def action_clear(self) -> None:
        """The C key."""
        self.active.handset.clear()
        self.redraw()

    def action_clear_line(self) -> None:
        """C held down."""
        self.active.handset.clear_line()
        self.redraw()

    def action_older(self) -> None:
        """Up."""
        self.active.handset.older()
        self.redraw()

    def action_newer(self) -> None:
        """Down."""
        self.active.handset.newer()
        self.redraw()

    def action_messages(self) -> None:
        """The newest message; once more leaves them."""
        handset = self.active.handset
        if handset.reading is None:
            handset.read(0)
        else:
            handset.reading = None
        self.redraw()

    # --- phones -------------------------------------------------------------------------------------------

    def action_next_phone(self) -> None:
        """Take the next one in hand."""
        self._step(1)

    def action_previous_phone(self) -> None:
        """Take the one before."""
        self._step(-1)

    def action_take(self, index: int) -> None:
        """Take the one of that number."""
        self._take(self.network.phones[index])

    def action_new_phone(self) -> None:
        """Ask for a number."""

        def add(number: str | None) -> None:
            if number:
                self._add(number)

        self.push_screen(Ask("Number of the new phone", ""), add)

    def _add(self, number: str) -> None:
        try:
            phone = self.network.phone(number.strip().removeprefix("+")) or self.network.add(number.strip())
        except WireError as error:
            self.note(str(error))
            return
        if phone not in self._views:
            self.screen_stack[0].query_one("#phones").mount(self._view(phone))
        self._take(phone)

    def _step(self, by: int) -> None:
        phones = self.network.phones
        self._take(phones[(phones.index(self.active) + by) % len(phones)])

    def _take(self, phone: Subscriber) -> None:
        self.active = phone
        self._arrange()
        self.redraw()

    # --- the network --------------------------------------------------------------------------------------

    def action_arm(self, fault: str) -> None:
        """The next turn suffers it."""
        self.active.carrier.arm(Fault[fault])
        self.redraw()

    def action_abort(self, why: str) -> None:
        """The dialogue ends now."""
        if not self.active.abort(Leaving[why]):
            self.note("no dialogue is open on this phone")

    def action_down(self) -> None:
        """Cut the gateway off, and let it be reached again."""
        self.network.cut(down=not self.network.down)

    def action_operator(self) -> None:
        """Take on the next one's manners."""
        at = OPERATORS.index(self.active.carrier.operator)
        self.network.use(OPERATORS[(at + 1) % len(OPERATORS)])

    # --- looking closer -----------------------------------------------------------------------------------

    def action_panel(self) -> None:
        """Side panel on or off."""
        if self.size.width < NARROW:
            self.note(f"The side panel needs {NARROW} columns")
            return
        self._panel_on = not self._panel_on
        self._arrange()

    def action_help(self) -> None:
        """The keys."""
        self.push_screen(Sheet(help_text()))

    def action_frames(self) -> None:
        """The raw frames, newest last."""
        self.push_screen(FramesSheet(self.network.frames.kept))

    # --- keeping it ---------------------------------------------------------------------------------------

    def action_transcript(self) -> None:
        """Save what was done as text."""
        recorder = self.network.recorder
        self._save(
            "txt",
            lambda path: path.write_text(transcript(recorder.moments, recorder.names), encoding="utf-8"),
        )

    def action_picture(self) -> None:
        """Save the screen as SVG."""
        self._save("svg", lambda path: path.write_text(self.drawn(), encoding="utf-8"))

    def drawn(self) -> str:
        """The screen as SVG."""
        from simulator.ui.picture import picture

        # The one way to the cells that are shown; Textual's own export, which brings web fonts, takes it too.
        update = self.screen._compositor.render_full_update()  # noqa: SLF001
        lines = [[segment for strip in line for segment in strip] for line in update.strips]
        return picture(lines, self.size.width, self.title)

    def action_record(self) -> None:
        """Save what was done as a scenario."""
        # Only now: scenarios bring YAML and a schema's library along.
        from simulator.script_file import NothingRecorded, scenario

        try:
            text = scenario(self.network.recorder, f"Recorded {datetime.now().astimezone():%d.%m.%Y %H:%M}")
        except NothingRecorded as error:
            self.note(str(error))
            return
        self._save("yaml", lambda path: path.write_text(text, encoding="utf-8"))

    # --- replaying ----------------------------------------------------------------------------------------

    def action_replay(self) -> None:
        """Ask for a scenario's file."""

        def begin(name: str | None) -> None:
            if name:
                self.replay_file(Path(name.strip()))

        last = self._saved if self._saved is not None and self._saved.suffix == ".yaml" else ""
        self.push_screen(Ask("Scenario to replay", str(last)), begin)

    def replay_file(self, path: Path) -> None:
        """Begin to replay a file's first scenario."""
        from simulator.replaying import NoReplay, Replay, scenarios

        try:
            found = scenarios(path)
            self._replay = Replay(self.network, found[0], self.secrets)
        except (NoReplay, WireError) as error:
            self.note(str(error))
            return
        for phone in self.network.phones:
            if phone not in self._views:
                self.screen_stack[0].query_one("#phones").mount(self._view(phone))
        self.note(f"{found[0].name}: → plays a step, ← looks back, ^G plays all, ^E leaves")
        self._arrange()
        self.redraw()

    async def action_step_forward(self) -> None:
        """Play or look at the next step."""
        await self._replayed(lambda replay: replay.forward())

    async def action_go(self) -> None:
        """Play to the end."""
        await self._replayed(lambda replay: replay.to_the_end())

    def action_step_back(self) -> None:
        """Look at the step before."""
        if self._replay is not None:
            self._replay.back()
            self._look_at_step()

    def action_leave_replay(self) -> None:
        """The phones are free again."""
        self._replay = None
        self.redraw()

    async def _replayed(self, step: Callable[[Replay], Awaitable[object]]) -> None:
        replay = self._replay
        if replay is None or self._stepping:
            return
        self._stepping = True

        async def play() -> None:
            try:
                await step(replay)
            finally:
                self._stepping = False
            if replay.trouble:
                self.note(replay.trouble)
            self._look_at_step()

        self.run_worker(play(), exclusive=False)

    def _look_at_step(self) -> None:
        frame = self._replay.stepper.frame if self._replay is not None else None
        phone = self.network.phone(frame.number) if frame is not None else None
        self._take(phone or self.active)

    def _save(self, suffix: str, write: Callable[[Path], object]) -> None:
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        path = self.folder / f"handset-{stamp}.{suffix}"
        try:
            write(path)
        except OSError as error:
            self.note(f"{error.strerror}: {path}")
            return
        self._saved = path
        self.note(f"saved {path}")


def _terminal_is_gone() -> bool:
    """Whether the window has been closed: what is left of a terminal then only ever hangs up."""
    poll = select.poll()
    poll.register(sys.__stdin__ or 0, 0)
    return any(found & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, found in poll.poll(0))
