"""What a consumer reads, in Chinese and English. Plain, short, and never a hint which check failed.

A verdict's text says what is known, what it means, and what to do. "Unknown" covers forged, foreign, mistyped and
never issued alike, so that a forger learns nothing from the words.
"""

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    text: str


VERDICTS: dict[str, dict[Language, Words]] = {
    "genuine": {
        "zh": Words("正品", "这是正品，您是第一位查验的人。"),
        "en": Words("Genuine", "This pack is genuine, and you are the first to check it."),
    },
    "genuine_again": {
        "zh": Words("正品，已查验过", "这是正品，此前已查验过。如果之前不是您本人查验，请核对首次查验的时间和地点。"),
        "en": Words(
            "Genuine, checked before",
            "This pack is genuine and was checked before. If that was not you, compare the first time and place.",
        ),
    },
    "claimed": {
        "zh": Words("积分已被领取", "这个码的积分已被他人领取。如果您刚刚才打开包装，请保留包装和小票并联系我们。"),
        "en": Words(
            "Points already collected",
            "Somebody has collected the points of this code. If you have just opened the pack, keep it with the "
            "receipt and contact us.",
        ),
    },
    "not_active": {
        "zh": Words("尚未启用", "这个码还没有启用。请稍后再试，或联系购买的商店。"),
        "en": Words("Not active yet", "This code is not active yet. Try again later, or ask the shop that sold it."),
    },
    "void": {
        "zh": Words("已作废", "这个码已作废，请不要使用这件商品，并联系购买的商店。"),
        "en": Words("Withdrawn", "This code was withdrawn. Do not use the product; ask the shop that sold it."),
    },
    "recalled": {
        "zh": Words("产品召回", "这批产品正在召回，请停止使用并退回购买的商店，您会得到退款。"),
        "en": Words("Recalled", "This batch is being recalled. Stop using it and return it to the shop for a refund."),
    },
    "expired": {
        "zh": Words("已过保质期", "这件商品已过保质期，请不要食用。"),
        "en": Words("Past its date", "This product is past its date. Do not consume it."),
    },
    "suspicious": {
        "zh": Words("需要核实", "这个码的查验情况不寻常，我们正在核实。请检查包装是否完好；您的积分会先保留。"),
        "en": Words(
            "Needs a closer look",
            "This code has been checked in an unusual way and we are looking into it. Check that the pack is intact; "
            "your points are kept for you meanwhile.",
        ),
    },
    "unknown": {
        "zh": Words("查不到这个码", "没有查到这个码。请对照包装核对每一位字符；仍查不到，请不要使用并联系我们。"),
        "en": Words(
            "Code not found",
            "We do not know this code. Compare every character with the pack; if it is still not found, do not use "
            "the product and contact us.",
        ),
    },
}

NO_SCRIPT: dict[Language, str] = {
    "zh": "您的浏览器没有运行脚本，以上为查询结果，未记录查验，也未领取积分。",
    "en": "Scripts are off in this browser: this is what we know of the code. Nothing was recorded or collected.",
}


NO_SCRIPT_WELCOME: dict[Language, str] = {
    "zh": "您的浏览器没有运行脚本。用手机相机扫描包装上的二维码，仍可看到查询结果。",
    "en": "Scripts are off in this browser. Scan the code on the pack with your camera: its answer shows all the same.",
}

CONSENTS: dict[str, dict[Language, str]] = {
    "sms": {
        "zh": "我同意通过短信接收本品牌的优惠和活动信息，可随时在此关闭。",
        "en": "I agree to receive offers of this brand by text message; I can switch this off here at any time.",
    },
    "wechat": {
        "zh": "我同意通过微信接收本品牌的优惠和活动信息，可随时在此关闭。",
        "en": "I agree to receive offers of this brand by WeChat; I can switch this off here at any time.",
    },
}


def words(verdict: str, language: Language) -> Words:
    return VERDICTS[verdict][language]


def language_of(header: str | None) -> Language:
    """The language an Accept-Language header prefers; Chinese unless English comes first."""
    for part in (header or "").lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"
