/// Puts folders and names together to paths as a person would write them.
enum SourcePath {
  /// Appends `/part` to the path, or takes the part's place when it is absolute.
  static func append(_ part: some Collection<UInt8>, to path: inout [UInt8]) {
    guard let first = part.first else { return }
    if first == UInt8(ascii: "/") {
      path.removeAll(keepingCapacity: true)
    } else if let last = path.last, last != UInt8(ascii: "/") {
      path.append(UInt8(ascii: "/"))
    }
    path.append(contentsOf: part)
  }

  /// Removes `.`, empty parts and, with the part before them, `..`; what begins with `..` keeps it.
  ///
  /// Nothing is asked of a file system: the sources may be on another machine.
  static func normalise(_ path: inout [UInt8]) {
    let slash = UInt8(ascii: "/")
    let dot = UInt8(ascii: ".")
    let isAbsolute = path.first == slash
    // The parts that may be removed by a `..`: where each begins in the output.
    var starts: [Int] = []
    var write = isAbsolute ? 1 : 0
    var read = write
    let floor = write
    while read < path.count {
      var end = read
      while end < path.count, path[end] != slash { end += 1 }
      let count = end - read
      let isDots = count == 2 && path[read] == dot && path[read + 1] == dot
      if count == 0 || (count == 1 && path[read] == dot) {
        // Says nothing.
      } else if isDots, let start = starts.popLast() {
        write = start
      } else if isDots, isAbsolute {
        // Above the root is the root.
      } else {
        let start = write
        if write > floor {
          path[write] = slash
          write += 1
        }
        if !isDots { starts.append(start) }
        for index in read..<end {
          path[write] = path[index]
          write += 1
        }
      }
      read = end + 1
    }
    path.removeSubrange(write..<path.count)
    if path.isEmpty { path.append(dot) }
  }
}

extension SourcePath {
  /// Appends the path of a file of a line table: compilation directory, unless it is left out, folder, name; normalised.
  static func build(
    _ number: UInt32,
    _ table: LineTableHeader,
    _ unit: UnitContext,
    _ sections: DWARFSections,
    _ naming: Naming = Naming(),
    into path: inout [UInt8]
  ) {
    guard let file = table.file(number) else { return }
    var parts: [StringReference] = [file.name]
    let directory = Int(file.directory)
    if table.version >= 5 {
      // Folder 0 is the compilation directory itself (DWARF 5, 6.2.4).
      let isLeftOut = directory == 0 && naming.omitsCompilationDirectory
      if table.directories.indices.contains(directory), !isLeftOut {
        parts.append(table.directories[directory])
      }
      if directory == 0 { return join(parts, sections, into: &path) }
    } else if directory > 0, directory <= table.directories.count {
      parts.append(table.directories[directory - 1])
    }
    let stringOffsets = sections.stringOffsets
    if !naming.omitsCompilationDirectory,
      let folder = unit.string(unit.compilationDirectory, in: stringOffsets.bytes)
    {
      parts.append(folder)
    }
    join(parts, sections, into: &path)
  }

  /// Joins parts that are given innermost first.
  private static func join(
    _ parts: [StringReference],
    _ sections: DWARFSections,
    into path: inout [UInt8]
  ) {
    for part in parts.reversed() { append(sections.bytes(of: part), to: &path) }
    // A name that cannot be read must not become its folder.
    guard let name = parts.first, !sections.bytes(of: name).isEmpty else {
      path.removeAll()
      return
    }
    normalise(&path)
  }
}
