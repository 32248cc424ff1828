"""Each rule of the compiler, with a menu that breaks it; ¦ stands where the problem is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from ussd_engine import Action, Amount, Call, Max, MenuError, Problem, Rows, Secret, check, compile_menus
from ussd_engine.actions import declared
from ussd_engine.core.arriving import HOPS_MAX
from ussd_engine.core.session import state_id
from ussd_engine.core.step import ACTIONS_MAX


@dataclass(frozen=True)
class Issued:
    number: Annotated[int, Max(999_999)]


@dataclass(frozen=True)
class Refused:
    pass


@dataclass(frozen=True)
class Item:
    id: Annotated[str, Max(20, "id")]
    number: Annotated[int, Max(999_999)]


async def issue(call: Call, amount: Amount) -> Issued | Refused:
    return Issued(1)


async def items(call: Call, after: str | None, limit: int) -> Rows[Item]:
    return Rows()


async def enter(call: Call, pin: Secret) -> Issued:
    return Issued(1)


ACTIONS: dict[str, Action] = {
    "shop.issue": declared("shop.issue", issue, changes=True),
    "shop.items": declared("shop.items", items),
    "shop.enter": declared("shop.enter", enter),
}

HEAD = 'menu: m\nservice_code: "*123#"\nstart: home\n'
SUM = "  home: {ask: Sum, as: sum, type: {money: {min: 1, max: 9}}, goto: act}\n"
ACT = "  act: {do: shop.issue, with: {amount: sum}, on: {issued: done, refused: done}}\n"
DONE = "  done: {end: Bye}\n"
PIN = "  home: {ask: PIN, as: pin, type: {pin: {digits: 5}}, goto: act}\n"
ENTER = "  act: {do: shop.enter, with: {pin: pin}, on: {issued: done}}\n"
ONE_OPTION = "  home: {text: Hi, options: [{text: Go, goto: done}]}\n"


def menu(*states: str, head: str = HEAD) -> str:
    return f"{head}states:\n{''.join(states)}"


def asked(kind: str) -> str:
    return menu(f"  home: {{ask: X, as: x, type: {kind}, goto: done}}\n", DONE)


LIST = "  home: {{list: shop.items, row: '{{row.number}}', none: done{}}}\n"

WRONG = [
    # --- YAML
    ("yaml", HEAD + "states:\n¦\thome: {end: Hi}\n", "cannot start any token", "Tabs can't indent"),
    ("yaml", menu("  home: {end: Pay¦: now}\n"), "did not find expected ','", "needs quotes"),
    ("yaml", menu("  home:\n    end: Pay¦: now\n"), "mapping values are not allowed", "needs quotes"),
    ("yaml", menu("  home: {end: ¦@shop}\n"), "cannot start any token", "needs quotes"),
    ("yaml", menu('  home: {end: ¦"Hi}\n', DONE), "unexpected end of stream", "never closed"),
    ("yaml", menu("  home: {end: #1 in town}\n", "  done¦: {end: Bye}\n"), "did not find expected", "In line 5 all from '#1'"),
    ("yaml", menu("  home: {end: Hi¦\x07}\n"), "control characters", "Delete the invisible"),
    ("yaml", menu("  home: {end: Hi¦\ud800}\n"), "U+D800", "UTF-8"),
    ("yaml", menu(DONE) + "¦---\nmenu: n\n", "another document", "a file of its own"),
    ("yaml", "menu: m\nservice_code: *123¦#\n", "while scanning an alias", '"*880#"'),
    ("alias", menu("  home: {end: ¦*hi}\n"), "an alias", '"*880#"'),
    ("alias", menu("  home: &h {end: Hi}\n", "  b: ¦*h\n"), "an alias", "write it out"),
    ("too-deep", f"menu: m\nstates: {'{a: ' * 24}¦{{a: b}}{'}' * 24}\n", "24 levels", "no more than six"),
    ("too-large", "¦" + "#" * 4_000_001, "4000001 characters", "Split"),
    ("empty", "¦# nothing\n", "empty", "menu: name"),
    ("duplicate-key", menu(DONE, "  ¦done: {end: Hi}\n"), "here and in line 5", "Rename"),
    ("key-type", menu("  home: {¦{name}: x, end: Hi}\n"), "a key is", "needs quotes"),
    # --- the shape
    ("unknown-field", menu("  home: {end: Hi, ¦frob: 1}\n"), "`frob`", "Known are: back, end"),
    ("unknown-field", menu("  home: {ask: X, as: x, ¦typ: {}, goto: home}\n"), "`typ`", "Did you mean 'type'?"),
    ("unknown-field", menu(DONE, head=HEAD + "¦langauges: [en]\n"), "`langauges`", "'languages'"),
    ("unknown-field", menu("  home: {ask: X, as: x, ¦options: [], type: {text: {max: 5}}, goto: home}\n"),
     "`options`", "this one has `ask`"),
    ("unknown-field", asked("{money: {min: 1, ¦maxx: 5}}"), "`maxx`", "'max'"),
    ("missing-field", menu("  ¦home: {ask: X, as: x, goto: home}\n"), "`type` is missing", "Add it"),
    ("missing-field",
     menu("  home: {do: any.get, on: {told: done}}\n", "  done: {end: '{x}'}\n",
          head=HEAD + "actions: {any.get: {http: 'https://x.example/', returns: {told: {set: {¦x: {from: x}}}}}}\n"),
     "`max` is missing", "the most characters"),
    ("state-kind", menu("  ¦home:\n"), "none of `ask`", "ends"),
    ("empty-list", menu("  home: {call: done, ¦on: {}}\n", DONE), "`on` is empty", "at least one"),
    ("bad-value", "menu: m\nservice_code:¦ #123\n", "`service_code` is empty", '"*123#"'),
    ("bad-value", "menu: m\nservice_code: ¦880\n", "'880' can't stand for `service_code`", '"*123#"'),
    ("bad-value", "menu: ¦Shop\n", "'Shop' can't stand for `menu`", "small letters"),
    ("bad-value", menu("  ¦Home Page: {end: Hi}\n"), "'Home Page' can't be a name", "small letters"),
    ("bad-value", menu("  home: {text: Hi, options: [{text: Go, goto: ¦to the end}]}\n"), "`goto`", "shop.home"),
    ("bad-value", menu("  home: {end: {en: one, ¦three}}\n"), "'three' is no language", "comma needs quotes"),
    ("bad-value", menu("  home: {end: ¦{name}}\n"), "a mapping, not a text", '"{name}"'),
    ("bad-value", menu("  home: {end: ¦[name]}\n"), "a list, not a text", "needs quotes"),
    ("bad-value", menu("  home: {end: {en: ¦{name}}}\n"), "the text in 'en'", "needs quotes"),
    ("bad-value", menu("  home: {end: {¦english: Hi}}\n"), "'english' is no language", "uz-Cyrl"),
    ("bad-value", asked("{money: {min: ¦one, max: 5}}"), "a whole number, not 'one'", "docs/menus.md"),
    ("bad-value", asked("{integer: {max: ¦1:30}}"), "a whole number, not '1:30'", "docs/menus.md"),
    ("bad-value", asked(f"{{integer: {{max: ¦{'9' * 5000}}}}}"), "a smaller number", "docs/menus.md"),
    ("bad-value", asked("{pin: {digits: ¦3}}"), "`digits` can't be '3'", "greater than or equal to 4"),
    ("bad-value", asked("{msisdn: {region: ¦uz}}"), "'uz'", "ISO 3166"),
    ("bad-value", asked("{msisdn: {region: UZ, other_than: ¦me}}"), "'me'", "'caller'"),
    ("bad-value", menu("  home: {end: Hi, back: ¦maybe}\n"), "`true` or `false`", "docs/menus.md"),
    ("bad-value", "menu: m\nstates: ¦none\n", "needs fields under it", "docs/menus.md"),
    ("bad-value", menu("  home: {end: Hi}\n", head=HEAD + "words: {str: ¦x}\n"), "`str` needs fields", "docs/menus.md"),
    ("bad-value", menu("  home: {end: Hi}\n", head=HEAD + "words: {t: {str: ¦[x]}}\n"), "`str` is a list", "needs quotes"),
    ("bad-value", menu("  home: {switch: caller, on: {str: ¦A b}}\n"), "'A b' can't stand for `str`", "small letters"),
    ("bad-value", "¦hello\n", "`the file` needs fields", "docs/menus.md"),
    # --- a service
    ("service-code", "¦menu: m\nstart: home\nstates:\n" + DONE, "no file has", '"*123#"'),
    ("start", 'menu: m\n¦service_code: "*123#"\nstates:\n' + DONE, "no `start`", "start: home"),
    ("missing-target", 'menu: m\nservice_code: "*123#"\nstart: ¦hom\nstates:\n  home: {end: Hi}\n', "'hom'",
     "Did you mean 'm.home'?"),
    ("service-keys", menu("  home: {end: Hi}\n", head=HEAD + "keys: ¦{back: 9, home: 9}\n"), "the same", "one each"),
    ("reserved", menu("  home: {end: Hi}\n", "  ¦back: {end: Hi}\n"), "a way to go", "Rename"),
    ("reserved", asked("{text: {max: 5}}").replace("as: x", "as: ¦caller"), "who is in the dialogue", "another name"),
    ("reserved", menu(LIST.format(", as: ¦caller, goto: done"), DONE), "who is in the dialogue", "another name"),
    ("unknown-zone", menu("  home: {end: Hi}\n", head=HEAD + "zone: ¦Mars\n"), "'Mars'", "Asia/Tashkent"),
    ("unknown-says", menu("  home: {end: Hi}\n", head=HEAD + "says: {¦ovr: Bye}\n"), "'ovr'", "'over'"),
    ("unknown-variable", menu("  home: {end: Hi}\n", head=HEAD + 'says: {over: ¦"{min}"}\n'), "'min'", "none"),
    # --- texts
    ("missing-language", menu("  home: {end: ¦{en: Hi}}\n", head=HEAD + "languages: [en, ru]\n"), "no ru", "`ru: …`"),
    ("missing-language", menu("  home: {end: ¦Hi}\n", head=HEAD + "languages: [en, ru]\n"), "in one language",
     "{en: …, ru: …}"),
    ("missing-language", menu("  home: {end: {all: Hi}}\n", head=HEAD + "languages: ¦[fr]\n"), "'fr'", "`says:`: choice.unknown"),
    ("unknown-language", menu("  home: {end: {en: Hi, ¦ru: Да}}\n"), "'ru'", "`languages:`"),
    ("unknown-language", menu("  home: {end: {en: yes, ¦no}}\n"), "'no'", "comma"),
    ("template", menu("  home: {end: ¦'Hi {name'}\n"), "'{' without its partner", "'{{'"),
    ("template", menu("  home: {end: ¦'{sum|mony}'}\n"), "no format is named 'mony'", "money"),
    ("template", menu("  home: {end: ¦'Press [1]'}\n"), "without a variable", "'[['"),
    ("template", menu("  home: {end: Hi}\n", head=HEAD + "words: {w: {a: ¦'{x}'}}\n"), "can't hold variables", "texts"),
    ("backslash", menu("  home: {end: ¦'one\\ntwo'}\n"), "only inside double quotes", 'Write "one'),
    ("empty-text", menu('  home: {end: ¦""}\n'), "empty", "Write it"),
    ("duplicate-name", menu("  home: {end: Hi}\n", head=HEAD + "words: {¦money: {a: b}}\n"), "'money'", "another name"),
    # --- states
    ("type", asked("{text: {max: 5}, money: {min: 1, max: 5}}").replace("type:", "¦type:"), "money and text", "Types are"),
    ("type", asked("{money: {min: 9, max: 5}}").replace("type:", "¦type:"), "9 is above max 5", "Swap"),
    ("type", asked("{choice: {a: x, A: y}}").replace("type:", "¦type:"), "only in case", "Keep one"),
    ("type", asked("{choice: {}}").replace("type:", "¦type:"), "without choices", "List"),
    ("type", asked("{msisdn: {region: XX}}").replace("type:", "¦type:"), "'XX'", "ISO 3166"),
    ("option-key", menu("  home: {text: Hi, options: [{text: A, goto: done}, ¦{text: B, key: 1, goto: done}]}\n", DONE),
     "the key 1 is taken", "another `key:`"),
    ("option-key", menu("  home: {text: Hi, options: [¦{text: A, key: 98, goto: done}]}\n", DONE), "turns pages", "keys"),
    ("option-key", menu("  home: {text: Hi, keys: {more: 1}, options: [¦{text: A, goto: done}]}\n", DONE), "turns pages",
     "keys"),
    ("option-key", menu(LIST.format(", as: x, goto: done, keys: {more: ¦1}"), DONE), "chooses a row", "another key"),
    ("option-key", menu(LIST.format(", as: x, goto: done, keys: {more: ¦99}"), DONE), "leads back", "another key"),
    ("option-key", menu("  home: {text: Hi, keys: {more: ¦0}, options: [{text: A, goto: done}]}\n", DONE), "leads back",
     "another key"),
    ("option-key", menu(LIST.format(", as: x, goto: done").replace("  home", "  ¦home"), DONE,
                        head=HEAD + "keys: {back: 9, more: 8}\n"), "row 8 of this list can't be chosen", "`rows: 7`"),
    ("option-key", menu(LIST.format(", as: x, goto: done, keys: {more: 98}").replace("  home", "  ¦home"), DONE,
                        head=HEAD + "keys: {back: 9, more: 1}\n"), "row 9 of this list can't be chosen", "`rows: 8`"),
    ("list", menu("  ¦home: {list: shop.items, row: '{row.number}', as: x, none: done}\n", DONE), "belong together", "both"),
    ("list", menu(LIST.format(", as: x, goto: done, last: ¦end"), DONE), "nothing on it can be chosen", "last: end"),
    ("target", menu("  home: {ask: X, as: x, type: {text: {max: 5}}, goto: ¦back}\n", DONE), "only an option", "Name a state"),
    ("target", menu(SUM, "  act: {do: shop.issue, with: {amount: sum}, on: {issued: ¦start, refused: done}}\n", DONE),
     "only an option can go `start`", "Name a state"),
    # --- shortcuts
    ("shortcut", menu(SUM, ACT, DONE, head=HEAD + 'shortcuts: [{dial: ¦"0*{sum}", goto: act}]\n'), "begin with '*'", "Fixed"),
    ("shortcut", menu(SUM, ACT, DONE, head=HEAD + 'shortcuts: [{dial: ¦"*{sum}*1", goto: act}]\n'), "no shortcut", "Fixed"),
    ("shortcut", menu(SUM, ACT, DONE, head=HEAD + 'shortcuts: [{dial: ¦"*{sum}*{sum}", goto: act}]\n'), "twice", "once"),
    ("shortcut-field", menu(SUM, ACT, DONE, head=HEAD + 'shortcuts: [{dial: ¦"*0*{sm}", goto: done}]\n'), "'sm'", "'sum'"),
    ("shortcut-overlap",
     menu(SUM, ACT, DONE, head=HEAD + 'shortcuts: [{dial: "*0*{sum}", goto: act}, {dial: ¦"*0*...", goto: done}]\n'),
     "the same digits", "Change one"),
    ("missing-target", menu(SUM, ACT, DONE, head=HEAD + 'shortcuts: [{dial: "*0*{sum}", goto: ¦acct}]\n'), "'*0*{sum}'",
     "'act'"),
    ("secret", menu(PIN, ENTER, DONE, head=HEAD + 'shortcuts: [{dial: ¦"*0*{pin}", goto: done}]\n'), "in the open", "asked for"),
    # --- ways
    ("missing-target", menu("  home: {text: Hi, options: [{text: Go, goto: ¦don}]}\n", DONE),
     "option 'Go' of state 'home' goes to 'don'", "Did you mean 'done'? Otherwise add a `don:` state"),
    ("missing-target", menu(SUM, "  act: {do: shop.issue, with: {amount: sum}, on: {issued: ¦dne, refused: done}}\n", DONE),
     "'dne'", "'done'"),
    ("missing-target", menu("  home: {ask: X, as: x, type: {text: {max: 5}}, goto: ¦shop.home}\n"), "'shop.home'", "shop"),
    ("unreachable", menu(ONE_OPTION, DONE, "  ¦alone: {end: Hi}\n"), "no way leads to state 'alone'", "delete it"),
    ("no-end", menu("  ¦home: {text: Hi, options: [{text: Go, goto: home}]}\n"), "no end", "`end:`"),
    ("action-loop", menu(SUM, "  ¦act: {do: shop.issue, with: {amount: sum}, on: {issued: act, refused: done}}\n", DONE),
     "'act' can come again", "Show something"),
    ("action-loop", menu("  ¦home: {list: shop.items, row: '{row.number}', none: act}\n",
                         "  act: {switch: caller, on: {'1': done, else: home}}\n", DONE), "'home' and 'act'", "or end"),
    # --- actions
    ("unknown-action", menu(SUM, "  act: {do: ¦shop.isue, on: {issued: done}}\n", DONE), "'shop.isue'", "'shop.issue'"),
    ("not-a-list", menu("  home: {list: ¦shop.issue, row: x, none: done}\n", DONE), "returns no rows", "`do:`"),
    ("not-a-do", menu("  home: {do: ¦shop.items, on: {rows: done}}\n", DONE), "returns rows", "`list:`"),
    ("unknown-variable", menu("  home: {list: shop.items, row: ¦'{row.sum}', none: done}\n", DONE), "'row.sum'", "row.number"),
    ("unknown-result", menu(SUM, "  act: {do: shop.issue, with: {amount: sum}, on: {issued: done, refused: done, ¦no: done}}\n",
                            DONE), "never returns 'no'", "Known are"),
    ("unhandled-result", menu(SUM, "  act: {do: shop.issue, with: {amount: sum}, ¦on: {issued: done}}\n", DONE),
     "result refused", "Add `refused: …`"),
    ("unhandled-result", menu("  home: {switch: caller, ¦on: {998901234567: done}}\n", DONE), "'caller' can be something else",
     "Add `else: …`"),
    ("unhandled-result", menu("  home: {ask: X, as: x, type: {choice: {a: yes, b: no}}, goto: on}\n",
                              "  on: {switch: x, ¦on: {yes: done}}\n", DONE), "'x' can be 'no'", "Add `else: …`"),
    ("unknown-argument",
     menu(SUM, "  act: {do: shop.issue, with: {amount: sum, ¦x: sum}, on: {issued: done, refused: done}}\n", DONE), "no 'x'",
     "amount"),
    ("missing-argument", menu(SUM, "  ¦act: {do: shop.issue, on: {issued: done, refused: done}}\n", DONE), "needs 'amount'",
     "{amount: …}"),
    ("argument-kind",
     menu(SUM, "  act: {do: shop.issue, with: {¦amount: caller}, on: {issued: done, refused: done}}\n", DONE),
     "is money, 'caller' is msisdn", "of that kind"),
    ("unset-variable", menu("  home: {end: ¦'{sum}'}\n"), "nothing sets 'sum'", "Known are: caller"),
    ("unset-variable", menu("  home: {text: Hi, options: [{text: A, goto: ask}, {text: B, goto: done}]}\n",
                            "  ask: {ask: X, as: x, type: {text: {max: 5}}, goto: done}\n", "  done: {end: ¦'{x}'}\n"),
     "not set on every way", "into […]"),
    ("unset-variable", menu(SUM, ACT, "  done: {end: ¦'Bye[ {smu}]'}\n"), "nothing sets 'smu'", "Did you mean 'sum'?"),
    ("unset-variable", menu("  home: {text: Hi, options: [{text: A, goto: done}, {text: B, goto: done, when: ¦calller}]}\n", DONE),
     "nothing sets 'calller'", "Did you mean 'caller'?"),
    ("unset-variable", menu("  home: {list: shop.items, row: '{row.number}', text: ¦'{row.number}', none: done}\n", DONE),
     "nothing sets 'row.number'", "Known are: caller"),
    ("unset-variable", menu(LIST.format(""), "  done: {end: ¦'{row.number}'}\n"), "nothing sets 'row.number'",
     "Known are: caller"),
    # --- formats
    ("format-kind", menu(SUM, ACT, "  done: {end: ¦'You gave {sum}'}\n"), "a sum in its smallest units", "{sum|money}"),
    ("format-kind", menu(SUM, ACT, "  done: {end: ¦'Bye[ {sum|date}]'}\n"), "'sum' is of kind money, which 'date'", "{sum|money}"),
    ("format-kind", menu("  home: {end: ¦'{caller|number}'}\n"), "'caller' is of kind msisdn", "{caller|phone}"),
    ("format-kind", menu("  home: {list: shop.items, row: ¦'{row.number|datetime}', none: done}\n", DONE),
     "'row.number' is of kind integer", "{row.number|number}"),
    # --- secrets
    ("secret", menu("  home: {ask: PIN, as: pin, type: {pin: {digits: 5}}, goto: ¦done}\n", DONE), "no action that takes it",
     "directly"),
    ("secret", menu(PIN, ENTER, "  done: {end: ¦'{pin}'}\n"), "would be shown", "Take it out"),
    ("secret", menu(PIN, ENTER.replace("done", "more"), "  more: {do: shop.enter, with: {¦pin: pin}, on: {issued: done}}\n",
                    DONE), "gone on the way from 'act'", "directly"),
    ("secret", menu(PIN, ENTER.replace("done", "more"), "  more: {switch: ¦pin, on: {else: done}}\n", DONE), "'pin' is secret",
     "directly"),
]  # fmt: skip


def problems(text: str, rule: str) -> list[Problem]:
    return [problem for problem in check({"m.yaml": text}, ACTIONS)[1] if problem.rule == rule]


@pytest.mark.parametrize(
    ("rule", "marked", "what", "mend"), WRONG, ids=[f"{n}-{rule}" for n, (rule, *_) in enumerate(WRONG)]
)
def test_each_mistake_is_told_with_its_place_and_its_mend(
    rule: str, marked: str, what: str, mend: str
) -> None:
    before = marked[: marked.index("¦")]
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))

    found = problems(marked.replace("¦", ""), rule)

    assert [(problem.line, problem.column) for problem in found] == [place], found
    assert what in found[0].what
    assert mend in found[0].mend
    assert str(found[0]) == f"m.yaml:{place[0]}:{place[1]}: {found[0].what} {found[0].mend}"
    with pytest.raises(MenuError):
        compile_menus({"m.yaml": marked.replace("¦", "")}, ACTIONS)


def test_a_menu_without_mistakes_has_no_problems() -> None:
    for good in (menu(SUM, ACT, DONE), menu(PIN, ENTER, DONE), menu(ONE_OPTION, DONE)):
        assert check({"m.yaml": good}, ACTIONS)[1] == []


def test_keys_of_one_digit_are_free_where_fewer_rows_can_be_chosen() -> None:
    head = HEAD + "keys: {back: 9, home: '00', more: 8, previous: 7}\n"

    assert problems(menu(LIST.format(", as: x, goto: done, rows: 6"), DONE, head=head), "option-key") == []
    assert problems(menu(LIST.format(""), DONE, head=head), "option-key") == []


def test_all_problems_are_told_at_once_in_the_order_of_files_and_lines() -> None:
    one = menu("  home: {text: Hi, options: [{text: A, goto: nowhere}, {text: B, goto: n.x}]}\n", DONE)
    two = "menu: n\nstates:\n  x: {end: '{y}'}\n  z: {end: '{'}\n"

    with pytest.raises(MenuError) as caught:
        compile_menus({"one.yaml": one, "two.yaml": two}, ACTIONS)

    told = [(problem.path, problem.line, problem.rule) for problem in caught.value.problems]
    assert told == [("one.yaml", 5, "missing-target"), ("two.yaml", 4, "template")]
    assert str(caught.value).count("\n") == 1


def test_two_files_with_one_menu_name_or_two_service_codes_are_told() -> None:
    good = menu(ONE_OPTION, DONE)

    found = check({"a.yaml": good, "b.yaml": good}, ACTIONS)[1]

    assert {(problem.path, problem.rule) for problem in found} == {
        ("b.yaml", "duplicate-name"),
        ("b.yaml", "service-code"),
    }


def test_a_comment_that_may_be_meant_as_text_is_a_warning() -> None:
    text = menu("  home:\n    end: Dial *123# or #5\n")

    service, found = check({"m.yaml": text}, ACTIONS)

    assert service is not None
    assert [(problem.rule, problem.warning, problem.line) for problem in found] == [("comment", True, 6)]
    assert check({"m.yaml": menu("  home:\n    end: Bye  # the end\n")}, ACTIONS)[1] == []


def test_an_unknown_action_does_not_make_its_variables_look_unset() -> None:
    text = menu("  home: {do: shop.ask, on: {ok: done}}\n", "  done: {end: '{number}'}\n")

    assert [problem.rule for problem in check({"m.yaml": text}, ACTIONS)[1]] == ["unknown-action"]


def test_states_with_the_same_short_hash_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ussd_engine.compiler.states.state_id",
        lambda name: 7 if name in ("m.home", "m.done") else state_id(name),
    )

    found = problems(menu(ONE_OPTION, DONE), "hash-collision")

    assert found
    assert "same short hash" in found[0].what


def test_a_variable_in_a_word_is_told() -> None:
    text = menu("  home: {end: '{caller|level}'}\n", head=HEAD + "words: {level: {a: 'A {caller}'}}\n")

    assert [problem.what for problem in problems(text, "template")] == ["a word can't hold variables."]


def chain(*states: str) -> str:
    """States one after another: `{name}` and `{next}` stand for their names."""
    named = [
        state.replace("{name}", "home" if number == 0 else f"s{number}").replace("{next}", f"s{number + 1}")
        for number, state in enumerate(states)
    ]
    return menu(*named, f"  s{len(states)}: {{end: Bye}}\n")


ACTING = "  {name}: {do: shop.issue, with: {amount: 5}, on: {issued: {next}, refused: {next}}}\n"
SWITCHING = "  {name}: {switch: caller, on: {x: {next}, else: {next}}}\n"
SHOWING = "  {name}: {text: Hi, options: [{text: Go, goto: {next}}]}\n"


@pytest.mark.parametrize(
    ("states", "what"),
    [
        ([ACTING] * (ACTIONS_MAX + 1), "from state 'home' 33 actions can follow without a screen."),
        ([SWITCHING] * HOPS_MAX, "from state 'home' 64 switches, calls and returns can follow without"),
    ],
)
def test_a_chain_that_no_turn_gets_through_is_told(states: list[str], what: str) -> None:
    found = problems(chain(*states), "long-chain")

    assert len(found) == 1
    assert found[0].what.startswith(what)


@pytest.mark.parametrize(
    "states",
    [
        [ACTING] * ACTIONS_MAX,
        [*[SWITCHING] * (HOPS_MAX - 1), ACTING, *[SWITCHING] * (HOPS_MAX - 1)],
        [*[ACTING] * ACTIONS_MAX, SHOWING, *[ACTING] * ACTIONS_MAX],
    ],
)
def test_a_chain_that_a_turn_gets_through_is_fine(states: list[str]) -> None:
    assert problems(chain(*states), "long-chain") == []


def test_the_way_back_counts_by_the_services_own_key() -> None:
    home = "  home: {text: Hi, options: [{text: Go, goto: round}, {text: Bye, goto: done}]}\n"
    states = (home, "  round: {text: Round, options: [{text: Again, key: 7, goto: round}]}\n", DONE)

    assert problems(menu(*states), "no-end") == []
    keys = HEAD + "keys: {back: 7, home: 00, more: 98, previous: 99}\n"
    assert len(problems(menu(*states, head=keys), "no-end")) == 1


def test_no_way_leads_back_over_a_beginning_anew() -> None:
    home = "  home: {text: Hi, options: [{text: Go, goto: inner}, {text: Bye, goto: done}]}\n"
    inner = "  inner: {text: Inner, options: [{text: Anew, goto: start}]}\n"

    states = compile_menus({"m.yaml": menu(home, inner, DONE)}, ACTIONS).states

    assert "back>m.home" in states["m.inner"].triggers
    assert "back>m.inner" not in states["m.home"].triggers
