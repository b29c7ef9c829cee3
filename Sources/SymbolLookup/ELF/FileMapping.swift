import Glibc
import Synchronization

/// A file that is mapped and not open any more: captures have more modules than a process may have open files.
@safe
final class FileMapping {
  /// How many there may be at a time: half of what the kernel grants a process for all its memory (vm.max_map_count), so
  /// that a capture of more modules than any process has does not take the memory for names.
  private static let most = 32_768
  private static let count = Atomic(0)

  private let start: UnsafeMutableRawPointer
  private let byteCount: Int

  /// Maps a regular file that is not empty.
  ///
  /// - Throws: what is there instead, and what to try.
  init(path: String) throws(SymbolizerError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      throw SymbolizerError(file: path, problem: systemError(errno), hint: Self.hint(errno))
    }
    defer { close(descriptor) }
    byteCount = try Self.size(of: descriptor, path)
    guard Self.count.wrappingAdd(1, ordering: .relaxed).newValue <= Self.most else {
      Self.count.wrappingSubtract(1, ordering: .relaxed)
      throw SymbolizerError(
        file: path,
        problem: "cannot map it: \(Self.most) files are mapped already"
      )
    }
    guard let start = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0),
      unsafe start != MAP_FAILED
    else {
      let error = errno
      Self.count.wrappingSubtract(1, ordering: .relaxed)
      throw SymbolizerError(file: path, problem: "cannot map it: \(systemError(error))")
    }
    unsafe self.start = start
  }

  deinit {
    unsafe munmap(start, byteCount)
    Self.count.wrappingSubtract(1, ordering: .relaxed)
  }

  /// All of it, as a region that keeps this object.
  var region: ByteRegion {
    // Safe because the region holds this object, and nobody can write to the mapping.
    unsafe ByteRegion(owner: self, start: start, byteCount: byteCount, isFileMapping: true)
  }

  private static func size(
    of descriptor: Int32,
    _ path: String
  ) throws(SymbolizerError) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw SymbolizerError(file: path, problem: systemError(errno))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = kind(ofMode: status.st_mode)
      throw SymbolizerError(
        file: path,
        problem: "expected a regular file, found \(kind)",
        hint: "Name the program or library itself."
      )
    }
    guard status.st_size > 0 else {
      throw SymbolizerError(file: path, problem: "expected an ELF file, found an empty file")
    }
    return Int(status.st_size)
  }

  private static func kind(ofMode mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a named pipe"
    case S_IFCHR, S_IFBLK: "a device"
    case S_IFSOCK: "a socket"
    default: "something else"
    }
  }

  private static func hint(_ code: Int32) -> String? {
    switch code {
    case ENOENT, ENOTDIR: "Check the path; --sysroot names the folder that its paths begin in."
    case EACCES, EPERM: "Try as the file's owner, or copy the file."
    case EMFILE: "Allow the process more open files: ulimit -n."
    default: nil
    }
  }
}

/// The text of an errno value.
func systemError(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 128)
  // The XSI form fills the buffer; strerror is not safe among threads.
  guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  return String(decoding: bytes, as: UTF8.self)
}
