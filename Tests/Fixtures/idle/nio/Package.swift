// swift-tools-version: 6.3

import PackageDescription

let package = Package(
  name: "loops",
  dependencies: [.package(url: "https://github.com/apple/swift-nio", from: "2.60.0")],
  targets: [
    .executableTarget(
      name: "loops",
      dependencies: [
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]
    )
  ]
)
