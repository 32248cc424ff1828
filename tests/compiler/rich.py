"""A menu that uses everything a size depends on: every format, kind of variable, and way of giving way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ussd_engine import Action, Amount, Call, Max, Msisdn, Rows, When, Word, action

Name = Annotated[str, Max(14)]
Code = Annotated[str, Max(6, gsm=True)]


@dataclass(frozen=True, slots=True)
class Owner:
    name: Name
    code: Code
    vip: bool


@dataclass(frozen=True, slots=True)
class Known:
    owner: Owner
    balance: Amount
    since: When
    status: Word
    phone: Msisdn
    spouse: Name | None
    story: Annotated[str, Max(300)]
    count: Annotated[int, Max(9_999_999)]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody."""


@dataclass(frozen=True, slots=True)
class Deal:
    id: str
    number: Annotated[int, Max(9_999_999_999)]
    partner: Name
    amount: Amount
    at: When
    status: Word
    note: Name | None


@action("who.is")
async def who_is(call: Call) -> Known | Unknown:
    return Unknown()


@action("deals.mine")
async def deals(call: Call, after: str | None, limit: int) -> Rows[Deal]:
    return Rows()


ACTIONS: dict[str, Action] = {each.name: each for each in (who_is, deals)}

MENU = """
menu: rich
service_code: "*123#"
languages: [ru, en]
start: begin
words:
  status:
    new: {ru: новый, en: new}
    done: {ru: "давно и надежно завершен", en: finished a long time ago}
    odd: {ru: "€ [[odd]]", en: "№ odd"}
states:
  begin: {do: who.is, on: {known: home, unknown: nobody}}
  nobody: {end: {ru: Вас нет в списках, en: "You are not on our lists. Please call 1180 and ask for help"}}
  home:
    text: {ru: "Здравствуйте", en: Welcome}
    options:
      - {text: {ru: "Счет {balance|money}", en: "Balance {balance|money}"}, goto: card}
      - {text: {all: "{owner.name|upper}"}, goto: deals}
      - {text: {ru: Только для своих, en: "Members only, [with {spouse}]"}, goto: plain, when: owner.vip}
      - {text: {ru: Вопросы, en: Questions}, goto: name}
  hidden:
    text: {ru: Выбор, en: Choice}
    options:
      - {text: {ru: Да, en: "Yes №"}, goto: bye, when: owner.vip}
      - {text: {ru: Нет, en: "No thank you"}, goto: bye, when: owner.vip}
  card:
    text:
      ru: "{owner.name} {owner.code}[ и {spouse}]\\n{balance|money} сум, {since|date}\\n{status|status}"
      en: "{owner.code|upper} {phone|masked_phone}[ and {spouse}]\\n{since|datetime} {since|time} {owner.vip}"
    options: [{text: {ru: Назад, en: Back}, goto: back}, {text: {ru: Конец, en: End}, goto: bye}]
  deals:
    list: deals.mine
    text: {ru: Сделки, en: Deals}
    row:
      ru: "{row.number} {row.partner}[ ({row.note})]\\n{row.amount|money} {row.status|status}"
      en: "{row.number|number} {row.amount|money} {row.at|date} {row.status|status}"
    as: deal
    one: pick
    goto: few
    none: nobody
  few:
    list: deals.mine
    text: {all: "{owner.name}:"}
    row: {all: "{row.number}[ {row.note|upper}]"}
    rows: 3
    last: end
    none: nobody
  plain:
    text:
      ru: "Это длинный текст без переменных, который не поместится на одной странице. Но он и не должен"
      en: "Short enough"
    options:
      - {text: {ru: Дальше, en: Go on}, goto: told}
      - {text: {ru: Еще дальше, en: Further}, goto: hidden}
  told: {end: {all: "{story}"}}
  name: {ask: {ru: "Ваше имя?", en: "Your name?"}, as: typed, type: {text: {max: 40}}, goto: sum}
  sum:
    ask: {ru: "{typed}, сумма?", en: "How much, {typed}?"}
    as: sum
    type: {money: {min: 1, max: 500000}}
    goto: digits
  digits: {ask: {all: "{sum|money}:"}, as: digits, type: {digits: {min: 4, max: 16}}, goto: age}
  age:
    ask: {ru: "*{digits} {digits|card} верно?", en: "{digits}"}
    as: age
    type: {integer: {min: 18, max: 120}}
    goto: friend
  friend: {ask: {all: "{age} {count|number}"}, as: friend, type: {msisdn: {region: UZ}}, goto: colour}
  colour:
    ask: {ru: "{friend|phone} {friend}. Цвет?", en: "Colour?"}
    as: colour
    type: {choice: {r: red, c: "чёрный", 1: "№1"}}
    goto: summary
  summary:
    text:
      ru: "Имя: {typed}\\nСумма: {sum|money} сум\\n\\nЦвет: {colour}, код {digits}\\nТелефон {friend}"
      en: "{typed}  {sum|money} {age} {colour} {digits} {friend} {count}"
    options:
      - {text: {ru: "Подтверждаю, что {typed} знает об этом и согласен", en: Confirm}, goto: bye}
      - {text: {ru: Отменить, en: Cancel}, goto: bye}
      - {key: 0, text: {ru: Никогда, en: Never}, goto: bye}
  bye: {end: {ru: "До свидания, {owner.name}", en: "Bye, {owner.name}"}}
"""
