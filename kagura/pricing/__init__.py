"""What a call costs: dated prices, the names that models go by, and the bill.

`Catalog.load(...).cost(...)` prices a call; `kagura.pricing.update` takes up newer price lists. Nothing here imports
the packages whose prices it reads, and only `download` uses the network, for an address that the user names.
"""

from kagura.pricing.catalog import Catalog
from kagura.pricing.price import Price, RateLine

__all__ = ["Catalog", "Price", "RateLine"]
