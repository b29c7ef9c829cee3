import CaptureFormat
import TestSupport
import Testing

/// Whether stacks walked by rows are those that libunwind finds.
@Suite struct RowUnwinderTests {
  private func expectAgreement(
    _ executable: String,
    _ arguments: [String] = [],
    settings: String = "",
    byRows: Int
  ) throws {
    // One less than there are threads: one that is on its way out of the dump signal's action is libunwind's.
    let service = try Service(
      executable,
      arguments,
      settings: "min-interval=none,unwinder=check\(settings)"
    )
    try service.program.wait(for: "ready")
    for _ in 0..<5 {
      let end = try #require(try service.dump().end)
      #expect(end.threadsByRows >= UInt32(byRows))
      #expect(end.threadsChecked == end.threadsByRows)
      #expect(end.threadsDifferent == 0)
    }
  }

  @Test(arguments: [
    ("gcc", ["-O0"]), ("gcc", ["-O2"]), ("gcc", ["-O2", "-fno-omit-frame-pointer"]),
    ("clang", ["-O2"]),
  ])
  func rowsAgreeWithLibunwindOnCServices(compiler: String, options: [String]) throws {
    try expectAgreement(Programs.service(compiler, options), ["threads"], byRows: 4)
  }

  @Test func rowsAgreeWithLibunwindOnServicesOfOtherLanguages() throws {
    try expectAgreement(Programs.cxxService(["-O2"]), byRows: 2)
    try expectAgreement(Programs.rustService(), byRows: 2)
    try expectAgreement(Programs.swiftService(["-O"]), byRows: 2)
  }

  @Test func rowsEndAtTheFrameLimitWhereLibunwindDoes() throws {
    for limit in 1...6 {
      try expectAgreement(
        Programs.service(),
        ["threads"],
        settings: ",max-frames=\(limit)",
        byRows: 4
      )
    }
  }

  @Test func libunwindWalksAloneWhereThatIsAsked() throws {
    let service = try Service(
      Programs.service(),
      ["threads"],
      settings: "min-interval=none,unwinder=libunwind"
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    #expect(capture.end?.threadsCaptured == 5)
    #expect(capture.end?.threadsByRows == 0)
  }
}
