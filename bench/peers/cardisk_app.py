"""The dialogue on cardisk, TruRoute XML at /.

It keeps its sessions in a dictionary of the process, or with CARDISK_USE_REDIS in Redis. There a menu's
options stay on a copy of the session, so that the one which is chosen has to be named by hand.
"""

import logging
import os
from itertools import count

from cardisk import Cardisk, ussd
from cardisk.sessions import get_session_by_id, set_data

logging.getLogger("cardisk").setLevel(logging.WARNING)
cardisk = Cardisk()
asgi = cardisk.app
numbers = count(1)


@cardisk.route("/")
def home():
    ussd.menu("Merchant menu", [("Balance", "/balance"), ("Issue invoice", "/client"), ("Help", "/help")])


if os.environ.get("CARDISK_USE_REDIS"):

    @home.option("2")
    def chosen():
        client.handler()


@cardisk.route("/balance")
def balance():
    ussd.screen("Balance 0")
    ussd.end()


@cardisk.route("/help")
def call():
    ussd.screen("Call 1234")
    ussd.end()


@cardisk.route("/client")
def client():
    ussd.screen("Enter phone")
    ussd.next("/amount")


@cardisk.route("/amount")
def amount():
    phone = ussd.input
    if len(phone) != 12 or not phone.isdecimal() or phone[:3] != "998":
        ussd.screen("Not a phone. Enter phone")
        return
    set_data(ussd.session, "client", phone)
    ussd.screen("Enter amount")
    ussd.next("/issue")


@cardisk.route("/issue")
def issue():
    typed = ussd.input
    if not typed.isdecimal() or not 1000 <= int(typed) <= 10_000_000:
        ussd.screen("Not an amount. Enter amount")
        return
    phone = get_session_by_id(ussd.session)["data"]["client"]
    ussd.screen(f"Invoice {next(numbers)}, client {phone}, amount {typed}")
    ussd.end()
