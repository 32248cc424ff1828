"""What operators find and see: dialogues turn by turn, invoices with their story, screens, gateways."""

from __future__ import annotations

from urllib.parse import unquote

from invoicing import Paid
from tests.cabinet.admin.conftest import Desk
from tests.cabinet.admin.telling import PAYING, PIN, Written, busy_hour, dialled, left
from tests.invoicing.world import CUSTOMER, FIFTY, OTHER_SHOP, STRANGER

MASKED = "99890***4567"


async def test_a_phone_finds_its_dialogues_and_invoices_and_stands_whole_nowhere(desk: Desk) -> None:
    desk.world.issue()
    desk.world.issue(FIFTY, customer=STRANGER)
    desk.written.say(7, desk.now - 600, PAYING)
    desk.written.say(8, desk.now - 500, (dialled(),), caller=STRANGER)
    operator = await desk.operator()
    found = await operator.post("/search", {"q": "+998 90 123-45-67", "span": "1h"})

    assert f"Диалоги {MASKED}" in found.text
    assert [link for link in found.links if "/dialogues/" in link] == [
        f"/admin/dialogues/0000000000000007?at={int(desk.now - 597)}"
    ]
    assert ("№1001" in found.text, "№1002" in found.text) == (True, False)
    lists = found.text.replace("+998 90 123-45-67", "")
    assert CUSTOMER not in lists.replace(" ", "")
    assert "90123" not in unquote(str(found.response.url))
    assert (await operator.get(found.response.url.path_qs.removeprefix("/admin"))).text == found.text


async def test_an_invoice_is_found_by_its_number_its_payment_and_its_merchant(desk: Desk) -> None:
    invoice = desk.world.issue()
    desk.world.issue(FIFTY, shop=OTHER_SHOP)
    paid = desk.world.pay(invoice)
    operator = await desk.operator()
    assert isinstance(paid, Paid)

    for typed in ("1001", "№ 1001", str(paid.payment_number), "magazin"):
        found = (await operator.post("/search", {"q": typed})).text
        assert ("№1001" in found, "№1002" in found) == (True, False), typed
    assert "№1002" in (await operator.post("/search", {"q": OTHER_SHOP})).text
    assert "Счета с таким номером" in (await operator.post("/search", {"q": "100%"})).text


async def test_a_dialogue_is_shown_turn_by_turn_and_its_pin_is_not(desk: Desk) -> None:
    name = desk.written.say(0xABCDEF, desk.now - 600, PAYING)
    operator = await desk.operator()
    page = await operator.post("/search", {"q": name.upper()})

    assert page.path == f"/admin/dialogues/{name}"
    for shown in ("*880#", "CLICK-PIN:", "•••••", "секрет", "1.Оплатить", "Дошел до конца", "+3.0 s", MASKED):
        assert shown in page.text, shown
    assert "1 Счета" in page.text, "the option that was chosen"
    assert PIN not in page.octets.decode()
    assert (await operator.get("/dialogues/00000000000000aa")).status == 404


async def test_an_invoices_story_has_attempts_notices_and_the_audit_trail(desk: Desk) -> None:
    invoice = desk.world.issue()
    desk.world.clock.advance(minutes=1)
    desk.world.pay(invoice)
    desk.world.deliver()
    operator = await desk.operator()
    await operator.get(f"/invoices/{invoice.id}")
    page = await operator.get(f"/invoices/{invoice.id}")

    story = page.text[page.text.index("Что было") :] if "Что было" in page.text else page.text
    places = [
        story.find(text)
        for text in ("Выставлен", "Оплачивается", "Начата попытка оплаты", "Банк одобрил", "Смотрел оператор")
    ]
    assert all(place >= 0 for place in places), (places, story)
    assert places == sorted(places)
    assert "SMS: отправлено" in story
    assert "RRN" in story
    assert "bank01 (admin)" in story


async def test_the_funnel_tells_who_went_on_who_came_back_and_who_left(desk: Desk) -> None:
    busy_hour(desk.written, desk.now)
    found = desk.running.dialogues.funnel(desk.world.clock.now().replace(hour=0))
    assert found is not None
    flows = {state.state: state for menu in found.menus for state in menu.states}
    home, invoice, paid = (flows[f"customer.{name}"] for name in ("home", "invoice", "paid"))

    assert found.dialogues == 9
    assert (home.came, home.on, home.back, home.dropped, home.there, home.again) == (10, 3, 0, 6, 1, 1)
    assert (invoice.came, invoice.on, invoice.back, invoice.dropped) == (3, 1, 1, 1)
    assert (paid.came, paid.ended) == (1, 1)
    for flow in flows.values():
        assert flow.came == flow.on + flow.back + flow.ended + flow.dropped + flow.there
    page = await (await desk.operator()).get("/screens?span=24h")
    assert "9 диалогов" in page.text
    assert "6 (60 %)" in page.text


async def test_live_figures_and_the_lack_of_them_are_told(desk: Desk) -> None:
    operator = await desk.operator()
    shown = (await operator.get("/live")).text
    desk.running.figures = None
    silent = (await operator.get("/live/now", HX_Request="true")).text

    assert "Открытых диалогов 17" in shown
    assert "99 из 100 не дольше 18 мс" in shown
    assert "за последние 5 мин" in shown
    assert "Данных нет" in silent


async def test_refused_menus_and_a_broken_line_are_told_with_their_reasons(desk: Desk) -> None:
    desk.running.mistakes = (
        "menus/help.yaml:8:23: option 'Help' goes to 'cal', but no state has that name.",
    )
    page = await (await desk.operator()).get("/service")

    assert "menus/help.yaml:8:23" in page.text
    assert "409f8265" in page.text
    assert "нет связи" in page.text
    assert "connection refused" in page.text


async def test_a_journal_of_several_workers_is_read_as_one(desk: Desk) -> None:
    other = Written(desk.written.folder)
    other._files._opened = 7  # as another process would name its file
    for place in range(60):
        (desk.written if place % 2 else other).say(place + 1, desk.now - 900 + place, (dialled(),))
    other.say(99, desk.now - 100, (dialled(), left("customer.home")))
    found = desk.running.dialogues.find(CUSTOMER, desk.world.clock.now().replace(hour=0))

    assert found is not None
    assert len(found.rows) == 50
    assert [row.id for row in found.rows[:3]] == [f"{name:016x}" for name in (99, 60, 59)]
    assert (found.rows[0].cause, found.rows[1].cause) == ("FAILED_DIALOG_USER_ABORT", "")
