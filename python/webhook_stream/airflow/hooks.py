"""From a connection of Airflow to a sync."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_webhook_stream import CONN_FIELDS, CONN_TYPE, HOOK_NAME, UI_FIELDS
from webhook_stream import ConfigError, Filter, RetryPolicy, Sync, Template, WebhookStreamError
from webhook_stream.airflow._compat import BaseHook, mask_secret
from webhook_stream.airflow._connection import Settings, settings_of

_CONNECT_SECONDS = 10.0


class WebhookStreamHook(BaseHook):  # type: ignore[misc,unused-ignore]
    """Gets a :class:`webhook_stream.Sync` from a connection of type ``webhook``.

    The connection has the URL (field Host), headers, secrets and how to deliver. Secrets reach the
    sync by name, ``${secrets.password}``, and are masked in the logs.
    """

    conn_name_attr = "webhook_conn_id"
    default_conn_name = "webhook_default"
    conn_type = CONN_TYPE
    hook_name = HOOK_NAME

    def __init__(self, webhook_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.webhook_conn_id = webhook_conn_id

    @cached_property
    def settings(self) -> Settings:
        """What the connection says."""
        settings = settings_of(self.get_connection(self.webhook_conn_id))
        for name, secret in settings.secrets.items():
            # What is this short would mask half the log; a login is no secret.
            if name != "login" and len(secret) > 2:
                mask_secret(secret)
        return settings

    def get_conn(self) -> Sync:
        """Return a sync of the connection's name, without template, filter or store."""
        return self.get_sync(self.webhook_conn_id)

    def get_sync(
        self,
        name: str,
        *,
        template: str | os.PathLike[str] | Template | None = None,
        filter: str | os.PathLike[str] | Filter | None = None,  # noqa: A002 - the field's own word
        store: str | os.PathLike[str] | None = None,
        folders: Iterable[str | os.PathLike[str]] = (),
        **options: Any,
    ) -> Sync:
        """Return a sync to the connection's receiver.

        ``template`` and ``filter`` may be paths; relative ones are looked for in ``folders``, then
        in the connection's ``template_folder``. A filter in a ``.json`` file is Amplitude's, any
        other an FTL expression. ``options`` are further keywords of :class:`webhook_stream.Sync`
        and go before what the connection says.
        """
        where = [Path(folder) for folder in folders]
        if self.settings.template_folder:
            where.append(Path(self.settings.template_folder))
        if isinstance(template, str | os.PathLike):
            template = Template.from_file(_found("template", template, where))
        if isinstance(filter, str | os.PathLike):
            filter = _read_filter(_found("filter", filter, where))  # noqa: A001
        if store is not None:
            Path(store).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Sync(
            name,
            self.settings.url,
            template=template,
            filter=filter,
            store=store,
            secrets=self.settings.secrets,
            **{**self.settings.options, **options},
        )

    @property
    def store_folder(self) -> Path:
        """The folder that has the stores of tasks."""
        if self.settings.store_folder:
            return Path(self.settings.store_folder).expanduser()
        home = os.path.expandvars(os.environ.get("AIRFLOW_HOME") or "~/airflow")
        return Path(home).expanduser() / "webhook_stream"

    def test_connection(self) -> tuple[bool, str]:
        """Send the connection's test event; without one, connect and send nothing."""
        try:
            if self.settings.test_event is not None:
                return self._send_test(self.settings.test_event)
            # A sync checks the URL, the headers and every option.
            self.get_conn()
            return self._reach()
        except (WebhookStreamError, OSError) as error:
            return False, str(error)

    def _send_test(self, event: Mapping[str, Any]) -> tuple[bool, str]:
        once = RetryPolicy(schedule=[], tries=1)
        report = self.get_sync(self.webhook_conn_id, retry=once).run([event], progress=False)
        if report.delivered == 1:
            return True, "the receiver took the test event"
        return False, f"the test event was not delivered: {_first(report.errors)}"

    def _reach(self) -> tuple[bool, str]:
        """Connect as a request would, up to the encryption."""
        url = urlsplit(self.settings.url)
        if url.hostname is None or "${" in url.netloc:
            return True, "the settings are sound; the host comes from a secret, and was not tried"
        port = url.port or (443 if url.scheme == "https" else 80)
        place = f"{url.hostname}:{port}"
        try:
            with socket.create_connection((url.hostname, port), _CONNECT_SECONDS) as connection:
                if url.scheme == "https":
                    ca_file = self.settings.options.get("ca_file")
                    context = ssl.create_default_context(cafile=ca_file)
                    with context.wrap_socket(connection, server_hostname=url.hostname) as encrypted:
                        place = f"{place} ({encrypted.version()})"
        except OSError as error:
            return False, f"{place} can't be reached: {error}"
        return True, f"{place} can be reached; nothing was sent, as there is no test event"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return what Airflow 2 calls its fields; Airflow 3 takes it from the provider."""
        return {
            "hidden_fields": UI_FIELDS["hidden-fields"],
            "relabeling": UI_FIELDS["relabeling"],
            "placeholders": UI_FIELDS["placeholders"],
        }

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the further fields for Airflow 2, whose forms know texts only."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
        from wtforms import PasswordField, StringField
        from wtforms.validators import Optional

        widgets = {}
        for name, described in CONN_FIELDS.items():
            is_secret = described["schema"].get("format") == "password"
            field = PasswordField if is_secret else StringField
            widgets[name] = field(
                described["label"],
                description=described["description"],
                widget=BS3PasswordFieldWidget() if is_secret else BS3TextFieldWidget(),
                validators=[Optional()],
            )
        return widgets


def _found(what: str, path: str | os.PathLike[str], folders: list[Path]) -> Path:
    """Return the file, looked for in the folders when it is relative."""
    wanted = Path(path)
    for folder in [Path()] if wanted.is_absolute() or not folders else folders:
        if (folder / wanted).is_file():
            return folder / wanted
    where = ", ".join(map(str, folders)) if folders and not wanted.is_absolute() else None
    message = f"{what}: there is no file {os.fspath(path)!r}"
    hint = f"looked for in {where}" if where else None
    text = f"{message}\n= hint: {hint}" if hint else message
    raise ConfigError(text, kind="file", message=message, name=os.fspath(path), hint=hint)


def _read_filter(path: Path) -> Filter:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return Filter.from_json(text)
    return Filter(text.strip(), name=path.name)


def _first(errors: list[dict[str, Any]]) -> str:
    """Return the first of a report's errors as a sentence."""
    if not errors:
        return "no error was reported"
    samples = errors[0].get("samples") or [{}]
    return str(samples[0].get("message") or errors[0]["kind"])
