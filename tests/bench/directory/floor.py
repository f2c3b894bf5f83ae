"""The floor of directory.ingest: the rows that svc-directory wrote, written again into tables of the same columns and
indexes by COPY and INSERT … ON CONFLICT, in batches of the same size, each committed with its offset."""
import time

import psycopg

TABLES = ("facts", "people", "entries", "history")


# When a row of each was written, in us.
WRITTEN = {"facts": "known_us", "people": "recorded_us", "entries": "updated_us", "history": "known_us"}


class Floor:
    """The rows written since a moment; the tables begin with all others, or empty."""

    def __init__(self, database, batch, since_us=0):
        self.database, self.batch, self.since_us = database, batch, since_us

    def __enter__(self):
        self.connection = psycopg.connect(**self.database)
        run = self.connection.execute
        run("CREATE SCHEMA floor")
        self.rows = {}
        for table in TABLES:
            run(f"CREATE TABLE floor.{table} (LIKE directory.{table} INCLUDING ALL)")
            run(f"CREATE TEMP TABLE {table}_in (LIKE directory.{table})")
            run(f"INSERT INTO floor.{table} SELECT * FROM directory.{table} WHERE {WRITTEN[table]} < {self.since_us}")
            rows = f"SELECT * FROM directory.{table} WHERE {WRITTEN[table]} >= {self.since_us} ORDER BY subject"
            with self.connection.cursor().copy(f"COPY ({rows}) TO STDOUT") as copy:
                self.rows[table] = [bytes(row) for block in copy for row in bytes(block).splitlines(keepends=True)]
        run("CREATE TABLE floor.offsets (at bigint)")
        run("INSERT INTO floor.offsets VALUES (0)")
        self.connection.commit()
        return self

    def __exit__(self, *_):
        self.connection.rollback()
        self.connection.execute("DROP SCHEMA floor CASCADE")
        self.connection.commit()
        self.connection.close()

    def clear(self):
        self.connection.execute("TRUNCATE " + ", ".join(f"floor.{table}" for table in TABLES))
        self.connection.commit()

    def write(self):
        """Facts a second by the clock, and of the session's own processor time is not asked: it is PostgreSQL's."""
        facts = len(self.rows["facts"])
        batches = max(1, facts // self.batch)
        began = time.monotonic()
        for i in range(batches):
            self.connection.execute("UPDATE floor.offsets SET at = at + 1")
            for table in TABLES:
                rows = self.rows[table]
                self.one(table, rows[len(rows) * i // batches : len(rows) * (i + 1) // batches])
            self.connection.commit()
        return facts / (time.monotonic() - began)

    def one(self, table, rows):
        with self.connection.cursor() as cursor:
            with cursor.copy(f"COPY {table}_in FROM STDIN") as copy:
                copy.write(b"".join(rows))
            cursor.execute(f"INSERT INTO floor.{table} SELECT * FROM {table}_in ON CONFLICT DO NOTHING")
            cursor.execute(f"TRUNCATE {table}_in")
