#!/usr/bin/env python3
"""Makes the example data out of the npm package `vega-datasets`.

    npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
    python3 examples/data/convert.py package/data examples/data

Writes JSON lines, sorted by event time: earthquakes/<day>.jsonl and flights/flights.jsonl.
"""

import json
import pathlib
import sys
from datetime import datetime, timedelta, timezone

# The feed abbreviates some states and spells out others.
STATES = {"CA": "California", "NV": "Nevada", "MX": "Mexico", "B.C.": "British Columbia"}


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def region(place):
    """`4km W of Castaic, CA` is in California; a place without a comma is its own region."""
    name = (place or "unknown").rsplit(",", 1)[-1].strip()
    return STATES.get(name, name)


def text(moment):
    return moment.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")


def earthquakes(source, target):
    features = json.loads((source / "earthquakes.json").read_text(encoding="utf-8"))["features"]
    features = [f for f in features if f["properties"]["type"] == "earthquake"]
    # Its own time, and at the same time its id: the order is the same in every run.
    features.sort(key=lambda f: (f["properties"]["time"], f["id"]))
    days = {}
    for feature in features:
        about = feature["properties"]
        longitude, latitude, depth = feature["geometry"]["coordinates"]
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=about["time"])
        row = {
            "id": feature["id"],
            "ts": text(moment),
            "region": region(about["place"]),
            "place": about["place"],
            "magnitude": about["mag"],
            "depth_km": depth,
            "latitude": latitude,
            "longitude": longitude,
            "felt": about["felt"],
            "significance": about["sig"],
            "network": about["net"],
        }
        days.setdefault(moment.date().isoformat(), []).append(row)
    for day, rows in days.items():
        write(target / "earthquakes" / f"{day}.jsonl", rows)


def flights(source, target):
    found = json.loads((source / "flights-20k.json").read_text(encoding="utf-8"))
    rows = [
        {
            "ts": text(datetime.strptime(flight["date"], "%Y/%m/%d %H:%M")),
            "origin": flight["origin"],
            "destination": flight["destination"],
            "delay_minutes": flight["delay"],
            "distance_miles": flight["distance"],
        }
        for flight in found
    ]
    rows.sort(key=lambda row: (row["ts"], row["origin"], row["destination"]))
    write(target / "flights" / "flights.jsonl", rows)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    earthquakes(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    flights(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
