import Foundation

/// What the tests read of `dumpcollect report --format json`.
struct ReportDocument: Decodable {
  struct Frame: Decodable {
    var address: String
    var module: String?
    var offset: String?
    var function: String?
    var linkage: String?
    var file: String?
    var line: Int?
    var inlined: Bool?

    var isInlined: Bool { inlined ?? false }
  }

  struct Thread: Decodable {
    var tid: Int32
    var name: String?
    var state: String?
    var status: String?
    var syscall: String?
    var truncated: String?
    var frames: [Frame]?
  }

  struct Module: Decodable {
    var path: String
    var status: String?
    var reason: String?
    var buildID: String?

    enum CodingKeys: String, CodingKey {
      case path, status, reason
      case buildID = "build_id"
    }
  }

  struct Group: Decodable {
    var count: Int
    var fingerprint: String?
    var tids: [Int32]
  }

  var schema: Int
  var kind: String
  var complete: Bool
  var threads: [Thread]
  var modules: [Module]
  var groups: [Group]?

  init(json: Data) throws {
    self = try JSONDecoder().decode(ReportDocument.self, from: json)
  }

  /// The only thread of this name.
  func thread(named name: String) -> Thread? {
    let found = threads.filter { $0.name == name }
    return found.count == 1 ? found[0] : nil
  }
}
