"""What cannot be recorded is said in the log, and nowhere else."""


def report_trouble(error: BaseException) -> None:
    """Say in the log that something could not be recorded."""
    import logging

    logging.getLogger("kagura.observability").warning("not recorded: %r", error)
