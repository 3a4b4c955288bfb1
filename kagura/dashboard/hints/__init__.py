"""Hints: what stands out in a run that has ended, each from one rule with its numbers and a short remedy.

A rule speaks where the evidence is plain, and is silent otherwise: `RULES` says of each from when on.
"""

from kagura.dashboard.hints.evidence import Evidence, Hint, Rule, covered, evidence_of
from kagura.dashboard.hints.latency import LLM_TIME, SLOW_FIRST_TOKEN
from kagura.dashboard.hints.models import CHEAPER_MODEL
from kagura.dashboard.hints.prompts import CACHE_NEVER_HIT, GROWING_CONTEXT, REPEATED_CALL
from kagura.dashboard.hints.tools import REPEATED_TOOL_CALL
from kagura.dashboard.hints.trouble import CUT_OFF, RETRIES
from kagura.model import Execution, Span, Status

__all__ = ["RULES", "Evidence", "Hint", "Rule", "covered", "evidence_of", "hints"]

RULES: tuple[Rule, ...] = (
    LLM_TIME,
    REPEATED_CALL,
    REPEATED_TOOL_CALL,
    CACHE_NEVER_HIT,
    GROWING_CONTEXT,
    CHEAPER_MODEL,
    SLOW_FIRST_TOKEN,
    RETRIES,
    CUT_OFF,
)
"""All rules, in the order in which their hints are shown."""


def hints(run: Execution, spans: list[Span], evidence: Evidence | None = None) -> list[Hint]:
    """What stands out in a run; nothing while it still runs."""
    if run.status is Status.RUNNING or not run.duration:
        return []
    seen = evidence or Evidence()
    return [
        Hint(rule=rule.name, finding=said.finding, advice=said.advice or rule.advice, saving=said.saving)
        for rule in RULES
        for said in rule.judge(run, spans, seen)
    ]
