"""What every answer tells the browser to refuse."""

from __future__ import annotations

from typing import Final

from flask import Flask
from werkzeug.wrappers import Response

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PERMISSIONS_POLICY: Final = ", ".join(
    (
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "fullscreen",
                "geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb",
            )
        ),
        "clipboard-write=(self)",
        "publickey-credentials-get=(self)",
        "publickey-credentials-create=(self)",
    )
)  # fmt: skip
TWO_YEARS: Final = 2 * 365 * 24 * 60 * 60


def register_headers(app: Flask, *, is_https: bool) -> None:
    """Add the headers to every answer, errors included. Where a view has decided on caching, its word stands."""

    def add(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        headers["Permissions-Policy"] = PERMISSIONS_POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["X-Robots-Tag"] = "noindex, nofollow"
        headers.setdefault("Cache-Control", "no-store")
        if is_https:
            headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS}"
        return response

    app.after_request(add)
