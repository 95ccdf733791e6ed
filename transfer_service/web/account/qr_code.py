"""The secret of an authenticator app as it is shown: a picture to scan, and letters to type."""

from __future__ import annotations

from dataclasses import dataclass, field

import segno
from markupsafe import Markup

from transfer_service.use_cases.people.second_factor import SecondFactorOffer


@dataclass(frozen=True, slots=True)
class ShownSecret:
    """`picture` is SVG to stand in the page, without styles; `letters` come in groups of four."""

    picture: Markup = field(repr=False)
    letters: str = field(repr=False)


def show_secret(offer: SecondFactorOffer) -> ShownSecret:
    """Draw the secret; the content security policy lets no other picture into the page."""
    code = segno.make(offer.uri, error="m", micro=False)
    drawn = code.svg_inline(scale=5, border=4, light="#ffffff", title="QR code for your authenticator app")
    groups = (offer.secret[at : at + 4] for at in range(0, len(offer.secret), 4))
    return ShownSecret(picture=Markup(drawn), letters=" ".join(groups))  # noqa: S704 - made here, from our own address
