import CaptureFormat
import TestSupport

/// A small complete capture as a service would write it: header, process, two modules, three threads, end.
func sampleCapture() -> CaptureBytes {
  var file = CaptureBytes()
  file.add(
    kind: 1,
    ProtobufField.string(2, "signal") + ProtobufField.fixed64(3, 1_764_000_000_000_000_000)
      + ProtobufField.string(4, "0.1.0") + ProtobufField.varint(5, 62)
      + ProtobufField.bytes(6, ProtobufField.varint(1, 3))
  )
  file.add(
    kind: 2,
    ProtobufField.varint(1, 4242) + ProtobufField.string(2, "leaky") + ProtobufField.varint(10, 3)
  )
  for (id, path) in [(1, "/usr/bin/leaky"), (2, "/lib/x86_64-linux-gnu/libc.so.6")] {
    file.add(
      kind: 3,
      ProtobufField.varint(1, UInt64(id)) + ProtobufField.string(2, path)
        + ProtobufField.bytes(3, [UInt8](repeating: UInt8(id), count: 20))
        + ProtobufField.fixed64(4, UInt64(id) << 32)
    )
  }
  for tid in 4242..<4245 { file.add(kind: 4, sampleThread(tid: tid)) }
  file.add(kind: 255, ProtobufField.varint(1, 7) + ProtobufField.varint(2, 3))
  return file
}

/// A thread record's payload, with five addresses.
func sampleThread(tid: Int) -> [UInt8] {
  ProtobufField.varint(1, UInt64(tid)) + ProtobufField.string(2, "worker-\(tid)")
    + ProtobufField.string(3, "S")
    + ProtobufField.packed(10, (0..<5).map { 0x5555_0000_0000 + UInt64(tid * 16 + $0) })
}

/// Reads bytes that errors call `test.dcap`.
func read(_ bytes: [UInt8]) throws(CaptureError) -> Capture {
  try CaptureReader.capture(in: bytes.span.bytes, named: "test.dcap")
}

/// Repeatable random numbers (SplitMix64): a failure names its seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
