"""Reading tokens one after another: names, index lists, integers, and what to say without them."""

from __future__ import annotations

from collections.abc import Mapping

from einprop.errors import EquationSyntaxError, Place
from einprop.notation.functions import Signature
from einprop.notation.lexer import Token

__all__ = ["INTEGER_LIMIT", "Cursor"]

INTEGER_LIMIT = 2**63 - 1
"""The largest position, coefficient or size."""

_NUMBER_LENGTH = 1000

_DESCRIPTIONS = {"line": "the end of the line", "end": "the end of the text"}


class Cursor:
    """A position in a list of tokens.

    Attributes:
        text: What the places refer to.
        tokens: The tokens; the last is of kind ``end``.
        signatures: The known functions, reductions and definitions, whose names are reserved.
        used: Names that the statement at hand has used as indices so far.
    """

    def __init__(self, text: str, tokens: list[Token], signatures: Mapping[str, Signature]) -> None:
        self.text = text
        self.tokens = tokens
        self.signatures = dict(signatures)
        self.position = 0
        self.used: set[str] = set()

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self.tokens[self.position]

    @property
    def following(self) -> Token:
        """The token after that."""
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    @property
    def previous(self) -> Token:
        """The token read last."""
        return self.tokens[self.position - 1]

    def advance(self) -> Token:
        """Read one token; the end of the text is never passed."""
        token = self.tokens[self.position]
        if token.kind != "end":
            self.position += 1
        return token

    def accept(self, kind: str) -> bool:
        """Read a token if it is of this kind."""
        if self.tokens[self.position].kind != kind:
            return False
        self.position += 1
        return True

    def expect(self, kind: str, hint: str) -> Token:
        """Read a token that must be of this kind."""
        if self.token.kind != kind:
            raise self.unexpected(kind if kind not in ("name", "number") else f"a {kind}", hint)
        return self.advance()

    def place(self, start: int, end: int) -> Place:
        """The characters from ``start`` to ``end``."""
        return Place(self.text, start, end)

    def at(self, token: Token) -> Place:
        """Where a token stands."""
        return Place(self.text, token.start, token.end)

    def since(self, start: int) -> Place:
        """From character ``start`` to the end of the token read last."""
        return Place(self.text, start, self.previous.end)

    def describe(self, token: Token) -> str:
        """What a message calls a token."""
        return _DESCRIPTIONS.get(token.kind, token.text)

    def error(self, message: str, hint: str, *places: Place) -> EquationSyntaxError:
        """An error at these places, or at the next token."""
        return EquationSyntaxError(message, places or (self.at(self.token),), hint)

    def unexpected(self, wanted: str, hint: str) -> EquationSyntaxError:
        """The error that the next token is not what it must be."""
        return self.error(f"{wanted} is expected here, not {self.describe(self.token)}", hint)

    def check_name(self, token: Token, role: str, *, reserved: bool = True) -> None:
        """A name in a role must be free, and carry a prime only if it is an index."""
        root = token.text.partition(".")[0].rstrip("'")
        if reserved and (root in self.signatures or root == "end"):
            what = "the last position of an axis"
            if root in self.signatures:
                what = f"the name of a {self.signatures[root].kind}"
            message = f"{root} is {what} and cannot be {role}"
            if role == "a definition":
                message = f"{root} is reserved: it is already {what}"
            raise self.error(message, "choose another name", self.at(token))
        if "." in token.text and role != "a tensor":
            raise self.error(
                f"{token.text} cannot be {role}", "only tensors carry suffixes", self.at(token)
            )
        if token.text.endswith("'") and role != "an index":
            raise self.error(
                f"{token.text} cannot be {role}", "only indices carry primes", self.at(token)
            )

    def name(self, role: str, *, reserved: bool = True) -> Token:
        """Read a name that is free to play a role such as ``a tensor`` or ``a parameter``."""
        if self.token.kind != "name":
            raise self.unexpected(role, f"write the name of {role}")
        token = self.advance()
        self.check_name(token, role, reserved=reserved)
        return token

    def tensor_name(self) -> str:
        """Read the name of a tensor; ``x.value`` is a spelling of ``x``."""
        return self.plain_tensor_name(self.name("a tensor"))

    @staticmethod
    def plain_tensor_name(token: Token) -> str:
        """The name without its components ``value``."""
        root, *suffixes = token.text.split(".")
        return ".".join([root, *(suffix for suffix in suffixes if suffix != "value")])

    def index(self) -> str:
        """Read an index."""
        name = self.name("an index").text
        self.used.add(name)
        return name

    def distinct(self, tokens: list[Token], what: str) -> tuple[str, ...]:
        """Names of a list, none of which may occur twice."""
        first: dict[str, Token] = {}
        for token in tokens:
            if token.text in first:
                raise self.error(
                    f"{token.text} occurs twice in {what}",
                    f"write {token.text} once",
                    self.at(first[token.text]),
                    self.at(token),
                )
            first[token.text] = token
        return tuple(first)

    def names(self, role: str, what: str, closing: str) -> tuple[str, ...]:
        """Read distinct names between commas up to a closing bracket."""
        tokens = [self.name(role)]
        while self.accept(","):
            tokens.append(self.name(role))
        self.expect(closing, f"{what} is names between commas")
        return self.distinct(tokens, what)

    def index_list(self) -> tuple[str, ...]:
        """Read ``[i,j]``."""
        self.advance()
        indices = self.names("an index", "an index list", "]")
        self.used.update(indices)
        return indices

    def number(self) -> int | float:
        """Read a number; integers stay integers."""
        token = self.expect("number", "write a number")
        value = float(token.text) if len(token.text) <= _NUMBER_LENGTH else float("inf")
        lost = value == 0 and any(
            digit in "123456789" for digit in token.text.lower().split("e")[0]
        )
        if value == float("inf") or lost:
            raise self.error(
                "the number is beyond the range of a 64-bit float",
                "numbers lie between 5e-324 and 1.7976931348623157e308",
                self.at(token),
            )
        return int(token.text) if token.text.isdigit() else value

    def integer(self) -> int:
        """Read an integer that can be a position or a size."""
        token = self.token
        value = self.number()
        if not isinstance(value, int):
            raise self.error(
                f"{token.text} is not an integer", "write an integer here", self.at(token)
            )
        self.check_integer(value, token.start)
        return value

    def check_integer(self, value: int, start: int) -> None:
        """Positions and sizes fit 64 bits."""
        if abs(value) > INTEGER_LIMIT:
            raise self.error(
                "the integer is too large",
                f"positions and sizes are at most {INTEGER_LIMIT}",
                self.since(start),
            )
