"""Where the world comes in: HTTP API, the consumer page, use cases that cross packages, worker, CLI."""
