"""Spans of one execution that are one thing: a report and its call, a reported and an inferred tool.

All of it is decided from the spans as they stand, whoever came first. The relay's figures win, and the program's place
in the tree; the id of what is merged stands for the other from then on, for children that come later.
"""

from collections.abc import Mapping

from kagura.collector.homes import Homes
from kagura.collector.scene import REPORT, Scene, is_call
from kagura.collector.tools import ASKED_BY, CALL_ID, TOOL_KINDS, same_call
from kagura.collector.twins import (
    DEFAULT_AGENT,
    REPORTED_BY,
    SEEN_TWICE,
    agent_above,
    caller_of,
    client_of,
    event_of,
    is_http_request,
    pairs,
    reported_by,
)
from kagura.model import Span, SpanKind, Status

SUB_AGENT = "sub_agent"
"""The attribute of a call that names the sub-agent which made it, where a program's own span stands for that."""


class Merger:
    """Merges the spans of an execution."""

    def __init__(self, homes: Homes) -> None:
        self._homes = homes
        self._merged: list[str] = []

    def merge(self, scene: Scene, execution_id: str) -> list[str]:
        """Merge what is one in an execution, put calls below the spans that made them; returns the reports merged."""
        self._merged = []
        run = scene.run(execution_id)
        branches = {span.id: span.parent_id for span in run.values() if span.parent_id}
        self._hang(scene, run)
        self._rehang(scene, run)
        while self._merge_calls(scene, run) or self._merge_tools(scene, run):
            self._rehang(scene, run)
        for span in list(run.values()):
            above = run.get(span.parent_id or "")
            if above is not None and is_call(above) and is_call(span) and caller_of(span):
                # Another attempt of the same step: it stands beside the one that is reported.
                span.parent_id = above.parent_id
                scene.change(span)
            agent = agent_above(span, run)
            if agent != span.agent:
                span.agent = agent
                scene.change(span)
        self._leave_branches(scene, run, branches)
        _name_branches(scene, run)
        return self._merged

    def _leave_branches(self, scene: Scene, run: Mapping[str, Span], branches: Mapping[str, str]) -> None:
        """Take out sub-agents that were guessed from calls whose real place the program has told."""
        guessed = {span.id: span for span in run.values() if span.kind is SpanKind.AGENT and span.inferred}
        for id, branch in branches.items():
            span = run.get(id)
            if branch in guessed and span is not None and is_call(span) and span.parent_id != branch:
                span.attributes[SUB_AGENT] = guessed[branch].name
                scene.change(span)
        left = {*branches.values()} - {span.parent_id for span in run.values()}
        for id in left & guessed.keys():
            scene.remove(guessed[id])

    def _merge_calls(self, scene: Scene, run: Mapping[str, Span]) -> bool:
        """Make reports and their calls one; whether there were any."""
        merged = False
        for report, call in pairs(run):
            self._absorb(scene, report, call)
            merged = True
        return merged

    def _rehang(self, scene: Scene, run: Mapping[str, Span]) -> None:
        """Put what hung below spans that are gone below those that they turned out to be."""
        for span in [span for span in run.values() if span.parent_id and span.parent_id not in run]:
            above = self._homes.span(span.parent_id or "")
            if above not in (span.parent_id, span.id):
                span.parent_id = above
                scene.change(span)

    def _merge_tools(self, scene: Scene, run: Mapping[str, Span]) -> bool:
        """Let reported tools take the place of those that were inferred from calls; whether there were any."""
        merged = False
        tools = [span for span in run.values() if span.kind in TOOL_KINDS]
        weak = [span for span in tools if span.inferred or (REPORT in span.attributes and span.trace_id is None)]
        told = [span for span in tools if REPORT in span.attributes] if weak else []
        fitting = [(span, other) for span in told for other in weak if other is not span and same_call(span, other)]
        # A span in a trace tells more than an event in a log, and that more than what calls show.
        for span, other in sorted(fitting, key=lambda pair: (pair[0].trace_id is None, *_apart(*pair))):
            both_left = span.id in run and other.id in run
            if both_left and (other.inferred or span.trace_id) and (_one_id(span, other) or not _has_like(span, other)):
                self._absorb_tool(scene, other, span)
                merged = True
        return merged

    def _hang(self, scene: Scene, run: Mapping[str, Span]) -> None:
        """Put calls below the spans that their `traceparent` names; an HTTP client's span of a call is that call."""
        for call in [span for span in run.values() if is_call(span)]:
            caller = caller_of(call)
            above = run.get(self._homes.span(caller)) if caller else None
            if above is None or is_call(above):
                continue
            parent = above.parent_id if is_http_request(above) else above.id
            if SEEN_TWICE not in call.attributes and call.parent_id != parent and _may_move(call, run):
                call.parent_id = parent
                scene.change(call)
            if is_http_request(above):
                self._replace(scene, above, call)

    def _absorb(self, scene: Scene, report: Span, call: Span) -> None:
        """Make a report and its call one span: the relay's figures, the program's place for it."""
        run = scene.run(call.execution_id)
        placed = report.trace_id is not None and report.execution_id == call.execution_id
        if placed and report.parent_id != call.id and _may_move(call, run):
            call.parent_id = report.parent_id
        call.trace_id = call.trace_id or report.trace_id
        call.session_id, call.user = call.session_id or report.session_id, call.user or report.user
        if report.agent != DEFAULT_AGENT and call.agent in (DEFAULT_AGENT, client_of(call)):
            call.agent = report.agent
        call.tags = report.tags | call.tags
        told_by = reported_by(report, call)
        origin = (report if report.trace_id else call).attributes.get(REPORT) or report.attributes[REPORT]
        call.attributes = report.attributes | call.attributes | {REPORT: origin}
        call.attributes[REPORTED_BY] = told_by
        call.attributes[SEEN_TWICE] = [*call.attributes.get(SEEN_TWICE, ()), report.id]
        self._replace(scene, report, call)
        self._merged.append(report.id)

    def _absorb_tool(self, scene: Scene, weak: Span, told: Span) -> None:
        """Make two spans of one tool's call one: the surer one, with what only the other showed."""
        if told.trace_id is None:
            told.parent_id = told.parent_id or weak.parent_id
        told.input_preview = told.input_preview or weak.input_preview
        told.output_preview = told.output_preview or weak.output_preview
        if weak.status is Status.FAILED and told.status is Status.COMPLETED:
            told.status, told.error, told.error_type = weak.status, weak.error, weak.error_type
        told_by = {*told.attributes.get(REPORTED_BY, ()), *([] if weak.inferred else [event_of(weak)])}
        told.attributes = weak.attributes | told.attributes | ({REPORTED_BY: sorted(told_by)} if told_by else {})
        self._replace(scene, weak, told)

    def _replace(self, scene: Scene, gone: Span, by: Span) -> None:
        self._homes.merge(gone.id, by.id)
        scene.remove(gone)
        scene.change(by)


