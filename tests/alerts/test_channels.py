"""Every channel, with the real other side where there can be one; secrets stay where they are."""

import io
import json
import stat
import sys
import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from kagura.alert_settings import AlertChannel
from kagura.alerts.apprise import scrubbed
from kagura.alerts.channels import address, channel, to_log, to_terminal
from kagura.alerts.names import defanged, plain
from kagura.alerts.programs import run_program
from kagura.alerts.webhook import post
from kagura.config import AlertSettings, Settings
from tests.alerts.receiver import receiver
from tests.alerts.samples import event

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" + "QUFB"


def settings(home: Path, **channels: AlertChannel) -> Settings:
    return Settings(home=home, alerts=AlertSettings(channels=channels))


def test_a_webhook_is_signed_as_standard_webhooks_are(tmp_path: Path) -> None:
    with receiver() as other:
        where = settings(tmp_path, pager=AlertChannel(webhook="${HOOK}", secret="${SECRET}"))
        say = channel("pager", where, {"HOOK": other.address, "SECRET": SECRET})
        assert say(event()) is None
        ((headers, body),) = other.got
    assert headers["webhook-id"] == "msg_1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    document = Webhook(SECRET).verify(body, headers)
    assert document["type"] == "alert.firing"
    assert document["timestamp"] == "2025-10-10T17:00:00Z"
    assert document["data"]["value"] == 7.2
    assert document["data"]["text"] == "spend: cost $7.20 > $5 in 1h"
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(body.replace(b"7.2", b"7.3"), headers)


def test_a_webhook_without_a_secret_has_no_signature() -> None:
    with receiver() as other:
        assert post(other.address, "msg_1", b"{}", 1, None, 5) is None
        assert "webhook-signature" not in other.got[0][0]


def test_a_redirect_is_not_followed_anywhere() -> None:
    with receiver() as other, receiver() as elsewhere:
        other.location = elsewhere.address
        for status in (301, 302, 303, 307, 308):
            other.status = status
            assert post(other.address, "msg_1", b"{}", 1, None, 5) == (
                f"it answered {status} (redirects are not followed)"
            )
        other.location = "file:///etc/passwd"
        assert "redirects are not followed" in str(post(other.address, "msg_1", b"{}", 1, None, 5))
        assert elsewhere.got == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "http://", "//127.0.0.1/x", "http://a b/"]
)
def test_only_http_is_spoken(url: str) -> None:
    assert "must be an address" in str(post(url, "msg_1", b"{}", 1, None, 5))


def test_a_webhook_that_fails_says_why_without_its_address() -> None:
    with receiver() as other:
        other.status = 503
        answers = [post(other.address, "msg_1", b"{}", 1, None, 5)]
        other.status = 0
        answers.append(post(other.address, "msg_1", b"{}", 1, None, 0.1))
    answers.append(post(other.address, "msg_1", b"{}", 1, None, 5))
    answers.append(post(other.address, "msg_1", b"{}", 1, "c2hvcnQ=", 5))
    assert answers[0] == "it answered 503"
    assert answers[1] == "it cannot be reached: TimeoutError"
    assert answers[2] == "it cannot be reached: Connection refused"
    assert "base64 of 24 to 64 bytes" in str(answers[3])
    assert not any("secret-token" in str(answer) for answer in answers)


def test_a_command_gets_the_event_on_its_standard_input_and_no_shell(tmp_path: Path) -> None:
    written = tmp_path / "got.json"
    script = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read() + sys.argv[2])"
    evil = "$(touch pwned); `touch pwned` | touch pwned"
    row = AlertChannel(command=[sys.executable, "-c", script, str(written), evil])
    assert channel("page", settings(tmp_path, page=row))(event(subject=evil)) is None
    document, _, argument = written.read_text().partition("\n")
    assert json.loads(document)["data"]["subject"] == evil
    assert argument == evil
    assert not list(tmp_path.glob("pwned*"))


def test_a_command_that_fails_says_why_in_one_harmless_line() -> None:
    loud = "import sys; sys.stderr.write('x' * 100_000 + '\\nfirst\\n\\x1b[31mno \\x07network\\n'); sys.exit(3)"
    assert run_program([sys.executable, "-c", loud], b"", 10) == f"{sys.executable} ended with 3: �[31mno �network"
    assert run_program(["/nowhere/at-all"], b"", 10) == "/nowhere/at-all cannot be started: No such file or directory"
    assert run_program(["a\0b"], b"", 10) == "a\0b cannot be started: embedded null byte"


def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    child = f"import time, os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    began = time.monotonic()
    assert run_program([sys.executable, "-c", parent], b"", 1.0) == f"{sys.executable} took longer than 1 s"
    assert time.monotonic() - began < 30
    pid = (tmp_path / "pid").read_text()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
            break
        time.sleep(0.02)
    else:
        pytest.fail("the child still runs")


def test_a_command_that_reads_nothing_is_no_failure() -> None:
    assert run_program([sys.executable, "-c", "pass"], b"x" * 1_000_000, 10) is None


