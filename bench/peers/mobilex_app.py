"""The dialogue on mobilex with its Redis sessions; it has no HTTP, so a bare aiohttp handler calls it."""

import os
import sys
from itertools import count

from aiohttp import web
from mobilex import Action, App, Request, Screen
from mobilex.cache.redis import RedisCache
from mobilex.responses import redirect

numbers = count(1)


class Sessions(RedisCache):
    def __init__(self, app, **options):
        super().__init__(app, os.environ["REDIS_URL"], **options)


menu = App(session_backend=Sessions, session_ttl=180)


@menu.entry_screen("home")
class Home(Screen):
    actions = [  # noqa: RUF012
        Action("Balance", screen="balance"),
        Action("Issue invoice", screen="client"),
        Action("Help", screen="help"),
    ]

    def render(self):
        self.print("Merchant menu")


@menu.screen("balance")
class Balance(Screen):
    def render(self):
        self.print("Balance 0")
        return self.END


@menu.screen("help")
class Help(Screen):
    def render(self):
        self.print("Call 1234")
        return self.END


@menu.screen("client")
class Client(Screen):
    def render(self):
        self.print(f"{self.state.get('why', '')}Enter phone")

    def handle(self, typed):
        if len(typed) != 12 or not typed.isdecimal() or typed[:3] != "998":
            self.state.why = "Not a phone. "
            return None
        self.session["client"] = typed
        return redirect("amount")


@menu.screen("amount")
class Amount(Screen):
    def render(self):
        self.print(f"{self.state.get('why', '')}Enter amount")

    def handle(self, typed):
        if not typed.isdecimal() or not 1000 <= int(typed) <= 10_000_000:
            self.state.why = "Not an amount. "
            return None
        self.session["amount"] = typed
        return redirect("issued")


@menu.screen("issued")
class Issued(Screen):
    def render(self):
        session = self.session
        self.print(f"Invoice {next(numbers)}, client {session['client']}, amount {session['amount']}")
        return self.END


async def answer(request):
    form = await request.post()
    code = form["serviceCode"].strip("#")
    turn = Request(
        form["phoneNumber"], ussd_string=form["text"], session_id=form["sessionId"], service_code=code
    )
    return web.Response(text=await menu(turn))


if __name__ == "__main__":
    server = web.Application()
    server.router.add_post("/ussd", answer)
    web.run_app(server, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
