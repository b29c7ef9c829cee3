import Foundation

/// What the package's own builds left for the tests.
package enum Products {
  /// The folder of the build that this test belongs to.
  package static let directory: String = URL(fileURLWithPath: "/proc/self/exe")
    .resolvingSymlinksInPath().deletingLastPathComponent().path

  /// The path of the `dumpcollect` command of this build.
  package static let dumpcollect = "\(directory)/dumpcollect"

  /// The path of a program of the package, "debug" or "release".
  ///
  /// - Throws: `CommandFailure` when that configuration was not built.
  package static func path(
    of program: String,
    configuration: String
  ) throws -> String {
    let path =
      "\(URL(fileURLWithPath: directory).deletingLastPathComponent().path)/\(configuration)/\(program)"
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw CommandFailure(
        "\(path) is not built: swift build -c \(configuration) --product \(program), as scripts/test does"
      )
    }
    return path
  }
}

/// The handler as services link it, built by `scripts/build-handler`.
package enum Handler {
  /// Holds `include/` and `lib/`.
  package static let directory = "\(repositoryRoot)/.build/handler"
  package static let archive = "\(directory)/lib/libdumpcollect.a"
  package static let sharedLibrary = "\(directory)/lib/libdumpcollect.so"
  package static let preloadLibrary = "\(directory)/lib/libdumpcollect-preload.so"

  package static let staticArchive = "\(directory)/lib/libdumpcollect-static.a"
  package static let threadsArchive = "\(directory)/lib/libdumpcollect-threads.a"

  /// For the compiler of a C or C++ program.
  package static let compileArguments = ["-I", "\(directory)/include"]
  /// For the linker, behind the program's own objects.
  package static let linkArguments = [archive, "-ldl", "-lpthread"]
  /// For the linker of a fully static program; glibc's static start files do without an index of the unwind tables.
  package static let staticLinkArguments = ["-static", "-Wl,--eh-frame-hdr", staticArchive]
  /// In front of those, for every thread to be made through it.
  package static let threadsLinkArguments = ["-Wl,-u,dumpcollect_threads", threadsArchive]
}

/// A link to a file, at a path without spaces: the loader separates the names in LD_PRELOAD by them.
package final class PlainLink: Sendable {
  package let path = "\(NSTemporaryDirectory())dumpcollect-link-\(UUID().uuidString)"

  package init(to file: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: file)
  }

  // A link left behind in the temporary directory is no failure of the test.
  deinit { try? FileManager.default.removeItem(atPath: path) }
}
