import CaptureFormat
import Foundation
import TestSupport
import Testing

/// The crate in `Bindings/rust`, built without network and run.
@Suite struct RustBindingTests {
  @Test func theCratesOwnTestLeavesTheCapturesItAskedFor() throws {
    _ = try Programs.handler.get()
    let directory = try TemporaryDirectory()
    let files = FileManager.default
    // The prefix that scripts/install would fill.
    try files.createDirectory(
      atPath: directory.file("lib/pkgconfig"),
      withIntermediateDirectories: true
    )
    try files.copyItem(
      atPath: "\(repositoryRoot)/scripts/templates/dumpcollect.pc.in",
      toPath: directory.file("lib/pkgconfig/dumpcollect.pc")
    )
    for archive in [Handler.archive, Handler.threadsArchive] {
      let name = URL(fileURLWithPath: archive).lastPathComponent
      try files.copyItem(atPath: archive, toPath: directory.file("lib/\(name)"))
    }
    try files.copyItem(
      atPath: "\(repositoryRoot)/Bindings/rust",
      toPath: directory.file("crate")
    )
    let captures = try TemporaryDirectory()
    try runSuccessfully(
      "cargo",
      ["test", "--offline", "--quiet", "--features", "threads"],
      environment: [
        "PKG_CONFIG_PATH": directory.file("lib/pkgconfig"),
        "CARGO_TARGET_DIR": directory.file("target"),
        "DUMPCOLLECT": "directory=\(captures.path),timeout=20s",
      ],
      directory: directory.file("crate")
    )
    let names = try files.contentsOfDirectory(atPath: captures.path)
      .filter { $0.hasSuffix(".dcap") }
    let found = try names.map { try CaptureReader.capture(at: captures.file($0)) }
    let asked = try #require(found.first { $0.header?.reason == "from Rust ✓" })
    #expect(asked.notes?.notes.map(\.text) == ["about to be captured"])
    let worker = try #require(asked.threads(named: "rust-worker").first)
    #expect(worker.labels.map { "\($0.key)=\($0.value)" } == ["tenant=blue"])
    #expect(worker.hasCreatedBy && worker.createdBy.addresses.count > 3)
    let hang = try #require(found.first { $0.header?.watchdogs.isEmpty == false })
    #expect(hang.header?.watchdogs.first?.name == "rust loop")
  }
}
