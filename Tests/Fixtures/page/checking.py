"""What checks are made of; each is a function of a browser, called as what it shows."""

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def equal(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, expected {wanted!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)
