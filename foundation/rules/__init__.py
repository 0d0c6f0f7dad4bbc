"""The rule language: a typed expression tree, as text, as a Python predicate, as a SQL condition, explained."""
