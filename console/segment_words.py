"""What the screens of segments say, in Chinese and English; read through words.py."""

WORDS: dict[str, tuple[str, str]] = {
    "segments": ("会员分群", "Segments"),
    "segments-why": (
        "按规则圈定会员；活动、兑换商品按名称使用。每十分钟重新计算，进出都有记录。",
        "Members by a rule; campaigns and rewards ask for them by name. Worked out anew every ten minutes.",
    ),
    "no-segments": ("还没有分群。在下面写第一个。", "No segments yet. Write the first one below."),
    "segment": ("分群", "Segment"),
    "segment-new": ("新建分群", "A new segment"),
    "segment-name": ("代号（字母、数字、短横线）", "Short name"),
    "segment-means": ("意思", "It means"),
    "segment-members": ("会员数", "Members"),
    "segment-today": ("按今天的数据", "Today"),
    "segment-of": ("查看的 {seen} 名会员中 {inside} 名", "{inside} of {seen} members looked at"),
    "segment-draft": ("草稿", "Draft"),
    "segment-published": ("使用中", "In force"),
    "segment-retired": ("已停用", "Retired"),
    "segment-publish": ("批准并启用", "Approve and put in force"),
    "segment-retire": ("停用", "Retire"),
    "problem-segment-moved": ("须由另一人批准，或已不是草稿。", "{detail}"),
}
