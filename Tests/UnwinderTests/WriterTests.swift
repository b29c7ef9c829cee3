import CUnwind
import CaptureFormat
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import Unwinder

/// The collector's small writers.
@Suite struct WriterTests {
  private func message(_ body: (inout ProtobufWriter) -> Void, capacity: Int = 4096) -> [UInt8] {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    defer { memory.deallocate() }
    var writer = ProtobufWriter(memory, capacity: capacity)
    body(&writer)
    return Array(UnsafeBufferPointer(start: memory, count: writer.count))
  }

  @Test func aMessageIsReadBackByProtobuf() throws {
    let addresses: [UInt64] = [1, .max, 0x7fff_ffff_ffff]
    let bytes = message { writer in
      writer.field(1, signed: -1)
      writer.field(2, text: "naïve")
      writer.field(4, varint: 3)
      writer.field(10, packed: addresses, count: addresses.count)
      let mark = writer.beginMessage(11)
      writer.field(1, varint: 300)
      writer.field(2, varint: 3)
      writer.endMessage(mark)
    }
    let thread = try WireThread(serializedBytes: bytes)
    #expect(thread.tid == -1)
    #expect(thread.name == "naïve")
    #expect(thread.status == .exited)
    #expect(thread.addresses == addresses)
    #expect(thread.marks.map(\.index) == [300] && thread.marks[0].kind == .signalFrame)
  }

  @Test func lengthsOfAnyNumberOfBytesAreRight() throws {
    for length in [0, 1, 100, 127, 128, 129, 16_383, 16_384, 20_000] {
      let text = [UInt8](repeating: 0x61, count: length)
      let bytes = message(
        { writer in
          let inner = writer.beginMessage(16)
          writer.field(2, text: text, count: length)
          writer.endMessage(inner)
        },
        capacity: 100_000
      )
      let thread = try WireThread(serializedBytes: bytes)
      #expect(thread.labels.map(\.value.count) == [length])
    }
  }

  @Test(
    arguments: [
      ([0x61, 0xff, 0x62], "a\u{fffd}b"), ([0xc3, 0xa9], "é"), ([0xc3], "\u{fffd}"),
      ([0xe2, 0x82, 0xac], "€"), ([0xe2, 0x82], "\u{fffd}\u{fffd}"),
      ([0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"), ([0xf0, 0x9f, 0x98, 0x80], "😀"),
      ([0xc0, 0x80], "\u{fffd}\u{fffd}"), ([0xf5, 0x80], "\u{fffd}\u{fffd}"),
    ] as [([UInt8], String)]
  )
  func bytesThatAreNotUTF8AreReplaced(bytes: [UInt8], text: String) throws {
    let encoded = message { $0.field(2, text: bytes, count: bytes.count) }
    #expect(try WireThread(serializedBytes: encoded).name == text)
  }

  @Test func whatDoesNotFitIsLeftOutWhole() throws {
    let text = [UInt8](repeating: 0x61, count: 100)
    let bytes = message(
      { writer in
        writer.field(1, signed: 7)
        writer.field(2, text: text, count: 100)
        #expect(writer.isFull)
      },
      capacity: 120
    )
    #expect(bytes == [0x08, 0x07])
  }

  @Test func theChecksumIsCRC32C() {
    // RFC 3720, B.4.
    #expect(dc_crc32c(0, Array("123456789".utf8), 9) == 0xe306_9283)
    #expect(dc_crc32c(0, [UInt8](repeating: 0, count: 32), 32) == 0x8a91_36aa)
    let whole = dc_crc32c(0, Array("123456789".utf8), 9)
    #expect(dc_crc32c(dc_crc32c(0, Array("1234".utf8), 4), Array("56789".utf8), 5) == whole)
  }

  private func text(_ body: (inout TextBuilder) -> Void, capacity: Int = 64) -> String {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    defer { memory.deallocate() }
    var builder = TextBuilder(memory, capacity: capacity)
    body(&builder)
    return String(cString: builder.terminated())
  }

  @Test func numbersAreWrittenWhole() {
    for value in [0, 9, 10, 99, 100, 12_345_678_901_234_567_890, UInt64.max] {
      #expect(text { $0.append(decimal: value) } == "\(value)")
      #expect(text { $0.append(hexadecimal: value) } == "0x" + String(value, radix: 16))
    }
    #expect(text { $0.append(decimal: UInt64(7), digits: 4) } == "0007")
    #expect(text { $0.append(decimal: Int32.min) } == "\(Int32.min)")
  }

  @Test func aTextIsCutWhereItsMemoryEnds() {
    #expect(text({ $0.append("123456789") }, capacity: 5) == "1234")
  }

  @Test(arguments: [0, 951_782_400, 951_868_799, 1_709_164_800, 1_795_521_317, 4_102_444_799])
  func namesCarryTheTimeInUTC(seconds: Int64) throws {
    let name = text(
      {
        CaptureName(time: seconds * 1_000_000_000, pid: 42).append(to: &$0, sequence: 7)
      },
      capacity: 128
    )
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
    let time = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds)))
    #expect(name.hasSuffix(".42.\(time).7.dcap"), "\(name)")
  }

  @Test func aLineCacheReadsWhatIsThereAndNothingElse() {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: LineCache.byteCount)
    defer { memory.deallocate() }
    let cache = LineCache(memory)
    cache.flush()
    var words: [UInt64] = (0..<64).map { $0 &* 0x0101_0101_0101_0101 }
    words.withUnsafeMutableBufferPointer { buffer in
      let base = UInt64(UInt(bitPattern: buffer.baseAddress))
      for index in 0..<63 {
        #expect(cache.word(at: base + UInt64(index) * 8) == buffer[index])
        let shifted = buffer[index] >> 8 | buffer[index + 1] << 56
        #expect(cache.word(at: base + UInt64(index) * 8 + 1) == shifted)
      }
    }
    #expect(cache.word(at: 16) == nil)
    #expect(cache.word(at: .max - 3) == nil)
  }
}
