#!/usr/bin/env python3
"""Cases by region and day, counted and drawn from a project's open stream (docs/analysts.md).

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python cases_by_region.py --bus 127.0.0.1:9092 --topic phi.320000.open.dev-study --picture cases.png --csv cases.csv

Reads the topic to its present end, once. Events may come twice: they are known by their id. A record may be amended: its highest
revision counts. Cells below --smallest people are told as "fewer", not as numbers.
"""
import argparse
import json
import os
import uuid

import matplotlib
import pandas
from confluent_kafka import Consumer, TopicPartition

matplotlib.use("Agg")
from matplotlib import font_manager, pyplot  # noqa: E402

CASES, COUNTED = "source.cases", ("confirmed", "clinical", "asymptomatic", "suspected")
BIGGEST = 6  # regions with a colour of their own


def events(bus, topic, timeout_s):
    """Every event of the topic up to its present end: (id, value)."""
    consumer = Consumer({"bootstrap.servers": bus, "group.id": f"{topic.rsplit('.', 1)[1]}.{uuid.uuid4()}", "enable.auto.commit": False,
                         "enable.partition.eof": True})
    try:
        known = consumer.list_topics(topic, timeout=timeout_s).topics[topic]
        if known.error:
            raise SystemExit(f"{topic}: {known.error}")
        consumer.assign([TopicPartition(topic, partition, 0) for partition in known.partitions])
        reading = set(known.partitions)
        while reading:
            message = consumer.poll(timeout_s)
            if message is None:
                raise SystemExit(f"{topic}: nothing came for {timeout_s} s")
            if message.error():
                if message.error().name() != "_PARTITION_EOF":
                    raise SystemExit(f"{topic}: {message.error()}")
                reading.discard(message.partition())
                continue
            headers = dict(message.headers() or [])
            if headers.get("ce_type") == b"cn.phi.open.fact":
                yield headers["ce_id"].decode(), json.loads(message.value())
    finally:
        consumer.close()


def cases(found):
    """One row a case: day, region, class; doubles dropped, the highest revision of each record."""
    rows = [{"id": event_id, "record": value["record"], "revision": value["revision"], "person": value["person"],
             "day": value["content"].get("diagnosedAt", value["observedAt"])[:10], "region": value["content"].get("region", "----"),
             "class": value["content"].get("class")} for event_id, value in found if value["stream"] == CASES]
    frame = pandas.DataFrame(rows, columns=["id", "record", "revision", "person", "day", "region", "class"])
    frame = frame.drop_duplicates("id").sort_values("revision").drop_duplicates("record", keep="last")
    return frame[frame["class"].isin(COUNTED)]


def by_day(frame):
    """People by day and region, days without any included."""
    counts = frame.groupby(["day", "region"])["person"].nunique().unstack(fill_value=0)
    days = pandas.date_range(counts.index.min(), counts.index.max()).strftime("%Y-%m-%d")
    return counts.reindex(days, fill_value=0)


def names(path):
    """Regions' names by their first four digits, where a list of GB/T 2260 is at hand."""
    if path is None or not os.path.exists(path):
        return {}
    frame = pandas.read_csv(path, sep="\t", dtype=str, header=None, comment="#", usecols=[0, 1], names=["code", "name"], on_bad_lines="skip")
    frame = frame[frame["code"].fillna("").str.fullmatch(r"\d{4}00")]
    return {code[:4]: name for code, name in zip(frame["code"], frame["name"])}


def draw(counts, path, called):
    font = next((f.name for f in font_manager.fontManager.ttflist if "WenQuanYi" in f.name), None)
    if font:
        pyplot.rcParams["font.family"] = [font, "DejaVu Sans"]
    order = counts.sum().sort_values(ascending=False).index
    shown = counts[order[:BIGGEST]].rename(columns=lambda code: f"{code} {called.get(code, '') if font else ''}".strip())
    if len(order) > BIGGEST:
        shown = shown.assign(**{"others": counts[order[BIGGEST:]].sum(axis=1)})
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), width_ratios=(3, 2), layout="constrained")
    shown.plot.bar(stacked=True, ax=left, width=0.9, colormap="viridis")
    left.set(title="People with a case, by day of diagnosis", xlabel="", ylabel="people")
    step = max(1, len(shown) // 10)
    left.set_xticks(range(0, len(shown), step), [day[5:] for day in shown.index[::step]], rotation=0)
    left.set_ylim(0, shown.sum(axis=1).max() * 1.4)  # room for the legend
    left.legend(fontsize="small", ncols=3, loc="upper left", frameon=False)
    shown.sum()[::-1].plot.barh(ax=right, color="#35608d")
    right.set(title="All days, by region", xlabel="people and days", ylabel="")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--bus", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--picture", default="cases.png")
    parser.add_argument("--csv")
    parser.add_argument("--smallest", type=int, default=5, help="cells below it are told as fewer")
    parser.add_argument("--timeout-s", type=float, default=15)
    parser.add_argument("--names", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "value-sets", "gbt2260.tsv"))
    given = parser.parse_args()
    frame = cases(events(given.bus, given.topic, given.timeout_s))
    if frame.empty:
        raise SystemExit("no cases on the stream")
    counts = by_day(frame)
    if given.csv:
        told = counts.map(lambda count: count if count == 0 or count >= given.smallest else f"<{given.smallest}")
        told.to_csv(given.csv, index_label="day")
    draw(counts, given.picture, names(given.names))
    print(f"{len(frame)} cases of {frame['person'].nunique()} people in {counts.shape[1]} regions on {counts.shape[0]} days: {given.picture}")


if __name__ == "__main__":
    main()
