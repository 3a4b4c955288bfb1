"""The recorder, and what recording brings with it: calls to the proxy say whose they are, a program tells its end."""

from kagura.observability.recorder import recorder

__all__ = ["recorder"]


def _install() -> None:
    from kagura.observability import ends, propagation

    propagation.install()
    ends.install()


recorder.when_enabled = _install
