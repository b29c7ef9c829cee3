import CaptureFormat
import Foundation
import Testing
import TestSupport

@Suite struct WholeCaptureTests {
  @Test func aWholeCaptureGivesEveryRecordAndNoDamage() throws {
    let capture = try read(sampleCapture().bytes)
    #expect(capture.damage == [])
    #expect(capture.isComplete)
    #expect(capture.version == 1)
    #expect(capture.header?.reason == "signal")
    #expect(capture.header?.signal.number == 3)
    #expect(capture.process?.name == "leaky")
    #expect(capture.modules.map(\.path) == ["/usr/bin/leaky", "/lib/x86_64-linux-gnu/libc.so.6"])
    let buildIDs = capture.modules.map(\.buildID)
    #expect(buildIDs == [Data(repeating: 1, count: 20), Data(repeating: 2, count: 20)])
    #expect(capture.threads.map(\.tid) == [4242, 4243, 4244])
    let addresses = (0..<5).map { 0x5555_0000_0000 + UInt64(4243 * 16 + $0) }
    #expect(capture.threads[1].addresses == addresses)
    #expect(capture.recordCount == 7)
    #expect(capture.end?.records == 7)
    #expect(capture.expectedThreadCount == 3)
    #expect(capture.lostThreadCount == 0)
  }

  @Test func recordsAndFieldsOfANewerWriterAreNoDamage() throws {
    var file = CaptureBytes()
    file.add(kind: 1, ProtobufField.string(2, "signal") + ProtobufField.string(900, "later"))
    file.add(kind: 2, ProtobufField.varint(1, 7))
    file.add(kind: 77, [0xff, 0xff, 0xff])
    file.add(kind: 77, [])
    file.add(kind: 65535, [1])
    file.add(kind: 255, ProtobufField.varint(1, 5))
    let capture = try read(file.bytes)
    #expect(capture.isComplete)
    #expect(capture.header?.reason == "signal")
    #expect(capture.recordCount == 5)
    #expect(
      capture.unknownKinds == [RecordKind(rawValue: 77): 2, RecordKind(rawValue: 65535): 1]
    )
  }

  @Test func aCaptureIsReadFromAFileAndFromAPipe() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("service.1.20260101T000000Z.1.dcap")
    // Longer than what is looked at first and than a pipe holds.
    var file = CaptureBytes()
    file.add(kind: 1, [])
    file.add(kind: 2, [])
    for tid in 0..<4000 { file.add(kind: 4, sampleThread(tid: tid)) }
    file.add(kind: 255, ProtobufField.varint(1, 4002) + ProtobufField.varint(2, 4000))
    try Data(file.bytes).write(to: URL(fileURLWithPath: path))
    let fromFile = try CaptureReader.capture(at: path)
    #expect(fromFile.isComplete)
    #expect(fromFile.threads.count == 4000)

    let pipe = Pipe()
    let data = Data(file.bytes)
    DispatchQueue.global().async {
      pipe.fileHandleForWriting.write(data)
      pipe.fileHandleForWriting.closeFile()
    }
    let fromPipe = try CaptureReader.capture(
      at: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
    )
    #expect(fromPipe.isComplete)
    #expect(fromPipe.threads == fromFile.threads)
  }
}

