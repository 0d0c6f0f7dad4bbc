"""`python -m scan_api` is `onecode`."""

from scan_api.cli import main

if __name__ == "__main__":
    main()
