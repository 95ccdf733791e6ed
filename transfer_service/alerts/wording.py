"""The words of every mail. No name, UPN, school, category or reason: whoever reads one over a shoulder learns nothing.

A school was reprimanded because an alert of its safeguarding system was shown on a whiteboard (ICO, Parkside Community
Primary, 2023). So a mail says that something waits, under which reference, and where to sign in.
"""

from collections.abc import Mapping
from types import MappingProxyType

from transfer_service.alerts.account_wording import ACCOUNTS
from transfer_service.alerts.words import Wording, single, transfers
from transfer_service.domain.alerts import AlertKind

_RECEIVING: dict[AlertKind, Wording] = {
    AlertKind.DISPATCH_ARRIVED: transfers(
        "{reference} is waiting for your school",
        "{count} transfers are waiting for your school",
        "{It} is safeguarding information about a pupil who is joining your school, or a declaration that there is "
        "none.",
        "Sign in, check on the cover sheet that the pupil is joining your school, and open {it}. When you have read "
        "everything, acknowledge {it}: until you do, the sending school cannot know that it arrived.",
    ),
    AlertKind.REMINDER_UNOPENED: transfers(
        "Reminder: {reference} has not been opened",
        "Reminder: {count} transfers have not been opened",
        "{It} was sent to your school at least one school day ago, and nobody has opened it. The pupil may be in "
        "your school already.",
        "Sign in and open {it} today. If a pupil is not joining your school, send that one back from the cover sheet.",
    ),
    AlertKind.REMINDER_UNACKNOWLEDGED: transfers(
        "Reminder: {reference} has not been acknowledged",
        "Reminder: {count} transfers have not been acknowledged",
        "{It} was sent to your school at least three school days ago. Without an acknowledgement the sending school "
        "must go on asking, and your authority sees that it is open.",
        "Sign in, read every item and acknowledge {it}, or send {it} back and say why.",
    ),
    AlertKind.DISPATCH_WITHDRAWN: transfers(
        "{reference} was withdrawn by the sending school",
        "{count} transfers were withdrawn by the sending schools",
        "{It} was withdrawn before your school opened it. You can no longer open {it}, and there is nothing that you "
        "need to do. If the pupil has joined you all the same, sign in and ask the school that the pupil left.",
    ),
    AlertKind.FILING_WANTED: transfers(
        "{reference} has not been filed in your school's own records",
        "{count} transfers have not been filed in your school's own records",
        "This service passes files on; it does not keep them. Before its copy can be deleted, your school must "
        "download the whole file, and a safeguarding lead must state that it is in the school's own records.",
        "Sign in, download {it}, file {it}, and say that you have.",
    ),
    AlertKind.KEY_WANTED: transfers(
        "{reference} waits because nobody at the receiving school can open files yet",
        "{count} transfers wait because nobody at the receiving school can open files yet",
        "{It} is sealed and safe with the school that sent it, but it cannot be delivered until a designated "
        "safeguarding lead of the receiving school has set up the school's key.",
        "If you are at the receiving school: a designated safeguarding lead signs in and sets up the key, and a head "
        "teacher signs in and names one. If you are at the authority: sign in to see which school it is, and "
        "telephone it.",
    ),
}