@Suite struct DamagedCaptureTests {
  @Test func aFileCutAtAnyByteKeepsEveryWholeRecordAndSaysThatItIsCut() throws {
    let file = sampleCapture()
    let ends = file.recordOffsets.dropFirst() + [file.bytes.count]
    for count in 0..<file.bytes.count {
      let whole = ends.filter { $0 <= count }.count
      guard whole > 0 else {
        let error = #expect(throws: CaptureError.self) { try read(Array(file.bytes[..<count])) }
        #expect(error?.kind == .empty, "cut at \(count): \(String(describing: error))")
        continue
      }
      let capture = try read(Array(file.bytes[..<count]))
      #expect(capture.recordCount == whole, "cut at \(count)")
      #expect(capture.header?.reason == "signal")
      #expect((capture.process != nil) == (whole > 1))
      #expect(capture.modules.count == min(2, max(0, whole - 2)))
      #expect(capture.threads.count == max(0, whole - 4))
      #expect(!capture.isComplete)
      #expect(capture.damage.last?.reason == .missing(.end))
      if whole > 1 { #expect(capture.lostThreadCount == 3 - capture.threads.count) }
      let start = ends.last { $0 <= count } ?? 0
      guard count > start else { continue }
      let cut = try #require(capture.damage.first)
      #expect(cut.offset == start && cut.bytesSkipped == count - start)
      #expect("\(cut)".contains("found \(count - start) (file cut short?)"), "\(cut)")
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func anyChangedByteCostsOneRecordAtMost(seed: UInt64) throws {
    let file = sampleCapture()
    let original = try read(file.bytes)
    var random = SeededGenerator(seed: seed)
    for position in file.bytes.indices {
      var bytes = file.bytes
      bytes[position] ^= UInt8.random(in: 1...255, using: &random)
      let comment: Comment = "seed \(seed), byte \(position) became \(bytes[position])"
      switch position {
      case 8..<10:
        #expect(throws: CaptureError.self, comment) { try read(bytes) }
      case 10..<16:
        // Flags of a later writer and the reserved word mean nothing to this reader.
        #expect(try read(bytes).isComplete, comment)
      case 0..<8:
        let capture = try read(bytes)
        #expect(capture.damage.count == 1 && capture.version == nil, comment)
        #expect(capture.threads == original.threads && capture.end == original.end, comment)
      default:
        let record = file.recordOffsets.lastIndex { $0 <= position } ?? 0
        let capture = try read(bytes)
        #expect(!capture.isComplete, comment)
        #expect(capture.damage.first?.offset == file.recordOffsets[record], comment)
        #expect(capture.recordCount == (record == 7 ? 7 : 6), comment)
        #expect(capture.threads == original.threads.filter { $0.tid != 4242 + record - 4 }, comment)
        let end = file.recordOffsets.dropFirst(record + 1).first ?? file.bytes.count
        #expect(capture.damage.first?.bytesSkipped == end - file.recordOffsets[record], comment)
      }
    }
  }

  @Test func theEndRecordTellsHowManyRecordsAndThreadsAreLost() throws {
    let file = sampleCapture()
    var bytes = file.bytes
    bytes[file.recordOffsets[5] + 20] ^= 1
    let capture = try read(bytes)
    #expect(capture.lostThreadCount == 1)
    #expect(capture.damage.count == 2)
    #expect(capture.damage.last?.reason == .recordCount(expected: 7, found: 6))
  }

  @Test func aLengthBeyondTheFileIsSaidAndReservesNothing() throws {
    var file = CaptureBytes()
    var record = CaptureBytes.record(kind: 4, [1, 2, 3])
    record.replaceSubrange(8..<12, with: [0xff, 0xff, 0xff, 0xff])
    file.add(kind: 1, [])
    let offset = file.bytes.count
    file.add(raw: record)
    file.add(kind: 2, [])
    let capture = try read(file.bytes)
    #expect(capture.process != nil)
    let damage = try #require(capture.damage.first)
    #expect(damage.offset == offset)
    #expect(damage.reason == .cut(needed: 16 + 0xffff_ffff, available: file.bytes.count - offset))
    #expect(damage.bytesSkipped == record.count)
  }

  @Test func junkBetweenRecordsIsPassedEvenWhenItLooksLikeRecords() throws {
    var file = CaptureBytes()
    file.add(kind: 1, [])
    let offset = file.bytes.count
    let head = Array(CaptureBytes.record(kind: 4, sampleThread(tid: 9))[..<16])
    let junk =
      [UInt8](repeating: 0, count: 4096) + head + [0x45, 0x52, 0x43] + head + Array("ERCD".utf8)
    file.add(raw: junk)
    file.add(kind: 2, [])
    file.add(kind: 255, ProtobufField.varint(1, 2))
    let capture = try read(file.bytes)
    #expect(
      capture.damage == [
        CaptureDamage(offset: offset, reason: .syncWord(found: 0), bytesSkipped: junk.count)
      ]
    )
    #expect(
      "\(capture.damage[0])"
        == "offset 32: expected the sync word of a record, 45 52 43 44, found 00 00 00 00; 4135 bytes skipped"
    )
  }

  @Test func aFileOfFalseRecordsEndsTheSearchInsteadOfTakingForever() throws {
    var file = CaptureBytes()
    file.add(kind: 1, [])
    // Each claims a payload that is there, so that each would have to be summed: quadratic without a limit.
    let falseRecord = Array("ERCD".utf8) + [4, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0]
    for _ in 0..<40_000 { file.add(raw: falseRecord) }
    let capture = try read(file.bytes)
    #expect(capture.header != nil)
    #expect(
      capture.damage.first
        == CaptureDamage(
          offset: 32,
          reason: .searchAbandoned(byteCount: 640_000),
          bytesSkipped: 640_000
        )
    )
  }

  @Test func trueRecordsBetweenFalseOnesDoNotProlongTheSearch() throws {
    var file = CaptureBytes()
    let falseRecord = Array("ERCD".utf8) + [4, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0]
    let trueRecord = CaptureBytes.record(kind: 77, [])
    for _ in 0..<20_000 { file.add(raw: falseRecord + trueRecord) }
    file.add(kind: 1, [])
    let bytes = file.bytes
    let error = #expect(throws: CaptureError.self) { try read(bytes) }
    #expect(error?.kind == .empty)
  }

