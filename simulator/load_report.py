"""A load's figures as a table for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from simulator.load_figures import Figures, Histogram

PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)
_BAR: Final = 40


def as_json(figures: Figures, seconds: float, about: dict[str, Any]) -> dict[str, Any]:
    """All of it; `about` says what was loaded, and how. Latencies are milliseconds."""
    return about | {
        "dialogues": figures.dialogues,
        "errors": figures.errors,
        "turns": figures.turns,
        "seconds": round(seconds, 3),
        "turns_per_s": round(figures.turns / seconds, 1) if seconds else 0.0,
        "latency_ms": _latency(figures.latency),
        "histogram_ms": figures.latency.rows(),
        "causes": [
            {"cause": name, "count": cause.count, "example": cause.example}
            for name, cause in _by_count(figures)
        ],
        "scenarios": [
            {
                "name": part.name,
                "dialogues": part.dialogues,
                "errors": part.errors,
                "turns": part.latency.count,
                "latency_ms": _latency(part.latency),
            }
            for part in figures.parts
        ],
    }


def as_text(figures: Figures, seconds: float) -> str:
    """Figures, a histogram of latencies, and the errors by cause with an example of each."""
    return "\n".join([*_head(figures, seconds), *_bars(figures.latency), *_causes(figures)])


def _head(figures: Figures, seconds: float) -> Iterator[str]:
    rate = figures.turns / seconds if seconds else 0.0
    yield (
        f"{figures.dialogues} dialogues, {figures.errors} errors; "
        f"{figures.turns} turns in {seconds:.1f} s, {rate:.0f} a second"
    )
    yield ""
    names = ["all", *(part.name for part in figures.parts)] if len(figures.parts) > 1 else ["all"]
    width = max(len(name) for name in (*names, "milliseconds"))
    titles = [f"p{percent:g}" for percent in PERCENTILES]
    yield f"{'milliseconds':{width}}" + "".join(f"{title:>9}" for title in ("mean", *titles, "max"))
    histograms = [figures.latency, *(part.latency for part in figures.parts)]
    for name, latency in zip(names, histograms, strict=False):
        values = (latency.mean_ms, *(latency.percentile_ms(one) for one in PERCENTILES), latency.max_us / 1e3)
        yield f"{name:{width}}" + "".join(f"{value:9.2f}" for value in values)


def _bars(latency: Histogram) -> Iterator[str]:
    rows = latency.octaves()
    most = max((number for _, number in rows), default=0)
    if most:
        yield ""
        yield "  up to ms     turns"
    for upper_ms, number in rows:
        bar = "#" * max(round(_BAR * number / most), 1 if number else 0)
        yield f"{upper_ms:10.3g}{number:10}  {bar}".rstrip()


def _causes(figures: Figures) -> Iterator[str]:
    for name, cause in _by_count(figures):
        yield ""
        yield f"{cause.count} x {name}"
        if cause.example != name:
            yield from (f"  {line}" for line in cause.example.split("\n") if line)


def _by_count(figures: Figures) -> list[tuple[str, Any]]:
    return sorted(figures.causes.items(), key=lambda item: -item[1].count)


def _latency(latency: Histogram) -> dict[str, float]:
    found = {f"p{percent:g}": latency.percentile_ms(percent) for percent in PERCENTILES}
    return {"mean": round(latency.mean_ms, 3), **found, "max": latency.max_us / 1e3}
