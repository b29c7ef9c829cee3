extension ArchiveSchema {
  /// The tables of what threads wait for.
  static let waits: [Table] = [
    Table(
      name: "thread_waits",
      columns: """
          thread_id INTEGER NOT NULL REFERENCES threads,
          kind TEXT,
          lock INTEGER,
          lock_name TEXT,
          lock_type TEXT,
          owner_tid INTEGER,
          steady INTEGER NOT NULL,
          readers INTEGER,
          note TEXT,
          child_pid INTEGER,
          timeout_ns INTEGER,
          more_descriptors INTEGER NOT NULL,
          PRIMARY KEY (thread_id)
        """,
      options: "STRICT, WITHOUT ROWID"
    ),
    Table(
      name: "wait_descriptors",
      columns: """
          thread_id INTEGER NOT NULL REFERENCES threads,
          position INTEGER NOT NULL,
          number INTEGER NOT NULL,
          kind TEXT,
          local TEXT,
          peer TEXT,
          path TEXT,
          PRIMARY KEY (thread_id, position)
        """,
      options: "STRICT, WITHOUT ROWID"
    ),
  ]

  /// For people with `sqlite3`.
  static let waitViews = [
    // Each lock that threads wait for, the most waited for first.
    """
    CREATE VIEW lock_view AS
    SELECT printf('0x%x', lock) AS lock, min(lock_name) AS name, min(wait_kind) AS kind, min(lock_type) AS type,
      CASE WHEN count(DISTINCT owner_tid) = 1 THEN min(owner_tid) END AS owner_tid,
      count(*) AS waiters, group_concat(tid) AS waiter_tids
    FROM thread_waits JOIN threads ON threads.id = thread_id
    WHERE lock IS NOT NULL
    GROUP BY thread_waits.lock
    ORDER BY waiters DESC, thread_waits.lock
    """
  ]
}