def _name_branches(scene: Scene, run: Mapping[str, Span]) -> None:
    """Show the steps in which the calls of sub-agents stand as those sub-agents."""
    for call in [span for span in run.values() if SUB_AGENT in span.attributes]:
        step = run.get(call.parent_id or "")
        if step is not None and step.kind is SpanKind.SPAN and REPORT in step.attributes:
            step.kind, step.name = SpanKind.AGENT, str(call.attributes[SUB_AGENT])
            scene.change(step)


def _one_id(span: Span, other: Span) -> bool:
    return CALL_ID in span.attributes and span.attributes[CALL_ID] == other.attributes.get(CALL_ID)


def _has_like(span: Span, other: Span) -> bool:
    """Whether another of its kind is merged with a span already: calls show it once, and an event tells of it once."""
    return ASKED_BY in span.attributes if other.inferred else event_of(other) in span.attributes.get(REPORTED_BY, ())


def _apart(span: Span, other: Span) -> tuple[bool, bool, int]:
    """How little two spans look like one tool's call: by id, by arguments, by time."""
    ends = abs((span.ended_at or span.started_at) - (other.ended_at or other.started_at))
    same_arguments = span.input_preview == other.input_preview
    return not _one_id(span, other), not same_arguments, abs(span.started_at - other.started_at) + ends


def _may_move(call: Span, run: Mapping[str, Span]) -> bool:
    """Whether a call's parent may change: nobody named one, or it was inferred or reported in the same way."""
    above = run.get(call.parent_id or "")
    return above is None or above.inferred or REPORT in above.attributes
