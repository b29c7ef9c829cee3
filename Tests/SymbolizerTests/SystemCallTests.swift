import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct SystemCallTests {
  @Test func everyCallOfTheKernelsHeadersHasItsName() throws {
    let text = try String(
      contentsOfFile: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
      encoding: .utf8
    )
    let calls = text.matches(of: /#define __NR_(\w+) (\d+)/)
    #expect(calls.count > 300)
    for call in calls {
      let number = try #require(Int64(call.2))
      #expect(SystemCall.text(of: number, on: .x86_64) == String(call.1))
    }
  }

  @Test func aarch64HasNumbersOfItsOwn() {
    #expect(SystemCall.text(of: 98, on: .aarch64) == "futex")
    #expect(SystemCall.text(of: 22, on: .aarch64) == "epoll_pwait")
    #expect(SystemCall.text(of: 63, on: .aarch64) == "read")
    #expect(SystemCall.text(of: 435, on: .aarch64) == "clone3")
    // A gap between the first calls and those that all processors number alike.
    #expect(SystemCall.text(of: 300, on: .aarch64) == "300")
  }

  @Test func whatHasNoNameStaysANumber() {
    #expect(SystemCall.text(of: 100_000, on: .x86_64) == "100000")
    #expect(SystemCall.text(of: 202, on: ELFMachine(rawValue: 0)) == "202")
    #expect(SystemCall.text(of: -1, on: .x86_64) == nil)
  }
}
