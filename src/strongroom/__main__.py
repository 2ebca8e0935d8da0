"""Run the command line as `python -m strongroom`."""

from strongroom.cli.main import main

if __name__ == "__main__":
    main()
