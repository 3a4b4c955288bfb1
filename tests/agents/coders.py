"""Coding agents: programs that users start, with a shell as their tool."""

from tests.agents.agent import Agent
from tests.agents.plans import DONE, PLANNER, PROMPT, TASK, shell
from tests.agents.scripts import Role, asks, says

SUBMITTED = asks(("bash", {"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT; echo All is planned for TRIP."}))
"""How mini-swe-agent ends its work."""

_EDIT = "plan.md\n```\n<<<<<<< SEARCH\n=======\n"

CODERS = (
    Agent(
        "claude-code",
        ("@anthropic-ai/claude-code@2.1.330",),
        ("BIN/claude", "-p", PROMPT, "--permission-mode", "bypassPermissions"),
        shell(
            "Bash",
            "command",
            (
                "Agent",
                {
                    "description": "Translate",
                    "prompt": TASK,
                    "subagent_type": "general-purpose",
                    "run_in_background": False,
                },
            ),
        ),
        (("IS_SANDBOX", "1"),),
        tells=(),
    ),
    Agent(
        "codex",
        ("@openai/codex@0.169.0",),
        (
            "BIN/codex",
            "exec",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            "-m",
            "gpt-5.1-codex",
            PROMPT,
        ),
        shell(
            "exec_command",
            "cmd",
            ("spawn_agent", {"message": TASK}),
            ("wait_agent", {"targets": ["UUID"], "timeout_ms": 10000}),
        ),
        (("CODEX_API_KEY", "sk-test"),),
        tells=(),
    ),
    Agent(
        "gemini-cli",
        ("@google/gemini-cli@0.61.0",),
        ("BIN/gemini", "--yolo", "--skip-trust", "-p", PROMPT),
        shell(
            "run_shell_command",
            "command",
            ("invoke_agent", {"agent_name": "generalist", "prompt": TASK}),
            translated=asks(("complete_task", {"result": {"response": "TRIP is tabi."}})),
        ),
        tells=("complete_task",),
    ),
    Agent(
        "opencode",
        ("opencode-ai@1.18.33",),
        ("BIN/opencode", "run", "--model", "anthropic/claude-sonnet-4-5", PROMPT),
        shell(
            "bash",
            "command",
            ("task", {"description": "Translate", "prompt": TASK, "subagent_type": "general"}),
            description="A command",
        ),
    ),
    Agent(
        "qwen-code",
        ("@qwen-code/qwen-code@0.24.4",),
        ("BIN/qwen", "--yolo", "--auth-type", "openai", "--model", "gpt-4o-mini", "-p", PROMPT),
        shell(
            "run_shell_command",
            "command",
            ("agent", {"description": "Translate", "prompt": TASK, "subagent_type": "general-purpose"}),
            finally_=(DONE, DONE),
            is_background=False,
        ),
    ),
    Agent(
        "pi",
        ("@mariozechner/pi-coding-agent@0.73.1",),
        ("BIN/pi", "-p", "--provider", "anthropic", "--model", "claude-sonnet-4-5", PROMPT),
        shell("bash", "command"),
    ),
    Agent(
        "mini-swe-agent",
        ("mini-swe-agent==2.4.6", "litellm==1.105.0"),
        ("BIN/mini", "--yolo", "--exit-immediately", "--model", "openai/gpt-4o-mini", "--task", PROMPT),
        shell("bash", "command", finally_=(SUBMITTED,)),
        (
            ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
            ("MSWEA_CONFIGURED", "true"),
            ("MSWEA_COST_TRACKING", "ignore_errors"),
        ),
    ),
    Agent(
        "aider",
        ("aider-chat==0.86.2",),
        (
            *("BIN/aider", "--model", "gpt-4o-mini", "--edit-format", "diff", "--no-show-model-warnings"),
            *("--yes-always", "--no-check-update", "--analytics-disable", "--no-stream"),
            *("--auto-test", "--test-cmd", "grep All plan.md", "--message", PROMPT),
        ),
        (
            Role(
                PLANNER,
                (says(f"{_EDIT}First\n>>>>>>> REPLACE\n```"), says(f"{_EDIT}{DONE.says}\n>>>>>>> REPLACE\n```")),
            ),
        ),
        (("LITELLM_LOCAL_MODEL_COST_MAP", "True"),),
        rebuilds=True,
    ),
)
