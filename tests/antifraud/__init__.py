"""The judgement."""
