"""Words for what cases of the judgement of stretches are about, beside those other screens have."""

WORDS: dict[str, tuple[str, str]] = {
    "region": ("地区", "Region"),
    "shipment": ("发货单", "Shipment"),
}
