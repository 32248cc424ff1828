"""SMS: the worst case of a text outside menus, in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ussd_engine.actions import Shape
from ussd_engine.compiler.sizes.domains import Domain, of_shape
from ussd_engine.compiler.sizes.forced import Forced, flat, named
from ussd_engine.compiler.sizes.meter import Meter
from ussd_engine.text.cost import first_ucs2
from ussd_engine.text.template import Template, slots


@dataclass(frozen=True, slots=True)
class TextSize:
    """The worst case of a text that is sent as SMS.

    `characters`: septets, or UCS-2 units, of the dearest text. `parts`: SMS that carry it.
    """

    encoding: Literal["gsm7", "ucs2"]
    characters: int
    parts: int
    forced_by: Forced | None


def text_size(text: str, variables: Mapping[str, Shape | Sequence[str]]) -> TextSize:
    """Prove the size of one SMS text with `{variables}`.

    Args:
        variables: for each, what it holds as actions declare it, or texts that are as long as any it can be.

    Raises:
        TemplateError: the text can't be read.
        KeyError: it has a variable that is not given.
    """
    template = Template(text)
    known = {
        name: (of_shape(given) if isinstance(given, Shape) else Domain(Shape("choice", 0), tuple(given)),)
        for name, given in variables.items()
    }
    if missing := sorted({slot.name for slot in slots(template.parts)} - known.keys()):
        raise KeyError(missing[0])
    meter = Meter({}, {})
    cost = meter.text(template, known)
    forced = None
    if cost.is_ucs2:
        written = "".join(part for part in flat(template) if isinstance(part, str))
        index = first_ucs2(written)
        if index is not None:
            forced = Forced(named(written[index]))
        else:
            name = next(s.name for s in slots(template.parts) if meter.slot(s, known).units > 0)
            forced = Forced(f"the value of {{{name}}}")
    count = cost.units if cost.is_ucs2 else max(cost.septets, 0)
    return TextSize(cost.encoding, count, cost.sms_parts, forced)
