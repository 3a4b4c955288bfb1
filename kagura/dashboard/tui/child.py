"""The reader of the store in a process of its own.

`python -m kagura.dashboard.tui.child` reads frames from standard input: first the flags as JSON, to which it replies
when it has read the settings, then questions, and writes a reply to each; it ends when its input does. Questions and
replies are msgpack.
"""

import gc
import sys
from pathlib import Path
from typing import IO

import msgspec

from kagura import __version__
from kagura.dashboard.tui.feed import UPDATE, Reply
from kagura.dashboard.tui.frames import read_frame, write_frame
from kagura.errors import KaguraError
from kagura.store.questions import Failed, Gone, Question

Flags = dict[str, str | None]
"""`config`, `home` and `db` as the command line gave them; the environment is inherited."""


def serve(questions: IO[bytes], replies: IO[bytes]) -> None:
    """Answer questions until there are no more."""
    from kagura.config import load

    flags = msgspec.json.decode(read_frame(questions) or b"{}", type=Flags)
    config = flags.pop("config", None)
    try:
        settings = load(Path(config) if config else None, flags=flags)
    except KaguraError as error:
        return _tell(replies, Reply(answer=Failed(message=error.message, remedy=error.remedy)))
    _tell(replies, Reply(answer=Gone()))
    from kagura.dashboard.tui.reader import Reader

    reader = Reader(settings)
    decoder: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
    while (data := read_frame(questions)) is not None:
        try:
            reply = reader.ask(decoder.decode(data))
        except msgspec.MsgspecError:
            reply = Reply(answer=Failed(message=f"kagura {__version__} does not know this question", remedy=UPDATE))
        _tell(replies, reply)
        gc.enable()
    return reader.close()


def _tell(replies: IO[bytes], reply: Reply) -> None:
    write_frame(replies, msgspec.msgpack.encode(reply))


if __name__ == "__main__":
    gc.disable()  # until the first answer: what is being loaded is no garbage
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except KaguraError as wrong:
        sys.exit(wrong.message)
    except BrokenPipeError:
        pass
