"""What a connection of type ``webhook`` says: URL, headers, secrets, how to deliver."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_webhook_stream import CONN_FIELDS
from webhook_stream._errors import ConfigError

# What goes to the sync by its own name.
_OPTIONS = (
    "method",
    "timeout_seconds",
    "concurrency",
    "rate_limit_per_second",
    "address_policy",
    "ca_file",
    "client_certificate",
    "client_key",
)
# What no field of the form shows, but `extra` may have.
_MORE = {"max_headers": (int,), "pause_after_failures": (int,)}
_NUMBERS = {"timeout_seconds": (int, float), "concurrency": (int,)} | {
    "rate_limit_per_second": (int, float)
}


class Connection(Protocol):
    """A connection of Airflow, as far as it is read here."""

    conn_id: str
    host: str | None
    port: int | None
    schema: str | None
    login: str | None
    password: str | None
    extra: str | None


@dataclass(frozen=True)
class Settings:
    """What a connection says."""

    url: str
    secrets: Mapping[str, str] = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    """Further keywords of :class:`webhook_stream.Sync`."""
    store_folder: str | None
    template_folder: str | None
    test_event: Mapping[str, Any] | None


def settings_of(connection: Connection) -> Settings:
    """Read a connection; raise :class:`ConfigError` for what is wrong with it."""
    name = connection.conn_id
    extra = _extra(connection)
    secrets = {"login": connection.login or "", "password": connection.password or ""}
    for key, value in _object(name, extra, "secrets").items():
        if not isinstance(value, str):
            raise _wrong(name, f"secrets: {key}: expected a text, found {_kind(value)}")
        secrets[key] = value
    options: dict[str, Any] = {"headers": _headers(name, extra)}
    for key in _OPTIONS:
        if extra.get(key) not in (None, ""):
            options[key] = _number(name, key, extra[key]) if key in _NUMBERS else extra[key]
    for key in _MORE:
        if extra.get(key) is not None:
            options[key] = _number(name, key, extra[key])
    signing = extra.get("signing_secret")
    if signing:
        secrets["signing_secret"] = str(signing)
        options["signing_secret"] = "${secrets.signing_secret}"  # noqa: S105 - a reference
    if extra.get("allow_addresses"):
        options["allow_addresses"] = _networks(extra["allow_addresses"])
    return Settings(
        url=_url(connection),
        secrets=secrets,
        options=options,
        store_folder=extra.get("store_folder") or None,
        template_folder=extra.get("template_folder") or None,
        test_event=_object(name, extra, "test_event") or None,
    )


def _url(connection: Connection) -> str:
    """Return the URL: all of it stands in the host, or its parts where a URI has put them."""
    host = (connection.host or "").strip()
    if not host:
        raise _wrong(connection.conn_id, "expected a URL in the field Host, found none")
    port = f":{connection.port}" if connection.port else ""
    path = f"/{connection.schema.lstrip('/')}" if connection.schema else ""
    if "://" in host:
        if port or path:
            message = "expected the whole URL in the field Host, found a port or schema beside it"
            raise _wrong(connection.conn_id, message)
        return host
    return f"https://{host}{port}{path}"


def _extra(connection: Connection) -> dict[str, Any]:
    name = connection.conn_id
    if not (connection.extra or "").strip():
        return {}
    try:
        extra = json.loads(connection.extra or "")
    except ValueError as error:
        raise _wrong(name, f"expected JSON in the field Extra: {error}") from None
    if not isinstance(extra, dict):
        raise _wrong(name, f"expected a JSON object in the field Extra, found {_kind(extra)}")
    known = [*CONN_FIELDS, *_MORE]
    for key in extra:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise _wrong(name, f"extra: unknown key {key!r}", hint)
    return extra


def _headers(name: str, extra: Mapping[str, Any]) -> dict[str, str]:
    headers = _object(name, extra, "headers")
    for key, value in headers.items():
        if not isinstance(value, str):
            raise _wrong(name, f"headers: {key}: expected a text, found {_kind(value)}")
    return headers


def _object(name: str, extra: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a JSON object, which a form without a field for such keeps as its text."""
    value = extra.get(key)
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _wrong(name, f"{key}: expected a JSON object, found another text") from None
    if not isinstance(value, dict):
        raise _wrong(name, f"{key}: expected a JSON object, found {_kind(value)}")
    return value


def _number(name: str, key: str, value: Any) -> int | float:
    kinds = _NUMBERS.get(key) or _MORE[key]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _wrong(name, f"{key}: expected a number, found {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, kinds):
        what = "a number" if float in kinds else "a whole number"
        raise _wrong(name, f"{key}: expected {what}, found {value!r}")
    number: int | float = value
    return number


def _networks(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value
    return [str(part).strip() for part in parts if str(part).strip()]


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "a number")


def _wrong(name: str, message: str, hint: str | None = None) -> ConfigError:
    message = f"connection {name!r}: {message}"
    text = f"{message}\n= hint: {hint}" if hint else message
    return ConfigError(text, kind="bad_value", message=message, name=name, hint=hint)
