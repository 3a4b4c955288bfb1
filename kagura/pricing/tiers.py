"""Service tiers: what providers call them, and what price lists do."""

STANDARD_TIERS = frozenset(["", "default", "standard", "auto", "on_demand", "standard_only"])
"""What providers call the tier that needs no name."""

TIERS = {
    "batches": "batch",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}
"""Other names of service tiers (`on_demand_…` is Vertex's `trafficType`)."""

PREPAID_TIERS = frozenset(["provisioned_throughput", "scale"])
"""Capacity that is paid by the hour or the month: its tokens have no price of their own."""


def tier_name(tier: str | None) -> str | None:
    """The service tier as variants name it; `None` is the standard one."""
    if tier is None:
        return None
    name = tier.lower()
    return None if name in STANDARD_TIERS else TIERS.get(name, name)
