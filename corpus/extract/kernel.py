"""The C kernel that scans the markup of pages."""

from functools import cache
from types import ModuleType

from .. import native
from .names import ATTRIBUTES, ENVIRONMENTS, IMAGE_CLASSES, TAGS


@cache
def markup_kernel() -> ModuleType | None:
    """Return the extension, ready for use; None where it was not built."""
    kernel = native.load_kernel(
        native.__name__, "_markup", slower="Python scans the markup of pages, many times slower"
    )
    if kernel is not None:
        kernel.set_names(TAGS, ATTRIBUTES, ENVIRONMENTS, IMAGE_CLASSES)
    return kernel
