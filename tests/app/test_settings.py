"""What a settings file and the environment may say, and how they are told that they are wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.africastalking.server import Options
from app.configuring import SettingsError, load
from app.settings import Settings

KEY = "k" * 32


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ussd.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path)
    return str(caught.value)


def test_nothing_said_is_loopback_memory_and_sqlite() -> None:
    settings = load()

    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8880)
    assert settings.redis.url is None
    assert settings.database.url is None
    assert settings.gateways == {}
    assert settings.http.loopback


def test_every_table_of_the_file_is_read(tmp_path: Path) -> None:
    settings = load(
        write(
            tmp_path,
            f"""
            [http]
            host = "0.0.0.0"
            port = 9000
            trusted_proxies = ["10.0.0.0/8"]
            [redis]
            url = "redis://127.0.0.1:6379/0"
            [database]
            url = "postgresql://u@h/d"
            [menus]
            path = "menus"
            [security]
            key = "{KEY}"
            [sms]
            sender = "inbox"
            [limits]
            pin_tries = 5
            invoice_life = 3600
            [[gateways]]
            name = "beeline"
            kind = "africastalking"
            allow = ["192.0.2.0/24"]
            secret = "s3cret"
            deep_in_text = false
            """,
        )
    )

    assert not settings.http.loopback
    assert settings.limits.pin_tries == 5
    assert settings.limits.invoice_life == timedelta(hours=1)
    gateway = settings.gateways["beeline"]
    assert gateway.options == Options(deep_in_text=False)
    assert not gateway.open


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USSD_HTTP__PORT", "9001")
    monkeypatch.setenv("USSD_REDIS__URL", "redis://other/0")
    settings = load(write(tmp_path, '[http]\nhost = "0.0.0.0"\nport = 9000\n'))

    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 9001)
    assert settings.redis.url is not None
    assert settings.redis.url.get_secret_value() == "redis://other/0"


@pytest.mark.parametrize("secret", ["s3cret", "12345678", "true", '{"a": 1}', "[1"])
def test_a_gateways_secret_may_come_from_the_environment_alone(
    secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USSD_GATEWAYS__BEELINE_UZ__SECRET", secret)
    settings = load(write(tmp_path, '[[gateways]]\nname = "beeline-uz"\nkind = "africastalking"\n'))

    (gateway,) = settings.gateways.values()
    assert gateway.name == "beeline-uz"
    assert gateway.secret is not None
    assert gateway.secret.get_secret_value() == secret


def test_a_number_of_a_gateway_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USSD_GATEWAYS__BEELINE__SCREEN_OCTETS", "112")
    settings = load(write(tmp_path, '[[gateways]]\nname = "beeline"\nkind = "africastalking"\n'))

    assert settings.gateways["beeline"].options == Options(screen_octets=112)


@pytest.mark.parametrize(
    ("text", "what", "mend"),
    [
        ("[http]\nprot = 1\n", "unknown key 'http.prot'", "Did you mean 'port'?"),
        ("[htp]\nport = 1\n", "unknown table 'htp'", "Did you mean 'http'?"),
        ("port = 1\n", "unknown table 'port'", ""),
        ("http = 1\n", "'http' is a table", "[http]"),
        ("[limits]\npin_trys = 1\n", "unknown key 'limits.pin_trys'", "Did you mean 'pin_tries'?"),
        ("[[gateways]]\nkind = 'africastalking'\n", "gateway 1 has no name", "name ="),
        ("[[gateways]]\nname = 'a'\n", "gateway 'a' has no kind", "kind ="),
        (
            "[[gateways]]\nname = 'a'\nkind = 'africastalkin'\n",
            "no kind 'africastalkin' is installed",
            "Did you mean 'africastalking'?",
        ),
        (
            "[[gateways]]\nname = 'a'\nkind = 'africastalking'\nsecrt = 'x'\n",
            "gateway 'a': unknown key 'secrt'",
            "Did you mean 'secret'?",
        ),
        (
            "[[gateways]]\nname = 'a'\nkind = 'africastalking'\n" * 2,
            "two gateways are named 'a'",
            "",
        ),
        ("[gateways]\nname = 'a'\n", "[[gateways]]", ""),
        ("[http]\nport = 70000\n", "http.port", "65535"),
        ("[http]\nport = \n", "Invalid value", ""),
        ("[security]\nkey = 'short'\n", "security.key", "16"),
        ("[[gateways]]\nname = 'A b'\nkind = 'africastalking'\n", "name", "pattern"),
        (
            "[[gateways]]\nname = 'a'\nkind = 'africastalking'\nscreen_octets = 'many'\n",
            "screen_octets",
            "integer",
        ),
        ("[[gateways]]\nname = 'a'\nkind = 'africastalking'\nallow = ['here']\n", "allow", "network"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_the_mend(
    text: str, what: str, mend: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    told = problem(path)

    assert told.startswith(str(path))
    assert what in told
    assert mend in told


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    told = problem(write(tmp_path, "[http]\nprot = 1\n[redis]\nuri = 'x'\n"))

    assert [line.partition(": ")[2].partition(".")[0] for line in told.splitlines()] == [
        "unknown key 'http",
        "unknown key 'redis",
    ]


@pytest.mark.parametrize(
    ("variable", "mend"),
    [
        ("USSD_HTTP__PROT", "Did you mean 'port'?"),
        ("USSD_HTPP__PORT", "Did you mean 'http'?"),
        ("USSD_GATEWAYS__NOBODY__SECRET", "no gateway has that name"),
        ("USSD_BANK__LINK__HOTS", "Did you mean 'host'?"),
        ("USSD_BANK__LNK__HOST", "Did you mean 'link'?"),
        ("USSD_HTTP__HOST__NAME", "USSD_HTTP__HOST"),
    ],
)
def test_an_unknown_variable_is_told_too(variable: str, mend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError) as caught:
        load()

    assert f"unknown {variable}" in str(caught.value)
    assert mend in str(caught.value)


def test_a_table_in_a_table_may_come_from_the_environment_whole_or_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = """[bank.link]
host = "test.bank.uz"
port = 5000
terminals = ["CLICK001", "CLICK002"]
acquirer = "1"
acceptor = "CLICK"
"""
    monkeypatch.setenv("USSD_BANK__LINK__HOST", "switch.bank.uz")
    monkeypatch.setenv("USSD_BANK__LINK__TERMINALS", '["CLICK003", "CLICK004"]')
    changed = load(write(tmp_path, link)).bank.link
    for name, value in (("PORT", "7000"), ("ACQUIRER", "2"), ("ACCEPTOR", "CLICK")):
        monkeypatch.setenv(f"USSD_BANK__LINK__{name}", value)
    whole = load().bank.link

    assert changed is not None
    assert (changed.host, changed.port, changed.terminals[0]) == ("switch.bank.uz", 5000, "CLICK003")
    assert whole is not None
    assert (whole.host, whole.port) == ("switch.bank.uz", 7000)


@pytest.mark.parametrize(
    "variable",
    [
        "USSD_HTTP__TRUSTED_PROXIES",
        "USSD_GATEWAYS__BEELINE__ALLOW",
        "USSD_BANK__LINK__TERMINALS",
        "USSD_MENUS__ACTIONS",
        "USSD_HTTP_ACTIONS__HEADERS",
        "USSD_LOG",
    ],
)
def test_a_variable_that_should_be_json_and_is_not_is_named_and_its_value_is_not(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "s3cret-or-10.0.0.0/8")
    told = problem(write(tmp_path, '[[gateways]]\nname = "beeline"\nkind = "africastalking"\n'))

    assert told.startswith(f"environment: {variable}: not valid JSON")
    assert "s3cret" not in told


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "no such file" in problem(tmp_path / "none.toml")


def test_a_value_that_does_not_fit_is_never_repeated(tmp_path: Path) -> None:
    told = problem(write(tmp_path, "[security]\nkey = 'tiny-s3cret'\n"))

    assert "tiny-s3cret" not in told


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    settings = load(write(tmp_path, f"[security]\nkey = '{KEY}'\n[redis]\nurl = 'redis://:pw1@h/0'\n"))

    assert KEY not in repr(settings)
    assert "pw1" not in repr(settings)


def test_the_file_is_laid_over_the_defaults_key_by_key(tmp_path: Path) -> None:
    defaults = {
        "http": {"port": 1, "host": "localhost"},
        "gateways": {"a": {"name": "a", "kind": "africastalking"}},
    }
    path = write(tmp_path, "[http]\nport = 2\n[[gateways]]\nname = 'b'\nkind = 'africastalking'\n")
    settings: Settings = load(path, defaults=defaults)

    assert (settings.http.host, settings.http.port) == ("localhost", 2)
    assert sorted(settings.gateways) == ["a", "b"]


CERTIFICATE = "AB:" * 31 + "AB"


def test_a_gateway_may_ask_for_a_client_certificate_that_a_proxy_has_seen(tmp_path: Path) -> None:
    gateway = f'[[gateways]]\nname = "at"\nkind = "africastalking"\ncertificates = ["{CERTIFICATE}"]\n'
    settings = load(write(tmp_path, f'[http]\ntrusted_proxies = ["127.0.0.1"]\n{gateway}'))

    assert settings.gateways["at"].certificates == ("ab" * 32,)
    assert settings.http.certificate_header == "Client-Cert"
    assert not settings.gateways["at"].open
    assert "name it in [http] trusted_proxies" in problem(write(tmp_path, gateway))
    short = gateway.replace(CERTIFICATE, "AB:CD")
    assert "openssl x509" in problem(write(tmp_path, f'[http]\ntrusted_proxies = ["127.0.0.1"]\n{short}'))
