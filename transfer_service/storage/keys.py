"""Where sealed bytes are kept: a random identifier spread over two levels of folders."""

import re
from uuid import UUID

_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{32}")


def blob_key(blob_id: UUID) -> str:
    """Tell the key of the sealed bytes with this identifier, such as `4f/02/018f…4f02`.

    The folders come from the end of the identifier: identifiers of version 7 begin with the time, so that their
    beginnings would put a whole week into one folder.
    """
    digits = blob_id.hex
    return f"{digits[-4:-2]}/{digits[-2:]}/{digits}"


def is_blob_key(key: str) -> bool:
    """Tell whether the text is a key of ours and nothing else, so that no key can name a path outside the store."""
    return _KEY.fullmatch(key) is not None and key.endswith(key[:2] + key[3:5])


def check_blob_key(key: str) -> str:
    """Return the key where it is one of ours.

    Raises ValueError otherwise: keys are made here, so that another one is a mistake of the program.
    """
    if not is_blob_key(key):
        raise ValueError("this is not a key of sealed bytes; make keys with blob_key()")
    return key
