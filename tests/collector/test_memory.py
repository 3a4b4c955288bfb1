"""Memory is given back where the C library can, and nothing happens where it cannot."""

import ctypes
from types import SimpleNamespace

import pytest

from kagura.collector import memory


def test_memory_is_given_back_by_what_the_library_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    library = SimpleNamespace(malloc_trim=asked.append)
    memory._trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    memory.give_back()
    memory._trim.cache_clear()
    assert asked == [0]


def test_the_library_at_hand_takes_the_call() -> None:
    memory._trim.cache_clear()
    memory.give_back()
    assert memory._trim.cache_info().currsize == 1


def test_another_c_library_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    memory._trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    memory.give_back()
    assert memory._trim() is None
    memory._trim.cache_clear()
