"""How a view says who may reach it. A view that says nothing stops the application from starting (see guard).

    @blueprint.get("/people")
    @access.requires(Permission.PEOPLE_LIST)
    def people() -> str: …

The declaration stands below the route, so that it is on the function that the route registers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from transfer_service.domain.permissions import Permission

View = TypeVar("View", bound=Callable[..., Any])

ATTRIBUTE: Final = "transfer_service_access"


class Kind(Enum):
    """Who may come."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One view's declaration.

    `permission` is asked of the actor where it is set. `streamed` leaves the body of the request unread until the view
    reads it; the token against forged forms then comes by header or query alone. `machine` marks public calls that
    come without a browser and so without that token.
    """

    kind: Kind
    why: str
    permission: Permission | None = None
    streamed: bool = False
    machine: bool = False


def public(why: str, *, machine: bool = False, streamed: bool = False) -> Callable[[View], View]:
    """Let anybody in; `why` says why that is right."""
    return _declare(Access(kind=Kind.PUBLIC, why=why, machine=machine, streamed=streamed))


def signed_in(view: View) -> View:
    """Let every signed-in person in: for pages about the person, whatever the role."""
    return _declare(Access(kind=Kind.SIGNED_IN, why="for every signed-in person"))(view)


def requires(permission: Permission, *, streamed: bool = False) -> Callable[[View], View]:
    """Let in signed-in people whose roles grant `permission`. The use case checks again, with the object at hand."""
    why = f"for people with the permission {permission}"
    return _declare(Access(kind=Kind.SIGNED_IN, why=why, permission=permission, streamed=streamed))


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        setattr(view, ATTRIBUTE, access)
        return view

    return mark
