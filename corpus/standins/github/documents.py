"""Repositories, accounts, issues and comments as the REST API writes them."""

from .answers import Json
from .node_ids import other_node_id, repository_node_id
from .state import StandinComment, StandinIssue, StandinRepository, at, login_id

# What follows a repository's own URL, by field.
_REPOSITORY_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_ACCOUNT_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


class Writer:
    """Writes documents whose addresses lie below the two roots."""

    def __init__(self, api: str, web: str) -> None:
        self._api = api
        self._web = web

    def account(self, login: str, *, is_user: bool) -> Json:
        """Return a user or an organisation."""
        number = login_id(login)
        url = f"{self._api}/users/{login}"
        return {
            "login": login,
            "id": number,
            "node_id": other_node_id("U" if is_user else "O", number),
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self._web}/{login}",
            "type": "User" if is_user else "Organization",
            "user_view_type": "public",
            "site_admin": False,
        } | {name: url + tail for name, tail in _ACCOUNT_URLS.items()}

    def listed(self, repository: StandinRepository) -> Json:
        """Return a repository with the few fields that /repositories gives."""
        url = f"{self._api}/repos/{repository.full_name}"
        return {
            "id": repository.id,
            "node_id": repository_node_id(repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.is_private,
            "owner": self.account(repository.owner, is_user=repository.is_user_owned),
            "html_url": f"{self._web}/{repository.full_name}",
            "description": repository.description,
            "fork": repository.is_fork,
            "url": url,
        } | {name: url + tail for name, tail in _REPOSITORY_URLS.items()}

    def described(self, repository: StandinRepository) -> Json:
        """Return a repository with the fields of an account's list and of search."""
        num_open = sum(issue.state == "open" for issue in repository.issues)
        return self.listed(repository) | {
            "created_at": at(repository.created_at),
            "updated_at": at(repository.pushed_at),
            "pushed_at": at(repository.pushed_at),
            "git_url": f"git://github.com/{repository.full_name}.git",
            "ssh_url": f"git@github.com:{repository.full_name}.git",
            "clone_url": f"{self._web}/{repository.full_name}.git",
            "svn_url": f"{self._web}/{repository.full_name}",
            "homepage": None,
            "size": repository.disk_usage_kib,
            "stargazers_count": repository.stars,
            "watchers_count": repository.stars,
            "language": repository.language,
            "has_issues": repository.has_issues,
            "has_projects": True,
            "has_downloads": True,
            "has_wiki": True,
            "has_pages": False,
            "has_discussions": False,
            "forks_count": 0,
            "mirror_url": None,
            "archived": repository.is_archived,
            "disabled": repository.is_disabled,
            "open_issues_count": num_open,
            "license": _licence(repository.licence),
            "allow_forking": True,
            "is_template": False,
            "web_commit_signoff_required": False,
            "topics": [],
            "visibility": "private" if repository.is_private else "public",
            "forks": 0,
            "open_issues": num_open,
            "watchers": repository.stars,
            "default_branch": repository.default_branch,
        }

    def found(self, repository: StandinRepository) -> Json:
        """Return a repository as an item of a search."""
        return self.described(repository) | {"score": 1.0}

    def full(self, repository: StandinRepository) -> Json:
        """Return a repository with all of its fields."""
        permissions = {"admin": False, "maintain": False, "push": False, "triage": False}
        content = self.described(repository) | {
            "permissions": permissions | {"pull": True},
            "temp_clone_token": "",
            "network_count": 0,
            "subscribers_count": 0,
        }
        if not repository.is_user_owned:
            content["organization"] = content["owner"]
        return content

    def issue(self, repository: StandinRepository, issue: StandinIssue) -> Json:
        """Return an issue, or a pull request as the list of issues shows it."""
        url = f"{self._api}/repos/{repository.full_name}/issues/{issue.number}"
        kind = "pull" if issue.is_pull_request else "issues"
        html_url = f"{self._web}/{repository.full_name}/{kind}/{issue.number}"
        content: Json = {
            "url": url,
            "repository_url": f"{self._api}/repos/{repository.full_name}",
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": html_url,
            "id": issue.id,
            "node_id": other_node_id("PR" if issue.is_pull_request else "I", issue.id),
            "number": issue.number,
            "title": issue.title,
            "user": self.account(issue.author, is_user=True),
            "labels": [_label(self._api, repository, name) for name in issue.labels],
            "state": issue.state,
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": len(issue.comments),
            "created_at": at(issue.created_at),
            "updated_at": at(issue.changed_at),
            "closed_at": at(issue.changed_at) if issue.state == "closed" else None,
            "author_association": "NONE",
            "active_lock_reason": None,
            "body": issue.body,
            "reactions": _reactions(url),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            "state_reason": "completed" if issue.state == "closed" else None,
        }
        if issue.is_pull_request:
            pull = f"{self._api}/repos/{repository.full_name}/pulls/{issue.number}"
            content["draft"] = False
            content["pull_request"] = {
                "url": pull,
                "html_url": html_url,
                "diff_url": f"{html_url}.diff",
                "patch_url": f"{html_url}.patch",
                "merged_at": None,
            }
        return content

    def comment(
        self, repository: StandinRepository, issue: StandinIssue, comment: StandinComment
    ) -> Json:
        """Return a comment of an issue."""
        root = f"{self._api}/repos/{repository.full_name}/issues"
        url = f"{root}/comments/{comment.id}"
        kind = "pull" if issue.is_pull_request else "issues"
        page = f"{self._web}/{repository.full_name}/{kind}/{issue.number}"
        return {
            "url": url,
            "html_url": f"{page}#issuecomment-{comment.id}",
            "issue_url": f"{root}/{issue.number}",
            "id": comment.id,
            "node_id": other_node_id("IC", comment.id),
            "user": self.account(comment.author, is_user=True),
            "created_at": at(comment.created_at),
            "updated_at": at(comment.created_at),
            "author_association": "NONE",
            "body": comment.body,
            "reactions": _reactions(url),
            "performed_via_github_app": None,
        }


def _licence(spdx_id: str | None) -> Json | None:
    if spdx_id is None:
        return None
    key = spdx_id.lower()
    return {
        "key": key,
        "name": spdx_id,
        "spdx_id": spdx_id,
        "url": f"https://api.github.com/licenses/{key}",
        "node_id": other_node_id("L", login_id(key)),
    }


def _label(api: str, repository: StandinRepository, name: str) -> Json:
    number = login_id(f"{repository.full_name} {name}")
    return {
        "id": number,
        "node_id": other_node_id("LA", number),
        "url": f"{api}/repos/{repository.full_name}/labels/{name}",
        "name": name,
        "color": "ededed",
        "default": False,
        "description": None,
    }


def _reactions(url: str) -> Json:
    counts: Json = dict.fromkeys(_REACTIONS, 0)
    return {"url": f"{url}/reactions", "total_count": 0} | counts
