"""The sentence behind each reason code, in Chinese and English. Neutral: it says what was measured, never who did it.

A placeholder that an old row does not carry is shown as "…": the log outlives the wording.
"""

from collections.abc import Mapping
from typing import Any

from antifraud import regions
from antifraud.regions import Language

SENTENCES: Mapping[str, Mapping[Language, str]] = {
    "CLN_TRAVEL_GROUND": {
        "zh": "同一编码在 {minutes} 分钟内出现在相距至少 {km} 公里的两地（{from_region} → {to_region}），"
        "折合 {kmh} 公里/小时，高于 {limit_kmh}。疑似存在复制码，请核实。",
        "en": "One code in two places at least {km} km apart within {minutes} min ({from_region} to {to_region}): "
        "{kmh} km/h, above {limit_kmh}. Potential copy.",
    },
    "CLN_TRAVEL_AIR": {
        "zh": "同一编码在 {minutes} 分钟内出现在相距至少 {km} 公里的两地（{from_region} → {to_region}），"
        "折合 {kmh} 公里/小时，超过飞行速度 {limit_kmh}。很可能存在复制码，请核实。",
        "en": "One code in two places at least {km} km apart within {minutes} min ({from_region} to {to_region}): "
        "{kmh} km/h, faster than a flight ({limit_kmh}). Potential copy.",
    },
    "CLN_USERS_MANY": {
        "zh": "{people} 位不同用户扫过同一编码，达到阈值 {limit_people}。疑似存在复制码，请核实。",
        "en": "{people} different people scanned one code; the threshold is {limit_people}. Potential copy.",
    },
    "CLN_USERS_SPREAD": {
        "zh": "{people} 位不同用户在相距较远的地点扫过同一编码，阈值 {limit_people}。疑似存在复制码，请核实。",
        "en": "{people} different people far apart scanned one code; the threshold is {limit_people}. Potential copy.",
    },
    "HRV_ENUMERATION": {
        "zh": "短时间内提交了 {invalid} 个不同的无效编码，正常无效比例约为 {honest_share}。疑似在试猜编码。",
        "en": "{invalid} different invalid codes in a short time; the honest share is about {honest_share}. "
        "Potential guessing.",
    },
    "HRV_BEFORE_PACK": {
        "zh": "编码在装箱或激活之前被扫描。可能是产线数据尚未上传，也可能编码外泄。",
        "en": "Scanned before it was activated or packed. Line data may be late, or codes may have leaked.",
    },
    "HRV_IN_WAREHOUSE": {
        "zh": "所在箱记录显示仍在仓库，但编码已被扫描。可能漏扫出库，也可能提前流出。",
        "en": "Its case is on record as still in the warehouse. A gate scan may be missing, or it left early.",
    },
    "HRV_NOT_SHIPPED": {
        "zh": "所在箱没有发货记录，但编码已被扫描。可能漏录发货，也可能提前流出。",
        "en": "Its case has no shipment on record. The record may be missing, or it left early.",
    },
    "KEY_COMPROMISE": {
        "zh": "编码校验通过，但该序号从未发放（密钥期 {epoch}）。密钥可能外泄，请立即核查。",
        "en": "A code with a good tag that nobody issued (key epoch {epoch}). The key may be known to others.",
    },
    "PKG_LEAK": {
        "zh": "被扫描的是码包 {package} 的暗码：它从未印刷，只存在于交给{receiver}的文件里。码包可能外泄，请立即核查。",
        "en": "A canary of code package {package} was scanned: it was never printed and stands only in the file that "
        "{receiver} got. The package may have leaked.",
    },
    "DIV_CARTON_NOTICE": {
        "zh": "箱 {sscc}：{people} 位用户的扫码位置提示可能流向 {region}，置信度 {posterior}，提示线 {limit}"
        "（去掉最关键一位用户后为 {least}）。",
        "en": "Case {sscc}: where {people} people scanned suggests it may have gone to {region}; probability "
        "{posterior}, notice from {limit} (without the most telling person {least}).",
    },
    "DIV_CARTON_TASK": {
        "zh": "箱 {sscc}：{people} 位用户中有 {agree} 位在 {region} 扫码，疑似跨区流通，"
        "置信度 {posterior}，阈值 {limit}（去掉最关键一位用户后为 {least}）。建议现场核查。",
        "en": "Case {sscc}: {agree} of {people} people scanned in {region}; potential diversion with probability "
        "{posterior}, threshold {limit} (without the most telling person {least}). Worth a visit.",
    },
    "ADMIN_INACTIVE": {
        "zh": "编码因管理原因停用（{standing}），不构成异常。",
        "en": "The code was taken out of use by the brand ({standing}); nothing unusual.",
    },
    "ITEM_HELD": {
        "zh": "品牌方已冻结该商品的奖励，等待人工处理。",
        "en": "The brand has put this item's reward on hold until somebody looks.",
    },
}
REGIONS = frozenset({"region", "from_region", "to_region"})


def describe(code: str, values: Mapping[str, Any], lang: Language = "zh") -> str:
    """One sentence with the measured values and thresholds. An unknown code is shown as itself."""
    sentence = SENTENCES.get(code)
    if sentence is None:
        return code
    return sentence[lang].format_map(_Shown({name: _shown(name, value, lang) for name, value in values.items()}))


class _Shown(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


def _shown(name: str, value: Any, lang: Language) -> str:
    if value is None:
        return "…"
    if name in REGIONS:
        return regions.name(value, lang) if value else ("境外或海上" if lang == "zh" else "abroad or at sea")
    return f"{value:,.0f}" if isinstance(value, float) and value >= 10 else str(value)
