"""The environment in which a program's calls reach the proxy as calls of one execution.

What the user has set already is kept in effect: an address of a known provider leads to that provider, any other one
(a company's gateway) becomes the provider's address for this run.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from msgspec.structs import replace

from kagura.cli.addresses import tagged, untagged
from kagura.cli.clients import FLAGGED, HEADER_VARIABLES, SWITCHES, VARIABLES, Flagged, Variable
from kagura.model import JsonObject
from kagura.providers import Provider

OWN_HEADERS = "x-kagura-"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class Given(NamedTuple):
    """An address that the user has set, as origin and path."""

    variable: Variable
    origin: str
    path: str

    @property
    def url(self) -> str:
        """The whole address."""
        return self.origin + self.path


class Gateways(NamedTuple):
    """Addresses that are no provider's of the table."""

    used: list[Given]
    """Those that become the address of their provider for the run."""
    left: list[Given]
    """Those that stay as they are: calls to them are not recorded."""

    @property
    def base_urls(self) -> dict[str, str]:
        """The address of each provider that has one of its own for the run."""
        return {given.variable.provider: given.origin for given in self.used}

    def over(self, table: Mapping[str, Provider]) -> dict[str, Provider]:
        """The table of the run's proxy."""
        return dict(table) | {name: replace(table[name], base_url=url) for name, url in self.base_urls.items()}


def gateways(environ: Mapping[str, str], table: Mapping[str, Provider], own: Iterable[str]) -> Gateways:
    """What the user has pointed clients at, other than a provider of the table or the proxy itself (`own`)."""
    found = Gateways([], [])
    origins: dict[str, str] = {}
    for given in _given(environ):
        if _behind(given, own) is not None or _provider_at(given, table) is not None:
            continue
        # A provider has one address, and one with a password in it is no address of the table.
        usable = "@" not in given.origin and origins.setdefault(given.variable.provider, given.origin) == given.origin
        (found.used if usable else found.left).append(given)
    return found


def run_environment(
    environ: Mapping[str, str],
    root: str,
    *,
    agent: str,
    execution_id: str,
    table: Mapping[str, Provider],
    own: Iterable[str] = (),
    left: Iterable[Given] = (),
) -> dict[str, str]:
    """The program's environment. `table` is that of the proxy at `root`; what the user has set in `left` stays."""
    address = tagged(root, agent=agent, execution_id=execution_id)
    kept = {given.variable.name for given in left}
    env = dict(environ)
    for variable in VARIABLES:
        if variable.path is not None and variable.name not in kept:
            env[variable.name] = address + variable.path
    for given in _given(environ):
        path = _path_of(given, table, own)
        if path is not None and given.variable.name not in kept:
            env |= dict.fromkeys(_alike(given.variable, environ), address + path)
    for name, value in SWITCHES.items():
        env.setdefault(name, value)
    env |= _headers(environ, agent, execution_id) | _direct(environ, root)
    return env | {"KAGURA_PROXY": root, "KAGURA_EXECUTION_ID": execution_id, "KAGURA_AGENT": agent}


def _path_of(given: Given, table: Mapping[str, Provider], own: Iterable[str]) -> str | None:
    """What stands behind the tagged address so that calls arrive where the user wants them."""
    behind = _behind(given, own)
    if behind is not None:
        return untagged(behind)
    provider = _provider_at(given, table)
    return None if provider is None else f"/{provider.name}{_below(given.url, provider)}"


def _given(environ: Mapping[str, str]) -> Iterator[Given]:
    """The addresses that variables hold, then those in the files of programs that read no variable."""
    for variable in VARIABLES:
        yield from _split(variable, environ.get(variable.name, ""))
    for program in FLAGGED:
        variable = next(row for row in VARIABLES if row.name == program.variable)
        if not environ.get(variable.name):
            value = configured(program, environ).get(program.setting)
            yield from _split(variable, value if isinstance(value, str) else "")


def _split(variable: Variable, value: str) -> Iterator[Given]:
    parts = _parts(value)
    if parts and parts.hostname:
        yield Given(variable, f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"))


def _parts(value: str) -> SplitResult | None:
    """An address; `host:port` alone, as ollama takes it, is one of HTTP."""
    value = value.strip()
    if value and "://" not in value:
        value = f"http://{value}"
    try:
        parts = urlsplit(value)
        return parts if parts.scheme in ("http", "https") and (parts.port or parts.hostname) else None
    except ValueError:
        return None


def configured(program: Flagged, environ: Mapping[str, str]) -> JsonObject:
    """What the user has set in the program's own file; nothing where it cannot be read."""
    variable, default, name = program.config
    try:
        with (Path(environ.get(variable) or default).expanduser() / name).open("rb") as file:
            return tomllib.load(file)
    except (OSError, RuntimeError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}


def _behind(given: Given, own: Iterable[str]) -> str | None:
    """The path behind the proxy's own address; `None` where the address is another one."""
    return given.path if _same_host(given.origin) in {_same_host(root) for root in own} else None


def _provider_at(given: Given, table: Mapping[str, Provider]) -> Provider | None:
    """The provider whose address it is: the variable's own first, then the one that fits it best."""
    fitting = [row for row in table.values() if row.base_url and _is_below(given.url, row.base_url)]
    own = next((row for row in fitting if row.name == given.variable.provider), None)
    return own or max(fitting, key=lambda row: len(row.base_url or ""), default=None)


def _is_below(url: str, base: str) -> bool:
    return f"{_same_host(url)}/".startswith(f"{_same_host(base).rstrip('/')}/")


def _below(url: str, provider: Provider) -> str:
    return _same_host(url)[len(_same_host(provider.base_url or "").rstrip("/")) :]


def _same_host(url: str) -> str:
    """An address with one name for this machine."""
    return url.replace("://localhost", "://127.0.0.1", 1)


def _alike(variable: Variable, environ: Mapping[str, str]) -> list[str]:
    """The variable, and those of the same kind that the user has left unset: some client reads only them."""
    same = (row for row in VARIABLES if (row.provider, row.path) == (variable.provider, variable.path))
    return [row.name for row in same if row == variable or not environ.get(row.name)]


def _headers(environ: Mapping[str, str], agent: str, execution_id: str) -> dict[str, str]:
    """The user's headers, without those of a run around this one, and ours.

    The address says the same: a value that no header of that variable can hold is left out.
    """
    ours = [f"X-Kagura-Execution-Id: {execution_id}", f"X-Kagura-Agent: {agent}"]
    found = {}
    for name, separator in HEADER_VARIABLES:
        lines = environ[name].split(separator) if environ.get(name) else []
        theirs = [line for line in lines if line and not line.strip().lower().startswith(OWN_HEADERS)]
        found[name] = separator.join([*theirs, *(line for line in ours if line.isascii() and separator not in line)])
    return found


def _direct(environ: Mapping[str, str], root: str) -> dict[str, str]:
    """`NO_PROXY` with the proxy's host, where the environment names an HTTP proxy, which cannot reach this machine."""
    if not any(environ.get(name) for name in _PROXIES):
        return {}
    hosts = dict.fromkeys([urlsplit(root).hostname or "", "127.0.0.1", "localhost"])
    found = {}
    for name, other in (("NO_PROXY", "no_proxy"), ("no_proxy", "NO_PROXY")):
        given = [host.strip() for host in (environ.get(name) or environ.get(other) or "").split(",") if host.strip()]
        found[name] = ",".join([*given, *(host for host in hosts if host not in given)])
    return found
