"""How to begin, for those who have nothing recorded yet."""

BEGIN = """No calls are recorded yet.

Start the proxy, point an agent at it, and look again:
  kagura proxy
  export OPENAI_BASE_URL=http://127.0.0.1:4100/v1
  export ANTHROPIC_BASE_URL=http://127.0.0.1:4100
  export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:4100
Or run one program with its calls recorded: kagura run -- python my_agent.py"""
"""What an empty store shows."""
