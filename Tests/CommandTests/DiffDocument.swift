/// What the tests read of `dumpcollect diff --json`.
struct DiffDocument: Decodable {
  struct Frame: Decodable {
    var function: String?
    var file: String?
    var line: Int?
  }

  struct Turnover: Decodable {
    var stayed_tids: [Int32]?
    var stayed_task_ids: [UInt64]?
    var created: Int
    var arrived: Int
    var left: Int
    var ended: Int
  }

  struct Group: Decodable {
    var change: String
    var members: String
    var old_count: Int
    var new_count: Int
    var counts: [Int]?
    var task_ids: [UInt64]?
    var turnover: Turnover?
    var frames: [Frame]

    func holds(_ function: String) -> Bool {
      frames.contains { $0.function?.hasPrefix(function) == true }
    }
  }

  struct Stuck: Decodable {
    struct Wait: Decodable {
      var kind: String
    }

    var tid: Int32?
    var task_id: UInt64?
    var name: String?
    var wait: Wait?
    var `class`: String
    var frames: [Frame]
  }

  struct Count: Decodable {
    var kind: String?
    var state: String?
    var peer: String?
    var old_count: Int
    var new_count: Int
  }

  struct Module: Decodable {
    var path: String
    var change: String
    var old_build_id: String?
    var new_build_id: String?
  }

  struct Use: Decodable {
    var tid: Int32
    var name: String?
    var ms: Int
  }

  struct Tasks: Decodable {
    var in_both: [UInt64]
    var started: Int
    var ended: Int
  }

  struct Note: Decodable {
    var text: String
  }

  var different: Bool
  var relation: String
  var groups: [Group]
  var stuck: [Stuck]
  var cpu: [Use]
  var tasks: Tasks?
  var descriptors: [Count]
  var connections: [Count]
  var modules: [Module]
  var notes: [Note]

  /// The group whose stack holds a function.
  func group(_ function: String) -> Group? { groups.first { $0.holds(function) } }
}
