import Glibc

/// Where the split files of a module may lie.
package struct SplitFileSearch: Sendable {
  private let modules: [String]
  private let debugDirectories: [String]
  private let root: String
  /// Named by a person.
  private let named: [String]

  /// `modules`: paths of the module and of its debug file, as they were opened; `root`: of the sysroot, without a slash
  /// at its end.
  ///
  /// `packages`: of a person, looked into first.
  init(modules: [String], debugDirectories: [String], root: String, packages: [String] = []) {
    named = packages
    self.modules = modules
    self.debugDirectories = debugDirectories
    self.root = root
  }

  /// Packages that are there: beside the module and its debug file with `.dwp` behind their names, and in each folder
  /// of `--debug-dir` under that name.
  var packages: [String] {
    var paths = named + modules.map { "\($0).dwp" }
    for directory in debugDirectories {
      for module in modules { paths.append("\(directory)/\(Self.fileName(module)).dwp") }
    }
    return Self.readable(paths)
  }

  /// Split files of a name that are there: where the compiler put them, in each folder of `--debug-dir` as the
  /// compiler named them and by file name, and beside the module.
  func files(named name: String, in directory: String) -> [String] {
    guard !name.isEmpty else { return [] }
    let fileName = Self.fileName(name)
    var paths: [String] = []
    for folder in debugDirectories { paths += ["\(folder)/\(name)", "\(folder)/\(fileName)"] }
    paths.append(name.hasPrefix("/") ? root + name : "\(root)\(directory)/\(name)")
    for module in modules {
      guard let slash = module.lastIndex(of: "/") else {
        paths.append(fileName)
        continue
      }
      paths.append("\(module[..<slash])/\(fileName)")
    }
    return Self.readable(paths)
  }

  private static func fileName(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  private static func readable(_ paths: [String]) -> [String] {
    var seen: Set<String> = []
    // Safe because each string lives during its call.
    return paths.filter { unsafe seen.insert($0).inserted && access($0, R_OK) == 0 }
  }
}
