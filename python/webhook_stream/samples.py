"""Made-up events in the layout of an Amplitude export, for demos, tests and benchmarks.

The same number and seed give the same bytes. Every event has the 55 keys of a real export line,
``null`` where there is no value, and among the values is what breaks careless templates: quotes and
line breaks, letters of many scripts, numbers beyond 2**53, times with six digits behind the second,
keys with blanks and brackets, users without an id or an e-mail address.

    python -m webhook_stream.samples sample.zip --events 20000 --seed 1
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import math
import random
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["amplitude_export", "events"]

PROJECT: Final = 636686
"""The made-up project's id, which names the folder and the files in the archive."""

START: Final = datetime(2024, 3, 1, 20, 0, 0, tzinfo=UTC)
"""The first event is uploaded then; the others follow over :data:`HOURS`, across midnight."""

HOURS: Final = 6
PARTS_AN_HOUR: Final = 3
USERS: Final = 5000
WITHOUT_USER_ID: Final = 0.15
WITHOUT_EMAIL: Final = 0.12
WITHOUT_SESSION: Final = 0.05

_EVENT_TYPES: Final = (
    "session_start",
    "session_end",
    "click event",
    "click event",
    "[Amplitude] Page Viewed",
    "[Amplitude] Page Viewed",
    "Product Viewed",
    "Add to Cart",
    "Order Completed",
    "Search Performed",
    "Suche ausgeführt",
    "Подписка оформлена",
)

# Country, region, city, DMA, language.
_PLACES: Final = (
    (
        "United States",
        "California",
        "San Francisco",
        "San Francisco-Oakland-San Jose, CA",
        "English",
    ),
    ("Germany", "Bavaria", "München", None, "German"),
    ("France", "Île-de-France", "Paris", None, "French"),
    ("Japan", "Tokyo", "東京", None, "Japanese"),
    ("Brazil", "São Paulo", "São Paulo", None, "Portuguese"),
    ("Ireland", "Leinster", "Dún Laoghaire", None, "English"),
    ("Côte d'Ivoire", "Abidjan", "Abidjan", None, "French"),
    ("Poland", "Łódź Voivodeship", "Łódź", None, "Polish"),
    (None, None, None, None, "Hebrew"),
)

# Platform, operating system, its version, brand, model, family, type, carrier, library.
_DEVICES: Final = (
    (
        "iOS",
        "ios",
        "17.4",
        "Apple",
        "iPhone15,2",
        "Apple iPhone",
        "Apple iPhone 14 Pro",
        "T-Mobile",
        "amplitude-swift/1.4.3",
    ),
    (
        "Android",
        "android",
        "14",
        "samsung",
        "SM-S911B",
        "Samsung Galaxy S",
        "Samsung Galaxy S23",
        "Orange F",
        "amplitude-analytics-android/1.16.6",
    ),
    ("Web", "Chrome", "122", None, None, "Windows", None, None, "amplitude-ts/2.5.2"),
    ("Web", "Safari", "17", "Apple", "Mac", "Mac", None, None, "amplitude-ts/2.5.2"),
    (None, None, None, None, None, None, None, None, "http/2.0"),
)

_NAMES: Final = (
    "Ada",
    "Zoë",
    "Łukasz",
    "José María",
    'Bob "Bobby"',
    "O'Neil",
    "Nguyễn",
    "李雷",
    "سارة",
    "Søren",
    "Back\\slash",
)

_TEXTS: Final = (
    "simply good",
    'she said "hello" and left',
    "first line\nsecond line\r\n\tthird, indented",
    "C:\\temp\\new",
    "naïve café, 100 % — “quoted”",
    "Straße und Größe",
    "日本語のテキスト",
    "👍🏽 great 👨‍👩‍👧‍👦 🎉",
    "right to left: שלום",
    "</script><b>&amp;",
    "a control \u0001 and a line separator \u2028",
    "${input.user_id} <#if x>",
    "",
)

