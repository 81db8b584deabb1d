"""Issues, pull requests and comments as the REST API writes them."""

from .answers import Json
from .documents import Writer
from .node_ids import other_node_id
from .state import StandinComment, StandinIssue, StandinRepository, at, login_id

_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
_NOTHING: Json = {
    "locked": False,
    "assignee": None,
    "assignees": [],
    "milestone": None,
    "author_association": "NONE",
    "active_lock_reason": None,
    "performed_via_github_app": None,
}


class IssueWriter:
    """Writes the issues of one repository."""

    def __init__(self, writer: Writer, repository: StandinRepository) -> None:
        self._writer = writer
        self._api = f"{writer.api}/repos/{repository.full_name}"
        self._web = f"{writer.web}/{repository.full_name}"
        self._repository = repository

    def issue(self, issue: StandinIssue) -> Json:
        """Return an issue, or a pull request as the list of issues shows it."""
        url = f"{self._api}/issues/{issue.number}"
        is_closed = issue.state == "closed"
        content: Json = _NOTHING | {
            "url": url,
            "repository_url": self._api,
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": self._page(issue),
            "id": issue.id,
            "node_id": other_node_id("PR" if issue.is_pull_request else "I", issue.id),
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "user": self._writer.account(issue.author, is_user=True),
            "labels": [self._label(name) for name in issue.labels],
            "state": issue.state,
            "state_reason": "completed" if is_closed else None,
            "comments": len(issue.comments),
            "created_at": at(issue.created_at),
            "updated_at": at(issue.changed_at),
            "closed_at": at(issue.changed_at) if is_closed else None,
            "reactions": _reactions(url),
        }
        return content | (self._pull_request(issue) if issue.is_pull_request else {})

    def comment(self, issue: StandinIssue, comment: StandinComment) -> Json:
        """Return a comment of an issue."""
        url = f"{self._api}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{self._page(issue)}#issuecomment-{comment.id}",
            "issue_url": f"{self._api}/issues/{issue.number}",
            "id": comment.id,
            "node_id": other_node_id("IC", comment.id),
            "user": self._writer.account(comment.author, is_user=True),
            "created_at": at(comment.created_at),
            "updated_at": at(comment.created_at),
            "author_association": "NONE",
            "body": comment.body,
            "reactions": _reactions(url),
            "performed_via_github_app": None,
        }

    def _page(self, issue: StandinIssue) -> str:
        return f"{self._web}/{'pull' if issue.is_pull_request else 'issues'}/{issue.number}"

    def _pull_request(self, issue: StandinIssue) -> Json:
        page = self._page(issue)
        addresses = {
            "url": f"{self._api}/pulls/{issue.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": None,
        }
        return {"draft": False, "pull_request": addresses}

    def _label(self, name: str) -> Json:
        number = login_id(f"{self._repository.full_name} {name}")
        return {
            "id": number,
            "node_id": other_node_id("LA", number),
            "url": f"{self._api}/labels/{name}",
            "name": name,
            "color": "ededed",
            "default": False,
            "description": None,
        }


def _reactions(url: str) -> Json:
    counts: Json = dict.fromkeys(_REACTIONS, 0)
    return {"url": f"{url}/reactions", "total_count": 0} | counts
