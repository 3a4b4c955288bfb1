"""What a body's `model` decides: another provider, or another name for the model. Pure."""

from collections.abc import Mapping

import msgspec

from kagura.proxy.routes import OPENAI_STYLE, Refusal, Route, Router, reroute
from kagura.proxy.splice import JsonObject


class ModelNames:
    """Aliases and provider prefixes in the `model` of calls whose path names no provider."""

    def __init__(self, router: Router, aliases: Mapping[str, str]) -> None:
        self._router = router
        self._aliases = aliases

    def concerns(self, route: Route) -> bool:
        """Whether a body must be read before it is known where it goes."""
        named = bool(self._aliases) or not route.provider.vendor_models
        return named and route.open and route.endpoint in OPENAI_STYLE

    def apply(self, route: Route, body: bytes) -> tuple[Route | Refusal, bytes]:
        """The route and the body once the model's name has had its say; only the model's value ever changes."""
        if not self._aliases and b"/" not in body:
            return route, body
        request = JsonObject(body)
        try:
            asked = msgspec.json.decode(request.value("model"), type=str)
        except msgspec.DecodeError:
            return route, body
        model = self._aliases.get(asked, asked)
        target: Route | Refusal = route
        prefix, slash, rest = model.partition("/")
        provider = self._router.table.get(prefix)
        if slash and rest and provider is not None and not route.provider.vendor_models:
            model = rest
            target = route if provider is route.provider else reroute(route, provider)
        return target, body if model == asked else request.with_value("model", msgspec.json.encode(model))
