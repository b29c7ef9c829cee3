extension ArchiveSchema {
  /// Tables of what the process was besides its threads.
  static let processState: [Table] = [
    Table(
      name: "vitals",
      columns: """
          id INTEGER PRIMARY KEY CHECK (id = 0),
          resident_bytes INTEGER,
          peak_resident_bytes INTEGER,
          virtual_bytes INTEGER,
          peak_virtual_bytes INTEGER,
          anonymous_bytes INTEGER,
          file_bytes INTEGER,
          shared_bytes INTEGER,
          swap_bytes INTEGER,
          proportional_bytes INTEGER,
          private_bytes INTEGER,
          thread_count INTEGER,
          uptime_ns INTEGER,
          oom_score INTEGER,
          oom_adjustment INTEGER
        """
    ),
    Table(
      name: "limits",
      columns: """
          id INTEGER PRIMARY KEY,
          name TEXT NOT NULL,
          soft INTEGER,
          hard INTEGER
        """
    ),
    Table(
      name: "control_group",
      columns: """
          id INTEGER PRIMARY KEY CHECK (id = 0),
          version INTEGER,
          memory_bytes INTEGER,
          memory_limit_bytes INTEGER,
          memory_high_bytes INTEGER,
          memory_kills INTEGER,
          task_count INTEGER,
          task_limit INTEGER,
          cpu_thousandths INTEGER,
          throttled_periods INTEGER,
          throttled_ns INTEGER
        """
    ),
    Table(
      name: "pressures",
      columns: """
          id INTEGER PRIMARY KEY,
          resource TEXT NOT NULL,
          "full" INTEGER NOT NULL,
          average10 INTEGER NOT NULL,
          average60 INTEGER NOT NULL,
          average300 INTEGER NOT NULL,
          total_ns INTEGER NOT NULL
        """
    ),
    Table(
      name: "descriptors",
      columns: "  id INTEGER PRIMARY KEY,\n  kind TEXT NOT NULL,\n  count INTEGER NOT NULL"
    ),
    Table(
      name: "sockets",
      columns: """
          id INTEGER PRIMARY KEY CHECK (id = 0),
          tcp INTEGER NOT NULL,
          udp INTEGER NOT NULL,
          "unix" INTEGER NOT NULL,
          other INTEGER NOT NULL,
          cut INTEGER NOT NULL,
          uncounted_descriptors INTEGER NOT NULL
        """
    ),
    Table(
      name: "connections",
      columns: """
          id INTEGER PRIMARY KEY,
          state TEXT NOT NULL,
          local TEXT,
          peer TEXT,
          count INTEGER NOT NULL
        """
    ),
    Table(
      name: "environment",
      columns: "  id INTEGER PRIMARY KEY,\n  name TEXT NOT NULL,\n  value TEXT"
    ),
    Table(
      name: "snippets",
      columns: """
          id INTEGER PRIMARY KEY,
          file TEXT NOT NULL,
          line INTEGER NOT NULL,
          first_line INTEGER NOT NULL,
          text TEXT NOT NULL,
          origin TEXT NOT NULL,
          is_newer INTEGER NOT NULL
        """
    ),
    Table(
      name: "notes",
      columns: """
          id INTEGER PRIMARY KEY,
          time TEXT,
          tid INTEGER,
          text TEXT NOT NULL
        """
    ),
    Table(
      name: "note_counts",
      columns: """
          id INTEGER PRIMARY KEY CHECK (id = 0),
          older INTEGER NOT NULL,
          lost INTEGER NOT NULL
        """
    ),
  ]
}
