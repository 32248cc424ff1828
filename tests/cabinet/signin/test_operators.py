"""Operators of the back office: let in and shut out from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from invoicing import Done, NewSession, Refusal, Refused
from tests.cabinet.web import HERE, PASSWORD, People
from tests.served import run_ussd


def test_a_blocked_operator_is_out_at_once_and_in_again_with_a_new_password(people: People) -> None:
    people.accounts.set_operator("bank01", PASSWORD)
    new = people.accounts.sign_in_operator("bank01", PASSWORD, HERE)
    assert isinstance(new, NewSession)

    assert people.accounts.block_operator("bank01", by="chief") == Done("bank01")
    assert people.accounts.session(new.token) is None
    assert people.accounts.sign_in_operator("bank01", PASSWORD, HERE) == Refused(Refusal.BLOCKED)
    assert people.accounts.operators() == (("bank01", False),)

    people.accounts.set_operator("bank01", "another good password")
    assert isinstance(people.accounts.sign_in_operator("bank01", "another good password", HERE), NewSession)
    assert people.world.sound()


def test_s18_an_operators_new_password_ends_his_sessions(people: People) -> None:
    people.accounts.set_operator("bank01", PASSWORD)
    new = people.accounts.sign_in_operator("bank01", PASSWORD, HERE)
    assert isinstance(new, NewSession)
    people.accounts.set_operator("bank01", "another good password")

    assert people.accounts.session(new.token) is None


@pytest.mark.parametrize("name", ["", "ab", "a b c", "банк01", "x" * 41, "a;b"])
def test_a_name_is_letters_and_digits(people: People, name: str) -> None:
    assert people.accounts.set_operator(name, PASSWORD) == Refused(Refusal.BAD_NAME)


def test_nobody_blocks_whom_there_is_none_of(people: People) -> None:
    assert people.accounts.block_operator("nobody") == Refused(Refusal.NOT_FOUND)


def test_operators_are_made_listed_and_blocked_by_commands(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    weak = run_ussd("operator", "add", "bank01", *data, typed="12345678\n", cwd=tmp_path)
    added = run_ussd("operator", "add", "bank01", *data, typed=f"{PASSWORD}\n", cwd=tmp_path)
    blocked = run_ussd("operator", "block", "bank01", *data, cwd=tmp_path)
    nobody = run_ussd("operator", "block", "bank02", *data, cwd=tmp_path)
    listed = run_ussd("operator", "list", *data, cwd=tmp_path)

    assert (weak.returncode != 0, "too common" in weak.stderr) == (True, True)
    assert added.stdout == "operator bank01 may sign in\n"
    assert blocked.stdout == "operator bank01 is shut out\n"
    assert "no operator bank02" in nobody.stderr
    assert listed.stdout == "bank01  blocked\n"
    assert PASSWORD not in added.stdout + added.stderr
