"""``python -m fitcore`` is the command `fitcore`."""

from fitcore.cli import main

if __name__ == "__main__":
    main()
