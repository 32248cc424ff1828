"""Telling somebody of each statement that goes to the database; statements hold placeholders, no values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

Began = Callable[[str], object]
"""Takes a statement with its placeholders; what it returns is handed to `Ended`."""
Ended = Callable[[object, str], None]
"""Takes what `Began` returned, and the class of the error, empty where there was none."""


def watch_statements(engine: Engine, began: Began, ended: Ended) -> None:
    """Call `began` and `ended` around every statement, in the thread that waits for it."""

    def before(
        _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool
    ) -> None:
        context.watched = began(statement)

    def after(
        _connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
    ) -> None:
        ended(context.watched, "")

    def failed(context: Any) -> None:
        execution = context.execution_context
        if execution is not None and hasattr(execution, "watched"):
            ended(execution.watched, type(context.original_exception).__name__)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)
