"""Attributes of any shape never stop a span: whatever a name holds, what it cannot be is left out."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kagura.otel import attributes as names
from kagura.otel.decoding import OtlpEvent, OtlpLog, OtlpSpan
from kagura.otel.incoming import from_span
from kagura.otel.incoming_logs import RULES, from_log

_GROUPS = (*names.FIELDS.values(), *names.USAGE.values(), names.INPUTS, names.OUTPUTS, names.TAGS, names.METADATA)
_NAMES = sorted({name for group in _GROUPS for name in group} | {rule.attribute for rule in names.KINDS})
_KNOWN = st.sampled_from([*_NAMES, *(f"{name}.0.role" for name in _NAMES), *(f"{name}.x.y" for name in _NAMES)])
_TEXTS = st.sampled_from(
    ["chat", "LLM", "execute_tool", "[1, 2]", '{"a": {"b": []}}', "{broken", '[{"parts": 5}]', "\x1b[2J"]
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_ATTRIBUTES = st.dictionaries(_KNOWN | st.text(max_size=8), _VALUES, max_size=8)


@settings(max_examples=300, deadline=None)
@given(_ATTRIBUTES, _ATTRIBUTES, _ATTRIBUTES)
def test_spans(attributes: dict[str, Any], event: dict[str, Any], resource: dict[str, Any]) -> None:
    events = [OtlpEvent(name, event) for name in ("exception", "gen_ai.choice", "gen_ai.content.prompt")]
    found = from_span(OtlpSpan("1" * 32, "2" * 16, None, "x", 1, None, attributes, events, True, "", resource, "lib"))
    assert found.data["kind"]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(RULES)),
    _ATTRIBUTES
    | st.dictionaries(st.sampled_from(["duration_ms", "input_tokens", "error", "success", "model"]), _VALUES),
)
def test_logs(name: str, attributes: dict[str, Any]) -> None:
    found = from_log(OtlpLog("", "", name, 1000, None, attributes | {"event.kind": "response.completed"}, {}, "lib"))
    assert found is None or found.data["id"]
