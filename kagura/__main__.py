"""`python -m kagura` is the `kagura` command."""

from kagura.cli import main

if __name__ == "__main__":
    main()
