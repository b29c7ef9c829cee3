import Foundation
import TestSupport
import Testing

/// The forms that docs/linking.md names, linked by what the installation says of itself.
@Suite struct LinkingTests {
  private let installation: Installation
  private let directory: TemporaryDirectory

  init() throws {
    installation = try Installation.make()
    directory = try TemporaryDirectory()
  }

  /// The full report of a program that was built by these lines of a shell.
  private func report(ofBuilding lines: String, settings: String = "thread-origins=on") throws
    -> String
  {
    try runSuccessfully(
      "sh",
      ["-euc", lines],
      environment: installation.environment,
      directory: directory.path
    )
    let service = try RunningProgram(
      directory.file("service"),
      environment: ["DUMPCOLLECT": "directory=\(directory.path),\(settings)"]
    )
    try service.wait(for: "ready")
    let dump = try runSuccessfully(installation.dumpcollect, ["dump", "\(service.processID)"])
    return try runSuccessfully(
      installation.dumpcollect,
      ["report", "--format", "full", dump.trimmingLineEnd]
    )
  }

  /// The first thread of a report is the main one.
  private func mainThread(_ report: String) -> Substring {
    report.firstMatch(of: /\nthread (\d+)/)?.1 ?? "?"
  }

  private func source(_ name: String) -> String { Fixture.source("handler/\(name)") }

  @Test func pkgConfigLinksAServiceWhoseThreadsNameTheirCreators() throws {
    let report = try report(
      ofBuilding: """
        eval "gcc -g -O1 '\(source("origins.c"))' $(pkg-config --cflags --libs dumpcollect-threads) -o service \
          -Wl,-rpath,'\(installation.path("lib"))'"
        """
    )
    #expect(report.contains("  created by thread \(mainThread(report)) \"service\":"), "\(report)")
    #expect(report.contains("open_pool") && report.contains("origins.c:"), "\(report)")
  }

  @Test func pkgConfigLinksAFullyStaticService() throws {
    let report = try report(
      ofBuilding: """
        eval "gcc -g -O1 '\(source("origins.c"))' $(pkg-config --cflags --libs dumpcollect-static) -o service"
        readelf -lW service | grep -q INTERP && exit 3
        exit 0
        """
    )
    #expect(report.contains("block") && report.contains("origins.c:"), "\(report)")
    #expect(!report.contains("incomplete") && !report.contains("created by"), "\(report)")
  }

  @Test(arguments: [
    ("dumpcollect::threads dumpcollect::dumpcollect", true),
    ("dumpcollect::threads dumpcollect::static", true),
    ("dumpcollect::threads dumpcollect::fully-static", true), ("dumpcollect::fully-static", false),
  ])
  func cmakeLinksAService(libraries: String, hasThreads: Bool) throws {
    try directory.write(
      """
      cmake_minimum_required(VERSION 3.18)
      project(service CXX)
      find_package(dumpcollect REQUIRED)
      find_package(Threads REQUIRED)
      set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/..)
      add_executable(service "\(source("origins.cpp"))")
      set_target_properties(service PROPERTIES CXX_STANDARD 17)
      target_compile_options(service PRIVATE -g -O1)
      target_link_libraries(service PRIVATE \(libraries) Threads::Threads)
      """,
      to: "CMakeLists.txt"
    )
    let report = try report(
      ofBuilding: """
        cmake -B build '-DCMAKE_PREFIX_PATH=\(installation.prefix)' >&2
        cmake --build build >&2
        """
    )
    #expect(report.contains("origins.cpp:"), "\(report)")
    #expect(report.contains("created by") == hasThreads, "\(report)")
    if hasThreads { #expect(report.contains("pool::open"), "\(report)") }
  }
}
