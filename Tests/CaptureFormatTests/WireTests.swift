import CaptureFormat
import SwiftProtobuf
import Testing

@Test func aHeaderSurvivesTheWire() throws {
  var header = WireHeader()
  header.reason = "signal"
  #expect(try WireHeader(serializedBytes: header.serializedBytes() as [UInt8]) == header)
}
