"""Regions of China: the artefact the product reads, how it was made, and whose work it is (NOTICE)."""
