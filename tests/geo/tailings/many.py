"""Hold many random grounds against the plain rules: ``scripts/terrains [COUNT] [FIRST SEED]``."""

import sys

from tests.geo.tailings.test_conditioning import agree
from tests.geo.tailings.test_flow import paths_are_plain
from tests.geo.tailings.test_zone import zone_is_plain, zone_is_verdict


def main() -> None:
    """Stop at the first ground that differs, and print its seed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for seed in range(first, first + count):
        try:
            agree(seed)
            paths_are_plain(seed)
            zone_is_plain(seed)
            zone_is_verdict(seed)
        except AssertionError:
            print(f"seed {seed} differs")
            raise
    print(
        f"{count} grounds from seed {first}: conditioning, D8, paths, capture, zone and verdict agree"
    )


if __name__ == "__main__":
    main()
