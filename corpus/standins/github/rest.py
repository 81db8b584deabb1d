"""The REST calls that a crawl makes."""

from datetime import datetime

from aiohttp import web

from .answers import answer, failure, find, not_found, page_of
from .documents import Writer
from .gate import CLIENT
from .issue_documents import IssueWriter
from .limits import RESOURCES, Ledger
from .search import SearchError, matches
from .state import GithubState, StandinIssue, StandinRepository
from .urls import API, api_root, codeload_root, git_root

REPOSITORIES_PER_PAGE = 100
MAX_SEARCH_RESULTS = 1000


class Rest:
    """Handlers over one state."""

    def __init__(self, state: GithubState, ledger: Ledger) -> None:
        self._state = state
        self._ledger = ledger

    def routes(self) -> list[web.RouteDef]:
        """Return what to answer where."""
        named = API + "/repos/{owner}/{name}"
        numbered = API + r"/repositories/{id:\d+}"
        routes = [
            web.get(API + "/repositories", self.list_repositories),
            web.get(API + "/orgs/{owner}/repos", self.list_owned),
            web.get(API + "/users/{owner}/repos", self.list_owned),
            web.get(API + "/search/repositories", self.search),
            web.get(API + "/rate_limit", self.rate_limit),
        ]
        for root in (named, numbered):
            routes += [
                web.get(root, self.repository),
                web.get(root + "/issues", self.issues),
                web.get(root + r"/issues/{number:\d+}/comments", self.comments),
                web.get(root + "/tarball", self.tarball),
                web.get(root + "/tarball/{ref:.+}", self.tarball),
            ]
        routes.append(web.route("*", API + "/{tail:.*}", self.unknown))
        return routes

    async def unknown(self, request: web.Request) -> web.Response:
        """Answer 404 to every other call."""
        return not_found()

    async def list_repositories(self, request: web.Request) -> web.Response:
        """List repositories with ids above `since`, 100 a page."""
        text = request.query.get("since", "0")
        since = int(text) if text.isdecimal() else 0
        after = [repository for repository in self._state.visible if repository.id > since]
        shown = after[:REPOSITORIES_PER_PAGE]
        links = [f'<{api_root(request)}/repositories{{?since}}>; rel="first"']
        if len(after) > len(shown):
            next_url = f"{api_root(request)}/repositories?since={shown[-1].id}"
            links.insert(0, f'<{next_url}>; rel="next"')
        writer = _writer(request)
        return answer([writer.listed(r) for r in shown], headers={"Link": ", ".join(links)})

    async def repository(self, request: web.Request) -> web.Response:
        """Describe one repository."""
        found = find(self._state, request)
        if isinstance(found, web.Response):
            return found
        return answer(_writer(request).full(found))

    async def list_owned(self, request: web.Request) -> web.Response:
        """List the repositories of an account."""
        owner = request.match_info["owner"].lower()
        owned = [r for r in self._state.visible if r.owner.lower() == owner]
        if not owned:
            return not_found()
        shown, headers = page_of(request, owned, request.path.removeprefix(API))
        writer = _writer(request)
        return answer([writer.described(r) for r in shown], headers=headers)

    async def search(self, request: web.Request) -> web.Response:
        """Search repositories, most stars first; only the first 1000 can be seen."""
        try:
            is_wanted = matches(request.query.get("q", ""))
        except SearchError as error:
            failed = {"resource": "Search", "field": "q", "code": str(error)}
            return answer({"message": "Validation Failed", "errors": [failed]}, 422)
        found = [r for r in self._state.visible if r.block is None and is_wanted(r)]
        found.sort(key=lambda repository: (-repository.stars, repository.id))
        shown, headers = page_of(request, found[:MAX_SEARCH_RESULTS], "/search/repositories")
        if not shown and len(found) > MAX_SEARCH_RESULTS:
            return failure(422, "Only the first 1000 search results are available")
        writer = _writer(request)
        content = {
            "total_count": len(found),
            "incomplete_results": False,
            "items": [writer.found(repository) for repository in shown],
        }
        return answer(content, headers=headers)

    async def issues(self, request: web.Request) -> web.Response:
        """List issues and pull requests together, as GitHub does, newest first."""
        found = find(self._state, request, "/issues")
        if isinstance(found, web.Response):
            return found
        if not found.has_issues:
            return failure(410, "Issues has been disabled in this repository.")
        path = f"/repositories/{found.id}/issues"
        try:
            chosen = _chosen_issues(request, found)
        except ValueError:
            return failure(422, "Validation Failed")
        shown, headers = page_of(request, chosen, path)
        writer = IssueWriter(_writer(request), found)
        return answer([writer.issue(issue) for issue in shown], headers=headers)

    async def comments(self, request: web.Request) -> web.Response:
        """List the comments of an issue, oldest first."""
        number = int(request.match_info["number"])
        tail = f"/issues/{number}/comments"
        found = find(self._state, request, tail)
        if isinstance(found, web.Response):
            return found
        issue = next((issue for issue in found.issues if issue.number == number), None)
        if issue is None:
            return not_found()
        path = f"/repositories/{found.id}{tail}"
        shown, headers = page_of(request, issue.comments, path)
        writer = IssueWriter(_writer(request), found)
        return answer([writer.comment(issue, comment) for comment in shown], headers=headers)

    async def tarball(self, request: web.Request) -> web.Response:
        """Point to codeload."""
        ref = request.match_info.get("ref", "")
        found = find(self._state, request, f"/tarball/{ref}")
        if isinstance(found, web.Response):
            return found
        where = ref or f"refs/heads/{found.default_branch}"
        location = f"{codeload_root(request)}/{found.full_name}/legacy.tar.gz/{where}"
        headers = {
            "Location": location,
            "Cache-Control": "public, must-revalidate, max-age=0",
            "Content-Type": "text/html;charset=utf-8",
        }
        return web.Response(status=302, headers=headers)

    async def rate_limit(self, request: web.Request) -> web.Response:
        """Tell what is left, which is free of charge."""
        client = request[CLIENT]
        resources: dict[str, object] = {
            resource: self._ledger.quota(client, resource).as_json() for resource in RESOURCES
        }
        return answer({"resources": resources, "rate": resources["core"]})


def _writer(request: web.Request) -> Writer:
    return Writer(api_root(request), git_root(request))


def _chosen_issues(request: web.Request, repository: StandinRepository) -> list[StandinIssue]:
    state = request.query.get("state", "open")
    if state not in ("open", "closed", "all"):
        raise ValueError(state)
    issues = [issue for issue in repository.issues if state in ("all", issue.state)]
    if "since" in request.query:
        since = datetime.fromisoformat(request.query["since"].replace("Z", "+00:00"))
        issues = [issue for issue in issues if issue.changed_at >= since]
    is_by_update = request.query.get("sort", "created") == "updated"
    is_descending = request.query.get("direction", "desc") == "desc"
    issues.sort(
        key=lambda issue: (issue.changed_at if is_by_update else issue.created_at, issue.number),
        reverse=is_descending,
    )
    return issues
