"""Which way text messages go, by the settings."""

from foundation.errors import BadRequest
from foundation.settings import Settings
from scan_api.aliyun import AliyunSender
from scan_api.sender import Folder, NoSender, Sender


def open_sender(settings: Settings) -> Sender:
    """Raises BadRequest naming the variable that a gateway still needs."""
    if settings.sms == "folder":
        return Folder(settings.data_dir / "sms")
    if settings.sms != "aliyun":
        return NoSender()
    needed = {
        "ONECODE_SMS_KEY_ID": settings.sms_key_id,
        "ONECODE_SMS_KEY": settings.sms_key.reveal(),
        "ONECODE_SMS_SIGNATURE": settings.sms_signature,
        "ONECODE_SMS_TEMPLATE": settings.sms_template,
    }
    if missing := next((name for name, value in needed.items() if not value), None):
        raise BadRequest(f"ONECODE_SMS=aliyun needs {missing}.")
    return AliyunSender(
        settings.sms_url, settings.sms_key_id, settings.sms_key, settings.sms_signature, settings.sms_template,
        settings.sms_notice_template,
    )  # fmt: skip
