"""What Airflow asks every provider for: the connection type, the operator, the decorator.

A package of its own, because every process of Airflow imports it: nothing of webhook_stream is
loaded here, and a native core that does not load breaks no DAG that uses none of it.
"""

from __future__ import annotations

from typing import Any

CONN_TYPE = "webhook"
HOOK_NAME = "Webhook Stream"
_INTEGRATION = "Webhook Stream"
_TEXT = ["string", "null"]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, as Airflow's schema has it."""
    return {
        "package-name": "webhook-stream",
        "name": "Webhook Stream",
        "description": "A stream of JSON events to any webhook: filtered, shaped, delivered.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://pypi.org/project/webhook-stream/",
                "tags": ["protocol"],
            }
        ],
        "operators": [_modules("operators")],
        "hooks": [_modules("hooks")],
        "triggers": [_modules("triggers")],
        "connection-types": [
            {
                "connection-type": CONN_TYPE,
                "hook-class-name": "webhook_stream.airflow.hooks.WebhookStreamHook",
                "hook-name": HOOK_NAME,
                "ui-field-behaviour": UI_FIELDS,
                "conn-fields": CONN_FIELDS,
            }
        ],
        "task-decorators": [
            {
                "name": "webhook_stream",
                "class-name": "webhook_stream.airflow.decorators.webhook_stream_task",
            }
        ],
    }


def _modules(name: str) -> dict[str, Any]:
    return {
        "integration-name": _INTEGRATION,
        "python-modules": [f"webhook_stream.airflow.{name}"],
    }


def _field(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": _TEXT, **schema}}


UI_FIELDS: dict[str, Any] = {
    "hidden-fields": ["schema", "port", "extra"],
    "relabeling": {"host": "URL"},
    "placeholders": {
        "host": "https://example.com/webhook",
        "login": "headers and the URL have it as ${secrets.login}",
        "password": "headers and the URL have it as ${secrets.password}",
    },
}
"""What Airflow's own fields of a connection are called here."""

CONN_FIELDS: dict[str, dict[str, Any]] = {
    "headers": _field(
        "Headers",
        'Up to five, as JSON: {"Authorization": "Bearer ${secrets.password}"}',
        type=["object", "null"],
    ),
    "secrets": _field(
        "More secrets",
        'As JSON: {"NAME": "value"}; headers and the URL have it as ${secrets.NAME}',
        format="password",
    ),
    "signing_secret": _field(
        "Signing secret", "whsec_…: requests are signed by Standard Webhooks", format="password"
    ),
    "method": _field("Method", "", default="POST", enum=["POST", "PUT", "PATCH"]),
    "timeout_seconds": _field("Timeout", "Seconds a request may take", type=["number", "null"]),
    "concurrency": _field(
        "Concurrency", "The most requests at once, for each task", type=["integer", "null"]
    ),
    "rate_limit_per_second": _field(
        "Rate limit", "The most requests a second, for each task", type=["number", "null"]
    ),
    "store_folder": _field(
        "Folder of the stores",
        "On a local disk of the worker; by default webhook_stream in AIRFLOW_HOME",
    ),
    "template_folder": _field(
        "Folder of the templates",
        "Where templates and filters are looked for, after the DAG's own folder",
    ),
    "address_policy": _field(
        "Address policy",
        "Which addresses requests may go to",
        default="metadata",
        enum=["metadata", "public", "any"],
    ),
    "allow_addresses": _field(
        "Allowed addresses", "Networks that may be reached all the same: 10.0.0.0/8, 192.168.1.0/24"
    ),
    "ca_file": _field("CA file", "Certificates to trust instead of the system's"),
    "client_certificate": _field("Client certificate", "A file, shown to receivers that ask"),
    "client_key": _field("Client key", "Its key, when it is in a file of its own"),
    "test_event": _field(
        "Test event",
        "An event as JSON, which the button Test sends; without one, it connects only",
        type=["object", "null"],
    ),
}
"""What a connection has beside them, each kept in ``extra``."""
