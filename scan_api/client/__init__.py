"""A typed client of the API: `api.py` is generated from the contract by `make client`; the rest is written by hand."""
