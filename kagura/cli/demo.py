"""`kagura demo`: a stand-in provider, small agents run through the proxy, then what kagura saw."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kagura.cli.common import command_app
from kagura.cli.proxies import started_proxy

app = command_app()

RUNS = (("research_agent", "research"), ("review_agent", "review"), ("translation_agent", "translate"))


@app.command()
def demo(
    home: Annotated[Path | None, typer.Option(help="Keep the demo's records in this folder.")] = None,
) -> None:
    """Run small agents against a bundled stand-in provider and show what kagura recorded. Needs no API key.

    Examples:

      kagura demo

      kagura demo --home /tmp/demo && kagura monitor --home /tmp/demo
    """
    from kagura.demo.provider import stand_in_provider

    kept = home or Path(tempfile.mkdtemp(prefix="kagura-demo-"))
    try:
        environment = _environment(kept.absolute())
        with stand_in_provider() as url, started_proxy(environment | {"KAGURA_PROVIDERS": _providers(url)}) as proxy:
            environment["KAGURA_PROXY_PORT"] = proxy.root.rpartition(":")[2]
            for agent, task in RUNS:
                _run(
                    ["run", "--agent", agent, "--", sys.executable, "-P", "-m", "kagura.demo.agent", task], environment
                )
        _run(["monitor", "--cost"], environment)
        _run(["monitor", "--agent", RUNS[0][0], "--trace"], environment)
        _run(["monitor", "--trace"], environment)
    finally:
        if home is None:
            shutil.rmtree(kept, ignore_errors=True)


def _environment(home: Path) -> dict[str, str]:
    """The caller's environment without its kagura settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KAGURA_")}
    return inherited | {"KAGURA_HOME": str(home)}


def _providers(url: str) -> str:
    """Every provider that the demo calls, replaced by the stand-in."""
    return json.dumps({name: {"base_url": url} for name in ("openai", "anthropic", "gemini")})


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    shown = " ".join(["kagura", *arguments]).replace(sys.executable, "python")
    typer.secho(f"\n$ {shown}", bold=True)
    sys.stdout.flush()
    code = subprocess.run([sys.executable, "-P", "-m", "kagura", *arguments], env=environment, check=False).returncode
    if code:
        raise typer.Exit(code)
