"""From a URL to the store: one Redis server, a Cluster, or a master that Sentinels choose."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ussd_engine.stores.cluster import ClusterStore
from ussd_engine.stores.redis import RedisStore, behind_sentinels

SENTINEL_PORT = 26_379


def redis_store(url: str) -> RedisStore:
    """The store that `url` means.

    | URL | sessions are kept in |
    |---|---|
    | `redis://`, `rediss://` (TLS), `unix://` | one server |
    | `redis+cluster://[user:password@]host:port`, `rediss+cluster://` | the Cluster of that node |
    | `redis+sentinel://[:password@]host:port,host:port/master` | who is `master` by these Sentinels |

    Raises:
        ValueError: the URL says too little; never shows the URL, which may hold a password.
    """
    scheme, _, rest = url.partition("://")
    kind, _, way = scheme.partition("+")
    if way == "cluster":
        return ClusterStore(f"{kind}://{rest}")
    if way == "sentinel":
        return _behind_sentinels(url)
    return RedisStore(url)


def _behind_sentinels(url: str) -> RedisStore:
    parts = urlsplit(url)
    user, _, addresses = parts.netloc.rpartition("@")
    master = parts.path.strip("/")
    if not master or not addresses:
        raise ValueError(
            "the Redis URL names no master. Write redis+sentinel://HOST:PORT,HOST:PORT/NAME, "
            "NAME being the master's name at the Sentinels"
        )
    sentinels = [_address(address) for address in addresses.split(",")]
    password = unquote(user.partition(":")[2]) or None
    return RedisStore(opens=behind_sentinels(sentinels, master, password=password))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    if port and not port.isdecimal():
        raise ValueError("a Sentinel's address in the Redis URL has a port that is no number")
    return host, int(port) if port else SENTINEL_PORT
