"""Members of a JSON object found and replaced without touching other bytes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from kagura.proxy.splice import JsonObject

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=6), st.data(), st.sampled_from([None, 1, "\t"])
)
def test_a_replaced_value_leaves_all_else(
    whole: dict[str, object], data: st.DataObject, indent: str | int | None
) -> None:
    text = json.dumps(whole, indent=indent, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass")
    key = data.draw(st.sampled_from(sorted(whole)))
    parsed = JsonObject(text)
    if not parsed.places:  # lone surrogates are not UTF-8: left alone
        assert b"\xed" in text or b"\\ud" in text.lower()
        return
    place = parsed.places[key]
    changed = parsed.with_value(key, b'"new"')
    assert json.loads(changed) == {**whole, key: "new"}
    assert changed[: place.start] == text[: place.start]
    assert changed.endswith(text[place.stop :])


def test_a_new_member_comes_first() -> None:
    assert JsonObject(b' { "a": 1}').with_member(b"b", b"2") == b' {"b":2, "a": 1}'
    assert JsonObject(b"{}").with_member(b"b", b"2") == b'{"b":2}'


def test_what_is_unclear_has_no_members() -> None:
    for text in (b"", b"[]", b'{"a":1,"a":2}', b'\xef\xbb\xbf{"a":1}', b'{"a":1', b'{"a":1}x', b'{"a":tru}', b'"{}"'):
        assert JsonObject(text).places == {}, text


def test_keys_inside_values_are_not_members() -> None:
    text = rb'{"x":"\"model\":\"no\"","y":{"model":"no"},"model":"yes"}'
    assert JsonObject(text).value("model") == b'"yes"'
