"""Reads capture files (docs/capture-format.md) for scripts and benchmarks: framing, checksums, fields by number."""
import pathlib

LIVE, CRASH = 0, 1
HEADER, PROCESS, MODULE, THREAD = 1, 2, 3, 4
CAPTURED, QUIET, NO_ANSWER, EXITED = 0, 1, 2, 3


def _table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def fields(payload):
    """A message's fields: number to the list of its values, integers or bytes."""
    found, at = {}, 0

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
            value = varint()
        elif tag & 7 == 1:
            value, at = int.from_bytes(payload[at:at + 8], "little"), at + 8
        elif tag & 7 == 2:
            size = varint()
            value, at = payload[at:at + size], at + size
        else:
            raise ValueError(f"field {tag >> 3} has wire type {tag & 7}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def records(path, check=True):
    """Kind and payload of each record; raises ValueError where the file is not what the format says."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"DCAP\r\n\x1a\n":
        raise ValueError(f"{path}: not a capture")
    at = 16
    while at < len(data):
        size = int.from_bytes(data[at + 8:at + 12], "little")
        payload = data[at + 16:at + 16 + size]
        if data[at:at + 4] != b"ERCD" or len(payload) != size:
            raise ValueError(f"{path}: offset {at}: no whole record")
        if check and crc32c(data[at + 4:at + 12] + payload) != int.from_bytes(data[at + 12:at + 16], "little"):
            raise ValueError(f"{path}: offset {at}: wrong checksum")
        yield int.from_bytes(data[at + 4:at + 6], "little"), payload
        at += 16 + size


class Capture:
    """What checks and benchmarks ask of a capture; raises ValueError where it is not complete."""

    def __init__(self, path, check=True):
        every = list(records(path, check))
        if not every:
            raise ValueError(f"{path}: empty")
        self.end = {number: values[0] for number, values in fields(every[-1][1]).items()}
        if self.end.get(1) != len(every) - 1:
            raise ValueError(f"{path}: {len(every) - 1} records, {self.end.get(1)} were written")
        self.header = {number: values[0] for number, values in fields(every[0][1]).items()}
        self.kind = self.header.get(1, LIVE)
        self.crashed_tid = self.header.get(8, 0)
        self.listed = 0
        self.threads = []
        for kind, payload in every:
            if kind == THREAD:
                self.threads.append({number: values[0] for number, values in fields(payload).items()})
            elif kind == PROCESS:
                self.listed = fields(payload).get(10, [0])[0]
        if len(self.threads) < self.listed:
            raise ValueError(f"{path}: {len(self.threads)} threads, {self.listed} were listed")
        for thread in self.threads:
            if thread.get(4, CAPTURED) == CAPTURED and not thread.get(10):
                raise ValueError(f"{path}: thread {thread.get(1)} is captured without frames")
            if thread.get(4, CAPTURED) != CAPTURED and not thread.get(5):
                raise ValueError(f"{path}: thread {thread.get(1)} is not captured, without a reason")
