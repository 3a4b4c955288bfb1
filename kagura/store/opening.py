"""Opening a store for a look at it, soon: what a short command loads is most of what it costs."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kagura.errors import StoreError

if TYPE_CHECKING:
    from kagura.store.store import Store

NO_CALLS = "no calls recorded yet"
"""What the message ends with when there is no store yet."""

_SPARED = ("asyncio", "importlib.metadata")
"""What SQLAlchemy loads for asynchronous engines and for plug-ins, neither of which a look at a store needs."""


def open_to_look(url: str) -> "Store | None":
    """The store for reading; `None` where nothing was recorded yet. Raises StoreError where it cannot be read."""
    with quick_imports():
        from kagura.store.store import Store

        try:
            return Store.open(url, read_only=True)
        except StoreError as error:
            if NO_CALLS not in error.message:
                raise
            return None


@contextmanager
def quick_imports() -> Iterator[None]:
    """Load the store's libraries in a third less time.

    Nothing looks for garbage meanwhile, since what is being loaded is none, and the modules in `_SPARED` are loaded
    only when something in them is used. For processes in which no other thread imports at the same time.
    """
    collects = gc.isenabled()
    gc.disable()
    stand_ins = {name: _StandIn(name) for name in _SPARED if name not in sys.modules}
    sys.modules.update(stand_ins)
    for name, stand_in in stand_ins.items():
        package, _, child = name.rpartition(".")
        if package:
            setattr(import_module(package), child, stand_in)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
        if collects:
            gc.enable()


class _StandIn(ModuleType):
    """Is taken for a module by those who import it now, and asks the module itself for what they use."""

    def iscoroutine(self, candidate: object) -> bool:
        """The one function of asyncio that SQLAlchemy takes hold of while it is loaded."""
        return bool(self.__getattr__("iscoroutine")(candidate))

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)
