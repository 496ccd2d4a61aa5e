#!/usr/bin/env python3
"""Deterministic generator of Amplitude-Export-shaped NDJSON events.

  events.py --n 100000 --seed 1 --out events.ndjson [--gzip] [--user-id-null-ratio 0.2] [--items 0]

--items K adds an `event_properties.items` array of K objects to each event (for the template W2).
Same seed and flags -> byte-identical output. Pure standard library.
"""

import argparse
import gzip
import json
import random
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

EVENTS = [
    "Sign Up",
    "Login",
    "Product Viewed",
    "Add to Cart",
    "Checkout Started",
    "Order Completed",
    "Page Viewed",
    "Search Performed",
    "session_start",
    "session_end",
    "Subscription Renewed",
    "[Experiment] Exposure",
]
PLACES = [
    ("United States", "California", "San Francisco", "San Francisco-Oakland-San Jose, CA", "en"),
    ("Germany", "Bavaria", "München", None, "de"),
    ("France", "Île-de-France", "Paris", None, "fr"),
    ("Japan", "Tokyo", "東京", None, "ja"),
    ("Brazil", "São Paulo", "São Paulo", None, "pt"),
    ("United Kingdom", "England", "London", None, "en"),
    ("India", "Karnataka", "Bengaluru", None, "en"),
    ("Poland", "Mazovia", "Łódź", None, "pl"),
]
DEVICES = [
    ("iOS", "Apple", "iPhone 14 Pro", "Apple iPhone", "ios", "17.4.1", "iOS"),
    ("Android", "Samsung", "SM-G998B", "Samsung Galaxy S21", "android", "13", "Android"),
    ("Web", None, "Windows", "Windows", "chrome", "122.0.0.0", "Web"),
    ("Web", "Apple", "Mac", "Mac", "safari", "17.3", "Web"),
]
CATS = ["shoes", "hats", "books", "gadgets & gizmos", 'home "decor"', "toys"]
PLANS = ["free", "pro", "team", "enterprise"]
SKU = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def ts(d):  # Amplitude export style: microseconds, space separated
    return d.strftime("%Y-%m-%d %H:%M:%S.%f")


def gen(rng, i, null_uid, items):
    t = datetime(2022, 10, 24, 20, 0, 0) + timedelta(milliseconds=i * 37 + rng.randrange(37))
    u = rng.randrange(50_000)
    ctry, reg, city, dma, lang = PLACES[u % len(PLACES)]
    osn, manu, model, family, dtype, osv, plat = DEVICES[u % len(DEVICES)]
    sess = int(t.replace(tzinfo=UTC).timestamp() * 1000) - rng.randrange(600_000)
    ev = EVENTS[rng.randrange(len(EVENTS))]
    ep = {
        "page": f"/shop/{CATS[i % len(CATS)].split()[0]}/{rng.randrange(10_000)}",
        "referrer": "https://www.example.com/?q=a%20b&utm_source=newsletter",
        "price": round(rng.random() * 300, 2),
        "quantity": rng.randrange(1, 6),
        "currency": "EUR",
        "discount": rng.random() < 0.3,
        "category": CATS[rng.randrange(len(CATS))],
        "coupon": None if rng.random() < 0.8 else "SAVE10",
        "experiment": {"key": "checkout_v2", "variant": "treatment" if u & 1 else "control"},
    }
    if items:
        ep["items"] = [
            {
                "sku": "".join(rng.choice(SKU) for _ in range(8)),
                "name": f'Item {k} "{CATS[(i + k) % len(CATS)]}"',
                "price": round(rng.random() * 120, 2),
                "qty": rng.randrange(0, 5),
                "in_stock": rng.random() < 0.8,
                "category": CATS[rng.randrange(len(CATS))],
                "tags": [CATS[rng.randrange(len(CATS))] for _ in range(rng.randrange(0, 4))],
            }
            for k in range(items)
        ]
    up = {
        "plan": PLANS[u % 4],
        "age": 18 + u % 60,
        "cohorts": ["newsletter", "beta", "vip"][: u % 4],
        "first_name": f"Ana-María {u}",
        "ltv": round(u * 0.173, 2),
        "initial_referrer": "EMPTY",
        "signup_date": "2021-03-04",
    }
    if rng.random() < 0.85:
        up["email"] = f"user{u}@example.com"
    return {
        "$insert_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "$insert_key": None,
        "$schema": None,
        "adid": None,
        "amplitude_attribution_ids": None,
        "amplitude_event_type": None,
        "amplitude_id": 500_000_000_000 + u,
        "app": 387214,
        "city": city,
        "client_event_time": ts(t - timedelta(milliseconds=rng.randrange(4000))),
        "client_upload_time": ts(t + timedelta(milliseconds=rng.randrange(900))),
        "country": ctry,
        "data": {"path": "/2/httpapi", "group_first_event": {}, "group_ids": {}},
        "data_type": "event",
        "device_brand": manu,
        "device_carrier": None,
        "device_family": family,
        "device_id": str(uuid.UUID(int=(u << 64) | 0x9E3779B97F4A7C15, version=4)),
        "device_manufacturer": manu,
        "device_model": model,
        "device_type": dtype,
        "dma": dma,
        "event_id": i,
        "event_properties": ep,
        "event_time": ts(t)[:-3],
        "event_type": ev,
        "global_user_properties": {},
        "group_properties": {},
        "groups": {"company": [f"org-{u % 997}"]},
        "idfa": None,
        "ip_address": f"203.0.113.{u % 256}",
        "is_attribution_event": False,
        "language": lang,
        "library": "amplitude-ts/2.3.5" if plat == "Web" else "amplitude-mobile/8.17.1",
        "location_lat": None,
        "location_lng": None,
        "os_name": osn,
        "os_version": osv,
        "partner_id": None,
        "paying": None,
        "plan": {},
        "platform": plat,
        "processed_time": ts(t + timedelta(seconds=2)),
        "region": reg,
        "sample_rate": None,
        "server_received_time": ts(t + timedelta(seconds=1)),
        "server_upload_time": ts(t + timedelta(milliseconds=1200)),
        "session_id": sess,
        "source_id": None,
        "start_version": "1.0.0",
        "user_creation_time": "2021-03-04 05:06:07.000000",
        "user_id": None if rng.random() < null_uid else f"usr_{u:08d}",
        "user_properties": up,
        "uuid": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "version_name": "4.12.1",
    }


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--n", type=int, default=100_000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", default="-")
    ap.add_argument("--gzip", action="store_true")
    ap.add_argument("--items", type=int, default=0)
    ap.add_argument("--user-id-null-ratio", type=float, default=0.2)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    if a.out == "-":
        f = sys.stdout.buffer
    elif a.gzip:
        f = gzip.GzipFile(a.out, "wb", compresslevel=6, mtime=0)
    else:
        f = Path(a.out).open("wb")  # noqa: SIM115 - closed by the `with` below
    with f:
        for i in range(a.n):
            f.write(
                json.dumps(
                    gen(rng, i, a.user_id_null_ratio, a.items),
                    separators=(",", ":"),
                    ensure_ascii=False,
                ).encode()
                + b"\n"
            )


if __name__ == "__main__":
    main()
