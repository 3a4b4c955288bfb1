"""Changing single members of a JSON object by replacing bytes, so that all others stay as the client wrote them."""

import re

import msgspec

_MEMBERS: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OPENING = re.compile(rb"[ \t\r\n]*\{")
_KEY = re.compile(rb'[ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_NEXT = re.compile(rb"[ \t\r\n]*([,}])")
_AGAIN = {b",": True, b"}": False}


class JsonObject:
    """The members of a JSON object with the places of their values.

    Only an object that is read without any doubt has members: one with a key twice, a byte order mark or an error
    has none.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.places = _places(text)

    def __contains__(self, key: str) -> bool:
        return key in self.places

    def value(self, key: str) -> bytes:
        """The bytes of a member's value; empty where there is none."""
        return self.text[self.places[key]] if key in self.places else b""

    def with_value(self, key: str, value: bytes) -> bytes:
        """The object's text with another value for a member it has."""
        place = self.places[key]
        return b"".join((self.text[: place.start], value, self.text[place.stop :]))

    def with_member(self, key: bytes, value: bytes) -> bytes:
        """The object's text with a member more, which comes first."""
        at = self.text.index(b"{") + 1
        return b"".join((self.text[:at], b'"%s":%s' % (key, value), b"," if self.places else b"", self.text[at:]))


def _places(text: bytes) -> dict[str, slice]:
    """Where each value lies. msgspec finds where the values end; this walks from one to the next and checks."""
    opening = _OPENING.match(text)
    if opening is None:
        return {}
    try:
        members = _MEMBERS.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    places = {}
    at = opening.end()
    for name, raw in members.items():
        key, value = _KEY.match(text, at), bytes(raw)
        if key is None or not text.startswith(value, key.end()) or msgspec.json.decode(key[1]) != name:
            return {}
        places[name] = slice(key.end(), key.end() + len(value))
        following = _NEXT.match(text, places[name].stop)
        if following is None:
            return {}
        at = following.end()
        more = _AGAIN[following[1]]
        if more != (len(places) < len(members)):
            return {}
    return places
