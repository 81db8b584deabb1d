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
        return (_rebuild, (type(self), self.what, self.where, self.todo))


class StorageError(GristmillError):
    """A disk or a service failed: nobody's mistake, and the same command may succeed later."""


def _rebuild(kind: type[GristmillError], what: str, where: str, todo: str) -> GristmillError:
    return kind(what, where=where, todo=todo)
