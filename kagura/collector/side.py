"""Side calls: what an agent's client asks beside its work, such as a title for the session."""

import re
from typing import NamedTuple

from kagura.model import Call, Exchange

COMPACTION = "compaction"
TITLE = "title"
COUNT = "count"
PROBE = "probe"
ROUTING = "routing"
AUXILIARY = "auxiliary"

CLASS_HEADER = "x-claude-code-request-class"
_CLASSES = {"auxiliary": AUXILIARY, "compaction": COMPACTION}
_ENDPOINTS = {"count_tokens": COUNT, "responses/compact": COMPACTION}
_LENGTH = 4000
_REFUSED_UPGRADE = 426
"""What codex hears when it asks whether a websocket can be had; claude-code asks with HEAD whether anybody is there."""


class Sign(NamedTuple):
    """Words by which a side call is known."""

    side: str
    where: str
    """The role of the message that has them: the first system prompt, or the last of the user."""
    hint: str
    """What stands in every text that matches: looking for it costs next to nothing."""
    words: re.Pattern[str]


def _sign(side: str, where: str, hint: str, words: str | None = None) -> Sign:
    return Sign(side, where, hint, re.compile(words or re.escape(hint), re.DOTALL))


SIGNS = (
    _sign(TITLE, "system", "title", r"title generator|\b(generate|write|create|produce)\b[^.\n]{0,60}\btitle\b"),
    _sign(TITLE, "user", "title", r"^\W*(please )?(generate|write|create)\b[^.\n]{0,60}\btitle\b"),
    _sign(COMPACTION, "user", "summary", r"create a detailed summary of (the|our|this) conversation"),
    _sign(COMPACTION, "user", "summari", r"^\W*(please )?summari[sz]e (the|our|this)[^.\n]{0,40}conversation"),
    _sign(COMPACTION, "user", "context checkpoint compaction"),
    _sign(COMPACTION, "system", "component that summarizes internal chat history"),
    _sign(COMPACTION, "system", "summarize this partial conversation about programming"),
    _sign(AUXILIARY, "system", "generates concise, one-line git commit messages"),
    _sign(ROUTING, "system", "task routing ai"),
    _sign(ROUTING, "user", "next_speaker"),
)
"""Read from the top, in lower case. The words of claude-code, codex, opencode, gemini-cli, aider, and of their like."""


def side_of(exchange: Exchange, call: Call) -> str | None:
    """What kind of side call this is; `None` for a step of the agent's work."""
    if found := _ENDPOINTS.get(call.endpoint):
        return found
    if exchange.method == "HEAD" or exchange.status == _REFUSED_UPGRADE:
        return PROBE
    said = next((value for name, value in exchange.request_headers if name == CLASS_HEADER), None)
    if said in (None, "auxiliary"):
        texts = {role: _text(call, role) for role in ("system", "user")}
        at_work = bool(call.parameters.get("tools"))
        for side, where, hint, words in SIGNS:
            if hint in texts[where] and not (at_work and side == TITLE) and words.search(texts[where]):
                return side
    return _CLASSES.get(said or "") or (PROBE if call.parameters.get("max_tokens") == 1 else None)


def _text(call: Call, role: str) -> str:
    messages = call.input_messages if role == "system" else reversed(call.input_messages)
    return next((message.text[:_LENGTH].lower() for message in messages if message.role == role), "")
