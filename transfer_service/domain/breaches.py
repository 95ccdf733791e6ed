"""What a school does when its file was opened at a school that it was not meant for: a closed list of steps.

Source: UK GDPR articles 33 and 34. Whether a breach is reported to the Information Commissioner is the school's
decision; that it was decided, and why, is written down in any case.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class BreachStep(StrEnum):
    """One step of the checklist; its value stands in stored records and is never changed."""

    OFFICER_TOLD = "officer_told"
    CONTAINED = "contained"
    RISK_JUDGED = "risk_judged"
    REPORT_DECIDED = "report_decided"
    PEOPLE_TOLD = "people_told"
    SENT_RIGHT = "sent_right"
    WRITTEN_DOWN = "written_down"


BREACH_STEP_LABELS: Mapping[BreachStep, str] = MappingProxyType(
    {
        BreachStep.OFFICER_TOLD: "Our data protection officer and our head teacher know",
        BreachStep.CONTAINED: "The other school has confirmed that it kept no copy and told nobody",
        BreachStep.RISK_JUDGED: "We have judged the risk to the pupil and to everybody named in the file",
        BreachStep.REPORT_DECIDED: "We have reported it to the Information Commissioner, or decided not to because a "
        "risk is unlikely",
        BreachStep.PEOPLE_TOLD: "We have told the people concerned, or decided that the risk to them is not high",
        BreachStep.SENT_RIGHT: "The file has gone to the right school, or is to go to none",
        BreachStep.WRITTEN_DOWN: "What happened, what we did and why is in our own record of breaches",
    }
)
