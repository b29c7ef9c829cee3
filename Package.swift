// swift-tools-version: 6.3

import PackageDescription

/// Tests run other programs and speak C all day: they do without the marks of strict memory safety.
let testSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// Every target is held to the same rules: memory safety is strict, a warning is an error.
let settings: [SwiftSetting] = testSettings + [.strictMemorySafety()]

let package = Package(
  name: "dumpcollect",
  products: [
    .executable(name: "dumpcollect", targets: ["dumpcollect"]),
    .executable(name: "dumpcollect-front", targets: ["Front"]),
    .library(name: "DumpHandler", targets: ["DumpHandler"]),
    .library(name: "Symbolizer", targets: ["Symbolizer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    // Inside the service.
    .target(name: "CUnwind"),
    .target(name: "Unwinder", dependencies: ["CUnwind"], swiftSettings: settings),
    .target(name: "DumpHandler", dependencies: ["Unwinder", "CUnwind"], swiftSettings: settings),

    // Later, on any machine.
    .target(name: "Bytes", swiftSettings: settings),
    .target(
      name: "CaptureFormat",
      dependencies: ["Bytes", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["capture.proto"],
      swiftSettings: settings
    ),
    .target(
      name: "CElf",
      linkerSettings: [
        .linkedLibrary("elf"), .linkedLibrary("z"), .linkedLibrary("zstd"), .linkedLibrary("lzma"),
      ]
    ),
    .target(
      name: "CDemangle",
      linkerSettings: [.linkedLibrary("iberty"), .linkedLibrary("stdc++")]
    ),
    .target(name: "CDebuginfod"),
    .target(
      name: "SymbolLookup",
      dependencies: ["CElf", "CDemangle", "Bytes"],
      swiftSettings: settings
    ),
    .target(
      name: "Report",
      dependencies: [.product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: settings
    ),
    .target(
      name: "Symbolizer",
      dependencies: [
        "SymbolLookup", "CDebuginfod", "CaptureFormat", "Report",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings
    ),
    .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
    // The HTML report's own files, which CPage.c takes in.
    .target(name: "CPage", exclude: ["page.html", "page.css", "script"]),
    .target(name: "SafeText", swiftSettings: settings),
    .target(
      name: "Render",
      dependencies: [
        "CPage", "CZlib", "Report", "SafeText",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["Profiles/profile.proto"],
      swiftSettings: settings
    ),

    // The command, and the small one that answers for it.
    .target(name: "CommandOutput", dependencies: ["SafeText"], swiftSettings: settings),
    .target(
      name: "Resolving",
      dependencies: ["SymbolLookup", "SafeText", "CommandOutput"],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "Front",
      dependencies: ["Resolving", "CommandOutput"],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "dumpcollect",
      dependencies: [
        "Bytes", "CaptureFormat", "Report", "Render", "Symbolizer", "Resolving", "CommandOutput",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      // Extern: declares the few system calls that glibc's module does not show to Swift.
      swiftSettings: settings + [.enableExperimentalFeature("Extern")]
    ),

    // A service that the end to end tests run, in debug and in release.
    .executableTarget(
      name: "ChainsFixture",
      dependencies: ["DumpHandler"],
      path: "Tests/Fixtures/ChainsFixture",
      swiftSettings: testSettings
    ),
    .target(
      name: "TestSupport",
      dependencies: ["Report"],
      path: "Tests/TestSupport",
      swiftSettings: testSettings
    ),
    // Entries for libFuzzer; scripts/fuzz makes programs of them.
    .target(
      name: "Fuzzing",
      dependencies: ["Symbolizer", "SymbolLookup", "CaptureFormat"],
      path: "Tests/Fuzzing",
      exclude: ["Kept"],
      swiftSettings: testSettings
    ),
    .testTarget(
      name: "CaptureFormatTests",
      dependencies: [
        "CaptureFormat", "Bytes", "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: testSettings
    ),
    .testTarget(
      name: "UnwinderTests",
      dependencies: [
        "Unwinder", "CUnwind", "DumpHandler", "CaptureFormat", "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: testSettings
    ),
    .testTarget(
      name: "SymbolizerTests",
      dependencies: [
        "Symbolizer", "SymbolLookup", "Report", "CaptureFormat", "Bytes", "CElf", "CDemangle",
        "TestSupport", "Fuzzing",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: testSettings
    ),
    .testTarget(
      name: "ReportTests",
      dependencies: ["Report", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: testSettings
    ),
    .testTarget(
      name: "RenderTests",
      dependencies: ["Render", "Report", "TestSupport"],
      swiftSettings: testSettings
    ),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "dumpcollect", "Resolving", "CommandOutput", "Report", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: testSettings
    ),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["dumpcollect", "ChainsFixture", "TestSupport"],
      swiftSettings: testSettings
    ),
    .testTarget(name: "PackageTests", dependencies: ["TestSupport"], swiftSettings: testSettings),
  ]
)
