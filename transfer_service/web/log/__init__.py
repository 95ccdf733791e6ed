"""Pages about the log for everybody: its checkpoint and hashes, and what a receipt proves."""

from transfer_service.web.log import following, verifying
from transfer_service.web.log.frame import blueprint

__all__ = ["blueprint", "following", "verifying"]
