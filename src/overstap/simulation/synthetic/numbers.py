"""Synthetic identity numbers with valid check digits, from blocks that are not issued (docs/sources.md).

BSNs are taken from the highest block of 100,000 downwards. In 9999xxxxx, the block by which test systems mark test
people, 9,091 numbers pass the eleven test. A larger region goes on in 9998xxxxx and so on: still numbers beginning
with 9, which testers use by convention, but no public source promises that they were never issued.
"""

from functools import cache

BLOCK = 100_000
FIRST_BSN_BLOCK = 9_999
"""The block 999900000-999999999."""
ONDERWIJSNUMMER_BLOCK = 1_099
"""The block 109900000-109999999: the top of what an onderwijsnummer can be ("begins with 10")."""


def _weighted(first_eight: int) -> int:
    """Return 9*d1 + 8*d2 + ... + 2*d8 modulo 11."""
    total = 0
    for weight in range(2, 10):
        first_eight, digit = divmod(first_eight, 10)
        total += weight * digit
    return total % 11


@cache
def _block(block: int, remainder: int) -> tuple[str, ...]:
    """Return the numbers of a block of 100,000 whose weighted sum minus the last digit is `remainder` modulo 11."""
    found = []
    for first_eight in range(block * BLOCK // 10, (block + 1) * BLOCK // 10):
        last = (_weighted(first_eight) - remainder) % 11
        if last < 10:
            found.append(f"{first_eight:08d}{last}")
    return tuple(found)


def bsn(position: int) -> str:
    """Return the synthetic BSN at a position, counted from 0; the same position always gives the same number.

    The check: 9*d1+8*d2+...+2*d8-d9 divisible by 11 (domain facts, section 5).
    """
    block = FIRST_BSN_BLOCK
    while position >= len(_block(block, 0)):
        position -= len(_block(block, 0))
        block -= 1
    return _block(block, 0)[position]


def onderwijsnummer(position: int) -> str:
    """Return the synthetic onderwijsnummer at a position, counted from 0.

    The check: begins with 10, and the BSN's sum is 5 modulo 11 (domain facts, section 5).

    Raises:
        IndexError: there are 9,091 of them.
    """
    return _block(ONDERWIJSNUMMER_BLOCK, 5)[position]


def mistyped(number: str) -> str:
    """Return a number with its last digit one higher: the check digit is wrong, as after a typing error."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def primary_school(position: int) -> str:
    """Return the id of a synthetic primary school: BRIN 99AA, 99AB, ..., branch 00; after 676 of them branch 01."""
    return _school("99", position, 0)


def secondary_school(position: int) -> str:
    """Return the id of a synthetic secondary school: BRIN 98XA, 98XB, ..., branch 00."""
    return _school("98", position, 23 * 26)


def _school(start: str, position: int, offset: int) -> str:
    branch, serial = divmod(position, 676)
    first, second = divmod((serial + offset) % 676, 26)
    return f"{start}{chr(65 + first)}{chr(65 + second)}{branch:02d}"
