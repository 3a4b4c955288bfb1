"""Whose key a call carries to the provider: the client's own, or one that the proxy holds."""

import logging
from collections.abc import Mapping

from kagura.config import Settings
from kagura.errors import ConfigError
from kagura.providers import Provider

_log = logging.getLogger("kagura.proxy")
_BEARER = "authorization"


class Credentials:
    """The keys that the environment holds, by provider, read once at start-up."""

    def __init__(self, settings: Settings, table: Mapping[str, Provider], environ: Mapping[str, str]) -> None:
        self._always: dict[str, tuple[bytes, bytes]] = {}
        self._rerouted: dict[str, tuple[bytes, bytes]] = {}
        self._extra: dict[str, list[tuple[bytes, bytes]]] = {}
        for name, row in table.items():
            self._extra[name] = [_line(name, header, value) for header, value in row.headers.items()]
            key = environ.get(row.api_key_env or "", "").strip()
            chosen = settings.providers.get(name)
            if chosen is not None and chosen.api_key_env and not key:
                _log.warning("provider %s: %s is not set, clients need their own key", name, chosen.api_key_env)
            if key:
                line = _line(name, row.auth, f"Bearer {key}" if row.auth == _BEARER else key)
                self._rerouted[name] = line
                if chosen is not None and chosen.api_key_env:
                    self._always[name] = line
        self._confided = {name for name, row in settings.providers.items() if row.headers}
        self._clouds = {name for name, row in table.items() if row.cloud_credentials}
        self._of_cloud = {n for n, row in table.items() if any(environ.get(name) for name in row.cloud_credentials)}

    def key(self, provider: str, *, rerouted: bool) -> tuple[bytes, bytes] | None:
        """The header line with the proxy's key for this call; `None` where the client's own passes.

        A call that the model's name sent elsewhere uses any key there is, since the client's is for another provider.
        """
        return (self._rerouted if rerouted else self._always).get(provider)

    def added(self, provider: str) -> list[tuple[bytes, bytes]]:
        """Header lines that the provider's row adds where the client does not send them."""
        return self._extra[provider]

    def confides(self, provider: str, *, rerouted: bool) -> bool:
        """Whether such a call carries something of the proxy's own, which strangers' web pages must not use."""
        if rerouted and provider in self._clouds:  # their SDKs find files that no variable names
            return True
        return provider in self._confided or self.key(provider, rerouted=rerouted) is not None

    def of_cloud(self, provider: str) -> bool:
        """Whether translated calls are signed with credentials of the proxy's machine instead of carrying a key."""
        return provider in self._of_cloud


def _line(provider: str, name: str, value: str) -> tuple[bytes, bytes]:
    if any(ord(char) < 32 or ord(char) == 127 for char in name + value) or not name or ":" in name or " " in name:
        raise ConfigError(
            f"providers.{provider}: the header {name!r} cannot be sent", "Headers hold no line ends or control codes."
        )
    return name.lower().encode("latin-1", "replace"), value.encode()
