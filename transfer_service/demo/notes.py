"""What the demonstration's notes say; all made up."""

from __future__ import annotations

from typing import Final

from transfer_service.domain.notes import NoteCategory

NOTES: Final = (
    (
        NoteCategory.CHRONOLOGY,
        (
            "Attendance fell to 81 per cent in the spring term. Four Mondays missed without a reason. We rang home "
            "each time; from the third call on grandmother answered."
        ),
    ),
    (
        NoteCategory.EARLY_HELP,
        (
            "Early help plan opened in March. Family support worker visits fortnightly. The plan is to be reviewed "
            "within six weeks of the move."
        ),
    ),
    (
        NoteCategory.CHILD_IN_NEED,
        (
            "Child in need plan since January. Social worker told of the move by telephone and agreed to contact the "
            "new school in the first week."
        ),
    ),
    (NoteCategory.AGENCIES, ("School nurse involved for sleep and meals. Notes of both meetings are in this file.")),
    (
        NoteCategory.RISK,
        (
            "An order forbids one parent to collect from school. The office keeps a photograph and the order's date; "
            "please ask home for a copy on the first day."
        ),
    ),
    (
        NoteCategory.SEND_AND_HEALTH,
        (
            "Severe nut allergy, two adrenaline pens. Becomes silent when worried: offer paper and a pencil "
            "before asking."
        ),
    ),
)
