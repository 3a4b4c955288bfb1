"""The tools that all Python agents here are given; each takes a known time."""

import time


def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: Name of the city.
    """
    time.sleep(0.3)
    return f"sunny in {city}"


def get_time(zone: str) -> str:
    """Tell the time in a zone.

    Args:
        zone: Name of the zone.
    """
    time.sleep(0.15)
    return f"noon in {zone}"


def look_up(word: str) -> str:
    """Look a word up in the dictionary.

    Args:
        word: The word.
    """
    time.sleep(0.2)
    return f"{word} means journey"
