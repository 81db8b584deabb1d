"""What a recipe says of redaction: what becomes a placeholder in which component."""

import msgspec

from ..corpus.placeholders import RedactionClass
from ..corpus.record import Component


class RedactionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is redacted by default: the paper says nothing of it."""

    code: tuple[RedactionClass, ...] = ()
    math: tuple[RedactionClass, ...] = ()
    text: tuple[RedactionClass, ...] = ()
    keep_credits: tuple[Component, ...] = ()  # whose author lists and change logs keep addresses

    @property
    def is_asked(self) -> bool:
        """Whether anything is redacted anywhere."""
        return bool(self.code or self.math or self.text)

    def of(self, component: Component) -> tuple[RedactionClass, ...]:
        """Return what is redacted in a component."""
        return {"code": self.code, "math": self.math, "text": self.text}[component]
