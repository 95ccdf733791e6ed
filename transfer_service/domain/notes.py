"""What may be put into a safeguarding file: categories, reasons and limits. Which files are taken: `uploads`."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class NoteCategory(StrEnum):
    """What a note is about. It is known only inside the sealed item."""

    CHILD_PROTECTION_PLAN = "child_protection_plan"
    CHILD_IN_NEED = "child_in_need"
    EARLY_HELP = "early_help"
    LOOKED_AFTER = "looked_after"
    AGENCIES = "agencies"
    CHRONOLOGY = "chronology"
    RISK = "risk"
    PREVENT = "prevent"
    SEND_AND_HEALTH = "send_and_health"
    OTHER = "other"


NOTE_CATEGORY_LABELS: Mapping[NoteCategory, str] = MappingProxyType(
    {
        NoteCategory.CHILD_PROTECTION_PLAN: "Child protection plan",
        NoteCategory.CHILD_IN_NEED: "Child in need",
        NoteCategory.EARLY_HELP: "Early help (CAF)",
        NoteCategory.LOOKED_AFTER: "Looked after",
        NoteCategory.AGENCIES: "Social worker and other agencies",
        NoteCategory.CHRONOLOGY: "Chronology",
        NoteCategory.RISK: "Risk to the child or to others",
        NoteCategory.PREVENT: "Prevent or Channel",
        NoteCategory.SEND_AND_HEALTH: "Special educational needs and health bearing on safety",
        NoteCategory.OTHER: "Other",
    }
)


class WhyShared(StrEnum):
    """Why an item is shared, from a list; a school may add words of its own inside the sealed item."""

    STATUTORY_GUIDANCE = "statutory_guidance"
    SAFEGUARD_CHILD = "safeguard_child"
    SUPPORT_IN_PLACE = "support_in_place"
    RISK_TO_OTHERS = "risk_to_others"
    OTHER = "other"


WHY_SHARED_LABELS: Mapping[WhyShared, str] = MappingProxyType(
    {
        WhyShared.STATUTORY_GUIDANCE: "Part of the child protection file that moves with the pupil",
        WhyShared.SAFEGUARD_CHILD: "The new school needs it to keep the pupil safe",
        WhyShared.SUPPORT_IN_PLACE: "So that support is ready on the first day",
        WhyShared.RISK_TO_OTHERS: "So that other people are kept safe",
        WhyShared.OTHER: "Another reason",
    }
)


class WithheldReason(StrEnum):
    """Why something was left out: the only reasons there are; each is listed on the manifest."""

    THIRD_PARTY = "third_party"
    LEGAL_PRIVILEGE = "legal_privilege"
    DANGER_TO_CHILD = "danger_to_child"


WITHHELD_REASON_LABELS: Mapping[WithheldReason, str] = MappingProxyType(
    {
        WithheldReason.THIRD_PARTY: "It is personal data about somebody else",
        WithheldReason.LEGAL_PRIVILEGE: "It is legally privileged",
        WithheldReason.DANGER_TO_CHILD: "Sharing it would put the child in danger",
    }
)

NOTE_TEXT_LIMIT = 50_000
WHY_SHARED_LIMIT = 2_000
MESSAGE_LIMIT = 5_000
FILE_NAME_LIMIT = 200
MAX_ATTACHMENT_BYTES = 25 * 1024 * 1024
MAX_ITEMS = 200

SIZE_BUCKETS = (10_240, 102_400, 1_048_576, 5_242_880, 26_214_400)
SIZE_BUCKET_LABELS = ("up to 10 kB", "up to 100 kB", "up to 1 MB", "up to 5 MB", "up to 25 MB", "over 25 MB")


def size_bucket_label(size: int) -> str:
    """Return a rough size in words for a number of bytes: exact sizes can betray which document it is."""
    for limit, label in zip(SIZE_BUCKETS, SIZE_BUCKET_LABELS, strict=False):
        if size <= limit:
            return label
    return SIZE_BUCKET_LABELS[-1]
