"""A brand's world with hidden truth: seeded, so that every figure about detection can be made again. Detectors may not
import it."""
