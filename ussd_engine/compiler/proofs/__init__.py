"""What is proved of a service before anyone dials it, beyond the form of its files.

Every proof yields problems with the place of the state they are about. They look at what the author wrote:
ways that every screen has (wrong answers, aborts) prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from ussd_engine.compiler.draft import Draft
from ussd_engine.compiler.edges import Edge
from ussd_engine.compiler.proofs.actions import actions_fit
from ussd_engine.compiler.proofs.calls import calls_return
from ussd_engine.compiler.proofs.formats import formats_fit
from ussd_engine.compiler.proofs.pushes import pushes_ask_no_secret
from ussd_engine.compiler.proofs.secrets import secrets_kept
from ussd_engine.compiler.proofs.shortcuts import shortcut_warnings
from ussd_engine.compiler.proofs.subject import Subject
from ussd_engine.compiler.proofs.switches import switches_lead_on
from ussd_engine.compiler.proofs.targets import targets_exist
from ussd_engine.compiler.proofs.variables import set_before_read
from ussd_engine.compiler.proofs.ways import all_reachable, chains_are_short, ends_in_reach, no_loops
from ussd_engine.core.errors import Problem

__all__ = ["prove", "shortcut_warnings"]


def prove(draft: Draft, start: str, moves: Iterable[Edge]) -> list[Problem]:
    """Return everything that can be proved wrong; `moves` are the ways that the author wrote."""
    subject = Subject(draft, start, tuple(moves))
    problems = [*targets_exist(subject), *actions_fit(subject), *secrets_kept(subject)]
    if any(problem.rule == "missing-target" for problem in problems):
        return problems  # with holes in it, nothing sure can be said about the whole graph
    problems += calls_return(subject)
    problems += switches_lead_on(subject)
    problems += all_reachable(subject)
    problems += ends_in_reach(subject)
    problems += pushes_ask_no_secret(subject)
    loops = list(no_loops(subject))
    problems += loops or chains_are_short(subject)
    if not any(problem.rule == "unknown-action" for problem in problems):
        problems += set_before_read(subject)
        problems += formats_fit(subject)
    return problems
