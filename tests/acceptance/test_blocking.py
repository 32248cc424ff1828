"""S25: who is bombarded with invoices blocks the shop; it learns nothing and no SMS comes any more."""

from __future__ import annotations

from tests.acceptance.town import Person, Town


def blocked(merchant: Person, person: Person) -> str:
    """An invoice, declined, and its shop blocked; the last screen."""
    merchant.issue(person, 50_000)
    return person.dial("*880#", "1", "2", "1")


def test_s25_a_decline_offers_to_block_the_shop(merchant: Person, customer: Person) -> None:
    number = merchant.issue(customer, 50_000)
    phone = customer.phone

    assert phone.dial("*880#", "1", "2") == (
        f"CON Счет №{number} отклонен\n1.Не получать счета от MAGAZIN-24\n0.Готово"
    )
    assert phone.answer("1") == "END MAGAZIN-24 больше не сможет выставлять вам счета"


def test_s25_a_stranger_can_block_too(town: Town, merchant: Person) -> None:
    stranger = town.stranger()

    assert blocked(merchant, stranger) == "END MAGAZIN-24 больше не сможет выставлять вам счета"


def test_s25_a_blocked_pair_gets_no_sms_and_the_merchant_a_neutral_refusal(
    town: Town, merchant: Person, customer: Person
) -> None:
    blocked(merchant, customer)
    before = len(customer.quiet())
    refused = "END Счет не выставлен. Этому клиенту отправить нельзя"

    assert merchant.dial(f"*880**0*{customer.short}*51000#") == refused
    assert merchant.dial("*880#", "2", customer.short, "52000") == refused
    assert len(town.invoices(merchant)) == 1
    assert len(customer.quiet()) == before
    assert customer.dial("*880#", "1") == "END Счетов нет"


def test_s25_other_shops_and_other_customers_are_not_touched(
    town: Town, merchant: Person, customer: Person
) -> None:
    blocked(merchant, customer)
    other_shop, other_customer = town.merchant("CHOYXONA"), town.customer()

    assert other_shop.issue(customer, 51_000)
    assert merchant.issue(other_customer, 51_000)


def test_s25_who_only_declined_can_be_invoiced_again(merchant: Person, customer: Person) -> None:
    merchant.issue(customer, 50_000)

    assert customer.dial("*880#", "1", "2", "0").startswith("CON CLICK\n1.Счета")
    assert merchant.issue(customer, 51_000)
