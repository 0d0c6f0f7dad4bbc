"""The facts rules may speak of: an earn rule by what happened (a scan, an order, …), a segment's of the member."""

from datetime import datetime
from zoneinfo import ZoneInfo

from foundation.rules.ast import Condition as Rule
from foundation.rules.ast import Declared, Kind, Type, Vocabulary, facts_of
from loyalty import calendar, expiry

EARN = Vocabulary(
    {
        "brand_id": Declared(Type(Kind.INT), "品牌", "the brand"),
        "gtin": Declared(Type(Kind.STRING), "商品条码", "the product"),
        "gtins": Declared(Type(Kind.STRING, many=True), "购物篮里的商品", "the basket"),
        "run_id": Declared(Type(Kind.INT), "生码批次", "the run"),
        "region": Declared(Type(Kind.INT), "扫码城市", "the city of the scan"),
        "province": Declared(Type(Kind.INT), "扫码省份", "the province of the scan"),
        "dealer_id": Declared(Type(Kind.INT), "经销商", "the dealer"),
        "channel": Declared(Type(Kind.STRING), "渠道", "the channel"),
        "at": Declared(Type(Kind.INSTANT), "扫码时间", "the time of the scan"),
        "hour": Declared(Type(Kind.INT), "扫码钟点", "the hour of the scan"),
        "weekday": Declared(Type(Kind.INT), "扫码星期", "the weekday (1 to 7) of the scan"),
        "is_holiday": Declared(Type(Kind.BOOL), "当天是节假日或周末", "the day is a holiday or free weekend"),
        "is_workday": Declared(Type(Kind.BOOL), "当天是工作日（含调休）", "the day is worked, make-up days included"),
        "produced_on": Declared(Type(Kind.DATE), "生产日期", "the production date"),
        "member_is_new": Declared(Type(Kind.BOOL), "首次参加的会员", "the member is new"),
        "nth_scan": Declared(Type(Kind.INT), "会员的第几次扫码", "the member's count of scans"),
        "streak_days": Declared(Type(Kind.INT), "连续扫码天数", "the days scanned in a row"),
        "tier": Declared(Type(Kind.STRING), "会员等级", "the member's tier"),
        "segments": Declared(Type(Kind.STRING, many=True), "会员分群", "the member's segments"),
        "is_birthday": Declared(Type(Kind.BOOL), "当天是会员生日", "it is the member's birthday"),
        "spend_fen": Declared(Type(Kind.INT), "实付金额（分）", "the amount paid in fen"),
        "survey": Declared(Type(Kind.STRING), "问卷", "the survey"),
    }
)
MEMBER = Vocabulary(
    {
        "scans": Declared(Type(Kind.INT), "累计扫码次数", "the member's scans"),
        "scans_30d": Declared(Type(Kind.INT), "近 30 天扫码次数", "the scans of the last 30 days"),
        "days_since_scan": Declared(Type(Kind.INT), "距上次扫码天数", "the days since the last scan"),
        "orders": Declared(Type(Kind.INT), "累计订单数", "the member's orders"),
        "orders_30d": Declared(Type(Kind.INT), "近 30 天订单数", "the orders of the last 30 days"),
        "spend_fen": Declared(Type(Kind.INT), "累计实付（分）", "all that was paid, in fen"),
        "points": Declared(Type(Kind.INT), "可用积分", "the points available"),
        "growth": Declared(Type(Kind.INT), "成长值", "the growth"),
        "tier": Declared(Type(Kind.STRING), "会员等级", "the member's tier"),
        "age": Declared(Type(Kind.INT), "年龄", "the age"),
        "joined_days": Declared(Type(Kind.INT), "入会天数", "the days since joining"),
    }
)
"""What a segment's rule may ask of a member, whenever it is looked at."""
OF_MEMBER = frozenset({"member_is_new", "nth_scan", "streak_days", "tier", "segments", "is_birthday"})


def asks_of_member(rule: Rule) -> bool:
    """Whether the rule needs what is only known under the lock of the member's standing."""
    return not OF_MEMBER.isdisjoint(facts_of(rule))


def of_moment(at: datetime, zone: ZoneInfo = expiry.BRAND_ZONE) -> dict[str, object]:
    """What is true of everything that happens at that instant."""
    local = at.astimezone(zone)
    return {"at": at, "hour": local.hour, "weekday": local.isoweekday(), **calendar.kind_of_day(local.date())}