_SENDING: dict[AlertKind, Wording] = {
    AlertKind.DISPATCH_OPENED: transfers(
        "{reference} was opened by the receiving school",
        "{count} transfers were opened by the receiving schools",
        "A safeguarding lead of the receiving school has confirmed that the pupil is joining and has "
        "opened {it}. You will be told when the acknowledgement comes. There is nothing that you need to do.",
    ),
    AlertKind.DISPATCH_ACKNOWLEDGED: transfers(
        "{reference} was acknowledged by the receiving school",
        "{count} transfers were acknowledged by the receiving schools",
        "A safeguarding lead of the receiving school has signed that everything you listed arrived and could be "
        "read. Your school's part of this handover is complete.",
        "Sign in to keep the receipt. It is your school's evidence, and anyone can check it without this service.",
    ),
    AlertKind.DISPATCH_REJECTED: transfers(
        "{reference} was sent back to your school",
        "{count} transfers were sent back to your school",
        "The receiving school has sent {it} back and has given a reason. The handover is open again, and the date by "
        "which it is due has not moved.",
        "Sign in today to read the reason and to send {it} to the right school or correct {it}.",
    ),
    AlertKind.DISPATCH_DELIVERED: transfers(
        "{reference} has now been delivered",
        "{count} transfers have now been delivered",
        "{It} had been waiting because the receiving school could not open files yet. Now it can, and what you sent "
        "is in its inbox. There is nothing that you need to do.",
    ),
    AlertKind.DELIVERY_WANTED: transfers(
        "{reference} can be delivered when you sign in",
        "{count} transfers can be delivered when you sign in",
        "The receiving school can open files now. What your school sent is still sealed for your school alone, and "
        "only a safeguarding lead of your school can pass it on.",
        "Sign in: delivery happens by itself while you are signed in.",
    ),
    AlertKind.DRAFT_OVERDUE: transfers(
        "{reference} has not been sent and is past its date",
        "{count} transfers have not been sent and are past their date",
        "{It} is still a draft, so that the receiving school has nothing. Guidance asks that a file is passed on "
        "within five days.",
        "Sign in and send {it}, or declare that your school holds nothing.",
    ),
    AlertKind.BREACH_RECORDED: transfers(
        "Act today: {reference} was opened by a school that it was not meant for",
        "Act today: {count} transfers were opened by schools that they were not meant for",
        "This is a personal data breach of your school. Unless it is unlikely to put anybody at risk, your school "
        "must report it to the Information Commissioner within 72 hours of becoming aware of it, which is now.",
        "Sign in and take the record to your data protection officer: it shows who opened what and when, and lists "
        "what to do.",
    ),
    AlertKind.ITEM_UNREADABLE: transfers(
        "Part of {reference} cannot be opened",
        "Parts of {count} transfers cannot be opened",
        "The receiving school has opened {it}, but at least one item cannot be read, so that nothing can be "
        "acknowledged.",
        "Sign in to see which item it is, and seal and send that item again.",
    ),
}

_PEOPLE: dict[AlertKind, Wording] = {
    AlertKind.RECOVERY_REQUESTED: single(
        "Access to a school's files by recovery was requested",
        "A request was made to open files with the recovery key that the custodians hold. It takes three of them, and "
        "it is recorded for everybody to see.",
        "If you know of no reason for this, telephone your authority at once.",
    ),
    AlertKind.APPROVAL_WANTED: single(
        "A school's first safeguarding lead waits for your approval",
        "Nobody at that school can open files until an officer has approved the first designated safeguarding lead.",
        "Sign in to see who it is. Telephone the school on the number that the national register gives, not on one "
        "from an email, and then approve or refuse.",
    ),
    AlertKind.MEMBERSHIP_APPROVED: single(
        "You have been approved",
        "Your authority has confirmed you as a designated safeguarding lead.",
        "Sign in to set up your school's key. Until you do, files for your school have to wait.",
    ),
    AlertKind.MEMBERSHIP_REFUSED: single(
        "You have not been approved",
        "Your authority could not confirm you as a designated safeguarding lead. Telephone it to find out why and what "
        "it needs from you.",
    ),
    AlertKind.GRANT_WANTED: single(
        "A colleague waits for your school's key",
        "A colleague at your school has set up an account but cannot open files until a key holder grants it.",
        "Compare the eight words of the fingerprint with your colleague in person or by telephone. Then sign in and "
        "grant the key.",
    ),
    AlertKind.KEY_GRANTED: single(
        "You can now open your school's files",
        "A colleague has granted you your school's key. Sign in to see what is waiting.",
        "Keep your recovery code on paper in a safe place: it is what helps when you forget your password.",
    ),
}

