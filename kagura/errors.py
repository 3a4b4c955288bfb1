"""Every error that kagura raises on purpose.

KaguraError                 a message, and what to do about it
├── InputError              the user's flags, ids or files cannot be used (exit code 2)
│   └── ConfigError         a setting is wrong; names file, line and remedy (exit code 2)
├── JournalError            the append-only intake cannot be written or read
├── StoreError              the trace store cannot be opened, migrated or written
├── PricingError            a price list is malformed
└── ProxyError              the proxy cannot start or cannot be reached
"""


class KaguraError(Exception):
    """A failure with a remedy: `message` says what is wrong and where, `remedy` what to do."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Message and remedy on lines of their own, as the command line prints them."""
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class InputError(KaguraError):
    """The user's flags, ids or files cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """A setting is wrong."""


class JournalError(KaguraError):
    """The append-only intake cannot be written or read."""


class StoreError(KaguraError):
    """The trace store cannot be opened, migrated or written."""


class PricingError(KaguraError):
    """A price list is malformed."""


class ProxyError(KaguraError):
    """The proxy cannot start or cannot be reached."""
