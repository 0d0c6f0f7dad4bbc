"""What the screens say of corrections of a line's record, in Chinese and English."""

WORDS: dict[str, tuple[str, str]] = {
    "corrections": ("装箱记录待更正", "Corrections of the packing record"),
    "correction": ("更正建议", "Proposed correction"),
    "correction-swapped": ("两箱标签贴反", "The labels of two cases were swapped"),
    "correction-shifted": (
        "从箱 {first} 起，{cases} 箱的内容整体错位 {offset} 瓶",
        "From case {first} on, the contents of {cases} cases are shifted by {offset} bottles",
    ),
    "correction-why": (
        "开箱核对到的实物与记录不符，且只有这一种解释。接受后记录按实物改正，原记录保留。",
        "What was found in opened cases differs from the record, and nothing else explains it. Once accepted the record"
        " follows what was found; what it said before is kept.",
    ),
    "correction-loose": (
        "有 {count} 瓶不在任何箱内：请在产线和返工区寻找。",
        "{count} bottles would lie in no case: look for them at the line and the rework table.",
    ),
    "evidence-checks": ("依据：开箱核对", "Evidence: cases that were opened"),
    "new-contents": ("改正后", "After the correction"),
    "case-sscc": ("箱号", "Case"),
    "found-bottles": ("扫到", "Found"),
    "on-record-in": ("记录在", "On record in"),
    "checked-by": ("核对人", "Checked by"),
    "checked-at": ("时间", "When"),
    "proposed-at": ("提出于", "Proposed"),
    "bottles-then": ("瓶数", "Bottles"),
    "in-no-case": ("不在任何箱内", "no case"),
    "accept-correction": ("接受更正", "Accept"),
    "refuse-correction": ("记录无误，驳回", "The record is right: refuse"),
    "correction-proposed": ("待决定", "waits"),
    "correction-accepted": ("已更正", "accepted"),
    "correction-refused": ("已驳回", "refused"),
    "correction-superseded": ("已被新的核对取代", "superseded by later checks"),
    "problem-correction-moved": (
        "这条建议已处理，或箱子之后有变动：请重新开箱核对。",
        "Decided, or the cases changed since.",
    ),
}
