"""Settings: YAML file, then `KAGURA_*` environment, then flags, in rising precedence, into one frozen `Settings`.

A setting is one annotated field below; its `Meta` carries the help that config.example.yaml shows. The variable of
`proxy.port` is `KAGURA_PROXY_PORT`; maps and lists are given as YAML text (`KAGURA_REDACT='[sk-[a-z0-9]+]'`).
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import yaml
from msgspec import Meta

from kagura.alert_settings import AlertChannel, AlertRule
from kagura.errors import ConfigError
from kagura.settings_checks import check_alerts, check_discounts, check_patterns
from kagura.settings_file import SettingsFile, one_line


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of settings."""


class ProxySettings(_Section, frozen=True):
    """Where the proxy listens and how it talks to providers."""

    host: Annotated[str, Meta(description="Address to listen on. Anything but loopback opens the proxy to others.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes any free one.")] = 4100
    connect_timeout: Annotated[float, Meta(gt=0, description="Seconds to wait for a provider's connection.")] = 10.0
    read_timeout: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Seconds without a byte from a provider; null waits as long as the client does."),
    ] = None
    inspect_limit: Annotated[
        int, Meta(ge=0, description="JSON requests up to this many bytes may be routed by their `model` field.")
    ] = 33_554_432
    allowed_hosts: Annotated[
        list[str],
        Meta(description="Further host names by which browsers may reach /kagura/…."),
    ] = []
    view_key: Annotated[
        str,
        Meta(
            pattern=r"^([!-~]{16,200})?$",
            description="Key for reading all records (`kagura monitor --attach`): 16 to 200 characters, no spaces.",
        ),
    ] = ""


class CaptureSettings(_Section, frozen=True):
    """What is kept of prompts and answers."""

    content: Annotated[
        Literal["full", "preview", "none"],
        Meta(description="`full` keeps prompts and answers, `preview` their first words, `none` nothing of them."),
    ] = "full"
    raw_requests: Annotated[bool, Meta(description="Keep each request byte for byte as well (at `full`).")] = True
    max_body: Annotated[
        int, Meta(ge=0, description="Bytes of each request and answer that are copied; the rest passes uncopied.")
    ] = 16_777_216


class JournalSettings(_Section, frozen=True):
    """The append-only intake between the relay and the store."""

    segment_size: Annotated[int, Meta(ge=65_536, description="Bytes after which a new journal file is begun.")] = (
        67_108_864
    )


_MEMORY_TOOLS = ("memory", "memory_*", "*_memory", "*_memories", "remember*", "recall*")
_RETRIEVAL_TOOLS = ("retrieve*", "*_retriever", "file_search", "vector_search", "knowledge_*")


class ToolSettings(_Section, frozen=True):
    """Which tools are more than tools, by name; `*` stands for anything, case does not count."""

    memory: Annotated[
        list[str], Meta(description="Tools whose calls are shown as memory operations; `*` fits all.")
    ] = msgspec.field(default_factory=lambda: list(_MEMORY_TOOLS))
    retrieval: Annotated[list[str], Meta(description="Tools whose calls are shown as retrievals; `*` fits all.")] = (
        msgspec.field(default_factory=lambda: list(_RETRIEVAL_TOOLS))
    )


class OtlpSettings(_Section, frozen=True):
    """OpenTelemetry: where spans are sent to."""

    endpoint: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s/]+")] | None,
        Meta(description="OTLP/HTTP receiver that gets every span, such as http://localhost:4318; null sends nothing."),
    ] = None
    headers: Annotated[
        dict[str, str],
        Meta(description="Headers of each request; ${NAME} in a value stands for an environment variable."),
    ] = {}
    content: Annotated[bool, Meta(description="Whether prompts, answers, tool arguments and results are sent too.")] = (
        False
    )
    compression: Annotated[
        Literal["gzip", "none"], Meta(description="How requests are compressed: `gzip`, `none`.")
    ] = "gzip"
    timeout: Annotated[float, Meta(gt=0, description="Seconds to wait for the receiver's answer.")] = 10.0
    resource: Annotated[
        dict[str, str], Meta(description="Resource attributes of the spans, beside service.name: kagura.")
    ] = {}
    forward: Annotated[
        bool, Meta(description="Whether spans that came in over OTLP are sent on as well, under their own ids.")
    ] = False


class RetentionSettings(_Section, frozen=True):
    """How long records are kept. The collector deletes older ones."""

    days: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Days that calls and runs are kept; null keeps them.")
    ] = None
    content_days: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Days that prompts and answers are kept; null keeps them.")
    ] = None


