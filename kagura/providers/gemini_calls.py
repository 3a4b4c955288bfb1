"""Function calls that Gemini streams in pieces: a name first, then values at JSON paths, then an empty piece.

https://ai.google.dev/gemini-api/docs/function-calling, `streamFunctionCallArguments` and `partialArgs`.
"""

import re
from typing import Any

from kagura.model import JsonObject
from kagura.providers.values import obj, objects, text

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\[["']([^\]]+)["']\]""")
_VALUES = ("stringValue", "numberValue", "boolValue")
_LONGEST_LIST = 10_000


def continues(part: JsonObject) -> bool:
    """Whether a part is a further piece of the last function call: it has no name of its own."""
    return "functionCall" in part and not text(obj(part["functionCall"]).get("name"))


def extended(call: JsonObject, piece: JsonObject) -> JsonObject:
    """A function call with the arguments that a further piece brings."""
    arguments = dict(obj(call.get("args")))
    for argument in objects(piece.get("partialArgs")):
        value = next((argument[name] for name in _VALUES if name in argument), None)
        _put(arguments, _steps(text(argument.get("jsonPath")) or ""), value)
    rest = {name: value for name, value in call.items() if name not in ("willContinue", "partialArgs")}
    return {**rest, "args": {**arguments, **obj(piece.get("args"))}}


def _steps(path: str) -> list[str | int]:
    """`$.items[0].name` as `["items", 0, "name"]`."""
    return [int(index) if index else name or quoted for name, index, quoted in _STEP.findall(path)]


def _put(holder: Any, steps: list[str | int], value: Any) -> None:
    """Set the value at a path, and make what is missing on the way; texts grow by their pieces."""
    for step, following in zip(steps, [*steps[1:], None], strict=False):
        if isinstance(step, int):
            if not isinstance(holder, list) or step >= _LONGEST_LIST:
                return
            holder.extend([None] * (step + 1 - len(holder)))
            known = holder[step]
        elif isinstance(holder, dict):
            known = holder.get(step)
        else:
            return
        if following is not None:
            wanted = list if isinstance(following, int) else dict
            if not isinstance(known, wanted):
                known = wanted()
        elif isinstance(known, str) and isinstance(value, str):
            known += value
        else:
            known = value
        holder[step] = known
        holder = known
