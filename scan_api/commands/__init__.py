"""The subcommands of `onecode`, one noun a file; each exposes `app`."""