_CATEGORIES: Final = ("shoes", "hats", "books", "gadgets & gizmos", 'home "decor"')
_PLANS: Final = ("free", "pro", "team", "enterprise")
_HEX: Final = "0123456789abcdef"


def events(n: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield ``n`` made-up events in the order of their upload.

    >>> event = next(events(1, seed=1))
    >>> len(event), event["app"]
    (55, 636686)
    >>> list(events(3, seed=7)) == list(events(3, seed=7))
    True
    """
    dice = random.Random(seed)
    step = timedelta(hours=HOURS) / max(n, 1)
    for index in range(n):
        yield _event(dice, index, START + index * step + dice.random() * step)


def amplitude_export(path: str | Path, *, events: int = 1000, seed: int = 1) -> Path:
    """Write an archive as Amplitude's Export API sends it, and return its path.

    A zip of gzipped lines of JSON, ``<project>/<project>_<yyyy-MM-dd>_<H>#<part>.json.gz``: the
    hour is that of the upload and has no leading zero; a busy hour has several parts.
    """
    path = Path(path)
    size = max(1, math.ceil(events / HOURS / PARTS_AN_HOUR))
    with zipfile.ZipFile(path, "w") as archive:
        hour, part, lines = "", 0, list[str]()

        def write() -> None:
            if lines:
                name = f"{PROJECT}/{PROJECT}_{hour}#{part}.json.gz"
                _write_member(archive, name, "".join(lines).encode())
                lines.clear()

        for event in _events(events, seed):
            day, time = event["server_upload_time"].split(" ")
            own_hour = f"{day}_{int(time[:2])}"
            if own_hour != hour:
                write()
                hour, part = own_hour, 0
            elif len(lines) == size:
                write()
                part += 1
            lines.append(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
        write()
    return path


_events = events  # `amplitude_export` has an argument of that name.


def _write_member(archive: zipfile.ZipFile, name: str, text: bytes) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(text)
    # A fixed date, so that the same events give the same bytes.
    member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    archive.writestr(member, packed.getvalue(), compresslevel=1)


def _event(dice: random.Random, index: int, uploaded: datetime) -> dict[str, Any]:
    user = dice.randrange(USERS)
    country, region, city, dma, language = _PLACES[user % len(_PLACES)]
    platform, system, version, brand, model, family, device_type, carrier, library = _DEVICES[
        user % len(_DEVICES)
    ]
    happened = uploaded - timedelta(seconds=2 + 30 * dice.random())
    has_session = dice.random() >= WITHOUT_SESSION
    session = int(happened.timestamp() * 1000) - dice.randrange(600_000)
    is_phone = carrier is not None
    return {
        "$insert_id": _uuid(dice),
        "$insert_key": None,
        "$schema": None,
        "adid": None,
        "amplitude_attribution_ids": [_hex(dice, 32)] if index % 50 == 7 else None,
        "amplitude_event_type": None,
        "amplitude_id": 1_238_554_000_000 + user,
        "app": PROJECT,
        "city": city,
        "client_event_time": _time(happened),
        "client_upload_time": _time(uploaded - timedelta(seconds=1)),
        "country": country,
        "data": {
            "path": "/2/httpapi",
            "user_properties_updated": index % 3 == 0,
            "group_first_event": {},
            "group_ids": {},
        },
        "data_type": "event",
        "device_brand": brand,
        "device_carrier": carrier,
        "device_family": family,
        "device_id": f"{user * 2654435761 % 2**32:08X}-0000-4000-8000-{user:012X}",
        "device_manufacturer": brand,
        "device_model": model,
        "device_type": device_type,
        "dma": dma,
        "event_id": index + 1,
        "event_properties": _event_properties(dice, index),
        "event_time": _time(happened),
        "event_type": _EVENT_TYPES[dice.randrange(len(_EVENT_TYPES))],
        "global_user_properties": None,
        "group_properties": {"company": {'Acme "Inc"': {"seats": user % 90 + 1}}}
        if user % 10 == 0
        else {},
        "groups": {"company": ['Acme "Inc"', f"org {user % 97}"]} if user % 10 == 0 else {},
        "idfa": None,
        "ip_address": f"203.0.113.{user % 256}" if user % 4 else None,
        "is_attribution_event": None,
        "language": language,
        "library": library,
        "location_lat": round(52.0 + user / 977, 6) if is_phone else None,
        "location_lng": round(13.0 - user / 1013, 6) if is_phone else None,
        "os_name": system,
        "os_version": version,
        "partner_id": None,
        "paying": True if user % 6 == 0 else None,
        "plan": {},
        "platform": platform,
        "processed_time": _time(uploaded + timedelta(seconds=1.5)),
        "region": region,
        "sample_rate": None,
        "server_received_time": _time(uploaded - timedelta(seconds=0.7)),
        "server_upload_time": _time(uploaded),
        "session_id": session if has_session else -1,
        "source_id": None,
        "start_version": "1.0.0" if is_phone else None,
        "user_creation_time": _time(START - timedelta(seconds=user * 9973 + 0.123457)),
        "user_id": None if dice.random() < WITHOUT_USER_ID else f"usr_{user:06d}",
        "user_properties": _user_properties(dice, user),
        "uuid": _uuid(dice),
        "version_name": f"4.{user % 13}.{user % 7}" if is_phone else None,
    }


def _event_properties(dice: random.Random, index: int) -> dict[str, Any]:
    category = _CATEGORIES[dice.randrange(len(_CATEGORIES))]
    properties: dict[str, Any] = {
        "[Amplitude] Page Path": f"/shop/{category.split()[0]}/{dice.randrange(10_000)}",
        "[Amplitude] Page URL": "https://www.example.com/?q=a%20b&utm_source=newsletter",
        "Total Price": round(dice.random() * 300, 2),
        "quantity": dice.randrange(1, 6),
        "discount": dice.random() < 0.3,
        "coupon": None if dice.random() < 0.8 else "SAVE10",
        "category": category,
        "text": _TEXTS[index % len(_TEXTS)],
        "experiment": {"key": "checkout_v2", "variant": "treatment" if index % 2 else "control"},
    }
    if index % 5 == 0:
        properties["tags"] = [category, "größe L", None, 7, True]
    if index % 9 == 0:
        properties["order id"] = 9_007_199_254_740_993 + index
        properties["revenue"] = 6396.0
        properties["items"] = [
            {"sku": _hex(dice, 8), "price": round(dice.random() * 99, 2), "attributes": {}},
            {"sku": _hex(dice, 8), "price": 0, "attributes": {"size": [38, 39.5]}},
        ]
    return properties


def _user_properties(dice: random.Random, user: int) -> dict[str, Any]:
    name = _NAMES[user % len(_NAMES)]
    properties: dict[str, Any] = {
        "plan": _PLANS[user % len(_PLANS)],
        "first name": name,
        "age": 18 + user % 60,
        "cohorts": ["newsletter", "beta", "vip"][: user % 4],
        "lifetime value": round(user * 0.173, 2),
        "isBeta": "true" if user % 3 == 0 else "false",
        "referrer": None,
    }
    lacks_email = dice.random()
    if lacks_email >= WITHOUT_EMAIL:
        properties["email"] = f"user{user}+news@example.com"
    elif lacks_email < WITHOUT_EMAIL / 3:
        properties["email"] = None
    return properties


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _uuid(dice: random.Random) -> str:
    text = f"{dice.getrandbits(128):032x}"
    variant = "89ab"[int(text[16], 16) % 4]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def _hex(dice: random.Random, length: int) -> str:
    return "".join(_HEX[dice.randrange(16)] for _ in range(length))


def _main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m webhook_stream.samples",
        description="Writes a made-up export archive in Amplitude's layout.",
    )
    parser.add_argument("path", type=Path, help="the zip to write")
    parser.add_argument("--events", type=int, default=1000, help="how many events (1000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes")
    options = parser.parse_args(arguments)
    path = amplitude_export(options.path, events=options.events, seed=options.seed)
    print(f"{path}: {options.events} events, {path.stat().st_size} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
