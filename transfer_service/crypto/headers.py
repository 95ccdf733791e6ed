"""Reading only how an item begins: its file name and media type, from the first chunk of its ciphertext."""

from typing import Final

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag

from transfer_service.crypto.errors import CannotOpen, MalformedBytes
from transfer_service.crypto.items import SALT_LENGTH
from transfer_service.crypto.layout import Reader
from transfer_service.crypto.sealing import HEADER_LENGTH, TAG_LENGTH
from transfer_service.crypto.values import DataKey

CHUNK_LENGTH: Final = 16 * 1024
START_LENGTH: Final = HEADER_LENGTH + CHUNK_LENGTH + TAG_LENGTH
"""How many bytes of a ciphertext hold its first whole chunk."""


def open_item_name(data_key: DataKey, *, context: bytes, start: bytes) -> tuple[str, str]:
    """Return file name and media type from the first `START_LENGTH` bytes of an item that is longer than that.

    The chunk is authentic under the item's own key; that the whole item is what the manifest says is checked where
    it is opened. Raises CannotOpen with the reason `ciphertext` or `plaintext`.
    """
    try:
        plaintext = Cobblestone256Decryptor(data_key.reveal(), context).update(start)
        header = Reader(Reader(plaintext).length_prefixed())
        header.take(SALT_LENGTH)
        name, media_type = header.text(), header.text()
        header.end()
    except InvalidTag as error:
        raise CannotOpen(
            "ciphertext", "What was sealed does not open: it was changed, or belongs to another key or place."
        ) from error
    except MalformedBytes as error:
        raise CannotOpen("plaintext", "What was sealed is not written as an item is.") from error
    return name, media_type
