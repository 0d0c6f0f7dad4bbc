"""python -m tests.fuzz TARGET [--seconds 600] [--seed 1]: one JSON line; exit 1 when something broke."""

import argparse
import json
import sys

from tests.fuzz.engine import fuzz
from tests.fuzz.targets import TARGETS

parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
parser.add_argument("target", choices=sorted(TARGETS))
parser.add_argument("--seconds", type=float, default=600)
parser.add_argument("--seed", type=int, default=1)
asked = parser.parse_args()
done = fuzz(TARGETS[asked.target], seconds=asked.seconds, seed=asked.seed)
said = {"target": asked.target, "seconds": asked.seconds, "seed": asked.seed}
said |= {"executions": done.executions, "paths": done.paths, "findings": done.findings}
sys.stdout.write(json.dumps(said) + "\n")
sys.exit(1 if done.findings else 0)