  /// Payloads whose checksum is right, though they are no message: a fault of the writer, or a forged file.
  private static let hostilePayloads: [[UInt8]] = [
    [0x0a],
    [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
    [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ProtobufField.bytes(2, [0xff, 0xfe]),
    ProtobufField.bytes(10, [1, 2, 3]),
    ProtobufField.base128(10 << 3 | 2) + ProtobufField.base128(1 << 40),
    [UInt8](repeating: 0x0b, count: 200_000),
    [0x00],
    [0x07],
    [UInt8](repeating: 0xff, count: 11),
  ]

  @Test(arguments: hostilePayloads)
  func aPayloadThatIsNoMessageCostsItsRecordOnly(payload: [UInt8]) throws {
    var file = CaptureBytes()
    file.add(kind: 1, [])
    file.add(kind: 2, [])
    file.add(kind: 4, payload)
    file.add(kind: 4, sampleThread(tid: 5))
    file.add(kind: 255, ProtobufField.varint(1, 4))
    let capture = try read(file.bytes)
    #expect(capture.threads.map(\.tid) == [5])
    #expect(
      capture.damage == [
        CaptureDamage(
          offset: 48,
          reason: .payload(.thread, byteCount: payload.count),
          bytesSkipped: 16 + payload.count
        )
      ]
    )
  }

  @Test func theFirstOfTwoHeadersCountsAndBytesBehindTheEndAreNotRead() throws {
    var file = sampleCapture()
    file.add(raw: sampleCapture().bytes)
    let twice = try read(file.bytes)
    #expect(twice.threads.count == 3)
    #expect(twice.damage.map(\.reason) == [.trailing(byteCount: sampleCapture().bytes.count)])

    file = CaptureBytes()
    file.add(kind: 1, ProtobufField.string(2, "first"))
    file.add(kind: 1, ProtobufField.string(2, "second"))
    file.add(kind: 2, [])
    file.add(kind: 255, ProtobufField.varint(1, 3))
    let capture = try read(file.bytes)
    #expect(capture.header?.reason == "first")
    #expect(capture.damage.map(\.reason) == [.repeated(.header)])
  }

  @Test(arguments: [11, 12, 13, 14] as [UInt64])
  func randomBytesNeitherTrapNorHang(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      var bytes = sampleCapture().bytes
      for _ in 0..<Int.random(in: 1...40, using: &random) {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(contentsOf: bytes[position...].prefix(40), at: position)
        default: bytes.insert(contentsOf: [0x45, 0x52, 0x43, 0x44], at: position)
        }
      }
      // Either answer is right; that there is one is what is tested.
      if let capture = try? read(bytes) { #expect(capture.recordCount <= bytes.count / 16) }
    }
  }
}

/// Records of Swift tasks.
struct TaskRecordTests {
  @Test func tasksTheirStacksAndExecutorsAreGatheredFromTheirBatches() throws {
    var file = CaptureBytes()
    file.add(kind: 1, [])
    file.add(kind: 2, [])
    for batch in 0..<2 {
      let stack = UInt64(batch + 1)
      file.add(
        kind: 9,
        ProtobufField.bytes(
          1,
          ProtobufField.varint(1, stack) + ProtobufField.packed(2, [0x7f00_0000_1000, stack])
        )
      )
      file.add(
        kind: 10,
        (0..<3).flatMap { index in
          ProtobufField.bytes(
            1,
            ProtobufField.varint(1, UInt64(batch * 3 + index) + 1 << 40)
              + ProtobufField.varint(3, UInt64(index)) + ProtobufField.varint(11, 4)
              + ProtobufField.varint(14, 9) + ProtobufField.varint(15, stack)
          )
        }
      )
    }
    file.add(
      kind: 11,
      ProtobufField.bytes(
        1,
        ProtobufField.varint(1, 9) + ProtobufField.fixed64(2, 0x7f00_0000_2000)
          + ProtobufField.varint(4, 1)
      )
    )
    file.add(kind: 12, ProtobufField.varint(1, 1) + ProtobufField.varint(2, 1))
    file.add(kind: 255, ProtobufField.varint(1, 8))
    let capture = try read(file.bytes)
    #expect(capture.isComplete)
    #expect(capture.taskStacks.map(\.id) == [1, 2])
    #expect(
      capture.taskStacks.map(\.addresses) == [[0x7f00_0000_1000, 1], [0x7f00_0000_1000, 2]]
    )
    #expect(capture.tasks.map(\.id) == (0..<6).map { $0 + 1 << 40 })
    #expect(
      capture.tasks.map(\.state) == [
        .suspended, .enqueued, .running, .suspended, .enqueued, .running,
      ]
    )
    #expect(capture.tasks.allSatisfy { $0.wait == .executor && $0.executor == 9 })
    #expect(capture.tasks.map(\.stack) == [1, 1, 1, 2, 2, 2])
    #expect(capture.executors.map(\.address) == [0x7f00_0000_2000])
    #expect(capture.executors.map(\.kind) == [.actor])
    #expect(capture.taskSummary?.runtime == .shared)
    #expect(capture.taskSummary?.decoded == true)
  }
}
