"""What `kagura doctor` says about variables of the environment that are named like kagura's own."""

from pathlib import Path

import pytest

from tests.cli.seeded import Run, run

__all__ = ["run"]

CHANNEL = """
alerts:
  channels:
    chat: {webhook: "${KAGURA_CHAT_HOOK}", secret: "${KAGURA_CHAT_SECRET}"}
"""


def test_a_variable_that_a_setting_names_is_known(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "config.yaml").write_text(CHANNEL)
    for name in ("KAGURA_CHAT_HOOK", "KAGURA_CHAT_SECRET", "KAGURA_CHAT_HOOKS"):
        monkeypatch.setenv(name, "https://chat.example")
    unread = [row["subject"] for row in run("doctor", "--json").json if row["text"] == "is no setting of kagura"]
    assert unread == ["KAGURA_CHAT_HOOKS"]
