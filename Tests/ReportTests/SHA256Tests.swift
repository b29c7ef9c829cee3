import Foundation
import TestSupport
import Testing

@testable import Report

struct SHA256Tests {
  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
  }

  /// FIPS 180-4's examples (csrc.nist.gov, SHA256.pdf), and the empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func theExamplesOfTheStandardHold(_ message: String, _ digest: String) {
    #expect(hexadecimal(SHA256.digest(of: Array(message.utf8))) == digest)
  }

  /// RFC 4231, test cases 1, 2, 3 and 6.
  @Test(arguments: [
    (
      Array(repeating: UInt8(0x0b), count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      Array(repeating: 0xaa, count: 20), Array(repeating: 0xdd, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      Array(repeating: 0xaa, count: 131),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ])
  func theExamplesOfKeyedSumsHold(_ key: [UInt8], _ message: [UInt8], _ code: String) {
    #expect(hexadecimal(SHA256.authenticationCode(of: message, key: key)) == code)
  }

  @Test func everyLengthAroundTheBlocksGivesWhatSha256sumGives() throws {
    let directory = try TemporaryDirectory()
    let messages = (0...200).map { length in (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7) }
    }
    for (length, message) in messages.enumerated() {
      try Data(message).write(to: URL(fileURLWithPath: directory.file("\(length)")))
    }
    let lines = try runSuccessfully(
      "sha256sum",
      messages.indices.map { "\($0)" },
      directory: directory.path
    ).split(separator: "\n")
    #expect(
      lines.map { String($0.prefix(64)) } == messages.map { hexadecimal(SHA256.digest(of: $0)) }
    )
  }
}
