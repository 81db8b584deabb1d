"""The columns of Common Crawl's index table, as its files hold them."""

import pyarrow as pa

# From cc-index-schema-flat.json of commoncrawl/cc-index-table, less `warc_record_id`, which came
# with CC-MAIN-2026-30. `crawl` and `subset` are folders of the table, not columns of its files.
INDEX_SCHEMA = pa.schema(
    [
        pa.field("url_surtkey", pa.string(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("url_host_name", pa.string(), nullable=False),
        ("url_host_tld", pa.string()),
        ("url_host_2nd_last_part", pa.string()),
        ("url_host_3rd_last_part", pa.string()),
        ("url_host_4th_last_part", pa.string()),
        ("url_host_5th_last_part", pa.string()),
        ("url_host_registry_suffix", pa.string()),
        ("url_host_registered_domain", pa.string()),
        ("url_host_private_suffix", pa.string()),
        ("url_host_private_domain", pa.string()),
        ("url_host_name_reversed", pa.string()),
        pa.field("url_protocol", pa.string(), nullable=False),
        ("url_port", pa.int32()),
        pa.field("url_path", pa.string(), nullable=False),
        ("url_query", pa.string()),
        pa.field("fetch_time", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("fetch_status", pa.int16(), nullable=False),
        ("fetch_redirect", pa.string()),
        ("content_digest", pa.string()),
        ("content_mime_type", pa.string()),
        ("content_mime_detected", pa.string()),
        ("content_charset", pa.string()),
        ("content_languages", pa.string()),
        ("content_truncated", pa.string()),
        pa.field("warc_filename", pa.string(), nullable=False),
        pa.field("warc_record_offset", pa.int32(), nullable=False),
        pa.field("warc_record_length", pa.int32(), nullable=False),
        pa.field("warc_segment", pa.string(), nullable=False),
    ]
)
INDEX_COLUMNS = frozenset((*INDEX_SCHEMA.names, "warc_record_id"))
# Columns that came after the table's first crawls; a file without one holds no value for any row.
LATER_COLUMNS = frozenset(
    (
        *("fetch_redirect", "content_charset", "content_languages", "content_truncated"),
        *("url_host_name_reversed", "warc_record_id"),
    )
)

# What is kept of a selected record.
SELECTED_SCHEMA = pa.schema(
    [
        pa.field("warc_filename", pa.string(), nullable=False),
        pa.field("warc_record_offset", pa.int64(), nullable=False),
        pa.field("warc_record_length", pa.int64(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        ("content_digest", pa.string()),
    ]
)
