"""What a call costs: dated prices, the names that models go by, and the bill.

`Catalog.load(...).cost(...)` prices a call; `update.update` takes up a newer price list. No network, no foreign package.
"""

from kagura.pricing.catalog import Catalog
from kagura.pricing.price import Price, RateLine
from kagura.pricing.update import Change, Update, installed_list, update

__all__ = ["Catalog", "Change", "Price", "RateLine", "Update", "installed_list", "update"]
