"""Traces: a collector of our own gets what a served process sends; nothing secret is in it."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.watching.spans import Spans
from app.watching.tracing import Tracing
from invoicing import Notice, SendLater
from tests.conftest import Start
from tests.journal.dialogues import CALLER, KEY, Ticking, declared, shipped
from tests.served import CUSTOMER, MERCHANT, PIN, run_ussd
from ussd_engine import Action, Call, Engine, Kind, StoreError, Turn
from ussd_engine.stores.memory import MemoryStore


class Collector(HTTPServer):
    """Takes OTLP over HTTP, as a collector of OpenTelemetry does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.raw = b""
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def below(self, parent: Span) -> list[Span]:
        """The spans under one, in the order in which they began."""
        found = [one for one in self.spans if one.parent_span_id == parent.span_id]
        return sorted(found, key=lambda one: one.start_time_unix_nano)


class _Take(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_told: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def told(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value for one in span.attributes}


def test_a_served_turn_is_a_tree_down_to_its_statements_and_holds_no_secret(
    start_demo: Start, collector: Collector
) -> None:
    demo = start_demo(env={"USSD_TRACES__ENDPOINT": collector.url})
    demo.caller(MERCHANT).dial("*880**0*901234567*50000#")
    demo.caller(CUSTOMER).dial("*880#", "1", "1", "1", PIN)
    assert len(demo.inbox(CUSTOMER)) == 2
    assert demo.end() == 0  # what was not sent yet is sent at the end
    turns = [span for span in collector.spans if span.name == "turn"]
    issued = next(span for span in turns if told(span)["ussd.msisdn"] == "99890***2233")
    under = collector.below(issued)
    named = [span.name for span in under]

    assert len(turns) == 6
    assert named[:2] == ["sessions.load", "step"]
    assert named[-2:] == ["step", "sessions.save"]
    assert [name for name in named if name.startswith("action")] == [
        "action subscribers.role",
        "action invoices.issue",
    ]
    assert told(issued) | {"ussd.gateway": "africastalking", "ussd.event": "begin"} == told(issued)
    assert told(issued)["ussd.state"] == "merchant.issued"
    assert len(told(issued)["ussd.dialogue"]) == 16
    issue = next(span for span in under if span.name == "action invoices.issue")
    statements = collector.below(issue)
    assert told(issue)["ussd.result"] == "Issued"
    assert any("INSERT INTO invoice" in told(span)["db.query.text"] for span in statements)
    assert {span.name.partition(" ")[0] for span in statements} == {"sql"}
    assert all(span.parent_span_id for span in collector.spans if span.name.startswith("sql"))
    sent = next(span for span in collector.spans if span.name == "sms send")
    assert told(sent)["ussd.msisdn"] == "99890***4567"
    for secret in (CUSTOMER, MERCHANT, "901234567", PIN, "50000", "MAGAZIN-24"):
        assert secret.encode() not in collector.raw


def test_no_share_of_turns_is_sent_where_none_is_asked_for(start_demo: Start, collector: Collector) -> None:
    env = {"USSD_TRACES__ENDPOINT": collector.url, "USSD_TRACES__SHARE": "0"}
    demo = start_demo(env=env)
    demo.caller(MERCHANT).dial("*880#")
    demo.end()

    assert collector.spans == []


def test_a_collector_that_is_gone_costs_no_turn(start_demo: Start) -> None:
    demo = start_demo(env={"USSD_TRACES__ENDPOINT": "http://127.0.0.1:1/v1/traces"})

    assert demo.caller(MERCHANT).dial("*880#").startswith("CON ")


class Spied:
    """A tracing whose spans are kept here."""

    def __init__(self) -> None:
        self.kept = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self.tracing = Tracing(provider)

    def ended(self, name: str) -> list[str]:
        """How spans of a name ended: the class of the error, or nothing."""
        return [
            str(span.status.description or "") for span in self.kept.get_finished_spans() if span.name == name
        ]


async def test_a_failing_action_and_store_are_told_by_the_class_of_the_error_alone() -> None:
    spied = Spied()

    async def fails(_call: Call, **_args: object) -> None:
        raise ValueError("998901234567 typed 24680")

    class Gone(MemoryStore):
        async def load(self, key: str) -> None:
            raise StoreError(f"no {key}")

    table: dict[str, Action] = {}
    for name, action in declared().items():
        table[name] = replace(action, function=fails)
    engine = spied.tracing.engine_type(
        shipped(), store=MemoryStore(), actions=table, key=KEY, clock=Ticking()
    )
    gone = spied.tracing.engine_type(shipped(), store=Gone(), actions=table, key=KEY, clock=Ticking())
    for one in (engine, gone):
        await one.handle(Turn("here", "d", CALLER, Kind.BEGIN, "*880#"))

    assert spied.ended("action subscribers.role") == ["ValueError"]
    assert spied.ended("sessions.load") == ["", "StoreError"]
    assert "24680" not in str([span.to_json() for span in spied.kept.get_finished_spans()])


def test_a_notice_that_must_wait_says_so_in_its_span() -> None:
    spied = Spied()

    class Busy:
        def send(self, notice: Notice) -> str:
            raise SendLater("the window is full")

    with pytest.raises(SendLater):
        spied.tracing.sender(Busy()).send(Notice(1, "e", CUSTOMER, "paid", "ru", "text"))
    assert spied.ended("sms send") == ["SendLater"]


async def test_what_a_thread_does_belongs_to_the_action_that_waits_for_it() -> None:
    spied = Spied()

    async def in_thread(call: object, *args: object) -> object:
        return await asyncio.to_thread(threading.Thread, None) and call(*args)  # type: ignore[operator]

    def work() -> None:
        with spied.tracing.span("inner"):
            pass

    with spied.tracing.span("outer") as outer:
        await spied.tracing.in_thread(in_thread)(work)  # type: ignore[arg-type]
    inner = spied.kept.get_finished_spans()[0]
    assert inner.parent is not None
    assert inner.parent.span_id == outer.get_span_context().span_id


def test_without_an_endpoint_nothing_of_opentelemetry_is_even_loaded() -> None:
    code = "import sys, app.wiring; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert Spans.engine_type is Engine


def test_an_endpoint_without_the_packages_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").touch()  # found first, and empty
    ended = run_ussd(
        "demo", "--headless", "--port", "0", "--data", str(tmp_path / "data"),
        env={"PYTHONPATH": str(tmp_path), "USSD_TRACES__ENDPOINT": "http://127.0.0.1:4318/v1/traces"},
    )  # fmt: skip

    assert ended.returncode == 2
    assert ended.stderr == "ussd: [traces] needs OpenTelemetry: pip install 'ussd-engine[traces]'\n"
