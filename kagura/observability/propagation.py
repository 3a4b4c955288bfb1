"""HTTP clients that say whose call it is: httpx, httpx2, aiohttp and urllib3, which requests is built on.

A client that is loaded already is patched when recording begins, any other when it is imported.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from kagura.observability.headers import propagation
from kagura.observability.recorder import recorder
from kagura.observability.trouble import report_trouble

_MARK = "_kagura_propagates"


def install() -> None:
    """Patch what is loaded, and what will be. Doing so again changes nothing."""
    for name, patch in _PATCHES.items():
        module = sys.modules.get(name)
        if module is not None:
            _patch(patch, module)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _added(url: object, given: Iterator[tuple[Any, Any]]) -> dict[str, str]:
    """The headers to add to a request; none where anything goes wrong."""
    if not recorder.on:
        return {}
    try:
        return propagation.headers_for(str(url), [(str(name), str(value)) for name, value in given])
    except Exception as error:
        report_trouble(error)
        return {}


def _patch_httpx(module: ModuleType) -> None:
    def sending(send: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(send)
        def patched(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            request.headers.update(_added(request.url, iter(request.headers.items())))
            return send(self, request, *args, **kwargs)

        return patched

    _replace(module.Client, "send", sending)
    _replace(module.AsyncClient, "send", sending)


def _patch_urllib3(module: ModuleType) -> None:
    def opening(urlopen: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(urlopen)
        def patched(self: Any, method: str, url: str, body: Any = None, headers: Any = None, **kwargs: Any) -> Any:
            given = self.headers if headers is None else headers
            host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
            port = "" if self.port is None else f":{self.port}"
            more = _added(f"{self.scheme}://{host}{port}", iter(given.items()))
            if more:
                headers = _merged(given, more)
            return urlopen(self, method, url, body, headers, **kwargs)

        return patched

    _replace(module.HTTPConnectionPool, "urlopen", opening)


def _patch_aiohttp(module: ModuleType) -> None:
    from multidict import CIMultiDict

    def requesting(request: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(request)
        async def patched(self: Any, method: str, str_or_url: Any, **kwargs: Any) -> Any:
            if recorder.on:
                _add_to_aiohttp(self, str_or_url, kwargs)
            return await request(self, method, str_or_url, **kwargs)

        return patched

    def _add_to_aiohttp(session: Any, str_or_url: Any, kwargs: dict[str, Any]) -> None:
        try:
            given: CIMultiDict[str] = CIMultiDict(kwargs.get("headers") or ())
            said = [*session.headers.items(), *given.items()]
            base = getattr(session, "_base_url", None)
            url = str(str_or_url) if base is None or "://" in str(str_or_url) else str(base)
            more = _added(url, iter(said))
            if more:
                given.update(more)
                kwargs["headers"] = given
        except Exception as error:
            report_trouble(error)

    _replace(module.ClientSession, "_request", requesting)


_PATCHES: Mapping[str, Callable[[ModuleType], None]] = {
    "httpx": _patch_httpx,
    "httpx2": _patch_httpx,
    "aiohttp": _patch_aiohttp,
    "urllib3": _patch_urllib3,
}


def _merged(given: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    replaced = {name.lower() for name in more}
    return {name: value for name, value in given.items() if str(name).lower() not in replaced} | dict(more)


def _replace(owner: Any, name: str, patched: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original = getattr(owner, name)
    if not hasattr(original, _MARK):
        replacement = patched(original)
        setattr(replacement, _MARK, True)
        setattr(owner, name, replacement)


def _patch(patch: Callable[[ModuleType], None], module: ModuleType) -> None:
    try:
        patch(module)
    except Exception as error:
        report_trouble(error)


class _Finder(MetaPathFinder):
    """Finds nothing itself; has the clients patched after they were loaded."""

    def __init__(self) -> None:
        self._searching: set[str] = set()

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The spec that the other finders give, with a loader that patches."""
        if fullname not in _PATCHES or fullname in self._searching:
            return None
        self._searching.add(fullname)
        try:
            spec = find_spec(fullname)
        finally:
            self._searching.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, _PATCHES[fullname])
        return spec


class _Loader(Loader):
    """Another loader, and a patch once it is done."""

    def __init__(self, loader: Loader, patch: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other loader does; then patch."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _patch(self._patch, module)