class AlertSettings(_Section, frozen=True):
    """When the collector speaks up, and to whom."""

    every: Annotated[float, Meta(ge=1, description="Seconds between two looks at the rules.")] = 10.0
    rules: Annotated[
        dict[str, AlertRule], Meta(description="What to watch, by a name of your own; docs/alerts.md has the figures.")
    ] = {}
    channels: Annotated[
        dict[str, AlertChannel],
        Meta(description="Where alerts go beside `terminal`, `log` and `desktop`; ${NAME} is a variable."),
    ] = {}


class ProviderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A provider of your own, or changes to a built-in one; fields left out keep the built-in value."""

    base_url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")] | None = None
    dialect: str | None = None
    api_key_env: str | None = None
    headers: dict[str, str] | None = None
    include_usage: bool | None = None
    translate: list[Literal["chat/completions", "responses", "embeddings"]] | None = None

    def given(self) -> dict[str, object]:
        """Only the fields that were set."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name) is not None}


class Settings(_Section, frozen=True):
    """Everything that can be set."""

    home: Annotated[Path, Meta(description="Folder of the trace store and the journal.")] = Path("~/.kagura")
    db: Annotated[
        str | None,
        Meta(
            description="Trace store: a file or a SQLAlchemy URL (postgresql+psycopg://…); null is HOME/telemetry.db."
        ),
    ] = None
    default_provider: Annotated[str, Meta(description="Provider of `/v1/…` calls that name no other.")] = "openai"
    providers: Annotated[
        dict[str, ProviderSettings],
        Meta(description="Further providers, or changes to the built-in ones, by name."),
    ] = {}
    models: Annotated[
        dict[str, str], Meta(description="Aliases: the model that clients name, and the one that is asked instead.")
    ] = {}
    prices: Annotated[
        dict[str, dict[str, Decimal]],
        Meta(description="Your own prices, in US dollars per million tokens, by model or provider/model."),
    ] = {}
    discounts: Annotated[
        dict[str, Decimal],
        Meta(description="Negotiated percent off list prices, by provider or provider/model; negative adds."),
    ] = {}
    redact: Annotated[list[str], Meta(description="Regular expressions; what they match is stored as [redacted].")] = []
    proxy: ProxySettings = ProxySettings()
    capture: CaptureSettings = CaptureSettings()
    journal: JournalSettings = JournalSettings()
    retention: RetentionSettings = RetentionSettings()
    tools: ToolSettings = ToolSettings()
    otlp: OtlpSettings = OtlpSettings()
    alerts: AlertSettings = AlertSettings()

    @property
    def journal_dir(self) -> Path:
        """Folder of the journal files."""
        return self.home / "journal"

    @property
    def prices_file(self) -> Path:
        """Prices that `kagura pricing update` recorded."""
        return self.home / "prices.jsonl"

    @property
    def db_url(self) -> str:
        """The trace store as a SQLAlchemy URL."""
        target = self.db or str(self.home / "telemetry.db")
        if target == ":memory:":
            return "sqlite://"
        return target if "://" in target else f"sqlite:///{Path(target).expanduser().absolute()}"


def sections() -> dict[str, type[_Section]]:
    """The groups of settings by name, in file order."""
    hints = get_type_hints(Settings)
    return {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, _Section)}


def settings_rows() -> Iterator[tuple[str, str, Any, str]]:
    """One row a setting: dotted name, environment variable, default, help."""
    grouped = sections()
    for name, hint, default in _fields(Settings):
        if name in grouped:
            for inner, inner_hint, inner_default in _fields(grouped[name]):
                yield f"{name}.{inner}", f"KAGURA_{name}_{inner}".upper(), inner_default, _help(inner_hint)
        else:
            yield name, f"KAGURA_{name}".upper(), default, _help(hint)


def _fields(section: type[_Section]) -> Iterator[tuple[str, Any, Any]]:
    hints = get_type_hints(section, include_extras=True)
    for field in msgspec.structs.fields(section):
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        yield field.name, hints[field.name], default


