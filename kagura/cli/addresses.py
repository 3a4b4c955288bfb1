"""Where clients must point to reach the proxy, and whether one is there."""

import http.client
import json
import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from kagura.config import Settings

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104

_TAGS = re.compile(r"(?:/(?:agent|run)/[^/?]*)+(?=/|$)")


def proxy_url(settings: Settings, port: int | None = None) -> str:
    """The proxy's address for clients on this machine."""
    host = settings.proxy.host
    host = LOOPBACK.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{settings.proxy.port if port is None else port}"


def base_urls(root: str) -> dict[str, str]:
    """The variables that point the usual clients at the proxy."""
    return {
        "OPENAI_BASE_URL": f"{root}/v1",
        "OPENAI_API_BASE": f"{root}/v1",
        "ANTHROPIC_BASE_URL": root,
        "GOOGLE_GEMINI_BASE_URL": root,
        "GEMINI_API_BASE": root,
    }


def tagged(root: str, *, agent: str, execution_id: str) -> str:
    """The address whose calls belong to this agent and execution."""
    return f"{root}/agent/{quote(agent, safe='')}/run/{quote(execution_id, safe='')}"


def untagged(path: str) -> str:
    """A path of the proxy without the agent and the run at its front."""
    return _TAGS.sub("", path, count=1) if _TAGS.match(path) else path


def health(root: str, timeout: float = 10.0) -> dict[str, Any] | None:
    """What `/kagura/health` says; None where nothing answers; `{}` where something else does.

    Where nobody listens that is known at once; a proxy on a busy machine is given its time.
    """
    try:
        return asked_health(root, timeout)
    except OSError:
        return None


def asked_health(root: str, timeout: float = 10.0) -> dict[str, Any]:
    """The same. Raises OSError where nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{root}/kagura/health", timeout=timeout) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        said = _json_or_nothing(error.read())
    except (ValueError, TypeError, http.client.HTTPException):
        return {}
    return said if isinstance(said, dict) and "version" in said else {}


def _json_or_nothing(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return {}
