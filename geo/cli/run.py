"""Run the command line as ``python -m geo.cli.run``, where no script is installed."""

from geo.cli import main

if __name__ == "__main__":
    main()
