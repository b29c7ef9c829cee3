// swift-tools-version: 6.3

import PackageDescription

let package = Package(
  name: "LeakyService",
  dependencies: [
    // The name makes it work in whatever folder the clone is.
    .package(name: "dumpcollect", path: "../..")
  ],
  targets: [
    .executableTarget(
      name: "LeakyService",
      dependencies: [.product(name: "DumpHandler", package: "dumpcollect")]
    )
  ]
)
