import Foundation
import Glibc
import Testing
import TestSupport

/// Every example is built as its own documents say, and its live dump shows what its source says.
@Suite struct ExampleTests {
  private let installation: Installation

  init() throws {
    installation = try Installation.make()
  }

  @Test func theCServiceBuildsWithPkgConfigAndShowsItsThreads() throws {
    let example = try ExampleCopy(of: "c-service")
    try runSuccessfully("make", environment: installation.environment, directory: example.path)
    let service = try example.start("\(example.path)/service")
    let report = try installation.report(of: service)
    #expect(report.contains("book_entries") && report.contains("service.c:"), "\(report)")
    #expect(report.contains("main"))
    #expect(service.isRunning)
  }

  @Test(arguments: ["dumpcollect::dumpcollect", "dumpcollect::static"])
  func theCPlusPlusServiceBuildsWithCMake(library: String) throws {
    let example = try ExampleCopy(of: "cpp-service")
    let lists = "\(example.path)/CMakeLists.txt"
    let text = try String(contentsOfFile: lists, encoding: .utf8)
    #expect(text.contains("dumpcollect::dumpcollect"))
    try text.replacing("dumpcollect::dumpcollect", with: library).write(
      toFile: lists,
      atomically: true,
      encoding: .utf8
    )
    try runSuccessfully(
      "cmake",
      ["-B", "build", "-DCMAKE_PREFIX_PATH=\(installation.prefix)"],
      directory: example.path
    )
    try runSuccessfully("cmake", ["--build", "build"], directory: example.path)
    let service = try example.start("\(example.path)/build/service")
    let report = try installation.report(of: service)
    #expect(report.contains("4 threads"), "\(report)")
    #expect(
      report.contains("shop::OrderQueue::take()") && report.contains("service.cpp:"),
      "\(report)"
    )
  }

  @Test func theRustServiceBuildsWithCargoOffline() throws {
    let example = try ExampleCopy(of: "rust-service")
    try runSuccessfully(
      "cargo",
      ["build", "--release", "--offline", "--quiet"],
      environment: installation.environment,
      directory: example.path
    )
    let service = try example.start("\(example.path)/target/release/rust-service")
    let report = try installation.report(of: service)
    #expect(report.contains("rust_service::work") && report.contains("main.rs:"), "\(report)")
    #expect(report.contains("worker-0"), "\(report)")
  }

  @Test func anUnchangedProgramIsDumpedThroughThePreloadLibrary() throws {
    let directory = try TemporaryDirectory()
    let library = try PlainLink(to: installation.path("lib/libdumpcollect-preload.so"))
    defer { withExtendedLifetime(library) {} }
    let service = try RunningProgram(
      "cat",
      environment: ["LD_PRELOAD": library.path, "DUMPCOLLECT": "directory=\(directory.path)"]
    )
    try service.write(line: "ready")
    try service.wait(for: "ready")
    try service.waitUntilAsleep()
    let report = try installation.report(of: service)
    #expect(report.contains("sleeping in read"), "\(report)")
    try service.write(line: "still here")
    try service.wait(for: "still here")
  }

  @Test func theLeaksOfTheSwiftServiceAreTheFirstGroupsOfItsReport() throws {
    let directory = try TemporaryDirectory()
    let package = ["--package-path", "\(repositoryRoot)/Examples/LeakyService"]
    try runSuccessfully("swift", ["build"] + package)
    let folder = try runSuccessfully("swift", ["build", "--show-bin-path"] + package)
      .trimmingLineEnd
    let service = try RunningProgram(
      "\(folder)/LeakyService",
      environment: ["DUMPCOLLECT": "directory=\(directory.path)"]
    )
    let line = try #require(service.readLine())
    let url = try #require(line.split(separator: " ").last.map(String.init))
    for request in 1...23 {
      let answer = try runSuccessfully("curl", ["-fsS", "--max-time", "20", url])
      #expect(answer.hasPrefix("request \(request): upstream says "))
    }
    // The task of the last request may still be on its way to where it waits.
    var report = ""
    for _ in 0..<20 where !report.contains("\n23 × suspended in NewsFeed.next()") {
      report = try installation.report(of: service)
    }
    let groups = report.split(separator: "\n\n")
    let tasks = try #require(groups.dropFirst().first)
    #expect(tasks.hasPrefix("23 × suspended in NewsFeed.next()  NewsFeed.swift:7"), "\(report)")
    #expect(tasks.contains("  waits: continuation  \"request 1\" … \"request 23\""), "\(report)")
    #expect(tasks.contains("    UpstreamClient.follow(_:)"), "\(report)")
    #expect(!tasks.contains("thunk") && !tasks.contains("partial apply"), "\(report)")
    let title = try #require(groups.firstIndex(of: "Threads:"))
    let threads = try #require(groups.dropFirst(title + 1).first)
    #expect(threads.hasPrefix("23 threads"), "\(report)")
    #expect(threads.contains("UpstreamClient.keepAlive()"), "\(report)")
    #expect(threads.contains("UpstreamClient.swift:"), "\(report)")
    #expect(threads.contains("keep-alive"), "\(report)")
    #expect(try runSuccessfully("curl", ["-fsS", "--max-time", "20", url]).hasPrefix("request 24"))
  }
}