def test_the_log_is_one_line_an_event_and_private(tmp_path: Path) -> None:
    path = tmp_path / "home" / "alerts.jsonl"
    say = channel("log", settings(tmp_path / "home"))
    assert say(event()) is None
    assert say(event(kind="resolved", subject="a\nb")) is None
    assert [json.loads(line)["type"] for line in path.read_text().splitlines()] == ["alert.firing", "alert.resolved"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_log_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").symlink_to(tmp_path / "elsewhere")
    assert "cannot be written" in str(to_log(event(), tmp_path / "alerts.jsonl"))
    assert not (tmp_path / "elsewhere").exists()


def test_the_terminal_shows_a_line_and_rings_only_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    plain_file, terminal = io.StringIO(), Terminal()
    assert to_terminal(event(), plain_file) is None
    assert plain_file.getvalue() == "kagura ALERT spend: cost $7.20 > $5 in 1h\n"
    assert to_terminal(event(), terminal) is None
    assert terminal.getvalue().startswith("\akagura \x1b[1;31mALERT\x1b[0m spend")
    plain_file.close()
    assert "cannot be written" in str(to_terminal(event(), plain_file))


def test_the_desktop_is_told_by_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    say = channel("desktop", settings(tmp_path))
    assert "neither notify-send nor osascript" in str(say(event()))
    for program in ("osascript", "notify-send"):
        (tmp_path / program).write_text(
            f'#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open("{tmp_path}/args", "w"))\n'
        )
        (tmp_path / program).chmod(0o755)
        assert say(event(text='spend: "; do shell script "x" <b>', alert="spend")) is None
        arguments = json.loads((tmp_path / "args").read_text())
        assert "kagura: ALERT spend" in arguments
        shown = 'spend: "; do shell script "x" <b>' if program == "osascript" else arguments[-1]
        assert arguments[-1] == shown
    assert arguments[-1].endswith("&lt;b&gt;")
    assert arguments[:4] == ["--app-name=kagura", "--urgency=critical", "--", "kagura: ALERT spend"]


def test_apprise_sends_what_cannot_be_a_link_or_a_mention(tmp_path: Path) -> None:
    with receiver() as other:
        where = other.address.replace("http://", "json://")
        say = channel("team", settings(tmp_path, team=AlertChannel(apprise="${WHERE}")), {"WHERE": where})
        assert say(event(text="spend: <!channel> @everyone http://evil.test [x](y)")) is None
        ((_, body),) = other.got
    sent = json.loads(body)
    assert sent["title"] == "kagura: ALERT spend"
    for part in ("<", "@everyone", "://", "]("):
        assert part not in sent["message"]


def test_apprise_says_what_went_wrong_without_its_tokens(tmp_path: Path) -> None:
    with receiver() as other:
        other.status = 500
        where = other.address.replace("http://", "json://user:pa55word@")
        say = channel("team", settings(tmp_path, team=AlertChannel(apprise=where)))
        failure = str(say(event()))
        unknown = str(channel("x", settings(tmp_path, x=AlertChannel(apprise="nonsense://secret-token")))(event()))
    assert failure
    assert "does not know" in unknown
    for text in (failure, unknown):
        assert "token" not in text
        assert "pa55word" not in text


def test_without_apprise_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apprise.py").write_text("raise ModuleNotFoundError('no apprise')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    row = AlertChannel(apprise="slack://a/b/c")
    assert channel("team", settings(tmp_path, team=row))(event()) == (
        "apprise is not installed: pip install 'kagura[alerts]'"
    )


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    where = settings(tmp_path, pager=AlertChannel(webhook="https://a.test/${TOKEN}"))
    assert channel("pager", where, {})(event()) == (
        "the environment variable TOKEN is not set where the collector runs"
    )
    assert channel("gone", where, {})(event()) == "no such channel is configured any more"


def test_what_is_shown_of_a_channel_holds_nothing_secret(tmp_path: Path) -> None:
    where = settings(
        tmp_path,
        a=AlertChannel(webhook="https://user:pw@hooks.test/services/T0/B0/token"),
        b=AlertChannel(webhook="${HOOK}"),
        c=AlertChannel(apprise="slack://token/token/token"),
        d=AlertChannel(command=["/bin/page", "--key", "k"]),
    )
    assert [address(name, where) for name in "abcd"] == ["https://hooks.test", "${HOOK}", "slack://…", "/bin/page"]


def test_complaints_are_scrubbed_of_every_part_of_the_url() -> None:
    assert (
        scrubbed("401 from api.test for tokenA, tokenAB", "slack://tokenA/tokenAB@api.test?k=v")
        == "401 from … for …, …"
    )


def test_names_become_plain_and_toothless() -> None:
    assert plain("a\x1b[2J\tb\u202ec\u200d\U000e0041") == "a�[2J b�c��"
    assert plain("日本語 🌸") == "日本語 🌸"
    assert len(plain("x" * 1_000_000)) == 80
    assert defanged("<!here> @all https://x `a` [b](c)") == "‹!here› @\u200ball https:\u200b//x 'a' (b)(c)"
