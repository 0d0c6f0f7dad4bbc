"""Judgement over many scans at once: pure, vectorised; each detector folds what is new and says what stands."""
