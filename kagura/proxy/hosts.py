"""Which host names mean this machine, and which a browser's page may speak for."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a name or address (brackets allowed) can only mean this machine."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether the host is an IP address, which no foreign name server can point elsewhere."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class HostGuard:
    """Keeps web pages of strangers away: a page that rebinds its name to 127.0.0.1 still sends its own Host, and one
    that calls across origins still sends its Origin.
    """

    def __init__(self, bound: str, allowed: Iterable[str] = ()) -> None:
        self.bound_to_loopback = is_loopback(bound)
        self._allowed = {bound.lower(), *(name.lower() for name in allowed)}

    def knows_host(self, host: bytes | None) -> bool:
        """Whether a Host header (`None` where there is none) names this proxy."""
        if host is None:
            return True
        name = host_name(host.decode("latin-1"))
        return is_loopback(name) or is_address(name) or name in self._allowed

    def knows_origin(self, origin: bytes | None) -> bool:
        """Whether an Origin header (`None` where there is none) is a page of this machine's."""
        if origin is None:
            return True
        try:
            name = urlsplit(origin.decode("latin-1")).hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or name in self._allowed


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    if host.startswith("["):
        return host.partition("]")[0][1:].lower()
    return host.partition(":")[0].rstrip(".").lower()
