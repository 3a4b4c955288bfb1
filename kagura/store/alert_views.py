"""What alerts measure and remember, as plain data."""

import msgspec

AlertKey = tuple[str, str]
"""Rule, and what it was split by (empty where it was not)."""


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alert stands that has fired at some time."""

    rule: str
    subject: str = ""
    """The agent, model, user or run that it is about, where the rule is split; else empty."""
    firing: bool
    since: int
    """When it began to fire, or when it was over."""
    evaluated_at: int
    value: float
    """In dollars, tokens, percent, seconds or a count, as the rule says."""
    text: str
    """One sentence; names in it come from outside."""
    event_id: str


class AlertMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Something to say through one channel."""

    id: str
    """The same in every channel and at every try."""
    channel: str
    rule: str
    body: str
    """The event as JSON."""
    created_at: int
    attempts: int = 0
    delivered_at: int | None = None
    due_at: int | None = None
    """When it is tried next; `None` where it was said, or given up."""
    error: str | None = None


class AlertChanges(msgspec.Struct, frozen=True):
    """What one look at the rules changes."""

    states: list[AlertState] = []
    messages: list[AlertMessage] = []
    forgotten: list[AlertKey] = []


class RunFigure(msgspec.Struct, frozen=True):
    """A run of the window."""

    id: str
    agent: str
    user: str
    tags: dict[str, str]
    duration: int
    """Microseconds, up to now where it runs."""
    cost: int
    """Pico-dollars, estimates included."""
    estimated: int


class Repeats(msgspec.Struct, frozen=True):
    """How often a run called one tool with the same arguments."""

    run: str
    agent: str
    user: str
    tool: str
    arguments: str
    times: int
