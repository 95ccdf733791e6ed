"""Choose the one way in which mail is sent."""

from pathlib import Path

from transfer_service.alerts.catcher import FolderChannel
from transfer_service.alerts.channels import Channel, ChannelSettingRefused, read_sender
from transfer_service.alerts.notify import NotifyChannel, read_notify_key
from transfer_service.alerts.smtp import SmtpChannel, SmtpRelay

DEMO_SENDER = "Pupil file transfer <alerts@demo.invalid>"


def open_channel(
    *,
    relay: SmtpRelay | None = None,
    mail_from: str | None = None,
    notify_api_key: str | None = None,
    notify_template_id: str | None = None,
    folder: Path | None = None,
) -> Channel:
    """Open the way that is set: GOV.UK Notify, else an SMTP relay, else a folder, which is for the demo.

    Raises ChannelSettingRefused where nothing is set, or where one lacks its second part.
    """
    if notify_api_key is not None:
        if notify_template_id is None:
            raise ChannelSettingRefused("NOTIFY_API_KEY needs NOTIFY_TEMPLATE_ID beside it.")
        return NotifyChannel(read_notify_key(notify_api_key), template_id=notify_template_id)
    if relay is not None:
        if mail_from is None:
            raise ChannelSettingRefused("SMTP_URL needs MAIL_FROM beside it: the address that alerts come from.")
        return SmtpChannel(relay, sender=read_sender(mail_from))
    if folder is not None:
        return FolderChannel(folder, sender=read_sender(mail_from or DEMO_SENDER))
    raise ChannelSettingRefused("Set SMTP_URL or NOTIFY_API_KEY, so that alerts can be sent.")
