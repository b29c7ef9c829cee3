import Foundation
import Synchronization
import TestSupport

/// Fixture programs, each built once for all tests of a run.
enum Programs {
  private static let directory = Result { try TemporaryDirectory() }
  private static let built = Mutex<[String: Result<String, any Error>]>([:])

  /// Builds the handler's libraries where they are not up to date.
  static let handler = Result {
    try runSuccessfully("\(repositoryRoot)/scripts/build-handler")
  }

  private static func program(
    _ name: String,
    _ build: (TemporaryDirectory) throws -> String
  ) throws -> String {
    _ = try handler.get()
    let directory = try directory.get()
    return try built.withLock { programs in
      if let known = programs[name] { return try known.get() }
      let result = Result { try build(directory) }
      programs[name] = result
      return try result.get()
    }
  }

  /// The C service with the archive linked in.
  static func service(_ compiler: String = "gcc", _ options: [String] = ["-O1"]) throws -> String {
    let name = "service-" + ([compiler] + options).joined().replacing("/", with: "_")
    return try program(name) { directory in
      try Fixture.build(
        ["handler/service.c"],
        compiler: compiler,
        arguments: options + ["-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: name
      )
    }
  }

  /// The service with known descriptors, connections and notes.
  static func state() throws -> String {
    try program("state") { directory in
      try Fixture.build(
        ["handler/state.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: "state"
      )
    }
  }

  /// The C service linked with the shared library.
  static func sharedService() throws -> String {
    try program("service-shared") { directory in
      try Fixture.build(
        ["handler/service.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g"] + Handler.compileArguments
          + [Handler.sharedLibrary, "-Wl,-rpath,\(Handler.directory)/lib", "-lpthread"],
        into: directory,
        named: "service-shared"
      )
    }
  }

  /// Pairs of threads that sleep in one call each.
  static func waits() throws -> String {
    try program("waits") { directory in
      try Fixture.build(
        ["handler/waits.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: "waits"
      )
    }
  }

  /// The C or C++ service, linked so that it needs no library at run time.
  ///
  /// `hasTables`: with an index of its unwind tables, as the documents say.
  static func staticService(_ source: String, compiler: String, hasTables: Bool = true) throws
    -> String
  {
    let name = "static-\(compiler)-\(hasTables)"
    return try program(name) { directory in
      try Fixture.build(
        ["handler/\(source)"],
        compiler: compiler,
        arguments: ["-O1", "-g"] + Handler.compileArguments
          + Handler.staticLinkArguments.filter { hasTables || $0 != "-Wl,--eh-frame-hdr" },
        into: directory,
        named: name
      )
    }
  }

  /// A program that does not know of the handler.
  static func unmodified(linker: String = "bfd") throws -> String {
    let name = "unmodified-\(linker)"
    return try program(name) { directory in
      try Fixture.build(
        ["handler/unmodified.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-lpthread", "-fuse-ld=\(linker)"],
        into: directory,
        named: name
      )
    }
  }

  /// A service that does what few do.
  static func hostile() throws -> String {
    try program("hostile") { directory in
      try Fixture.build(
        ["handler/hostile.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: "hostile"
      )
    }
  }

  /// A service that crashes.
  static func crash(_ compiler: String = "gcc", _ options: [String] = ["-O1"]) throws -> String {
    let name = "crash-" + ([compiler] + options).joined().replacing("/", with: "_")
    return try program(name) { directory in
      try Fixture.build(
        ["handler/crash.c"],
        compiler: compiler,
        arguments: options + ["-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: name
      )
    }
  }

  /// A C++ program that ends by an exception.
  static func cxxCrash(_ options: [String] = []) throws -> String {
    let name = "crash-cxx" + options.joined()
    return try program(name) { directory in
      try Fixture.build(
        ["handler/crash.cpp"],
        compiler: "g++",
        arguments: ["-O1", "-std=c++17", "-g"] + options + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: name
      )
    }
  }

  static func rustCrash() throws -> String {
    try program("crash-rust") { directory in
      try Fixture.build(
        ["handler/crash.rs"],
        compiler: "rustc",
        arguments: [
          "-Copt-level=1", "-g", "--edition=2021", "-Cpanic=abort", "-L",
          "native=\(Handler.directory)/lib", "-l", "static=dumpcollect",
        ],
        into: directory,
        named: "crash-rust"
      )
    }
  }

  static func swiftCrash(_ options: [String]) throws -> String {
    let name = "crash-swift" + options.joined()
    return try program(name) { directory in
      try Fixture.build(
        ["handler/crash.swift"],
        compiler: "swiftc",
        arguments: options + [
          "-g", "-parse-as-library", "-import-objc-header",
          "\(Handler.directory)/include/dumpcollect.h", Handler.archive,
        ],
        into: directory,
        named: name
      )
    }
  }

  /// A service that counts the handler's calls of the allocator and of pthread_mutex_lock.
  static func counting() throws -> String {
    try program("counting") { directory in
      try Fixture.build(
        ["handler/counting.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-fno-builtin", "-Wall", "-Wextra", "-Werror"]
          + Handler.compileArguments + Handler.linkArguments,
        into: directory,
        named: "counting"
      )
    }
  }

  /// A service that asks for alternate signal stacks, by itself or through libdumpcollect-threads.
  static func threads(_ form: ThreadsForm = .none) throws -> String {
    try program("threads-\(form)") { directory in
      try Fixture.build(
        ["handler/threads.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + form.linkArguments,
        into: directory,
        named: "threads-\(form)"
      )
    }
  }

  /// A service whose threads have known creators.
  static func origins(_ form: ThreadsForm = .archive) throws -> String {
    try program("origins-\(form)") { directory in
      try Fixture.build(
        ["handler/origins.c"],
        compiler: "gcc",
        arguments: ["-O2", "-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + form.linkArguments,
        into: directory,
        named: "origins-\(form)"
      )
    }
  }

  /// A service with watchdogs.
  static func watchdogs() throws -> String {
    try program("watchdogs") { directory in
      try Fixture.build(
        ["handler/watchdogs.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: "watchdogs"
      )
    }
  }

  /// A service whose thread libstdc++ makes.
  static func cxxOrigins() throws -> String {
    try program("origins-cxx") { directory in
      try Fixture.build(
        ["handler/origins.cpp"],
        compiler: "g++",
        arguments: ["-O2", "-g", "-std=c++17"] + Handler.compileArguments
          + ThreadsForm.archive.linkArguments,
        into: directory,
        named: "origins-cxx"
      )
    }
  }

  /// A program of `Fixtures/quiet` by its name.
  static func quiet(
    _ source: String,
    _ compiler: String = "gcc",
    _ options: [String] = ["-O1"]
  ) throws -> String {
    let name = ([source, compiler] + options).joined()
    return try program(name) { directory in
      try Fixture.build(
        ["quiet/\(source).c"],
        compiler: compiler,
        arguments: options + ["-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments + ["-lrt"],
        into: directory,
        named: name
      )
    }
  }

  /// Runs a program that may not make one system call.
  static func refuse() throws -> String {
    try program("refuse") { directory in
      try Fixture.build(
        ["handler/refuse.c"],
        compiler: "gcc",
        arguments: ["-O1"],
        into: directory,
        named: "refuse"
      )
    }
  }

  static func cxxService(_ options: [String] = ["-O1"]) throws -> String {
    let name = "service-cxx" + options.joined()
    return try program(name) { directory in
      try Fixture.build(
        ["handler/service.cpp"],
        compiler: "g++",
        arguments: options + ["-std=c++17", "-g"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: name
      )
    }
  }

  static func rustService(_ options: [String] = ["-Copt-level=2"]) throws -> String {
    let name = "service-rust" + options.joined()
    return try program(name) { directory in
      try Fixture.build(
        ["handler/service.rs"],
        compiler: "rustc",
        arguments: options + [
          "-g", "--edition=2021", "-L", "native=\(Handler.directory)/lib", "-l",
          "static=dumpcollect",
        ],
        into: directory,
        named: name
      )
    }
  }

  static func swiftService(_ options: [String] = ["-Onone"]) throws -> String {
    let name = "service-swift" + options.joined()
    return try program(name) { directory in
      try Fixture.build(
        ["handler/service.swift"],
        compiler: "swiftc",
        arguments: options + [
          "-g", "-parse-as-library", "-import-objc-header",
          "\(Handler.directory)/include/dumpcollect.h", Handler.archive,
        ],
        into: directory,
        named: name
      )
    }
  }

  /// A Swift service whose tasks wait for all that a task can wait for.
  ///
  /// `isUnmodified`: it does not know of the handler.
  static func taskService(_ options: [String], isUnmodified: Bool = false) throws -> String {
    let name = "tasks" + options.joined() + (isUnmodified ? "-unmodified" : "")
    return try program(name) { directory in
      try Fixture.build(
        ["handler/tasks.swift"],
        compiler: "swiftc",
        arguments: options + [
          "-g", "-parse-as-library", "-swift-version", "5", "-module-name", "tasks",
          "-suppress-warnings",
        ]
          + (isUnmodified
            ? ["-D", "UNMODIFIED"]
            : [
              "-import-objc-header", "\(Handler.directory)/include/dumpcollect.h", Handler.archive,
            ]),
        into: directory,
        named: name
      )
    }
  }

  /// The same without its symbols.
  static func strippedTaskService(_ options: [String]) throws -> String {
    let path = try taskService(options)
    return try program("stripped-tasks" + options.joined()) { directory in
      let stripped = directory.file("stripped-tasks" + options.joined())
      try runSuccessfully("strip", ["-s", "-o", stripped, path])
      return stripped
    }
  }

  /// A program that says it has a Swift runtime, with numbers of its own.
  static func pretendedRuntime(_ options: [String]) throws -> String {
    let name = "runtime" + options.joined()
    return try program(name) { directory in
      try Fixture.build(
        ["handler/runtime.c"],
        compiler: "gcc",
        arguments: options + ["-O1", "-g", "-Wall", "-Wextra", "-Werror"]
          + Handler.compileArguments + Handler.linkArguments,
        into: directory,
        named: name
      )
    }
  }

  /// Asks the library that debuggers have for the purpose about tasks of another process.
  static func mirror() throws -> String {
    try program("mirror") { directory in
      try Fixture.build(
        ["handler/mirror.c"],
        compiler: "gcc",
        arguments: ["-O1", "-Wall", "-Wextra", "-Werror", "-ldl"],
        into: directory,
        named: "mirror"
      )
    }
  }

  /// Does what breaks in-process dumpers, with a sanitizer of gcc's where one is named.
  static func stress(sanitizer: String? = nil, form: ThreadsForm = .none) throws -> String {
    let name = "stress-\(sanitizer ?? "plain")-\(form)"
    return try program(name) { directory in
      let library = try Fixture.build(
        ["handler/plugin.c"],
        compiler: "gcc",
        arguments: ["-O1", "-shared", "-fPIC"],
        into: directory,
        named: "\(name)-plugin.so"
      )
      return try Fixture.build(
        ["handler/stress.cpp"],
        compiler: "g++",
        arguments: ["-O1", "-g", "-std=c++17", "-Wall", "-Wextra", "-DPLUGIN=\"\(library)\""]
          + (sanitizer.map { ["-fsanitize=\($0)"] } ?? []) + Handler.compileArguments
          + form.linkArguments,
        into: directory,
        named: name
      )
    }
  }

  /// The C service with thread variables that alone are larger than the collector's stack.
  static func largeThreadVariables() throws -> String {
    try program("large-variables") { directory in
      try Fixture.build(
        ["handler/service.c", "handler/large.c"],
        compiler: "gcc",
        arguments: ["-O1", "-g", "-Wall", "-Wextra", "-Werror"] + Handler.compileArguments
          + Handler.linkArguments,
        into: directory,
        named: "large-variables"
      )
    }
  }
}

/// How a program comes to the pthread_create of libdumpcollect-threads.
enum ThreadsForm {
  /// Not at all.
  case none
  /// With the handler's archive.
  case archive
  /// With the handler's shared library.
  case shared
  /// In a fully static program.
  case fullyStatic

  /// Behind the program's own objects.
  var linkArguments: [String] {
    switch self {
    case .none: Handler.linkArguments
    case .archive: Handler.threadsLinkArguments + Handler.linkArguments
    case .shared:
      Handler.threadsLinkArguments
        + [Handler.sharedLibrary, "-Wl,-rpath,\(Handler.directory)/lib", "-lpthread"]
    case .fullyStatic: Handler.threadsLinkArguments + Handler.staticLinkArguments
    }
  }
}
