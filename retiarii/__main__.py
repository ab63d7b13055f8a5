"""`python -m retiarii` is the command `retiarii`."""

from __future__ import annotations

from retiarii.cli.app import main

if __name__ == "__main__":
    main()
