import sys

from phcore.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
