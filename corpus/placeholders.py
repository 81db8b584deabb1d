"""What stands in a training text where something was redacted; `fim` never cuts inside of one."""

from typing import Final, Literal

RedactionClass = Literal["email", "ip_address", "key", "password"]

PLACEHOLDERS: Final[dict[RedactionClass, str]] = {
    "email": "<EMAIL>",
    "ip_address": "<IP_ADDRESS>",
    "key": "<KEY>",
    "password": "<PASSWORD>",
}
