"""The rule language: a typed expression tree, as text, JSON, a Python predicate, a SQL condition, and explained."""
