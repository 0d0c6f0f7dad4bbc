"""Two brands with keys, products and runs in memory, for tests that need no database."""

from codegen.identity import Face, Profile, item_number
from codegen.keys import EnvironmentKeyProvider, EpochKeys, KeyRing
from codegen.run_index import Run, RunIndex
from foundation.settings import Secret

MASTER = bytes(range(32))
PROVIDER = EnvironmentKeyProvider(Secret(MASTER.hex()))
TEA, WATER, WINE = "06901234567892", "06901234567908", "09506000134352"
BRANDS = {"id.brand.cn": 1, "wine.example": 2}
EPOCHS = {3: 1, 4: 1, 70_000: 2, 16_777_215: 1}  # epoch -> brand
RETIRED = {16_777_215}


def _run(number: int, epoch: int, gtin: str, profile: Profile, first: int, count: int, claim_face: Face) -> Run:
    host = "wine.example" if EPOCHS[epoch] == 2 else "id.brand.cn"
    first_item = item_number(epoch, first)
    return Run(
        number, EPOCHS[epoch], epoch, gtin, profile, host, first_item, count, claim_face, None, None, "茶", "Tea"
    )


RUNS = RunIndex(
    [
        _run(1, 3, TEA, Profile.STANDARD, 0, 1_000_000, Face.OUTER),
        _run(2, 4, TEA, Profile.STANDARD, 0, 5_000, Face.INNER),
        _run(3, 4, WATER, Profile.COMPACT, 5_000, 1_000, Face.INNER),
        _run(4, 70_000, WINE, Profile.STANDARD, (1 << 36) - 10, 10, Face.OUTER),
        _run(5, 16_777_215, TEA, Profile.STANDARD, 0, 10, Face.OUTER),
    ]
)
KEYS = KeyRing(
    BRANDS,
    [EpochKeys.derive(PROVIDER, brand_id=brand, number=number) for number, brand in EPOCHS.items()],
    RETIRED,
)
