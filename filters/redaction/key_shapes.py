r"""The shapes of the keys that issuers document.

RE2 has no lookahead, so an end is said by what may follow: after a letter, a digit or `_`, `\b`
says that none of these comes next; after any other character of a key, such as a dash, `\B` does.
A key of open length goes on as long as its alphabet does, so that no tail of it stays behind.
"""

# Kind, what any match holds, pattern. The first group that took part is what is redacted, else the
# whole match. What a match holds is short, so that one search for all of them passes most texts; it
# ends before another key could begin, which that search would miss.
KEYS: tuple[tuple[str, str, str], ...] = (
    (
        "aws_access_key",
        r"AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9]",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b",
    ),
    (
        "aws_secret_key",
        r"(?i:aws)",
        r"(?i:aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?['\"])"
        r"([0-9a-zA-Z/+]{40})['\"]"
        r"|(?i:aws_?secret_?(?:access_?)?key)[ \t]*[=:][ \t]*"
        r"([0-9a-zA-Z/+]{40})(?:[^0-9a-zA-Z/+_-]|$)",
    ),
    ("azure_storage_key", r"AccountKey=", r"AccountKey=([a-zA-Z0-9+/]{86,}={0,2})"),
    ("google_api_key", r"AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
    (
        "google_secret",
        r"GOCSPX-|ya29\.",
        r"\b(?:GOCSPX-[A-Za-z0-9_-]{28}|ya29\.(?:[a-z0-9]{1,2}\.)?[A-Za-z0-9_-]{40,})",
    ),
    (
        "github_token",
        r"gh[pousr]_|github_pat_",
        r"\b(?:gh[pousr]_[0-9A-Za-z]+_eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"
        r"|gh[pousr]_[A-Za-z0-9_]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    (
        "gitlab_token",
        r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941",
        r"\b(?:gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[A-Za-z0-9_-]{20,}"
        r"(?:(?:\.[0-9a-z]{2})?\.[0-9a-z]{9}\b)?"  # length and checksum of a routable token
        r"|GR1348941[A-Za-z0-9_-]{20,})",
    ),
    (
        "slack_token",
        r"(?i:xox[a-z])|xapp-",
        r"(?i:\bxox[a-z](?:\.xox[a-z])?-(?:[0-9]+-)+[a-z0-9-]+|\bxapp-[0-9]-[a-z0-9-]{20,})",
    ),
    (
        "slack_webhook",
        r"hooks\.slack\.com",
        r"hooks\.slack\.com/services/(T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]+)",
    ),
    (
        "stripe_key",
        r"k_live_|k_test_|whsec_",
        r"\b(?:[rs]k_(?:live|test)_[0-9a-zA-Z]{24,}|whsec_[A-Za-z0-9+/]{32,}={0,2})",
    ),
    ("square_key", r"sq0(?:csp|atp)-", r"\bsq0(?:csp|atp)-[0-9A-Za-z_-]{22,}"),
    (
        "openai_key",
        r"T3BlbkFJ",
        r"\bsk-[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}",
    ),
    ("anthropic_key", r"sk-ant-", r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,}"),
    ("hugging_face_token", r"hf_[A-Za-z]", r"\bhf_[A-Za-z]{34}\b"),
    (
        "npm_token",
        r"npm_[A-Za-z0-9]|:_authToken=",
        r"\bnpm_[A-Za-z0-9]{36}\b"
        r"|:_authToken=[ \t]*((?:[A-Fa-f0-9]{8}(?:-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}"
        r"|[A-Fa-f0-9]{36,})\b)",
    ),
    ("pypi_token", r"pypi-Ag", r"\bpypi-Ag[A-Za-z0-9_-]{70,}"),
    ("rubygems_token", r"rubygems_[0-9a-f]", r"\brubygems_[0-9a-f]{48}\b"),
    ("docker_token", r"dckr_pat_", r"\bdckr_pat_[A-Za-z0-9_-]{27,}"),
    ("sendgrid_key", r"\bSG\.", r"\bSG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}"),
    ("mailchimp_key", r"[0-9a-z]-us[0-9]", r"\b[0-9a-z]{32}-us[0-9]{1,2}\b"),
    ("mailgun_key", r"\bkey-", r"\bkey-[0-9a-f]{32}\b"),
    ("twilio_key", r"\b(?:AC|SK)[a-f0-9]{6}", r"\b(?:AC|SK)[a-f0-9]{32}\b"),
    (
        "telegram_token",
        r"[0-9]{8}:(?:\b|-)",
        r"\b(?:bot)?([0-9]{8,10}:[0-9A-Za-z_-]{34}(?:[0-9A-Za-z_]\b|-\B))",
    ),
    (
        "discord_token",
        r"\b[MNO][A-Za-z0-9_-]+\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]",
        r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    ),
    (
        "artifactory_key",
        r"\b(?:AKC[a-zA-Z0-9]|AP[0-9A-F][a-zA-Z0-9])",
        r"\b(?:AKC[a-zA-Z0-9]{10,}|AP[0-9A-F][a-zA-Z0-9]{8,})\b",
    ),
    ("digitalocean_token", r"do[opr]_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("shopify_token", r"shp(?:at|ca|pa|ss)_", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    ("databricks_token", r"dapi[a-f0-9]", r"\bdapi[a-f0-9]{32}(?:-[0-9])?\b"),
    ("vault_token", r"\bhv[sb]\.", r"\bhv[sb]\.[A-Za-z0-9_-]{24,}"),
    ("atlassian_token", r"ATATT3", r"\bATATT3[A-Za-z0-9_=-]{50,}"),
    ("postman_key", r"PMAK-", r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    ("new_relic_key", r"NRAK-", r"\bNRAK-[A-Z0-9]{27}\b"),
    ("linear_key", r"lin_api_", r"\blin_api_[A-Za-z0-9]{40}\b"),
    ("age_key", r"AGE-SECRET-KEY-1", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    ("nuget_key", r"\boy2[a-z0-9]{4}", r"\boy2[a-z0-9]{43}\b"),
    (
        "jwt",
        r"\beyJ",
        r"\beyJ[A-Za-z0-9_-]{8,}={0,2}\.(?:"
        r"[A-Za-z0-9_-]*={0,2}\.[A-Za-z0-9_-]{10,}={0,2}"  # encrypted: five parts
        r"\.[A-Za-z0-9_-]*={0,2}\.[A-Za-z0-9_-]{16,}={0,2}"
        r"|[A-Za-z0-9_-]{4,}={0,2}(?:\.[A-Za-z0-9_+/-]*={0,2})?)",
    ),
)
