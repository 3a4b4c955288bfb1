"""Journal → spans: reads, prices, finds the execution, redacts, writes. The only writer of the store."""

from kagura.collector.service import Collector, drain, run

__all__ = ["Collector", "drain", "run"]
