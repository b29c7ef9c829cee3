/// The tables of a report archive; docs/report-schema.md explains each column.
enum ArchiveSchema {
  /// "DCRP": marks an SQLite file as ours (`PRAGMA application_id`).
  static let applicationID: Int32 = 0x4443_5250
  /// The schema that is written and read (`PRAGMA user_version`).
  static let version: Int32 = 5

  /// One table: its name, its columns as SQLite is told them, and the query that reads it back in order.
  struct Table {
    var name: String
    var columns: String
    var options = "STRICT"

    /// The statement that makes it.
    ///
    /// A reader compares it with what the file says, word for word: a table of
    /// the same name that does something else (a view, a generated column) is never asked.
    var definition: String { "CREATE TABLE \(name) (\n\(columns)\n) \(options)" }
  }

  static let tables: [Table] =
    [
      Table(
        name: "capture",
        columns: """
            id INTEGER PRIMARY KEY CHECK (id = 0),
            kind TEXT NOT NULL,
            reason TEXT,
            time TEXT,
            complete INTEGER NOT NULL,
            file TEXT,
            message TEXT,
            crashed_tid INTEGER,
            signal INTEGER,
            signal_code INTEGER,
            signal_address INTEGER,
            signal_sender_pid INTEGER
          """
      ),
      Table(name: "problems", columns: "  id INTEGER PRIMARY KEY,\n  text TEXT NOT NULL"),
      Table(
        name: "process",
        columns: """
            id INTEGER PRIMARY KEY CHECK (id = 0),
            pid INTEGER,
            name TEXT,
            executable TEXT,
            uid INTEGER,
            start_time TEXT,
            host TEXT,
            cgroup TEXT,
            kernel TEXT,
            thread_count INTEGER
          """
      ),
      Table(
        name: "process_arguments",
        columns: "  id INTEGER PRIMARY KEY,\n  argument TEXT NOT NULL"
      ),
      Table(
        name: "modules",
        columns: """
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL,
            build_id TEXT,
            base INTEGER NOT NULL,
            "end" INTEGER NOT NULL,
            status TEXT NOT NULL,
            debug_file TEXT,
            reason TEXT
          """
      ),
      Table(
        name: "frames",
        columns: """
            id INTEGER PRIMARY KEY,
            address INTEGER NOT NULL,
            module_id INTEGER REFERENCES modules,
            "offset" INTEGER,
            function TEXT,
            linkage TEXT,
            short_function TEXT,
            file TEXT,
            line INTEGER,
            "column" INTEGER,
            inlined INTEGER NOT NULL,
            signal_frame INTEGER NOT NULL,
            async INTEGER NOT NULL,
            runtime INTEGER NOT NULL,
            origin TEXT,
            unknown TEXT
          """
      ),
      Table(
        name: "frame_aliases",
        columns: """
            frame_id INTEGER NOT NULL REFERENCES frames,
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (frame_id, position)
          """,
        options: "STRICT, WITHOUT ROWID"
      ),
      Table(name: "stacks", columns: "  id INTEGER PRIMARY KEY,\n  fingerprint TEXT NOT NULL"),
      Table(
        name: "stack_frames",
        columns: """
            stack_id INTEGER NOT NULL REFERENCES stacks,
            position INTEGER NOT NULL,
            frame_id INTEGER NOT NULL REFERENCES frames,
            PRIMARY KEY (stack_id, position)
          """,
        options: "STRICT, WITHOUT ROWID"
      ),
      Table(
        name: "threads",
        columns: """
            id INTEGER PRIMARY KEY,
            tid INTEGER NOT NULL,
            name TEXT,
            state TEXT,
            status TEXT NOT NULL,
            reason TEXT,
            cpu_user_ns INTEGER,
            cpu_system_ns INTEGER,
            syscall TEXT,
            wait_channel TEXT,
            wait_kind TEXT,
            truncated TEXT,
            stack_id INTEGER REFERENCES stacks,
            policy TEXT,
            realtime_priority INTEGER,
            nice INTEGER,
            creator_tid INTEGER,
            creator_name TEXT,
            creator_stack_id INTEGER REFERENCES stacks,
            fatal_signal INTEGER,
            fatal_signal_code INTEGER,
            fatal_signal_address INTEGER,
            fatal_signal_sender_pid INTEGER,
            task INTEGER,
            executor_address INTEGER,
            start_time TEXT
          """
      ),
      Table(
        name: "thread_registers",
        columns: """
            thread_id INTEGER NOT NULL REFERENCES threads,
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            value INTEGER NOT NULL,
            PRIMARY KEY (thread_id, position)
          """,
        options: "STRICT, WITHOUT ROWID"
      ),
      Table(
        name: "thread_labels",
        columns: """
            thread_id INTEGER NOT NULL REFERENCES threads,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (thread_id, key)
          """,
        options: "STRICT, WITHOUT ROWID"
      ),
      Table(
        name: "findings",
        columns: "  id INTEGER PRIMARY KEY,\n  kind TEXT NOT NULL,\n  text TEXT NOT NULL"
      ),
      Table(
        name: "finding_threads",
        columns: """
            finding_id INTEGER NOT NULL REFERENCES findings,
            position INTEGER NOT NULL,
            tid INTEGER NOT NULL,
            PRIMARY KEY (finding_id, position)
          """,
        options: "STRICT, WITHOUT ROWID"
      ),
      Table(
        name: "finding_tasks",
        columns: """
            finding_id INTEGER NOT NULL REFERENCES findings,
            position INTEGER NOT NULL,
            task INTEGER NOT NULL,
            PRIMARY KEY (finding_id, position)
          """,
        options: "STRICT, WITHOUT ROWID"
      ),
    ] + waits + tasks + processState

