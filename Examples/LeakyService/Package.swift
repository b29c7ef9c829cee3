// swift-tools-version: 6.3

import PackageDescription

let package = Package(
  name: "LeakyService",
  dependencies: [
    // The name makes it work in whatever folder the clone is.
    .package(name: "dumpcollect", path: "../..")
  ],
  targets: [
    // For its header, dumpcollect.h.
    .target(
      name: "CThreads",
      dependencies: [.product(name: "DumpHandler", package: "dumpcollect")]
    ),
    .executableTarget(
      name: "LeakyService",
      dependencies: ["CThreads", .product(name: "DumpHandler", package: "dumpcollect")]
    ),
  ]
)
