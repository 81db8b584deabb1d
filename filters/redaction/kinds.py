"""What is looked for: each kind of finding, the class it belongs to, and the finding itself."""

from typing import Final, NamedTuple

import pyarrow as pa

from ...corpus.placeholders import RedactionClass


class Finding(NamedTuple):
    """Something that may be redacted: characters start..stop-1, or bytes while it is looked for."""

    kind: str
    start: int
    stop: int


KEY_KINDS: Final = (
    *("aws_access_key", "aws_secret_key", "azure_storage_key", "google_api_key", "google_secret"),
    *("github_token", "gitlab_token", "slack_token", "slack_webhook", "stripe_key", "square_key"),
    *("openai_key", "anthropic_key", "hugging_face_token", "npm_token", "pypi_token"),
    *("rubygems_token", "docker_token", "sendgrid_key", "mailchimp_key", "mailgun_key"),
    *("twilio_key", "telegram_token", "discord_token", "artifactory_key", "digitalocean_token"),
    *("shopify_token", "databricks_token", "vault_token", "atlassian_token", "postman_key"),
    *("new_relic_key", "linear_key", "age_key", "nuget_key", "jwt", "private_key", "assigned_key"),
)

CLASSES: Final[dict[str, RedactionClass]] = {
    "email": "email",
    "ipv4": "ip_address",
    "ipv6": "ip_address",
    "url_password": "password",
    "assigned_password": "password",
    **dict.fromkeys(KEY_KINDS, "key"),
}

FINDINGS: Final = pa.list_(
    pa.struct([("kind", pa.string()), ("start", pa.int64()), ("stop", pa.int64())])
)
