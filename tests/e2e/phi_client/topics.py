"""Topics read with confluent-kafka, a client that we did not write."""
import json
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition


class Record:
    def __init__(self, message):
        self.topic, self.partition, self.offset = message.topic(), message.partition(), message.offset()
        self.key, self.value = message.key(), message.value()
        self.headers = {name: value for name, value in message.headers() or []}

    @property
    def json(self):
        return json.loads(self.value)

    @property
    def is_written_by_tests(self):
        return "e2e-written" in self.headers

    def header(self, name):
        value = self.headers.get(name)
        return None if value is None else value.decode()

    @property
    def event_id(self):
        return self.header("ce_id")


def read_topic(bus, topic, seconds=20.0, until=None):
    """All records from the beginning to the present end; with `until`, goes on until until(records) is true.

    AssertionError when `until` was not true within the deadline."""
    consumer = Consumer({"bootstrap.servers": bus, "group.id": f"e2e-{uuid.uuid4()}", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    records, end = [], time.monotonic() + seconds
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        assert partitions, f"no topic {topic}"
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        open_partitions = set(partitions)
        while True:
            message = consumer.poll(0.2)
            is_end = message is not None and message.error() and message.error().name() == "_PARTITION_EOF"
            if is_end:
                open_partitions.discard(message.partition())
            elif message is not None and not message.error():
                records.append(Record(message))
            # Asked at the ends only: a topic has thousands of records by then, and the question looks at all of them.
            if until is not None and is_end and records and until(records):
                return records
            if until is None and not open_partitions:
                return records
            assert time.monotonic() < end, f"{topic}: not within {seconds} s, {len(records)} records seen"
    finally:
        consumer.close()


def read_all(bus, topics, seconds=60.0):
    """Every record of several topics up to their present ends, with one reader: {topic: records}."""
    consumer = Consumer({"bootstrap.servers": bus, "group.id": f"e2e-{uuid.uuid4()}", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    found, end = {topic: [] for topic in topics}, time.monotonic() + seconds
    try:
        known = consumer.list_topics(timeout=10).topics
        places = [(topic, partition) for topic in topics for partition in known[topic].partitions]
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in places])
        waiting = set(places)
        while waiting:
            assert time.monotonic() < end, f"not within {seconds} s: {sorted(waiting)[:4]}"
            message = consumer.poll(0.2)
            if message is not None and message.error():
                if message.error().name() == "_PARTITION_EOF":
                    waiting.discard((message.topic(), message.partition()))
            elif message is not None:
                found[message.topic()].append(Record(message))
        return found
    finally:
        consumer.close()


def write_topic(bus, topic, value, key=None, headers=None, partition=None):
    """One record, acknowledged by the broker; its header says whose it is."""
    failures = []
    producer = Producer({"bootstrap.servers": bus, "acks": "all"})
    where = {} if partition is None else {"partition": partition}
    producer.produce(topic, value=value, key=key, headers=[*(headers or []), ("e2e-written", b"1")],
                     on_delivery=lambda error, _message: failures.append(error) if error else None, **where)
    assert producer.flush(15) == 0 and not failures, failures
