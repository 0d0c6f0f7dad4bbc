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
    "CLN_SIMULTANEOUS": {
        "zh": "{people} 位用户在 {places} 处扫过同一编码，“多件同码”比“一件在流动”更能解释这些扫码"
        "（对数似然比 {llr}，阈值 {limit_llr}）。疑似存在复制码，请核实。",
        "en": "{people} people at {places} places scanned one code; several packs explain it better than one that "
        "moves (log likelihood ratio {llr}, threshold {limit_llr}). Potential copy.",
    },
    "CLN_VICTIM_CLUSTER": {
        "zh": "{victims} 位消费者在此范围内发现奖励已被远处的人领走，随机情况下约 {expected} 位（p={p}）。"
        "疑似有复制码在此集中销售，请核实。",
        "en": "{victims} people here found the reward claimed by somebody far away; about {expected} would be chance "
        "(p={p}). Copies may be sold here.",
    },
    "CLN_PAIR_MISMATCH": {
        "zh": "{phones} 部手机在箱 {carton} 上扫到与别箱混配的外码与内码，共 {pairs} 对，阈值 {limit_phones} 部。"
        "疑似换盖或重新灌装，请现场核查。",
        "en": "{phones} phones found outer and inner codes of different cases on case {carton} ({pairs} pairs; "
        "threshold {limit_phones} phones). Potential refill or relabelling; worth a visit.",
    },
    "CLN_PROXIMITY": {
        "zh": "与已知可疑箱同批发运或同线路，关联概率 {probability}。仅作参考，不构成异常。",
        "en": "It travelled with cases that look suspicious; probability by association {probability}. For the file.",
    },
    "HRV_ENUMERATION": {
        "zh": "短时间内提交了 {invalid} 个不同的无效编码，正常无效比例约为 {honest_share}。疑似在试猜编码。",
        "en": "{invalid} different invalid codes in a short time; the honest share is about {honest_share}. "
        "Potential guessing.",
    },
    "HRV_ENUM_POOL": {
        "zh": "同一入口的新访客在前几次扫码中提交了 {invalid} 个无效编码（共 {tries} 次），正常比例约 {honest_share}。"
        "疑似有组织地分散试码。",
        "en": "Newcomers by one entry sent {invalid} invalid codes in {tries} first tries; the honest share is about "
        "{honest_share}. Potential guessing spread over many phones.",
    },
    "HRV_CARTON_MIX": {
        "zh": "最近 {codes} 个编码来自 {cartons} 个不同的箱（阈值 {limit}），涉及 {dealers} 家经销商。"
        "疑似收集瓶盖或购买编码。",
        "en": "The last {codes} codes come from {cartons} different cases (threshold {limit}) of {dealers} dealers. "
        "Potential collecting of caps or buying of codes.",
    },
    "HRV_PRINT_ORDER": {
        "zh": "最近 {codes} 个编码跨 {cartons} 箱却按印刷顺序出现，相邻比例 {share}（阈值 {limit_share}）。"
        "疑似持有码包文件，请核查。",
        "en": "The last {codes} codes span {cartons} cases and come in printing order; share of neighbours {share} "
        "(threshold {limit_share}). Somebody may hold the file of codes.",
    },
    "HRV_OPEN_RESEAL": {
        "zh": "同一批账号在 {days} 天内把 {cartons} 箱（阈值 {limit_cartons}）的编码各在一小时内扫完，"
        "且无门店收货记录。"
        "疑似开盖取码后回封；也可能是未登记的餐饮店。",
        "en": "The same people scanned most codes of {cartons} cases (threshold {limit_cartons}), each within an "
        "hour, on "
        "{days} days, and no store took them in. Potential open-and-reseal, or a restaurant not registered.",
    },
    "DATA_MISMATCH": {
        "zh": "{people} 位互不相关的用户扫到 {items} 件尚无发货或装箱记录的商品，且地点集中。"
        "很可能是漏录数据，不构成异常，请补录。",
        "en": "{people} unrelated people scanned {items} items that have no shipment or packing on record, in one "
        "area. "
        "Records are probably missing; nothing unusual. Please complete them.",
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
    "DIV_DEALER_EVIDENCE": {
        "zh": "经销商 {dealer}：有 {confidence} 的把握认为至少 {at_least} 箱疑似流向外区（主要为 {region}），"
        "{judged} 个可判断的箱中 {flagged} 个达到核查线；证据值 {e}，阈值 {limit_e}。",
        "en": "Dealer {dealer}: with confidence {confidence} at least {at_least} cases potentially went elsewhere, "
        "mostly to {region}; {flagged} of {judged} cases that can be judged call for a visit. "
        "Evidence {e}, threshold {limit_e}.",
    },
    "DIV_FLOW_EXCESS": {
        "zh": "经销商 {dealer} 的货在 {region} 有 {scans} 次扫码，正常外流约 {expected} 次"
        "（标准化残差 {residual}，阈值 {limit}）。疑似跨区流通，需结合箱级证据。",
        "en": "{scans} scans of dealer {dealer}'s cases in {region}, where the usual leak gives about {expected} "
        "(residual {residual}, threshold {limit}). Potential diversion, to be read with the evidence of cases.",
    },
    "DIV_ROUTE_UNKNOWN": {
        "zh": "批次 {run} 有 {cartons} 箱被扫描，但没有收货经销商、授权区域或一致的发货记录，"
        "无法判断流向。请补全数据。",
        "en": "{cartons} cases of run {run} were scanned and have no dealer, territory or consistent shipment on "
        "record, so nothing is said of where they went. Please complete the data.",
    },
    "DIV_RECORD_DOUBTED": {
        "zh": "箱 {sscc}：{people} 位用户中有 {agree} 位在 {region} 扫码，而与它同时印制的相邻箱都发往该处的经销商。"
        "更可能是发货或装箱记录有误（概率 {probability}），不计入窜货证据。请核对发货单 {shipment}。",
        "en": "Case {sscc}: {agree} of {people} people scanned in {region}, where the cases printed beside it were "
        "shipped. The record of its delivery or packing is likelier wrong (probability {probability}); it is no "
        "evidence of diversion. Please check delivery {shipment}.",
    },
    "HRV_FUSED": {
        "zh": "{people} 个账号的多项迹象合在一起（{codes}），至少 {probability} 的可能是非正常获取编码，"
        "提示线 {limit}。单项迹象不足以说明问题，请核实。",
        "en": "Several signs about {people} accounts taken together ({codes}): codes got by other ways than buying, "
        "with probability {probability} or more; called from {limit}. No single sign would do; please look.",
    },
    "ABU_FUSED": {
        "zh": "{people} 个账号的多项迹象合在一起（{codes}），至少 {probability} 的可能是批量或团伙领取，"
        "提示线 {limit}。单项迹象不足以说明问题，请核实。",
        "en": "Several signs about {people} accounts taken together ({codes}): rewards taken by machine or by a ring, "
        "with probability {probability} or more; called from {limit}. No single sign would do; please look.",
    },
    "ABU_VELOCITY": {
        "zh": "扫码频率超过常人：{what} 达到 {count}，上限 {limit}。疑似批量操作。",
        "en": "More than a person does: {what} is {count}, the limit {limit}. Potential automation.",
    },
    "ABU_DEVICE_REUSE": {
        "zh": "同一手机在 7 天内登录了 {accounts} 个账号，阈值 {limit}。疑似一机多号。",
        "en": "One phone used {accounts} accounts within 7 days; the threshold is {limit}. Potential farm.",
    },
    "ABU_PAYEE_REUSE": {
        "zh": "{accounts} 个账号向同一收款人提现，阈值 {limit}。疑似多号归集。",
        "en": "{accounts} accounts are paid out to one payee; the threshold is {limit}. Potential pooling.",
    },
    "ABU_ENVIRONMENT": {
        "zh": "设备环境有异常迹象（{hints}）。仅计入评分，不单独处理。",
        "en": "Hints about the phone's environment ({hints}). A weight in the score, nothing by itself.",
    },
    "ABU_LOCKSTEP": {
        "zh": "{accounts} 个账号在同一天多次于同一地点同一时刻扫码，阈值 {limit} 个。疑似同一团伙控制。",
        "en": "{accounts} accounts scanned at the same places and times on one day; the threshold is {limit}. "
        "Potentially one hand.",
    },
    "ABU_DENSE_BLOCK": {
        "zh": "{accounts} 个账号共用 {shared} 个设备、网络、收款人或箱，密度 {score}，随机最高约 {chance}。疑似团伙。",
        "en": "{accounts} accounts share {shared} phones, networks, payees or cases; density {score}, by "
        "chance at most about {chance}. Potential ring.",
    },
    "ABU_REFERRAL_RING": {
        "zh": "邀请链涉及 {accounts} 个账号，其中 {tied} 个与邀请人共用设备、网络或收款人，"
        "{waiting} 个尚无正常活动。疑似自邀。",
        "en": "{accounts} accounts in a chain of invitations, {tied} sharing a phone, network or payee "
        "with who invited them, {waiting} without a life of their own yet. Potential self-referral.",
    },
    "ABU_BUDGET_BREAKER": {
        "zh": "{region} 在 {minutes} 分钟内发放 {payouts} 次奖励，通常约 {expected} 次。已建议暂停大奖，请立即核查。",
        "en": "{payouts} payouts in {minutes} minutes in {region}; about {expected} are usual. High "
        "prizes should pause until somebody looks.",
    },
    "DIV_STORE_OPENING": {
        "zh": "发给本经销商的箱 {sscc} 被 {region} 的门店 {store} 扫码开箱，该门店属于另一经销商（{dealer}）。"
        "疑似跨区流通，奖励已拒发。",
        "en": "Case {sscc}, shipped to this dealer, was scanned for opening in {region} by store {store} of another "
        "dealer ({dealer}). Potential diversion; no reward was paid.",
    },
    "FACE_INNER_FIRST": {
        "zh": "瓶盖内码先于外码被扫描。多数情况是先开瓶后扫码，仅作记录。",
        "en": "The code under the cap was scanned before the outer one. Most people open first; kept for the file.",
    },
    "FACE_OTHER_CASE": {
        "zh": "同一手机在 {minutes} 分钟内扫描了箱 {other_sscc} 和箱 {sscc} 的外码与内码，且各缺另一半。"
        "瓶盖可能被移到另一瓶。",
        "en": "One phone scanned an outer and an inner code of different cases ({other_sscc}, {sscc}) within "
        "{minutes} min, neither with its own other half. The cap may have been moved to another bottle.",
    },
    "APL_CONSUMER": {
        "zh": "消费者对结果“{verdict}”提出申诉，附包装和小票照片。请比对照片与记录。",
        "en": "The consumer appeals the answer “{verdict}”, with photos of the pack and the receipt. Compare them with "
        "what is on record.",
    },
    "APL_UNKNOWN": {
        "zh": "消费者持有的包装上的码查不到或无法读取（{code}），附包装和小票照片。请看照片判断是哪种商品、是否正品；"
        "通过时请选择该商品。",
        "en": "The code on the consumer's pack is unknown or cannot be read ({code}); photos of the pack and the "
        "receipt are attached. See which product they show and whether it is genuine; choose it to accept.",
    },
    "AUD_SAMPLE": {
        "zh": "随机抽检（概率 {probability}）：本次扫码没有任何预警，请照常核实，用于估计漏检率。",
        "en": "Drawn at random (probability {probability}): nothing was alerted here. Look all the same; it tells what "
        "the rules miss.",
    },
    "HOLD_OVERDUE": {
        "zh": "奖励已等待人工处理超过 {days} 天，且没有打开的案件。请发放或收回。",
        "en": "A reward has waited for a person for more than {days} days and no case is open about it. Release or "
        "void it.",
    },
    "ACT_BLOCKED": {
        "zh": "该手机、网络或会员在案件中被暂停兑奖，本次扫码不发放奖励。",
        "en": "This phone, network or member is blocked by an action on a case: nothing is paid for this scan.",
    },
    "ACT_HELD": {
        "zh": "案件中的暂缓发放措施生效，本次奖励待人工核实。",
        "en": "An action on a case holds what is earned here; a person must look first.",
    },
    "RULE": {
        "zh": "命中检测规则“{name_zh}”（{rule} 第 {version} 版）。规则只提示核查，不作结论。",
        "en": "Detection rule “{name_en}” ({rule}, version {version}) matched. Worth a look; it concludes nothing.",
    },
    "RULE_BREAKER": {
        "zh": "检测规则 {rule}（第 {version} 版）今日命中 {hits} / {scans} 次扫码，按基线最多 {most} 次。"
        "已自动退回试运行，请核查。",
        "en": "Detection rule {rule} (version {version}) hit {hits} of {scans} scans today; its baseline allows "
        "{most}. It went back to shadow by itself; please look.",
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
SHARES = frozenset({
    "posterior", "limit", "least", "honest_share", "share", "limit_share", "confidence", "probability",
})  # fmt: skip
"""Said in per cent where they are a share; a `limit` may as well be a count."""


def describe(code: str, values: Mapping[str, Any], lang: Language = "zh") -> str:
    """One sentence with the measured values and thresholds. An unknown code is shown as itself."""
    sentence = SENTENCES.get(code) or (SENTENCES["RULE"] if code.startswith("RULE_") else None)
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
    if name in SHARES and isinstance(value, float) and 0 <= value <= 1:
        return f"{value:.1%}"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return f"{value:,.0f}" if isinstance(value, float) and value >= 10 else str(value)
