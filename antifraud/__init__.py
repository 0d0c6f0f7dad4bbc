"""The judgement: evidence, decisions, alerts and cases."""
