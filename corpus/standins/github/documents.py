"""Accounts and repositories as the REST API writes them."""

from .answers import Json
from .node_ids import other_node_id, repository_node_id
from .state import StandinRepository, at, login_id

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
_FEATURES: Json = {
    "homepage": None,
    "has_projects": True,
    "has_downloads": True,
    "has_wiki": True,
    "has_pages": False,
    "has_discussions": False,
    "forks_count": 0,
    "forks": 0,
    "mirror_url": None,
    "allow_forking": True,
    "is_template": False,
    "web_commit_signoff_required": False,
}


class Writer:
    """Writes documents whose addresses lie below the two roots."""

    def __init__(self, api: str, web: str) -> None:
        self.api = api
        self.web = web

    def account(self, login: str, *, is_user: bool) -> Json:
        """Return a user or an organisation."""
        number = login_id(login)
        url = f"{self.api}/users/{login}"
        return {
            "login": login,
            "id": number,
            "node_id": other_node_id("U" if is_user else "O", number),
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.web}/{login}",
            "type": _account_type(login, is_user=is_user),
            "user_view_type": "public",
            "site_admin": False,
        } | {name: url + tail for name, tail in _ACCOUNT_URLS.items()}

    def listed(self, repository: StandinRepository) -> Json:
        """Return a repository with the few fields that /repositories gives."""
        url = f"{self.api}/repos/{repository.full_name}"
        return {
            "id": repository.id,
            "node_id": repository_node_id(repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.is_private,
            "owner": self.account(repository.owner, is_user=repository.is_user_owned),
            "html_url": f"{self.web}/{repository.full_name}",
            "description": repository.description,
            "fork": repository.is_fork,
            "url": url,
        } | {name: url + tail for name, tail in _REPOSITORY_URLS.items()}

    def described(self, repository: StandinRepository) -> Json:
        """Return a repository with the fields of an account's list and of search."""
        num_open = sum(issue.state == "open" for issue in repository.issues)
        page = f"{self.web}/{repository.full_name}"
        facts: Json = {
            "created_at": at(repository.created_at),
            "updated_at": at(repository.pushed_at),
            "pushed_at": at(repository.pushed_at),
            "git_url": f"git://github.com/{repository.full_name}.git",
            "ssh_url": f"git@github.com:{repository.full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "size": repository.disk_usage_kib,
            "stargazers_count": repository.stars,
            "watchers_count": repository.stars,
            "watchers": repository.stars,
            "language": repository.language,
            "has_issues": repository.has_issues,
            "archived": repository.is_archived,
            "disabled": repository.is_disabled,
            "open_issues_count": num_open,
            "open_issues": num_open,
            "license": _licence(repository.licence),
            "visibility": "private" if repository.is_private else "public",
            "default_branch": repository.default_branch,
        }
        return self.listed(repository) | facts | _FEATURES | {"topics": []}

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


def _account_type(login: str, *, is_user: bool) -> str:
    if login.endswith("[bot]"):
        return "Bot"
    return "User" if is_user else "Organization"


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
