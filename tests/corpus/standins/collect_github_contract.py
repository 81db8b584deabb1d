"""Cuts what the contract tests need out of GitHub's published schemas and recorded answers.

Run in a folder where `npm pack` has put these three and tar has unpacked each into its name:
@octokit/graphql-schema, @octokit/openapi and @octokit/fixtures. Prints the version of each.

    python collect_github_contract.py PACKAGES fixtures/github
"""

import json
import sys
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    print_ast,
)

Json = dict[str, object]
COMPONENTS = (
    "basic-error",
    "full-repository",
    "issue",
    "issue-comment",
    "minimal-repository",
    "rate-limit-overview",
    "repo-search-result-item",
)
RECORDED = (
    ("get-repository", "get", "/repos/octokit-fixture-org/hello-world"),
    ("paginate-issues", "get", "issues?per_page=3"),
    ("rename-repository", "get", ""),
    ("get-archive", "get", "/tarball/main"),
    ("get-archive", "get", "/legacy.tar.gz/"),
)
# The types that the stand-in answers, and the fields of each; None for all of them.
FIELDS: dict[str, frozenset[str] | None] = {
    "Query": frozenset({"id", "node", "nodes", "repository", "rateLimit"}),
    "Node": None,
    "Repository": frozenset(
        {"id", "databaseId", "name", "nameWithOwner", "description", "url"}
        | {"createdAt", "updatedAt", "pushedAt", "stargazerCount", "forkCount", "licenseInfo"}
        | {"isFork", "isArchived", "isPrivate", "isDisabled", "isLocked", "isEmpty"}
        | {"hasIssuesEnabled", "visibility", "diskUsage", "primaryLanguage", "defaultBranchRef"}
    ),
    "License": frozenset({"id", "key", "name", "spdxId"}),
    "Language": frozenset({"id", "name", "color"}),
    "Ref": frozenset({"id", "name", "prefix", "target"}),
    "GitObject": frozenset({"id", "oid"}),
    "Commit": frozenset({"id", "oid", "committedDate"}),
    "RateLimit": None,
    "RepositoryVisibility": None,
    "DateTime": None,
    "GitObjectID": None,
    "URI": None,
}


def cut_graphql(text: str) -> str:
    """Return the part of a GraphQL schema that FIELDS names, without what is said about it."""
    whole = build_schema(text, assume_valid=True)
    cut = "\n\n".join(_declared(whole.type_map[name], fields) for name, fields in FIELDS.items())
    build_schema(cut)  # fails where a field needs a type that is not named
    return cut + "\n"


def _declared(kind: object, fields: frozenset[str] | None) -> str:
    if isinstance(kind, GraphQLScalarType):
        return f"scalar {kind.name}"
    if isinstance(kind, GraphQLEnumType):
        return f"enum {kind.name} {{\n  " + "\n  ".join(kind.values) + "\n}"
    assert isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType))
    interfaces = " & ".join(item.name for item in kind.interfaces if item.name in FIELDS)
    keyword = "type" if isinstance(kind, GraphQLObjectType) else "interface"
    head = f"{keyword} {kind.name}" + (f" implements {interfaces}" if interfaces else "")
    kept = {name: kind.fields[name] for name in kind.fields if fields is None or name in fields}
    assert fields is None or set(kept) == fields, (kind.name, fields - set(kept))
    lines = [f"  {name}{_arguments(field)}: {field.type}" for name, field in kept.items()]
    return f"{head} {{\n" + "\n".join(lines) + "\n}"


def _arguments(field: GraphQLField) -> str:
    if not field.args:
        return ""
    shown = []
    for name, argument in field.args.items():
        node = argument.ast_node
        default = node.default_value if node is not None else None
        shown.append(f"{name}: {argument.type}" + (f" = {print_ast(default)}" if default else ""))
    return "(" + ", ".join(shown) + ")"


def cut_openapi(text: str) -> Json:
    """Return the wanted components, and those they refer to, as one JSON Schema."""
    components = json.loads(text)["components"]["schemas"]
    definitions: Json = {}
    waiting = list(COMPONENTS)
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = _as_json_schema(components[name], waiting)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions}


def _as_json_schema(node: object, waiting: list[str]) -> object:
    """Return a part of an OpenAPI 3.0 schema in JSON Schema's words, without its prose."""
    if isinstance(node, list):
        return [_as_json_schema(item, waiting) for item in node]
    if not isinstance(node, dict):
        return node
    content = {
        key: _named(value, waiting) if key == "properties" else _as_json_schema(value, waiting)
        for key, value in node.items()
        if key not in ("description", "example", "examples", "nullable", "title", "deprecated")
        and not key.startswith("x-")
    }
    if "$ref" in content:
        name = str(content["$ref"]).rpartition("/")[2]
        waiting.append(name)
        content["$ref"] = f"#/$defs/{name}"
    return {"anyOf": [content, {"type": "null"}]} if node.get("nullable") else content


def _named(properties: Json, waiting: list[str]) -> Json:
    return {name: _as_json_schema(value, waiting) for name, value in properties.items()}


def cut_recorded(scenarios: Path) -> Json:
    """Return the recorded exchanges that RECORDED names; of long lists one item."""
    found: Json = {}
    for scenario, method, part in RECORDED:
        path = scenarios / scenario / "raw-fixture.json"
        for exchange in json.loads(path.read_text(encoding="utf-8")):
            if exchange["method"] == method and part in exchange["path"]:
                content = exchange["response"]
                content = content[:1] if isinstance(content, list) else content
                pairs = exchange["rawHeaders"]
                found[f"{scenario} {part}".strip()] = {
                    "path": exchange["path"],
                    "status": exchange["status"],
                    "headers": dict(zip(pairs[::2], pairs[1::2], strict=True)),
                    "body": content,
                }
                break
    return found


def main(packages: Path, into: Path) -> None:
    """Write the three files."""
    graphql, openapi, recorded = (
        packages / name / "package" for name in ("graphql-schema", "openapi", "fixtures")
    )
    into.mkdir(parents=True, exist_ok=True)
    schema = cut_graphql((graphql / "schema.graphql").read_text(encoding="utf-8"))
    (into / "schema.graphql").write_text(schema, encoding="utf-8")
    components = cut_openapi(
        (openapi / "generated/api.github.com.json").read_text(encoding="utf-8")
    )
    (into / "components.json").write_text(json.dumps(components) + "\n", encoding="utf-8")
    exchanges = cut_recorded(recorded / "scenarios/api.github.com")
    (into / "recorded.json").write_text(json.dumps(exchanges, indent=1) + "\n", encoding="utf-8")
    for package in (graphql, openapi, recorded):
        about = json.loads((package / "package.json").read_text(encoding="utf-8"))
        print(about["name"], about["version"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
