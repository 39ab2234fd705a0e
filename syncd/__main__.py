"""`python -m syncd`: the command line."""

from syncd.cli.main import main

if __name__ == "__main__":
    main()
