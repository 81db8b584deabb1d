"""`python -m gristmill` is the same program as `gristmill`."""

from .pipelines.cli import main

if __name__ == "__main__":
    main()
