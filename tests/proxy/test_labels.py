"""Labels from headers and path; a bad one is ignored and counted."""

from kagura.model import Labels
from kagura.proxy.labels import PathTags, read_labels

NONE = PathTags()


def test_all_headers_are_read() -> None:
    headers = {
        b"x-kagura-execution-id": b"run-1",
        b"x-kagura-agent": "café".encode(),
        b"x-kagura-session-id": b"s",
        b"x-kagura-parent-id": b"0123456789abcdef",
        b"x-kagura-user": b"u",
        b"x-kagura-tags": b"a=1, b = x=y ,c=",
    }
    labels, ignored = read_labels(headers, NONE)
    assert labels == Labels("run-1", "header", "café", "s", "0123456789abcdef", "u", {"a": "1", "b": "x=y", "c": ""})
    assert ignored == 0


def test_a_header_wins_over_the_path() -> None:
    labels, _ = read_labels({b"x-kagura-execution-id": b"h"}, PathTags("bot", "p"))
    assert (labels.execution_id, labels.execution_source, labels.agent) == ("h", "header", "bot")
    labels, _ = read_labels({}, PathTags(None, "p"))
    assert (labels.execution_id, labels.execution_source) == ("p", "path")


def test_bad_headers_are_ignored_and_counted() -> None:
    headers = {
        b"x-kagura-execution-id": b"x" * 201,
        b"x-kagura-agent": b"  ",
        b"x-kagura-parent-id": b"not-a-span",
        b"x-kagura-tags": b"novalue,=1,ok=1," + b"v=" + b"x" * 300,
    }
    labels, ignored = read_labels(headers, NONE)
    assert labels == Labels(tags={"ok": "1"})
    assert ignored == 6


def test_tags_are_bounded() -> None:
    labels, ignored = read_labels({b"x-kagura-tags": b",".join(b"k%d=1" % i for i in range(40))}, NONE)
    assert (len(labels.tags), ignored) == (32, 8)


def test_names_that_no_header_can_carry_come_encoded() -> None:
    labels, ignored = read_labels({b"x-kagura-agent": b"UTF-8''%E4%BA%AC%E9%83%BD"}, NONE)
    assert (labels.agent, ignored) == ("京都", 0)
    for bad in (b"UTF-8''%FF", b"UTF-8''%0A", b"UTF-8''"):
        labels, ignored = read_labels({b"x-kagura-agent": bad}, NONE)
        assert (labels.agent, ignored) == (None, 1)
