import Testing
import TestSupport

@Suite struct ArchitectureTests {
  private let table: TargetTable
  private let targets: [PackageTarget]

  init() throws {
    table = try TargetTable(readingDocument: "\(repositoryRoot)/docs/architecture.md")
    targets = try PackageTarget.productTargets()
  }

  @Test func theTableNamesTheTargetsOfTheManifest() {
    #expect(targets.count > 8)
    #expect(Set(targets.map(\.name)) == Set(table.imports.keys))
  }

  @Test func everyTargetDependsOnWhatItsRowSays() {
    for target in targets {
      let row = table.imports[target.name, default: []].subtracting(TargetTable.systemModules)
      #expect(target.dependencies == row, "\(target.name)")
    }
  }

  @Test func noSourceImportsMoreThanItsRowSays() throws {
    for target in targets {
      let imported = try target.importedModules()
      let row = table.imports[target.name, default: []]
      #expect(imported.subtracting(row) == [], "\(target.name) imports what its row does not have")
      #expect(
        row.subtracting(imported).subtracting(TargetTable.systemModules) == [],
        "\(target.name) has a dependency that no source imports"
      )
    }
  }

  @Test(
    arguments: [
      ("import Foundation", "Foundation"), ("package import SwiftProtobuf", "SwiftProtobuf"),
      ("@testable import Report", "Report"),
      ("  internal import struct Foundation.Data", "Foundation"),
      ("// import Foundation", nil), ("let important = 1", nil),
    ] as [(Substring, String?)]
  ) func importsAreRecognised(line: Substring, module: String?) {
    #expect(PackageTarget.importedModule(of: line) == module)
  }

  @Test func theHandlerReachesNothingOfTheReader() {
    var reached: Set<String> = ["DumpHandler"]
    var size = 0
    while reached.count > size {
      size = reached.count
      for target in targets where reached.contains(target.name) {
        reached.formUnion(target.dependencies)
      }
    }
    #expect(reached == ["DumpHandler", "Unwinder", "CUnwind"])
  }
}
