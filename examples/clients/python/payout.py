"""Publishes one payout and waits for its outcome.

    pip install -r requirements.txt
    python payout.py BROKERS PREFIX RECORD_ID MINOR_UNITS CURRENCY

Prints every result of the record once. Exit status: 0 succeeded, 1 otherwise.
"""

import json
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition


def publish(brokers: list[str], topic: str, instruction: dict) -> None:
    # acks="all": the brokers have it before we go on. A second copy does no harm: it is a duplicate, and nothing is sent for it.
    producer = KafkaProducer(bootstrap_servers=brokers, acks="all", retries=10)
    key = instruction["record_id"].encode()
    producer.send(topic, key=key, value=json.dumps(instruction).encode()).get(timeout=60)
    producer.close()


def outcome(brokers: list[str], topic: str, record_id: str) -> dict:
    """Reads the results topic from its beginning until the record has ended.

    A service that runs for long would read in a consumer group and keep the ids of events and the newest sequence of each
    record in its own database, in the transaction that acts on them.
    """
    consumer = KafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or [])]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    seen: set[str] = set()
    newest = 0
    for message in consumer:
        event = json.loads(message.value)
        # An event can be on the topic twice: its id says so. Members that we do not know may be added: they are ignored.
        if event.get("record_id") != record_id or event["event_id"] in seen:
            continue
        seen.add(event["event_id"])
        # After a crash an older event can come after a newer one: the highest sequence counts.
        if event["sequence"] < newest:
            continue
        newest = event["sequence"]
        reason = event.get("error", {}).get("code", "")
        print(event["sequence"], event["status"], reason, flush=True)
        # A duplicate or a conflict says that nothing was sent for this message; the record has an outcome of its own.
        if event["final"] and event["status"] not in ("duplicate", "conflict"):
            consumer.close()
            return event
    raise RuntimeError("the consumer ended before the record did")


def main() -> int:
    addresses, prefix, record_id, amount, currency = sys.argv[1:6]
    brokers = addresses.split(",")
    instruction = {
        "record_id": record_id,
        "kind": "payout",
        # In minor units: 12.30 EUR is 1230.
        "amount_details": {"amount": int(amount), "currency": currency},
        "payment_method": {
            "type": "wallet",
            "wallet": {
                "type": "global",
                "global": {"name": "examplepay", "msisdn": "+639171234567", "description": f"Payout {record_id}"},
            },
        },
    }
    publish(brokers, f"{prefix}.instructions", instruction)
    return 0 if outcome(brokers, f"{prefix}.results", record_id)["status"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
