"""The rooms of the house: who may import whom. `lint-imports` holds the arrows; the rest is read here."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE = ("ussd_engine/core", "ussd_engine/text", "ussd_engine/compiler")
SHELL = {
    "asyncio", "socket", "selectors", "ssl", "http", "urllib.request", "urllib.error", "threading",
    "multiprocessing", "subprocess", "os", "pathlib", "io", "shutil", "tempfile", "time", "random", "secrets",
    "uuid", "logging.handlers",
}  # fmt: skip
WIRE_LIBRARIES = {"aiohttp", "smpplib"}
PURE_CODECS = {"smpplib.command", "smpplib.command_codes", "smpplib.consts"}
"""Tables and classes; what opens sockets is `smpplib.client`."""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module imported in `path`, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide which room is meant"
            yield node.lineno, node.module or ""


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def strangers(paths: Iterator[Path], unwanted: set[str]) -> list[str]:
    """`file:line: imports name` for each import of a module in `unwanted`, or of one inside it."""
    return [
        f"{path.relative_to(ROOT)}:{line}: imports {name}"
        for path in paths
        for line, name in imports(path)
        if any(name == one or name.startswith(f"{one}.") for one in unwanted)
    ]


def test_the_contracts_of_import_linter_are_kept() -> None:
    command = [Path(sys.executable).with_name("lint-imports")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_only_the_stores_speak_redis() -> None:
    found = strangers(
        modules("ussd_engine", "adapters", "simulator", "invoicing", "cabinet", "app"), {"redis", "hiredis"}
    )

    assert [line for line in found if not line.startswith("ussd_engine/stores/")] == []
    assert found, "the store is there, so the check sees it"


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_touches_no_clock_file_or_socket(room: str) -> None:
    assert strangers(modules(room), SHELL | WIRE_LIBRARIES) == []


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_opens_nothing_and_awaits_nothing(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open")
    ]

    assert found == []


def test_a_codec_is_pure() -> None:
    codecs = (path for path in modules("adapters") if path.name == "wire.py")

    found = strangers(codecs, SHELL | WIRE_LIBRARIES)

    assert [line for line in found if line.rpartition(" ")[2] not in PURE_CODECS] == []


def test_an_adapter_knows_no_other_adapter() -> None:
    folders = sorted(path for path in (ROOT / "adapters").iterdir() if (path / "wire.py").exists())
    found = [
        line
        for folder in folders
        for line in strangers(
            modules(f"adapters/{folder.name}"),
            {f"adapters.{other.name}" for other in folders if other != folder},
        )
    ]

    assert found == []


def test_the_domain_speaks_no_http_redis_or_ussd() -> None:
    rooms = {"aiohttp", "redis", "http", "urllib", "asyncio", "ussd_engine", "adapters", "simulator", "app"}

    assert strangers((p for p in modules("invoicing") if "processors" not in p.parts), rooms) == []


def test_sql_is_written_in_one_folder() -> None:
    handles = {"Connection", "Engine"}  # what is passed on to the storage; a statement needs more
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules("invoicing", "app", "adapters", "simulator", "ussd_engine")
        if "storage" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sqlalchemy"
        if not {alias.name for alias in node.names} <= handles
    ]

    assert found == []


def test_menus_hold_no_code() -> None:
    assert list(modules("menus")) == []


def test_only_the_program_imports_the_simulator() -> None:
    assert strangers(modules("ussd_engine", "adapters", "invoicing"), {"simulator"}) == []
