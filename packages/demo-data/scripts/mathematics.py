"""Generated mathematics: one problem with its worked steps per document.

Nine kinds. The three EASY ones are all that the model sees in pretraining, so that it knows mathematics as a domain
(its own experts) and still has everything about the six HARD ones to learn: that is what the demo's miners train.
A kind is a function from a random generator to a text; each has two phrasings, and every figure is computed exactly.
"""

import math
import random
from collections.abc import Callable, Iterator

Kind = Callable[[random.Random], str]


def _digits(value: int) -> list[int]:
    """Digits from the ones upward."""
    return [int(digit) for digit in reversed(str(value))]


def _number(rng: random.Random, digits: int) -> int:
    return rng.randrange(10 ** (digits - 1), 10**digits)


def addition(rng: random.Random) -> str:
    a, b = _number(rng, rng.choice([2, 3, 4])), _number(rng, rng.choice([2, 3, 4]))
    steps, carry = [], 0
    for i in range(max(len(str(a)), len(str(b)))):
        x, y = (a // 10**i) % 10, (b // 10**i) % 10
        total = x + y + carry
        terms = f"{x} + {y}" + (f" + {carry}" if carry else "")
        carry = total // 10
        steps.append(f"{terms} = {total}, write {total % 10}" + (f", carry {carry}" if carry else ""))
    if carry:
        steps.append(f"write the carry {carry}")
    opening = rng.choice([f"Problem: add {a} and {b}.", f"Problem: what is {a} + {b}?"])
    return f"{opening}\nSteps: " + "; ".join(steps) + f".\nAnswer: {a} + {b} = {a + b}\n"


def subtraction(rng: random.Random) -> str:
    a, b = sorted((_number(rng, rng.choice([3, 4])), _number(rng, rng.choice([2, 3]))), reverse=True)
    steps, borrow = [], 0
    for i in range(len(str(a))):
        x, y = (a // 10**i) % 10, (b // 10**i) % 10
        top = x - borrow
        if top < y:
            steps.append(f"{top} is below {y}, borrow: {top + 10} - {y} = {top + 10 - y}")
            borrow = 1
        else:
            steps.append(f"{top} - {y} = {top - y}")
            borrow = 0
    opening = rng.choice([f"Problem: subtract {b} from {a}.", f"Problem: what is {a} - {b}?"])
    return f"{opening}\nSteps: " + "; ".join(steps) + f".\nAnswer: {a} - {b} = {a - b}\n"


def short_product(rng: random.Random) -> str:
    a, b = _number(rng, rng.choice([2, 3])), rng.randrange(2, 10)
    parts = [(digit * 10**i, digit * 10**i * b) for i, digit in enumerate(_digits(a)) if digit]
    steps = "; ".join(f"{part} * {b} = {product}" for part, product in parts)
    total = " + ".join(str(product) for _, product in parts)
    opening = rng.choice([f"Problem: multiply {a} by {b}.", f"Problem: what is {a} * {b}?"])
    return f"{opening}\nSteps: {steps}; {total} = {a * b}.\nAnswer: {a} * {b} = {a * b}\n"


def long_product(rng: random.Random) -> str:
    a, b = _number(rng, 3), _number(rng, rng.choice([2, 3]))
    lines, running = [], 0
    for i, digit in enumerate(_digits(b)):
        shifted = a * digit * 10**i
        lines.append(f"{a} x {digit} = {a * digit}, shifted {i} places: {shifted}. Running total {running} + {shifted} = {running + shifted}.")
        running += shifted
    opening = rng.choice([f"Work out the product {a} x {b} row by row.", f"Long multiplication of {a} and {b}:"])
    return f"{opening}\n" + "\n".join(lines) + f"\nThe product is {a * b}.\n"


def division(rng: random.Random) -> str:
    a, b = _number(rng, rng.choice([3, 4])), rng.randrange(3, 30)
    lines, rest = [], 0
    for digit in str(a):
        current = rest * 10 + int(digit)
        quotient, rest = divmod(current, b)
        lines.append(f"bring down {digit}: {current} / {b} goes {quotient} times, {current} - {quotient * b} leaves {rest}")
    opening = rng.choice([f"Divide {a} by {b} with remainder.", f"Long division {a} : {b}."])
    return f"{opening}\n" + "\n".join(lines) + f"\nQuotient {a // b}, remainder {a % b}; check {a // b} x {b} + {a % b} = {a}.\n"


def _signed(value: int) -> str:
    return f"+ {value}" if value >= 0 else f"- {-value}"


def linear_equation(rng: random.Random) -> str:
    x, c = rng.randrange(-12, 13), rng.randrange(1, 9)
    a, b = c + rng.randrange(2, 10), rng.randrange(-40, 41)
    d = a * x + b - c * x
    opening = rng.choice(["Solve for x:", "Find the unknown x in"])
    return (
        f"{opening} {a}x {_signed(b)} = {c}x {_signed(d)}\n"
        f"Take {c}x from both sides: {a - c}x {_signed(b)} = {d}\n"
        f"Move the constant over: {a - c}x = {d} {_signed(-b)} = {d - b}\n"
        f"Divide both sides by {a - c}: x = {d - b} / {a - c} = {x}\n"
        f"Verify: left {a * x + b}, right {c * x + d}, equal.\n"
    )


def fraction_sum(rng: random.Random) -> str:
    b, d = rng.sample(range(2, 16), 2)
    a, c = rng.randrange(1, b), rng.randrange(1, d)
    common = math.lcm(b, d)
    top = a * (common // b) + c * (common // d)
    divisor = math.gcd(top, common)
    opening = rng.choice(["Sum of the fractions", "Bring to one denominator and add:"])
    return (
        f"{opening} {a}/{b} and {c}/{d}\n"
        f"Least common multiple of {b} and {d}: {common}\n"
        f"Expand: {a}/{b} = {a * (common // b)}/{common} and {c}/{d} = {c * (common // d)}/{common}\n"
        f"Numerators together: {a * (common // b)} + {c * (common // d)} = {top}, so {top}/{common}\n"
        f"Cancel by {divisor}: {top // divisor}/{common // divisor}\n"
    )


def euclid(rng: random.Random) -> str:
    factor = rng.randrange(1, 25)
    a, b = sorted((factor * rng.randrange(10, 90), factor * rng.randrange(10, 90)), reverse=True)
    opening = rng.choice([f"Greatest common divisor of {a} and {b} by Euclid's algorithm.", f"Euclid: gcd({a}, {b})"])
    lines, x, y = [], a, b
    while y:
        lines.append(f"{x} = {x // y} x {y} + {x % y}")
        x, y = y, x % y
    return f"{opening}\n" + "\n".join(lines) + f"\nThe last divisor is {x}, hence gcd({a}, {b}) = {x}.\n"


def modular_power(rng: random.Random) -> str:
    base, exponent, modulus = rng.randrange(2, 30), rng.randrange(5, 64), rng.randrange(7, 60)
    opening = rng.choice([f"Compute {base}^{exponent} mod {modulus} by repeated squaring.", f"Modular power: {base} to the {exponent}, modulo {modulus}."])
    lines, result, square = [], 1, base % modulus
    for i, bit in enumerate(bin(exponent)[:1:-1]):
        if bit == "1":
            lines.append(f"bit {i} is 1: residue {result} x {square} = {result * square} -> {result * square % modulus}; square -> {square * square % modulus}")
            result = result * square % modulus
        else:
            lines.append(f"bit {i} is 0: residue stays {result}; square -> {square * square % modulus}")
        square = square * square % modulus
    return f"{opening}\nExponent in binary: {exponent:b}\n" + "\n".join(lines) + f"\nResidue: {result}\n"


EASY: dict[str, Kind] = {"addition": addition, "subtraction": subtraction, "short-product": short_product}
HARD: dict[str, Kind] = {
    "long-product": long_product,
    "division": division,
    "linear-equation": linear_equation,
    "fraction-sum": fraction_sum,
    "euclid": euclid,
    "modular-power": modular_power,
}
ALL: dict[str, Kind] = EASY | HARD


def problems(kinds: dict[str, Kind], count: int, seed: int, exclude: set[str]) -> Iterator[dict[str, str]]:
    """`count` distinct problems, kinds in turn; none is in `exclude`, to which each is added."""
    rng = random.Random(seed)
    names = list(kinds)
    for i in range(count):
        name = names[i % len(names)]
        text = kinds[name](rng)
        while text in exclude:
            text = kinds[name](rng)
        exclude.add(text)
        yield {"text": text, "source": f"generated:{name}"}
