"""A YAML file as data, and as nodes that know their lines."""

from pathlib import Path
from typing import Any

import yaml

from kagura.errors import ConfigError


class SettingsFile:
    """A YAML file as data, and as nodes that know their lines."""

    def __init__(self, path: Path, data: dict[str, Any], root: yaml.Node | None) -> None:
        self.path, self.data, self.root = path, data, root

    @classmethod
    def read(cls, path: Path, *, must_exist: bool) -> "SettingsFile":
        """The file at `path`. Raises ConfigError where it is no map of settings, or missing and `must_exist`."""
        path = path.expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            if must_exist:
                raise ConfigError(
                    f"{path}: no such file", "`kagura init` writes one; or unset KAGURA_CONFIG."
                ) from None
            return cls(path, {}, None)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}: cannot be read: {error}", "It must be a UTF-8 text file that you own."
            ) from None
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            _refuse_duplicates(root, path)
            data = loader.construct_document(root) if root else {}
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: not valid YAML: {one_line(error)}", "See config.example.yaml.") from None
        finally:
            loader.dispose()
        if not isinstance(data, dict):
            raise ConfigError(f"{path}:1: the file must hold `name: value` lines", "See config.example.yaml.")
        return cls(path, data, root)

    def place(self, keys: list[str], *, at_key: str | None = None) -> str:
        """`file:line` of the value below `keys`, or of its entry `at_key`."""
        node = self.root
        for key in [*keys, *([at_key] if at_key else [])]:
            found = next((v if at_key is None else k for k, v in _entries(node) if k.value == key), None)
            deeper = next((v for k, v in _entries(node) if k.value == key), None)
            if found is None:
                break
            node = found if key == at_key else deeper
        line = node.start_mark.line + 1 if node is not None and node.start_mark else 1
        return f"{self.path}:{line}"


def _entries(node: yaml.Node | None) -> list[tuple[Any, Any]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _refuse_duplicates(node: yaml.Node | None, path: Path) -> None:
    seen: set[str] = set()
    for key, value in _entries(node):
        if key.value in seen:
            raise ConfigError(
                f"{path}:{key.start_mark.line + 1}: `{key.value}` is given twice", "Keep one of the two entries."
            )
        seen.add(key.value)
        _refuse_duplicates(value, path)


def one_line(error: Exception) -> str:
    """An error's message without its line breaks."""
    return " ".join(str(error).split())
