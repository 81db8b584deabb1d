"""The one error a user sees: what is wrong, where, and what to do about it."""


class GristmillError(ValueError):
    """A mistake in the input or the recipe, never in gristmill itself.

    Args:
        what: what is wrong, one sentence without a full stop.
        where: the file, key, shard or record it was found in.
        todo: what the user can do about it.
    """

    def __init__(self, what: str, *, where: str, todo: str) -> None:
        super().__init__(what, where, todo)
        self.what = what
        self.where = where
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.todo}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.what, self.where, self.todo))


def _rebuild(what: str, where: str, todo: str) -> GristmillError:
    return GristmillError(what, where=where, todo=todo)
