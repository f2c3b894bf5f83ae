"""Topics from where they ended when the watch began, read with confluent-kafka."""
import collections
import hashlib
import time
import uuid

from confluent_kafka import Consumer, TopicPartition

from phi_client.topics import Record


def _consumer(bus):
    """One that lives through a broker's death: it comes back."""
    return Consumer({"bootstrap.servers": bus, "group.id": f"e2e-{uuid.uuid4()}", "enable.auto.commit": False,
                     "auto.offset.reset": "error", "fetch.wait.max.ms": 50, "log_level": 0,
                     "error_cb": lambda _error: None})


class Watch:
    def __init__(self, bus, names, patience_s=20.0):
        self.patience_s = patience_s
        self.records = collections.defaultdict(list)
        # Two: a question about an end would wait behind the fetches of its own connection.
        self.consumer, self.asker = _consumer(bus), _consumer(bus)
        known = self.consumer.list_topics(timeout=10).topics
        missing = [name for name in names if name not in known]
        assert not missing, f"no topics {missing}"
        self.at = {}
        for name in names:
            for partition in known[name].partitions:
                self.at[name, partition] = self._end(name, partition)
        self.consumer.assign([TopicPartition(name, partition, at) for (name, partition), at in self.at.items()])

    def _end(self, name, partition):
        return self.asker.get_watermark_offsets(TopicPartition(name, partition), timeout=10)[1]

    def read(self):
        """All records up to the present ends."""
        ends = {place: self._end(*place) for place in self.at}
        limit = time.monotonic() + self.patience_s
        while any(self.at[place] < end for place, end in ends.items()):
            for message in self.consumer.consume(500, timeout=0.2):
                assert not message.error() or message.error().retriable(), message.error()
                if message.error():
                    continue
                self.records[message.topic()].append(Record(message))
                self.at[message.topic(), message.partition()] = message.offset() + 1
            assert time.monotonic() < limit, f"the topics' ends not reached in {self.patience_s} s"
        return self.records

    def close(self):
        self.consumer.close()
        self.asker.close()


def partition_of(key, count=8):
    """The suite's documented partitioner: the first 12 bits of a 16-byte key, of another key's SM3."""
    head = key if len(key) == 16 else hashlib.new("sm3", key).digest()
    return (int.from_bytes(head[:2], "big") >> 4) % count
