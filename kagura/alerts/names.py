"""Names from outside, made harmless: agents, models, users and runs are called what their callers like."""

import re
import unicodedata

LONGEST = 80
"""Characters of a name that a message shows."""

_UNUSUAL = re.compile("[^ -~]")
_INVISIBLE = frozenset("\u00ad\u034f\u061c\u115f\u180e\u3164")


def plain(name: str) -> str:
    """A name as one short line that no terminal obeys: no control, direction or invisible characters."""
    line = " ".join(_UNUSUAL.sub(_visible, name[: LONGEST * 4]).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    if char.isspace():
        return " "
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"} or char in _INVISIBLE:
        return "\ufffd"
    return char


_MENTION = re.compile(r"@(?=\S)")
_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "'", "*": "∗", "[": "(", "]": ")"})


def defanged(text: str) -> str:
    """A sentence for chats and mail, in which nothing from outside becomes a link, a mention or markup."""
    return _MENTION.sub("@\u200b", text.translate(_MARKUP)).replace("://", ":\u200b//")
