"""Tokens counted by kagura itself, with OpenAI's published encodings, offline and in bounded time.

The encodings are the files that tiktoken downloads (MIT licence), byte for byte: their digests are tiktoken's own.
"""

import gzip
import hashlib
import re
from binascii import a2b_base64
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

FOLDER = Path(__file__).with_name("encodings")

SAMPLED_ABOVE = 400_000
"""Characters of one call that are counted one by one; of a longer text so many are, spread over all of it."""

WINDOW = 8_000
"""Characters of one piece of a sample."""

BYTES_PER_TOKEN = 4
"""The rule of thumb where tiktoken is not installed (https://help.openai.com/en/articles/4936856)."""


class Encoding(NamedTuple):
    """One of OpenAI's encodings: how text is split before it is merged, and the digest of its file."""

    pattern: str
    sha256: str


_WORD_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_LETTER = r"[^\r\n\p{L}\p{N}]?"

ENCODINGS = {
    "cl100k_base": Encoding(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
        r"|\s+(?!\S)|\s",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": Encoding(
        rf"{_LETTER}[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{_WORD_END}"
        rf"|{_LETTER}[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{_WORD_END}"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}

DEFAULT = "o200k_base"

MODELS = (
    (re.compile(r"gpt-4o|gpt-4\.[15]|gpt-[5-9]|gpt-oss|chatgpt|codex|(^|[/.])o[1-9]\b"), "o200k_base"),
    (re.compile(r"gpt-4|gpt-3\.?5|text-embedding-(3|ada)|babbage-002|davinci-002"), "cl100k_base"),
)
"""Names of models, and their encoding as tiktoken's `model.py` has it; the first row that fits wins."""


class Counted(msgspec.Struct, frozen=True):
    """A number of tokens and how it came about."""

    tokens: int
    method: str
    """The encoding, or `bytes/4`."""
    own: bool
    """Whether the encoding is the model's own; makers other than OpenAI publish none."""
    share: float = 1.0
    """How much of the text was counted; the number is scaled up from it."""


def count_tokens(texts: Sequence[str], model: str | None) -> Counted:
    """How many tokens the texts are to a model. Takes some tenths of a second at most, whatever their length."""
    name, own = encoding_of(model)
    length = sum(map(len, texts))
    encode = _encoder(name)
    if encode is None:
        size = sum(len(text.encode("utf-8", "replace")) for text in texts)
        return Counted(-(-size // BYTES_PER_TOKEN), f"bytes/{BYTES_PER_TOKEN}", False)
    if length <= SAMPLED_ABOVE:
        return Counted(sum(_count(encode, text) for text in texts), name, own)
    sample = _sample("\n".join(texts))
    share = sum(map(len, sample)) / length
    return Counted(round(sum(_count(encode, text) for text in sample) / share), name, own, round(share, 4))


def encoding_of(model: str | None) -> tuple[str, bool]:
    """The encoding to count a model's tokens with, and whether it is its own."""
    lowered = (model or "").lower()
    found = next((name for pattern, name in MODELS if pattern.search(lowered)), None)
    return found or DEFAULT, found is not None


def _sample(text: str) -> list[str]:
    """Windows of equal length at equal distances."""
    windows = SAMPLED_ABOVE // WINDOW
    step = (len(text) - WINDOW) / (windows - 1)
    return [text[round(at * step) : round(at * step) + WINDOW] for at in range(windows)]


def _count(encode: Callable[[str], list[int]], text: str) -> int:
    """Tokens of a text, cut into windows: the encoder's time grows faster than a run of equal characters."""
    if len(text) <= WINDOW:
        return len(encode(text))
    return sum(len(encode(text[start : start + WINDOW])) for start in range(0, len(text), WINDOW))


@cache
def _encoder(name: str) -> Callable[[str], list[int]] | None:
    """What turns text into tokens; `None` where tiktoken is not installed. Loading takes 0.3 s and 80 MB, once."""
    try:
        import tiktoken
    except ImportError:
        return None
    data = gzip.decompress((FOLDER / f"{name}.tiktoken.gz").read_bytes())
    if hashlib.sha256(data).hexdigest() != ENCODINGS[name].sha256:
        return None
    ranks = {a2b_base64(token): int(rank) for token, rank in (line.split() for line in data.splitlines())}
    encoding = tiktoken.Encoding(name, pat_str=ENCODINGS[name].pattern, mergeable_ranks=ranks, special_tokens={})
    return encoding.encode_ordinary
