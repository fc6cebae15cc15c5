import sys

from phcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
