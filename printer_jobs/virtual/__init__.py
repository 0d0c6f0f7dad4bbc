"""A printer per protocol that behaves like the real one, faults included."""
