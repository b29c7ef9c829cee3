"""Reads what the agreement needs of a capture file: docs/capture-format.md, Sources/CaptureFormat/capture.proto."""
import pathlib


def fields(payload):
    """(number, value) of a protobuf message; nested ones as bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = payload[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(payload):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        elif tag & 7 == 1:
            yield tag >> 3, int.from_bytes(payload[at:at + 8], "little")
            at += 8
        else:
            size = varint()
            yield tag >> 3, payload[at:at + size]
            at += size


class Thread:
    def __init__(self, payload):
        self.tid, self.status, self.name, self.reason, self.truncated = 0, 0, "", "", ""
        self.addresses, self.searched, self.state = [], 0, ""
        for number, value in fields(payload):
            if number == 1:
                self.tid = value
            elif number == 2:
                self.name = value.decode()
            elif number == 3:
                self.state = value.decode()
            elif number == 4:
                self.status = value
            elif number == 5:
                self.reason = value.decode()
            elif number == 10:
                self.addresses = [int.from_bytes(value[i:i + 8], "little") for i in range(0, len(value), 8)]
            elif number == 11:
                self.searched += dict(fields(value)).get(3) == 3
            elif number == 12:
                self.truncated = value.decode()


def records(path):
    data = pathlib.Path(path).read_bytes()
    at = 16
    while at < len(data):
        size = int.from_bytes(data[at + 8:at + 12], "little")
        yield int.from_bytes(data[at + 4:at + 6], "little"), data[at + 16:at + 16 + size]
        at += 16 + size


def threads(path):
    return {thread.tid: thread for kind, payload in records(path) if kind == 4 for thread in [Thread(payload)]}
