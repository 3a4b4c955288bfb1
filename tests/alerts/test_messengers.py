"""What Slack and a mail server get of an alert whose agent is called what an attacker likes."""

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from kagura.alert_settings import AlertChannel
from kagura.alerts.channels import channel
from kagura.alerts.measuring import Measured
from kagura.alerts.telling import Event, make_event
from kagura.config import AlertSettings, Settings
from tests.alerts.receiver import receiver
from tests.alerts.samples import rule
from tests.store.things import T

HOSTILE = "\x1b[31mresearch\r\nBcc: all@corp.test\n@here <!channel> <@U1> <https://evil.test|ok> $(id) `id` *b* \u202e"


def firing() -> Event:
    spend = rule("cost > $20 today", name="spend", each="agent")
    return make_event(spend, HOSTILE, "firing", Measured(value=21.5), T, T)


def said_through(home: Path, url: str) -> str | None:
    rows = {"team": AlertChannel(apprise="${WHERE}")}
    say = channel("team", Settings(home=home, alerts=AlertSettings(channels=rows)), {"WHERE": url})
    return say(firing())


def assert_harmless(text: str) -> None:
    assert "spend: cost $21.50 › $20 today (agent " in text
    for part in ("\x1b", "@here", "<!channel>", "<@U1>", "https://", "`", "\u202e"):
        assert part not in text


def test_slack_gets_one_line_that_mentions_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as slack:
        slack.status = 200
        # The real plugin of apprise, led to a server of ours.
        (tmp_path / "sitecustomize.py").write_text(
            f"from apprise.plugins.slack import NotifySlack\nNotifySlack.webhook_url = {slack.address!r}\n"
        )
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        said_through(tmp_path, "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts")
        ((_, body),) = slack.got
    sent = json.loads(body)
    (attachment,) = sent["attachments"]
    assert sent["channel"] == "#alerts"
    assert attachment["title"] == "kagura: ALERT spend"
    assert_harmless(attachment["text"])
    assert "\n" not in attachment["text"].strip()


def test_mail_gets_no_header_from_a_name(tmp_path: Path) -> None:
    with mail_server() as (port, letters):
        url = f"mailto://127.0.0.1:{port}?from=kagura@corp.test&to=ops@corp.test&mode=insecure"
        assert said_through(tmp_path, url) is None
    (letter,) = letters
    assert letter["subject"] == "kagura: ALERT spend"
    assert letter["bcc"] is None
    assert "ops@corp.test" in letter["to"]
    body = letter.get_body(("plain", "html"))
    assert body is not None
    assert_harmless(body.get_content())


@contextmanager
def mail_server() -> Iterator[tuple[int, list[EmailMessage]]]:
    """A server that speaks as much SMTP as a sender needs."""
    letters: list[EmailMessage] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.answer("220 here")
            while line := self.rfile.readline():
                match line[:4].upper():
                    case b"DATA":
                        self.answer("354 go on")
                        lines = iter(self.rfile.readline, b".\r\n")
                        letter = message_from_bytes(b"".join(lines), policy=policy.default)
                        assert isinstance(letter, EmailMessage)
                        letters.append(letter)
                        self.answer("250 taken")
                    case b"QUIT":
                        self.answer("221 bye")
                        return
                    case _:
                        self.answer("250 yes")

        def answer(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], letters
        finally:
            server.shutdown()
            thread.join()
