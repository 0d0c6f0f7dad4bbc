"""What the person at the line reads: what it is, in a word or two, and what to do. Chinese and English.

Faults go by the names of `drivers.printer.Fault`, stops by LineStopped.why, the others by the kind of the step.
"""

from dataclasses import dataclass

from printer_jobs.drivers.printer import Fault


@dataclass(frozen=True, slots=True)
class Advice:
    """what: as large as the screen allows. do: one sentence, what to do now."""

    what: str
    do: str


Both = tuple[Advice, Advice]


def _both(zh: str, zh_do: str, en: str, en_do: str) -> Both:
    return Advice(zh, zh_do), Advice(en, en_do)


FAULTS: dict[Fault, Both] = {
    Fault.PAPER_OUT: _both("标签用完", "装上一卷新标签。", "No labels left", "Load a roll of labels."),
    Fault.RIBBON_OUT: _both("碳带用完", "装上一卷新碳带。", "No ribbon left", "Load a ribbon."),
    Fault.HEAD_OPEN: _both("打印头打开", "合上打印头。", "Print head open", "Close the print head."),
    Fault.PAUSED: _both("打印机暂停", "按打印机上的 PAUSE 键继续。", "Printer paused", "Press PAUSE on the printer."),
    Fault.CUTTER: _both("切刀卡住", "清理切刀。", "Cutter stuck", "Clear the cutter."),
    Fault.HEAD_TOO_HOT: _both("打印头过热", "等打印头凉下来。", "Print head too hot", "Let the print head cool."),
    Fault.MOTOR_TOO_HOT: _both("电机过热", "等电机凉下来。", "Motor too hot", "Let the motor cool."),
    Fault.HEAD_ELEMENT: _both("打印头损坏", "更换打印头。", "Print head worn", "Replace the print head."),
    Fault.JAM: _both("卡纸", "取出卡住的标签。", "Jam", "Clear the jam."),
    Fault.MEMORY: _both("打印机内存故障", "关掉打印机再打开。", "Printer memory", "Switch the printer off and on."),
    Fault.TEMPERATURE: _both("打印机温度", "等打印机到室温。", "Printer temperature", "Let it reach room temperature."),
    Fault.INK: _both("墨水或溶剂不足", "加墨水或溶剂。", "Ink or solvent low", "Fill up ink or solvent."),
    Fault.JET: _both("墨线停止", "启动墨线。", "Jet stopped", "Start the jet."),
    Fault.NOT_STARTED: _both("打印机未就绪", "让打印机上线。", "Printer not on line", "Put the printer on line."),
    Fault.REPEATED: _both(
        "重复打印", "把重复的产品拿下来，放慢线速。", "Printed twice", "Take the repeated packs off and slow down."
    ),
    Fault.OTHER: _both("打印机故障", "看打印机屏幕，排除故障。", "Printer fault", "Read the printer's display."),
    Fault.NOT_RESPONDING: _both(
        "打印机没有应答",
        "检查打印机电源、网线，合上打印头。",
        "Printer does not answer",
        "Check power, cable and print head.",
    ),
}
STOPS: dict[str, Both] = {
    "OPERATOR": _both("已停线", "按开始继续。", "Stopped", "Press start to go on."),
    "DUPLICATE": _both(
        "同一个码出现两次",
        "拿下这个标签，查清楚是谁复制的，再开始。",
        "The same code twice",
        "Take the label off, find out who copied it, then start.",
    ),
    "NEVER_SENT": _both(
        "没有发过的码",
        "拿下这个标签，查打印机是否还接着别的电脑，再开始。",
        "A code never sent",
        "Take it off; see whether another computer feeds the printer.",
    ),
    "FOREIGN": _both(
        "不是这个任务的码",
        "拿下这个标签，检查标签卷和产品，再开始。",
        "Not a code of this job",
        "Take it off; check the roll and the product.",
    ),
    "REJECTS": _both(
        "连续剔除",
        "检查打印质量、镜头和灯光，再开始。",
        "Too many rejects in a row",
        "Check print quality, lens and light, then start.",
    ),
    "STUCK": _both(
        "打印机不打印", "检查打印机和感应器，再开始。", "Printer prints nothing", "Check printer and sensor."
    ),
    "REPEATED": _both(
        "重复打印",
        "把重复的产品拿下来，放慢线速，再开始。",
        "Printed twice",
        "Take the repeated packs off and slow down.",
    ),
    "EQUIPMENT": _both(
        "相机或剔除器没有应答",
        "检查电源和网线，再开始。",
        "Camera or gate away",
        "Check its power and cable, then start.",
    ),
    "GATE": _both(
        "剔除器不可信",
        "检查剔除器和剔除箱，找到那件产品，再开始。",
        "Gate cannot be trusted",
        "Check gate and bin, find that product, then start.",
    ),
    "COUNT": _both(
        "编号从头开始",
        "清空相机到剔除器之间的皮带，确认两者编号一致，再开始。",
        "Counting began anew",
        "Empty the belt up to the gate, see that both count alike, then start.",
    ),
    "LINK": _both(
        "打印机断线", "检查打印机电源和网线，再开始。", "Printer link lost", "Check its power and cable, then start."
    ),
    "LABEL": _both(
        "打印机不接受标签", "检查打印机里的模板，再开始。", "Label refused", "Check the printer's template, then start."
    ),
    "NO_NUMBERS": _both(
        "码用完了", "检查网络；网络恢复后会自动领取。", "No more codes", "Check the network; more come by themselves."
    ),
    "PLATFORM": _both(
        "平台拒绝", "不要再开始，请联系办公室。", "The platform refuses", "Do not start; call the office."
    ),
    "JOURNAL": _both(
        "日志无法写入", "检查磁盘空间，再开始。", "The journal cannot be written", "Check the disk, then start."
    ),
}
STEPS: dict[str, Both] = {
    "link-lost": _both("打印机断线", "正在重连。检查网线。", "Printer link lost", "Connecting again. Check the cable."),
    "equipment-away": _both(
        "相机或剔除器没有应答", "检查电源和网线。", "Camera or gate away", "Check its power and cable."
    ),
    "platform-away": _both(
        "平台断线", "可以继续生产，数据稍后补报。", "Platform away", "Work on; reports follow later."
    ),
    "no-block": _both("领不到新码", "请通知办公室补码。", "No further codes", "Tell the office to issue more."),
    "codes-low": _both("码快用完了", "请通知办公室补码。", "Codes are running low", "Tell the office to issue more."),
}
UNKNOWN: Both = _both("需要查看", "请联系班长。", "Look here", "Call your foreman.")


def advice(kind: str, what: str) -> Both:
    """kind: of a step or of a trouble. what: the fault's name or the reason of a stop."""
    if kind in ("fault", "stopped"):
        fault = next((fault for fault in FAULTS if fault == what), None)
        return FAULTS[fault] if fault is not None else STOPS.get(what, UNKNOWN)
    return STEPS.get(kind, UNKNOWN)
