"""The JSON form of OTLP requests, as structs whose fields are named like those of the protobuf's classes.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. What protobuf's own JSON printers write is read, too:
fields in snake_case, nulls, 64-bit integers and numbers of enums as text.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

_UNDERSCORE = re.compile(r"_([a-z])")


class _Struct(msgspec.Struct, rename="camel"):
    """A message of the JSON form."""


class _Array(_Struct):
    values: list["_Value"] = []


class _KeyValues(_Struct):
    values: list["_KeyValue"] = []


class _Value(_Struct):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: _Array | None = None
    kvlist_value: _KeyValues | None = None
    bytes_value: str | None = None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - as the protobuf's classes call it
        """The name of the field that is set."""
        return next((name for name in self.__struct_fields__ if getattr(self, name) is not None), None)


class _KeyValue(_Struct):
    key: str = ""
    value: _Value = msgspec.field(default_factory=_Value)


class _Resource(_Struct):
    attributes: list[_KeyValue] = []


class _Scope(_Struct):
    name: str = ""


class _Status(_Struct):
    code: int | str = 0
    message: str = ""


class _Event(_Struct):
    name: str = ""
    attributes: list[_KeyValue] = []


class _Span(_Struct):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[_KeyValue] = []
    events: list[_Event] = []
    status: _Status = msgspec.field(default_factory=_Status)


class _ScopeSpans(_Struct):
    scope: _Scope = msgspec.field(default_factory=_Scope)
    spans: list[_Span] = []


class _ResourceSpans(_Struct):
    resource: _Resource = msgspec.field(default_factory=_Resource)
    scope_spans: list[_ScopeSpans] = []


class _Traces(_Struct):
    resource_spans: list[_ResourceSpans] = []


class _Record(_Struct):
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""
    time_unix_nano: int | str = 0
    observed_time_unix_nano: int | str = 0
    body: _Value = msgspec.field(default_factory=_Value)
    attributes: list[_KeyValue] = []


class _ScopeLogs(_Struct):
    scope: _Scope = msgspec.field(default_factory=_Scope)
    log_records: list[_Record] = []


class _ResourceLogs(_Struct):
    resource: _Resource = msgspec.field(default_factory=_Resource)
    scope_logs: list[_ScopeLogs] = []


class _Logs(_Struct):
    resource_logs: list[_ResourceLogs] = []


FORMS: dict[str, type[_Struct]] = {"traces": _Traces, "logs": _Logs}
"""The request of each signal."""


def read_json(signal: str, body: bytes) -> Any:
    """A request as an object with the protobuf's fields. Raises msgspec.DecodeError or RecursionError."""
    form = FORMS[signal]
    try:
        found = msgspec.json.decode(body, type=form)
    except msgspec.ValidationError:
        return msgspec.convert(_proper(msgspec.json.decode(body)), form, strict=False)
    if found != form():
        return found
    given = _proper(msgspec.json.decode(body))
    others = [name for other, row in FORMS.items() if other != signal for name in row.__struct_encode_fields__]
    stray = next((name for name in (*others, "resourceMetrics") if name in given), None)
    if stray is not None:
        raise msgspec.ValidationError(f"`{stray}` is sent to the address of another signal")
    return msgspec.convert(given, form, strict=False)


def _proper(value: Any) -> Any:
    """A JSON value with all names in lowerCamelCase, and without nulls.

    Every name of an object is one of OTLP's fields: those of attributes are values of `key`.
    """
    if isinstance(value, Mapping):
        named = ((_UNDERSCORE.sub(lambda found: found[1].upper(), name), item) for name, item in value.items())
        return {name: _proper(item) for name, item in named if item is not None}
    if isinstance(value, list):
        return [_proper(item) for item in value if item is not None]
    return value
