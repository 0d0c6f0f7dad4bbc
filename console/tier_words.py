"""What the screen of drafting tiers says, in Chinese and English; read through words.py."""

WORDS: dict[str, tuple[str, str]] = {
    "tier-new": ("起草下一版等级", "Draft the next ladder"),
    "tier-edit": ("修改草稿", "Change the draft"),
    "tier-draft": ("待发布的等级草稿", "The draft that waits"),
    "tier-publish": ("批准并启用", "Approve and put in force"),
    "tier-drop": ("放弃草稿", "Drop the draft"),
    "tier-foreseen": ("按今天的数据会有", "Members it would have today"),
    "tier-foreseen-why": (
        "启用后，达到更高一级的会员在下一次扫码或下单时升级；已有的等级保留到周期结束。",
        "Once in force, whoever reaches a higher level rises with the next scan or order; nobody falls before the end "
        "of their period.",
    ),
    "benefit-multiplier": ("扫码得 {value}% 积分", "{value}% of a scan's points"),
    "benefit-birthday": ("生日 {value} 积分", "{value} points on the birthday"),
    "benefit-priority": ("优先服务", "Priority"),
    "tier-add": ("添加一级", "Add a level"),
    "tier-remove": ("去掉这一级", "Remove this level"),
    "tier-tier": ("代号（小写字母）", "Short name"),
    "tier-zh": ("中文名称", "In Chinese"),
    "tier-en": ("英文名称", "In English"),
    "tier-least-growth": ("成长值达到", "Growth from"),
    "tier-least-spend_fen": ("或消费（元）达到", "or yuan spent from"),
    "tier-least-scans": ("或扫码次数达到", "or scans from"),
    "tier-least-activity": ("或活跃度达到", "or activity from"),
    "tier-benefit-words": ("权益，如 discount:5, birthday:50", "Benefits, such as discount:5, birthday:50"),
    "tier-period-days": ("周期（天）", "Period in days"),
    "tier-notice-days": ("降级前几天通知", "Notice before falling, in days"),
    "problem-ladder-moved": ("须由另一人批准，或草稿已经处理过。", "{detail}"),
}
