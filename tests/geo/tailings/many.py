"""Hold many random grounds against the plain rules: ``scripts/terrains [COUNT] [FIRST SEED]``."""

import sys

from tests.geo.tailings.test_conditioning import agree
from tests.geo.tailings.test_zone import (
    test_inside_the_zone_is_head_top_for_every_cell_and_object as zone_is_verdict,
)
from tests.geo.tailings.test_zone import (
    test_mask_zone_and_verdict_agree_with_the_plain_rules as zone_is_plain,
)


def main() -> None:
    """Stop at the first ground that differs, and print its seed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for seed in range(first, first + count):
        try:
            agree(seed)
            zone_is_plain(seed)
            zone_is_verdict(seed)
        except AssertionError:
            print(f"seed {seed} differs")
            raise
    print(f"{count} grounds from seed {first}: conditioning, D8, capture, zone and verdict agree")


if __name__ == "__main__":
    main()
