import CaptureFormat
import Testing
import TestSupport

/// RFC 3720, appendix B.4, and the check value of CRC catalogues.
private let publishedVectors: [([UInt8], UInt32)] = [
  ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
  ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
  (Array(0..<32), 0x46dd_794e),
  (Array((0..<32).reversed()), 0x113f_db5c),
  (Array("123456789".utf8), 0xe306_9283),
  ([], 0),
]

@Test(arguments: publishedVectors)
func theChecksumIsThatOfThePublishedVectors(bytes: [UInt8], checksum: UInt32) {
  #expect(CRC32C.checksum(of: bytes.span.bytes) == checksum)
}

@Test func everyLengthAndEveryCutGivesTheChecksumOfTheDefinition() {
  let bytes = (0..<70).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
  for count in 0...bytes.count {
    let expected = CaptureBytes.crc32c(Array(bytes[..<count]))
    for cut in 0...count {
      var checksum = CRC32C()
      checksum.add(Array(bytes[..<cut]).span.bytes)
      checksum.add(Array(bytes[cut..<count]).span.bytes)
      #expect(checksum.value == expected, "\(count) bytes, cut at \(cut)")
    }
  }
}
