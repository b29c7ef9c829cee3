import CaptureFormat
import Foundation
import TestSupport
import Testing

/// Programs that need no library at run time, where nothing can be loaded either.
@Suite struct StaticProgramTests {
  @Test func aFullyStaticCServiceStandsWhereItsSourceSays() throws {
    let service = try Service(
      Programs.staticService("service.c", compiler: "gcc"),
      ["threads"]
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    #expect(capture.isComplete && capture.threads.count == 5)
    #expect(capture.header?.degraded == "")
    for thread in capture.threads {
      #expect(thread.status == .captured && thread.truncated == "", "\(thread.name)")
    }
    let chains = capture.threads.map { capture.chain($0, symbols, in: service.executable) }
    #expect(
      chains.contains {
        $0.suffix(5).starts(with: ["serve_request", "serve_connection", "reader"])
      },
      "\(chains)"
    )
    #expect(chains.contains { $0.contains("run_pool") && $0.contains("pool_worker") })
    #expect(chains.contains { $0.starts(with: ["spin", "busy"]) })
    // Nothing was loaded, and the program has no interpreter that could.
    let maps = try procText("/proc/\(service.program.processID)/maps")
    #expect(!maps.contains(".so"))
  }

  @Test func aFullyStaticCxxServiceThrowsAndIsDumped() throws {
    let service = try Service(Programs.staticService("service.cpp", compiler: "g++"))
    try service.program.wait(for: "ready")
    // The thread may have been made and not have begun yet.
    try service.waitForGrowth(of: "thrown", beyond: 0)
    for _ in 0..<5 {
      let thrown = try service.number("thrown")
      let capture = try service.dump()
      let symbols = try SymbolRanges(service.executable, demangles: true)
      let chains = capture.threads.map { capture.chain($0, symbols, in: service.executable) }
      #expect(
        chains.contains {
          $0.contains("service::block()") && $0.contains("service::Lookup::handle()")
        },
        "\(chains)"
      )
      #expect(chains.contains { $0.contains("service::throw_all_the_time()") }, "\(chains)")
      try service.waitForGrowth(of: "thrown", beyond: thrown)
    }
  }

  @Test func aStaticProgramWithoutAnIndexOfItsTablesIsTold() throws {
    let service = try Service(
      Programs.staticService("service.c", compiler: "gcc", hasTables: false),
      ["threads"]
    )
    try service.program.wait(for: "ready")
    #expect(service.program.errorText.contains("link it with -Wl,--eh-frame-hdr"))
    let capture = try service.dump()
    #expect(capture.header?.degraded.contains("--eh-frame-hdr") == true)
    #expect(capture.threads.allSatisfy { !$0.stack.isEmpty })
  }

  @Test func nothingOfTheUnwinderInsideIsGlobal() throws {
    _ = try Programs.handler.get()
    let global = try runSuccessfully(
      "nm",
      ["--extern-only", "--defined-only", "--format=just-symbols", Handler.staticArchive]
    )
    .split(separator: "\n").filter { !$0.hasSuffix(":") }
    #expect(global.count > 10 && global.allSatisfy { $0.hasPrefix("dumpcollect_") }, "\(global)")
  }
}
