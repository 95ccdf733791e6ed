"""England's bank holidays, from the package `holidays`, with a table for what it does not know yet.

The package is compared in a test with the list that GOV.UK publishes. A holiday proclaimed at short notice (a
coronation, a state funeral) is put into the table, or passed in, without waiting for a release of the package.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import holidays

# A day that is a bank holiday although the package does not say so: True; one that is none although it does: False.
OVERRIDES: Mapping[date, bool] = MappingProxyType({})

_SATURDAY = 5


def bank_holidays(years: Iterable[int], overrides: Mapping[date, bool] = OVERRIDES) -> frozenset[date]:
    """Return the bank holidays of England in some years that fall on weekdays; substitute days are among them."""
    found: set[date] = set()
    for year in years:
        found |= _of_year(year)
        found |= {day for day, is_holiday in overrides.items() if is_holiday and day.year == year}
    return frozenset(day for day in found if overrides.get(day, True))


@lru_cache(maxsize=64)
def _of_year(year: int) -> frozenset[date]:
    """Ask the package once a year; it also lists weekends whose holiday moves to a weekday, which are left out."""
    return frozenset(
        day for day in holidays.country_holidays("GB", subdiv="ENG", years=year) if day.weekday() < _SATURDAY
    )
