"""What is shown to those who have nothing recorded yet."""

from kagura.store.views import CostTotals, Overview, TokenTotals

BEGIN = """No calls are recorded yet.

Start the proxy, point an agent at it, and look again:
  kagura proxy
  export OPENAI_BASE_URL=http://127.0.0.1:4100/v1
  export ANTHROPIC_BASE_URL=http://127.0.0.1:4100
  export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:4100
Or run one program with its calls recorded: kagura run -- python my_agent.py"""
"""What an empty store shows."""

NOTHING_SEEN = Overview(
    active_executions=0,
    executions=0,
    llm_calls=0,
    errors=0,
    tokens=TokenTotals(),
    cost=CostTotals(),
    average_duration=None,
    p95_duration=None,
    success_rate=None,
)
"""The totals of an empty store."""