_KEYS: dict[AlertKind, Wording] = {
    AlertKind.EPOCH_CREATED: single(
        "Your school has a new key",
        "From now on files for your school are sealed to the new key. Everyone who held the old one and is still "
        "entitled holds the new one too.",
        "If nobody at your school expected this, tell your authority at once by telephone.",
    ),
    AlertKind.EPOCH_WANTED: single(
        "Your school needs a new key",
        "Somebody who held your school's key no longer does. Their access ended at once, and new files should be "
        "sealed to a new key.",
        "Sign in: the new key is made by the next key holder who does.",
    ),
    AlertKind.EPOCH_RENEWAL_SOON: single(
        "Your school's key should be renewed within a month",
        "A school makes a new key once a year, so that an old one that got lost opens nothing new. It takes a few "
        "minutes, and nothing becomes unreadable in between.",
        "Sign in, choose People, then the school's key, and make a new one. One key holder does it for all.",
    ),
    AlertKind.EPOCH_RENEWAL_DUE: single(
        "Your school's key is due to be renewed",
        "The key was made about a year ago. It still works: files can be sent and read. It should be replaced now, "
        "before somebody who holds it leaves.",
        "Sign in, choose People, then the school's key, and make a new one. One key holder does it for all.",
    ),
    AlertKind.COLLEAGUE_LEFT: single(
        "A colleague's access to your school's files has ended",
        "The colleague can no longer sign in for your school or open its files. Sign in to see who it was and whether "
        "your school's key has been renewed.",
    ),
    AlertKind.SINGLE_KEY_HOLDER: single(
        "Only one person can open your school's files",
        "If that person is away or leaves, files sent to your school cannot be opened.",
        "Sign in and invite a deputy safeguarding lead, then grant the key. Every school needs at least two people.",
    ),
    AlertKind.NO_KEY_HOLDER: single(
        "Nobody can open a school's files",
        "No active person holds the key of a school that you are responsible for. Files sent to it have to wait, and "
        "those that it has cannot be read.",
        "Sign in to see which school it is, and have a designated safeguarding lead named and approved today.",
    ),
}

_OVERSIGHT: dict[AlertKind, Wording] = {
    AlertKind.ESCALATION: transfers(
        "{reference} is overdue and the schools have not acted on their reminders",
        "{count} transfers are overdue and the schools have not acted on their reminders",
        "A file that should have been passed on or acknowledged has not been. The schools concerned have been "
        "reminded.",
        "Sign in to see which schools they are, and telephone them.",
    ),
    AlertKind.ALERT_UNDELIVERABLE: single(
        "Alerts could not be delivered",
        "The service gave up sending at least one alert, so that somebody does not know what is waiting.",
        "Sign in to see which addresses failed. Telephone the school, correct the address and send the alert again.",
    ),
    AlertKind.DOCTOR_FAILED: single(
        "The nightly check of keys and files found a problem",
        "Nothing was deleted or changed. Some files might not open when they are needed.",
        "Sign in to see what was found and who can help, or run: transfer-service keys doctor",
    ),
    AlertKind.LOG_FROZEN: single(
        "Act now: the audit log is frozen",
        "The log does not agree with what was signed before, as if the database had been rolled back. Until this is "
        "resolved nothing can be sent, opened or acknowledged.",
        "Follow the procedure for a log that was rolled back in the operator's guide. Do not start an empty log.",
    ),
    AlertKind.WEEKLY_CHECKPOINT: single(
        "This week's checkpoint of the audit log",
        "Please keep this email; there is nothing else to do. The lines below fix the state of the record of "
        "everything that was sent, opened and acknowledged. If anybody ever changed that record, the copy in your "
        "mailbox would show it.",
        "The service's verifier checks the lines against the policy, offline and without an account. The page Check a "
        "receipt at the foot of every page of the service says how.",
    ),
}

WORDINGS: Mapping[AlertKind, Wording] = MappingProxyType(
    {**_SENDING, **_RECEIVING, **_KEYS, **_OVERSIGHT, **_PEOPLE, **ACCOUNTS}
)
