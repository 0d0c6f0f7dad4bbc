"""Runs the detectors over worlds of twenty seeds that nothing was fitted on, beside today's rules, and prints one line.

    DETECT_DIR     folder for results, one file a world: a run that was stopped goes on where it was  (.onecode/detect)
    DETECT_SCALE   of the worlds                                                                       (0.1)
    DETECT_SEEDS   first and last of the seeds reported                                                (11-30)
    DETECT_SWEEPS  how many seeds each point of a sweep gets; 0 for none                               (3)
    DETECT_FIT     1: learn anew on seeds 1 to 10 and write antifraud/data/fitted.json                 (0)

Results are kept by what made them: world, parameters and source. Every world has every adversary.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from antifraud.batch.fusion import LEARNT, SCORES
from antifraud.params import Params
from antifraud.simulator.parameters import Methods, Parameters
from antifraud.simulator.plan import HONEST, Plan
from antifraud.simulator.world import World, simulate
from benchmarks.detect import fit, fused, gates, guessing, in_line, interval, naive, scoring
from benchmarks.detect.nights import Season, watch
from benchmarks.detect.subjects import subjects

ROOT = Path(__file__).parents[2]
Result = dict[str, Any]
Nights = Callable[[], Season]
Score = Callable[[World, Nights, Params], Result]
EVERYBODY = Plan()
Change = Callable[[Parameters], Parameters]
SWEEPS: Mapping[str, Change] = {
    "scan_rate x 0.5": lambda world: replace(world, scan_rate=0.5),
    "scan_rate x 1.5": lambda world: replace(world, scan_rate=1.5),
    "sd of h 0": lambda world: replace(world, out_of_home_sd=0.0),
    "sd of h 3 pp": lambda world: replace(world, out_of_home_sd=0.03),
    "gps 10 %": lambda world: replace(world, methods=Methods(gps=0.10)),
    "gps 70 %": lambda world: replace(world, methods=Methods(gps=0.70)),
    "records without error": lambda world: replace(world, wrong_dealer=0.0, wrong_parent=0.0, unrecorded=0.0),
}


def run() -> Result:
    scale, folder = float(os.environ.get("DETECT_SCALE", "0.1")), Path(os.environ.get("DETECT_DIR", ".onecode/detect"))
    world = Parameters(scale=scale)
    if os.environ.get("DETECT_FIT") == "1":
        _learn(folder, world)
    params = fit.params()
    nights = [_kept(folder, world, params, seed, _scored) for seed in seeds()]
    rows = [row | _kept(folder, world, params, seed, _in_line) for row, seed in zip(nights, seeds(), strict=True)]
    figures = interval.figures([{name: row[name] for name in row if name not in ("naive", "waits")} for row in rows])
    for name in rows[0]["waits"]:
        figures["dealers"][name] = interval.median([days for row in rows for days in row["waits"][name]])
    return {
        "scale": scale, "seeds": [seeds()[0], seeds()[-1]], "fitted_on": [fit.SEEDS[0], fit.SEEDS[-1]],
        "dealer_null": params.batch.dealer_null, "gates": gates.judged(figures), "figures": _short(figures),
        "naive": _short(interval.figures([row["naive"] for row in rows])), "sweeps": _swept(folder, world, params),
    }  # fmt: skip


def _learn(folder: Path, world: Parameters) -> None:
    """The null of the dealers' list and the weights of the scores, from the seeds for learning."""
    kept = [_kept(folder, world, Params(), seed, _counted) for seed in fit.SEEDS]
    learnt = {kind: fused.learn(kind, [one["subjects"][kind] for one in kept]) for kind in SCORES}
    fit.write(fit.dealer_null([one["dealers"] for one in kept], Params()), learnt, scale=world.scale)


def seeds() -> Sequence[int]:
    first, _, last = os.environ.get("DETECT_SEEDS", "11-30").partition("-")
    return range(int(first), int(last or first) + 1)


def _swept(folder: Path, world: Parameters, params: Params) -> Result:
    """The figures that a sweep is about, at each of its points."""
    some = list(seeds())[: int(os.environ.get("DETECT_SWEEPS", "2"))]
    swept = {}
    for name, change in SWEEPS.items():
        rows = [_kept(folder, change(world), params, seed, _families) for seed in some]
        if rows:
            swept[name] = _short(interval.figures(rows))
    rows = [_kept(folder, world, params, seed, _families, HONEST) for seed in some]
    return swept | ({"nobody attacks": _short(interval.figures(rows))} if rows else {})


def _counted(world: World, nights: Nights, params: Params) -> Result:
    season = nights()
    found = subjects(world, season)
    labelled = {
        kind: [(phi, number in some.guilty) for number, phi in some.phi.items()] for kind, some in found.items()
    }
    return {"dealers": fit.counts(world, season, params), "subjects": labelled}


def _families(world: World, nights: Nights, params: Params) -> Result:  # noqa: ARG001  # One shape for all.
    return _of_season(world, nights())


def _of_season(world: World, season: Season) -> Result:
    found = subjects(world, season)
    return {
        "clones": scoring.clones(world, season), "cartons": scoring.cartons(world, season),
        "dealers": scoring.dealers(world, season), "people": scoring.people(world, season),
        "calls": scoring.calls(world, season),
        "freezes_by_reason": scoring.freezes_by_reason(world, season),
        "guessing": guessing.figures(world, season), "precision_by_reason": fused.by_code(found),
        **fused.figures(found, LEARNT),
    }  # fmt: skip


def _scored(world: World, nights: Nights, params: Params) -> Result:
    season = nights()
    return _of_season(world, season) | {
        "naive": naive.figures(world, season, params), "waits": scoring.waits(world, season),
    }  # fmt: skip


def _in_line(world: World, nights: Nights, params: Params) -> Result:  # noqa: ARG001  # One shape for all.
    return {"in_line": in_line.figures(world, params)}


def _kept(
    folder: Path, parameters: Parameters, params: Params, seed: int, score: Score, plan: Plan = EVERYBODY
) -> Result:
    """The scores of one world, from the folder if they are there."""
    attacks = {attack.name: times for attack, times in plan.strength.items()}
    learnt = asdict(LEARNT) if score is not _counted else {}
    world_of = [asdict(parameters), attacks, seed]
    made_of = json.dumps([world_of, params.version, learnt, _source(), score.__name__], sort_keys=True)
    path = folder / f"seed-{seed:02}-{score.__name__.strip('_')}-{sha256(made_of.encode()).hexdigest()[:10]}.json"
    if not path.exists():
        sys.stderr.write(f"seed {seed} {score.__name__.strip('_')}\n")
        world = simulate(parameters, seed=seed, plan=plan)
        found = score(world, lambda: watch(world, params, seed=seed), params)
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.replace(path)
    kept: Result = json.loads(path.read_text())
    return kept


def _source() -> str:
    """Of everything that could change a result."""
    digest = sha256()
    for folder in ("antifraud", "benchmarks/detect"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _short(figures: Mapping[str, Mapping[str, interval.Interval]]) -> Result:
    """[mean, low, high] of each."""
    return {family: {name: one.short() for name, one in some.items()} for family, some in figures.items()}


if __name__ == "__main__":
    os.nice(10)
    print(json.dumps(run()))
