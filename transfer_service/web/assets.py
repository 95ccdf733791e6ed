"""Where the third-party styles and scripts of the pages are, in the checkout and in the wheel.

Standard library only: the build hook loads this file by its path, before anything is installed.
"""

import re
from functools import cache
from pathlib import Path

VENDOR_FILES = {
    "govuk-frontend.min.css": "govuk-frontend/dist/govuk/govuk-frontend.min.css",
    "govuk-frontend.min.js": "govuk-frontend/dist/govuk/govuk-frontend.min.js",
    "accessible-autocomplete.min.css": "accessible-autocomplete/dist/accessible-autocomplete.min.css",
    "accessible-autocomplete.min.js": "accessible-autocomplete/dist/accessible-autocomplete.min.js",
}
"""Every file that may be served, by its public name, with its place below `vendor_root()`.

The fonts and images of govuk-frontend are left out: the GDS Transport typeface and the crown are reserved for
services on GOV.UK.
"""

NOTICES = ("govuk-frontend/package.json", "accessible-autocomplete/LICENSE.txt")
"""The files that state the licences of what is served; they travel in the wheel with it."""

_RESERVED_FONT = re.compile(r'"?GDS Transport"?,\s*')
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
_SOURCE_MAP = re.compile(r"/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S*")


def vendor_root() -> Path:
    """The folder that `VENDOR_FILES` are below: the packed one of a wheel, else `node_modules` of the checkout.

    Raises FileNotFoundError when there is neither.
    """
    packed = Path(__file__).parent / "static" / "vendor"
    installed = Path(__file__).parents[2] / "node_modules"
    for root in (packed, installed):
        if all((root / place).is_file() for place in VENDOR_FILES.values()):
            return root
    raise FileNotFoundError("The styles and scripts of the pages are not installed. Run `npm ci` in the checkout.")


@cache
def read_vendor_file(name: str) -> bytes:
    """The bytes to serve under a name of `VENDOR_FILES`; raises KeyError for any other name.

    Style sheets come without the reserved typeface, so that text is set in Arial and no browser asks for a font
    file that is not here; and nothing refers to a source map that is not served.
    """
    text = (vendor_root() / VENDOR_FILES[name]).read_text(encoding="utf-8")
    if name.endswith(".css"):
        text = _RESERVED_FONT.sub("", _FONT_FACE.sub("", text))
    return _SOURCE_MAP.sub("", text).encode()