  /// For people with `sqlite3`: readers of ours never ask a view.
  static let views =
    [
      // A frame as one line: function, place.
      """
      CREATE VIEW frame_view AS
      SELECT frames.id,
        coalesce(short_function, function, printf('0x%x', address)) AS function,
        CASE WHEN file IS NOT NULL AND line IS NOT NULL THEN file || ':' || line ELSE file END AS place,
        modules.path AS module, printf('0x%x', "offset") AS "offset", inlined
      FROM frames LEFT JOIN modules ON modules.id = module_id
      """,
      // A thread with its stack as text, innermost frame first.
      """
      CREATE VIEW thread_view AS
      SELECT tid, name, state, wait_kind, syscall, status, cpu_user_ns / 1000000 AS cpu_user_ms,
        cpu_system_ns / 1000000 AS cpu_system_ms, stacks.fingerprint,
        (SELECT group_concat(line, char(10)) FROM
          (SELECT frame_view.function || coalesce('  ' || place, '  ' || module, '') AS line
           FROM stack_frames JOIN frame_view ON frame_view.id = frame_id
           WHERE stack_frames.stack_id = threads.stack_id ORDER BY position)) AS stack
      FROM threads LEFT JOIN stacks ON stacks.id = stack_id
      ORDER BY threads.id
      """,
      // Threads by fingerprint, largest group first.
      """
      CREATE VIEW group_view AS
      SELECT threads, fingerprint, states, waits, first_name, last_name,
        (SELECT group_concat(line, char(10)) FROM
          (SELECT frame_view.function || coalesce('  ' || place, '  ' || module, '') AS line
           FROM stack_frames JOIN frame_view ON frame_view.id = frame_id
           WHERE stack_frames.stack_id = example ORDER BY position)) AS stack
      FROM
        (SELECT count(*) AS threads, fingerprint, group_concat(DISTINCT state) AS states,
           group_concat(DISTINCT wait_kind) AS waits, min(name) AS first_name,
           max(name) AS last_name, min(stack_id) AS example
         FROM threads LEFT JOIN stacks ON stacks.id = stack_id GROUP BY fingerprint)
      ORDER BY threads DESC, fingerprint
      """,
    ] + waitViews + taskViews
}
