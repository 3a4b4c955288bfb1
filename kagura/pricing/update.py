"""Takes up what a newer price list says: only what changed, as new rows with their day, never in place of old ones.

The bundled list was made the same way, from nothing: `python -m kagura.pricing.build`.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import msgspec

from kagura.errors import PricingError
from kagura.pricing import genai, litellm
from kagura.pricing.catalog import Catalog
from kagura.pricing.rows import PriceRow, format_rows, parse_rows, read_rows

PACKAGES = {
    "litellm": ("litellm", "model_prices_and_context_window_backup.json"),
    "genai-prices": ("genai_prices", "data.py"),
}
"""Where installed price lists are: distribution, package, file in it."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A price that a list gives otherwise than before, or for the first time."""

    before: PriceRow | None
    """`None` where the model is new from this source."""
    after: PriceRow


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What an update found."""

    source: str
    """The list and its version."""
    prices: int
    """How many prices the list states."""
    changes: list[Change]
    """In the order of the list."""

    @property
    def added(self) -> list[PriceRow]:
        """The rows of models that the source had not priced before."""
        return [change.after for change in self.changes if change.before is None]


def today() -> date:
    """The day in UTC."""
    return datetime.now(UTC).date()


def installed_list(distribution: str) -> Path:
    """The file of prices in an installed package, which is not imported.

    Raises `PricingError` where the package is not installed or has no such file.
    """
    package, name = PACKAGES[distribution]
    spec = find_spec(package)
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / name).is_file():
        raise PricingError(
            f"{distribution} is not installed beside kagura", f"Install {distribution}, or name its price file."
        )
    return folder / name


def read_list(path: Path, day: date | None = None, release: str | None = None) -> list[PriceRow]:
    """The prices that a list of LiteLLM's or genai-prices' states, in our rows, recorded on `day` (today).

    `release` is the list's version or address; without it that of the installed package the file lies in, or else
    `file`. Raises `PricingError` naming file and place where the file is anything else.
    """
    place = release if release and "://" in release else str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PricingError(f"{place}: cannot read the price list: {error.strerror}", "Nothing was changed.") from error
    except UnicodeDecodeError as error:
        raise PricingError(f"{place}: not a price list: {error}", "Nothing was changed.") from error
    release = release or _release(path)
    recorded = (day or today()).isoformat()
    try:
        rows = list(_parse(path, text, release, recorded))
    except PricingError as error:
        raise PricingError(f"{place}: {error.message}", "Nothing was changed.") from error
    except (AttributeError, KeyError, TypeError, ValueError, StopIteration, RecursionError) as error:
        raise PricingError(
            f"{place}: not a price list: {type(error).__name__}: {error}", "Nothing was changed."
        ) from error
    if not rows:
        raise PricingError(f"{place}: states no price", "Nothing was changed.")
    try:
        return parse_rows(format_rows(rows), place)
    except PricingError as error:
        raise PricingError(error.message, "Nothing was changed.") from error


def _parse(path: Path, text: str, release: str, day: str) -> Iterator[PriceRow]:
    if path.suffix == ".py":
        return genai.rows(genai.parse_python(text, path.name), release, day)
    document = json.loads(text, parse_float=Decimal)
    if isinstance(document, list):
        return genai.rows(document, release, day)
    return litellm.rows(document, release, day)


def _release(path: Path) -> str:
    for distribution, (package, name) in PACKAGES.items():
        if path.name == name and path.parent.name == package:
            metadata = sorted(path.parent.parent.glob(f"{package}-*.dist-info"))
            if metadata:
                return metadata[-1].name.removeprefix(f"{package}-").removesuffix(".dist-info")
            try:
                return version(distribution)
            except PackageNotFoundError:
                break
    return "file"


def changes(known: Iterable[PriceRow], listed: Iterable[PriceRow], day: date) -> list[Change]:
    """What `listed` says otherwise than the same source's rows in `known`.

    An undated price that changed holds from `day` on, in a row of that day. A dated price that changed, and one that a
    later dated price of the list follows, is a correction: it keeps its days.
    """
    listed = list(listed)
    catalog = Catalog(known)
    starts: dict[tuple[str, str], list[str]] = {}
    for row in listed:
        starts.setdefault((row.provider, row.model), []).append(row.valid_from or "")
    found: list[Change] = []
    for row in listed:
        own = catalog.rows_of(row.provider, row.model, row.origin)
        following = min(
            (start for start in starts[row.provider, row.model] if start > (row.valid_from or "")), default=""
        )
        before = _last_word(own, row.valid_from or "", following)
        if before is None:
            found.append(Change(before=own[-1] if own else None, after=row))
        elif (before.rates, before.variants) != (row.rates, row.variants):
            undated = row.valid_from is None and not following
            start = day.isoformat() if undated else before.valid_from
            found.append(Change(before=before, after=msgspec.structs.replace(row, valid_from=start)))
        elif _named_anew(row, own):
            found.append(Change(before=before, after=msgspec.structs.replace(row, valid_from=before.valid_from)))
    return found


def _last_word(own: list[PriceRow], start: str, following: str) -> PriceRow | None:
    """The latest known row for the days from `start` until `following`, which a change that we dated may have split."""
    rows = [
        row for row in own if start <= (row.valid_from or "") and (not following or (row.valid_from or "") < following)
    ]
    return max(reversed(rows), key=lambda row: row.valid_from or "", default=None)


def _named_anew(row: PriceRow, own: list[PriceRow]) -> bool:
    """Whether a list has new names for a model that it prices as before."""
    if not set(row.names) <= {name for other in own for name in other.names}:
        return True
    return row.match is not None and all(other.match != row.match for other in own)


def update(
    target: Path,
    source: Path,
    *,
    day: date | None = None,
    release: str | None = None,
    known: Iterable[PriceRow] = (),
    dry_run: bool = False,
) -> Update:
    """Append to `target` what the list `source` says otherwise than `known` and `target` itself.

    The rows are written at once, after everything was read and checked: a bad file changes nothing, and a `dry_run`
    nothing either. Raises `PricingError`.
    """
    day = day or today()
    listed = read_list(source, day, release)
    found = changes([*known, *read_rows(target)], listed, day)
    if found and not dry_run:
        _append(target, format_rows(change.after for change in found))
    return Update(source=listed[0].source, prices=len(listed), changes=found)


def _append(target: Path, data: bytes) -> None:
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.touch(mode=0o600)
        with target.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise PricingError(f"{target}: cannot write the price list: {error.strerror}") from error
