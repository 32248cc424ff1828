"""What may be set: in a TOML file, and over it in the environment (`USSD_SECTION__KEY`); see `configuring`.

A gateway is a table under its name once read, so that its secret can come from the environment alone:
`USSD_GATEWAYS__AFRICASTALKING__SECRET` (a dash in a name is an underscore there).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from adapters import certificates
from app import plugins
from invoicing.limits import Limits

PREFIX = "USSD_"
NESTED = "__"
KEY_MIN = 16
"""Characters of the security key: shorter ones can be guessed."""

GatewayName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Fingerprint = Annotated[str, AfterValidator(certificates.read_fingerprint)]
Key = Annotated[SecretStr, Field(min_length=KEY_MIN)]


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Http(Section):
    """The one port everything is served on.

    `trusted_proxies`: whose `X-Forwarded-For` counts, and whose `certificate_header`, which says what
    certificate a caller has shown them.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8880, ge=0, le=65535)
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    certificate_header: str = certificates.HEADER
    in_flight_max: int = Field(default=2000, ge=1)
    """Turns at once, per gateway; one more is told that the service is busy."""

    @property
    def loopback(self) -> bool:
        """Only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Redis(Section):
    """Where sessions are kept; in the process's memory without a URL.

    `url`: `redis://`, `redis+cluster://`, `redis+sentinel://`… (`ussd_engine.stores.places`).
    """

    url: SecretStr | None = None


class Database(Section):
    """Where the money is kept; SQLite in the data folder without a URL."""

    url: SecretStr | None = None
    threads: int = Field(default=8, ge=1, le=64)
    """Database calls at once."""


class Menus(Section):
    """The folder of YAML files; the ones that came with the program without a path.

    `actions` names Python modules whose actions the menus may call; they are looked for in the folder
    where the program is started, too. `reload`: take changed files at once, as the demo does; else on SIGHUP.
    """

    path: Path | None = None
    actions: tuple[str, ...] = ()
    reload: bool = False


class HttpActions(Section):
    """Hosts that menus' own HTTP actions may call, and headers for each (an authorization)."""

    allow: tuple[str, ...] = ()
    headers: dict[str, dict[str, SecretStr]] = Field(default_factory=dict)


class Security(Section):
    """The root of the PIN pepper, fingerprints and codes."""

    key: Key | None = None


class Sms(Section):
    """Who sends notices: a gateway's name, or the inbox."""

    sender: str = "inbox"


class Push(Section):
    """Screens on phones that have not dialled (docs/push.md).

    `gateway`: the one that shows them; needed where several can. `invoices`: show each invoice at once, at
    the state `state`, which is given its `invoice`. The SMS goes out all the same.
    """

    gateway: str = ""
    invoices: bool = False
    state: str = "customer.pushed"


class Cabinet(Section):
    """The web cabinet, the app and the JSON API.

    `secure`: cookies are `__Host-` and `Secure`; without TLS browsers take such only from this machine.
    `calls_a_minute`: of the API, by one token or one address. `private_webhooks`: webhooks may go to private
    addresses and plain HTTP. `push_contact`: whom a push service may write to, `mailto:` or `https:`.
    """

    secure: bool = True
    calls_a_minute: int = Field(default=600, ge=1)
    private_webhooks: bool = False
    push_contact: str = Field(default="mailto:support@click.uz", pattern=r"^(mailto:|https:)")


class BankLink(Section):
    """The line to a bank's switch (ISO 8583 over TCP).

    `terminals`: field 41, one for each worker and one more for commands. `answer_s`: how long a purchase
    waits, no longer than `[limits]` gives an attempt.
    """

    host: str
    port: int = Field(ge=1, le=65535)
    terminals: tuple[str, ...] = Field(min_length=2)
    acquirer: str
    acceptor: str
    answer_s: float = Field(default=25.0, gt=0, le=30)
    tls: bool = False


class Bank(Section):
    """Who takes the money: the name of a card processor (entry points `invoicing.processors`).

    `sandbox_balance`: soums on a card that the sandbox sees for the first time.
    """

    processor: str = "sandbox"
    sandbox_balance: int = Field(default=0, ge=0, le=1_000_000_000)
    link: BankLink | None = None


class Journal(Section):
    """The record of dialogues; in the data folder without a path."""

    path: Path | None = None
    keep_days: int = Field(default=31, ge=0, le=3650)
    """Days after which a file is deleted; 0 keeps no journal at all."""


class Traces(Section):
    """Where traces go (OTLP over HTTP, `http://host:4318/v1/traces`); without an endpoint none are made.

    `share`: of all turns, from 0 to 1. The packages come with the extra `traces`.
    """

    endpoint: str | None = None
    share: float = Field(default=1.0, ge=0, le=1)


class Log(Section):
    """What is written to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Gateway(BaseModel):
    """One `[[gateways]]` table: what all kinds share, and the options of its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: GatewayName
    kind: str
    allow: tuple[IPvAnyNetwork, ...] = ()
    secret: SecretStr | None = None
    certificates: tuple[Fingerprint, ...] = ()
    options: Any = None

    @model_validator(mode="before")
    @classmethod
    def _by_kind(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        family = plugins.adapter(str(given.get("kind")))
        own = {key: value for key, value in given.items() if key not in SHARED}
        try:
            options = TypeAdapter(family.options_type).validate_python(own)
        except ValidationError as error:
            raise ValueError("; ".join(findings(error))) from None
        return {**{key: value for key, value in given.items() if key in SHARED}, "options": options}

    @property
    def open(self) -> bool:
        """It asks nothing of a caller; a line has none, since we make it."""
        called = plugins.is_http(plugins.adapter(self.kind))
        return called and self.secret is None and not self.allow and not self.certificates


SHARED = ("name", "kind", "allow", "secret", "certificates")


class NotJson(ValueError):
    """A variable should be JSON and isn't; `key` is the last part of its name."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class _Environment(EnvSettingsSource):
    """The library tells which table can't be read, but not which variable."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            raise NotJson(field_name) from None


class Settings(BaseSettings):
    """All of it. `gateways` by name, a dash written as an underscore."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=NESTED, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    http: Http = Http()
    redis: Redis = Redis()
    database: Database = Database()
    menus: Menus = Menus()
    http_actions: HttpActions = HttpActions()
    security: Security = Security()
    sms: Sms = Sms()
    push: Push = Push()
    bank: Bank = Bank()
    cabinet: Cabinet = Cabinet()
    journal: Journal = Journal()
    traces: Traces = Traces()
    log: Log = Log()
    limits: Limits = Limits()
    gateways: dict[str, Gateway] = {}

    @model_validator(mode="after")
    def _certificates_need_a_proxy(self) -> Self:
        """Only a proxy can tell who has shown a certificate: TLS ends there."""
        for gateway in self.gateways.values():
            if gateway.certificates and not self.http.trusted_proxies:
                raise ValueError(
                    f"gateway '{gateway.name}': certificates count by a proxy's word: name it in"
                    " [http] trusted_proxies"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which is handed in."""
        return (_Environment(settings_cls), init_settings)


def findings(error: ValidationError) -> Iterator[str]:
    """What does not fit, and where; never a value."""
    for detail in error.errors(include_input=False, include_url=False):
        place = ".".join(str(part) for part in detail["loc"])
        what = detail["msg"].removeprefix("Value error, ")
        yield f"{place}: {what}" if place else what
