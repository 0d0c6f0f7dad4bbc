"""How well fraud is found, on simulated worlds with hidden truth."""
