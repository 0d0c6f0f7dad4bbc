"""Words of the work on cases: what raised them, and why they are here."""

WORDS: dict[str, tuple[str, str]] = {
    "AUD_SAMPLE": ("随机抽检", "Random audit"),
    "HOLD_OVERDUE": ("待处理奖励超时", "Reward waits too long"),
    "ACT_BLOCKED": ("案件措施：暂停兑奖", "Blocked by an action"),
    "ACT_HELD": ("案件措施：暂缓发放", "Held by an action"),
}
