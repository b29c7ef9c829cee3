extension ArchiveSchema {
  /// The tables of Swift tasks.
  static let tasks: [Table] = [
    Table(
      name: "executors",
      columns: """
          id INTEGER PRIMARY KEY,
          address INTEGER NOT NULL,
          kind TEXT NOT NULL,
          type TEXT,
          holder_task INTEGER,
          holder_tid INTEGER,
          unknown TEXT
        """
    ),
    Table(
      name: "tasks",
      columns: """
          id INTEGER PRIMARY KEY,
          task INTEGER NOT NULL,
          address INTEGER NOT NULL,
          name TEXT,
          state TEXT NOT NULL,
          kind TEXT NOT NULL,
          priority INTEGER,
          base_priority INTEGER,
          cancelled INTEGER NOT NULL,
          parent INTEGER,
          group_address INTEGER,
          wait_kind TEXT,
          dependency TEXT,
          awaited_task INTEGER,
          awaited_group INTEGER,
          awaited_address INTEGER,
          executor_id INTEGER REFERENCES executors,
          stack_id INTEGER REFERENCES stacks,
          truncated TEXT,
          tid INTEGER,
          doubt TEXT
        """
    ),
    Table(
      name: "task_summary",
      columns: """
          id INTEGER PRIMARY KEY CHECK (id = 0),
          runtime TEXT NOT NULL,
          decoded INTEGER NOT NULL,
          reason TEXT,
          layout_version INTEGER,
          tasks INTEGER NOT NULL,
          skipped_tasks INTEGER NOT NULL,
          candidates INTEGER NOT NULL,
          scanned_bytes INTEGER NOT NULL,
          scan_ns INTEGER,
          walk_ns INTEGER,
          notes_threads INTEGER NOT NULL
        """
    ),
    Table(
      name: "task_skipped_memory",
      columns: """
          id INTEGER PRIMARY KEY,
          reason TEXT NOT NULL,
          bytes INTEGER NOT NULL
        """
    ),
  ]

  /// For people with `sqlite3`.
  static let taskViews = [
    // A task with its stack as text, innermost frame first.
    """
    CREATE VIEW task_view AS
    SELECT task, tasks.name, state, wait_kind, priority, tasks.kind, parent, executors.type AS executor, tid,
      awaited_task, stacks.fingerprint,
      (SELECT group_concat(line, char(10)) FROM
        (SELECT frame_view.function || coalesce('  ' || place, '  ' || module, '') AS line
         FROM stack_frames JOIN frame_view ON frame_view.id = frame_id
         WHERE stack_frames.stack_id = tasks.stack_id ORDER BY position)) AS stack
    FROM tasks LEFT JOIN stacks ON stacks.id = stack_id LEFT JOIN executors ON executors.id = executor_id
    ORDER BY tasks.id
    """,
    // Tasks by fingerprint, largest group first.
    """
    CREATE VIEW task_group_view AS
    SELECT tasks, fingerprint, states, waits, first_name, last_name,
      (SELECT group_concat(line, char(10)) FROM
        (SELECT frame_view.function || coalesce('  ' || place, '  ' || module, '') AS line
         FROM stack_frames JOIN frame_view ON frame_view.id = frame_id
         WHERE stack_frames.stack_id = example ORDER BY position)) AS stack
    FROM
      (SELECT count(*) AS tasks, fingerprint, group_concat(DISTINCT state) AS states,
         group_concat(DISTINCT wait_kind) AS waits, min(name) AS first_name, max(name) AS last_name,
         min(stack_id) AS example
       FROM tasks LEFT JOIN stacks ON stacks.id = stack_id GROUP BY fingerprint)
    ORDER BY tasks DESC, fingerprint
    """,
  ]
}