def _help(hint: Any) -> str:
    if get_origin(hint) is not Annotated:
        return ""
    return next((m.description for m in get_args(hint)[1:] if isinstance(m, Meta) and m.description), "")


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from the file, the environment and `flags` (dotted name → value; `None` means not given).

    Without `path`, `KAGURA_CONFIG` names the file, else `$KAGURA_HOME/config.yaml` is read if it exists.
    Raises ConfigError that names file and line, variable or flag, and the remedy.
    """
    flags = {name: value for name, value in (flags or {}).items() if value is not None}
    file, named = settings_path(path, environ, flags)
    source = SettingsFile.read(file, must_exist=named)
    data: dict[str, Any] = source.data
    places: dict[str, str] = {}
    for name, variable, default, _ in settings_rows():
        if environ.get(variable):
            _put(data, name, _from_text(environ[variable], default, variable))
            places[name] = variable
        if name in flags:
            _put(data, name, flags[name])
            places[name] = f"--{name.split('.')[-1].replace('_', '-')}"
    settings = _convert(data, source, places)
    check_patterns(settings.redact, source)
    check_discounts(settings.discounts, source, places)
    check_alerts(settings.alerts.channels, settings.alerts.rules, source, places)
    return msgspec.structs.replace(settings, home=settings.home.expanduser().absolute())


def settings_path(
    path: Path | None = None, environ: Mapping[str, str] = os.environ, flags: Mapping[str, Any] | None = None
) -> tuple[Path, bool]:
    """The file that `load` reads, and whether somebody named it, so that it must be there."""
    named = path or (Path(environ["KAGURA_CONFIG"]) if environ.get("KAGURA_CONFIG") else None)
    home = Path(str((flags or {}).get("home") or environ.get("KAGURA_HOME") or "~/.kagura")).expanduser()
    return (named or home / "config.yaml").expanduser(), named is not None


def _put(data: dict[str, Any], name: str, value: Any) -> None:
    *parents, leaf = name.split(".")
    for parent in parents:
        inner = data.get(parent)
        if inner is None:
            inner = data[parent] = {}
        if not isinstance(inner, dict):
            return
        data = inner
    data[leaf] = value


def _from_text(text: str, default: Any, variable: str) -> Any:
    if isinstance(default, str | Path):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{variable}: cannot be read: {one_line(error)}", "Give it as YAML text.") from None


def _convert(data: dict[str, Any], source: SettingsFile, places: dict[str, str]) -> Settings:
    """`data` as Settings; maps are read entry by entry so that an error can name its line."""
    data = {key: value for key, value in data.items() if value is not None or key == "db"}
    for name, kind in (
        ("providers", ProviderSettings),
        ("models", str),
        ("prices", dict[str, Decimal]),
        ("discounts", Decimal),
        ("alerts.rules", AlertRule),
        ("alerts.channels", AlertChannel),
    ):
        *parents, leaf = keys = name.split(".")
        group: Any = data.get(parents[0]) if parents else data
        entries = group.get(leaf) if isinstance(group, dict) else None
        if isinstance(entries, dict):
            group[leaf] = {
                str(key): _checked(
                    _exact(value) if name in _DECIMALS else value, kind, source, places, [*keys, str(key)]
                )
                for key, value in entries.items()
            }
    settings: Settings = _checked(data, Settings, source, places, [])
    return settings


_DECIMALS = frozenset(["prices", "discounts"])


def _exact(value: Any) -> Any:
    """Numbers as written, so that 0.1 dollars stay 0.1."""
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, int | float) else value


def _checked(value: Any, kind: Any, source: SettingsFile, places: dict[str, str], keys: list[str]) -> Any:
    try:
        return msgspec.convert(value, kind, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        raise _explained(str(error), kind, source, places, keys) from None


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _explained(text: str, kind: Any, source: SettingsFile, places: dict[str, str], keys: list[str]) -> ConfigError:
    """msgspec's message in words of the file: place, name, remedy."""
    reason, _, where = text.partition(" - at `")
    keys = keys + [key for key in re.findall(r"[\w-]+", where.rstrip("`").removeprefix("$")) if not key.isdigit()]
    unknown = re.search(r"unknown field `(.+)`", reason)
    if unknown:
        known = [name for name, _, _ in _fields(_section_at(kind, keys))]
        near = difflib.get_close_matches(unknown[1], known, n=1)
        name = ".".join([*keys, unknown[1]])
        remedy = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(known)}."
        return ConfigError(f"{source.place(keys, at_key=unknown[1])}: unknown setting `{name}`", remedy)
    name = ".".join(keys)
    place = places.get(name) or source.place(keys)
    default = next((row[2] for row in settings_rows() if row[0] == name), None)
    remedy = "See config.example.yaml." if default in (None, "") else f"The default is {default!r}."
    return ConfigError(f"{place}: `{name}`: {reason[:1].lower()}{reason[1:]}", remedy)


def _section_at(kind: Any, keys: list[str]) -> Any:
    if kind is Settings and keys:
        return sections().get(keys[0], Settings)
    return kind
