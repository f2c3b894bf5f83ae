"""The floor of directory.ingest and platform.ingest: the rows that the service wrote, written again into tables of the same columns and
indexes by COPY and INSERT … ON CONFLICT, in batches of the same size, each committed with its offset."""
import time

import psycopg

# The tables of a schema, and by which column it is known when a row was written, in us.
DIRECTORY = {"facts": "known_us", "people": "recorded_us", "entries": "updated_us", "history": "known_us"}
PLATFORM = {"entries": "updated_us"}


class Floor:
    """The rows written since a moment; the tables begin with all others, or empty. The first table's rows are counted."""

    def __init__(self, database, batch, since_us=0, schema="directory", tables=None):
        self.database, self.batch, self.since_us, self.schema = database, batch, since_us, schema
        self.tables = tables or DIRECTORY

    def __enter__(self):
        self.connection = psycopg.connect(**self.database)
        run = self.connection.execute
        run("CREATE SCHEMA floor")
        self.rows = {}
        for table, written in self.tables.items():
            there = f"{self.schema}.{table}"
            run(f"CREATE TABLE floor.{table} (LIKE {there} INCLUDING ALL)")
            run(f"CREATE TEMP TABLE {table}_in (LIKE {there})")
            run(f"INSERT INTO floor.{table} SELECT * FROM {there} WHERE {written} < {self.since_us}")
            rows = f"SELECT * FROM {there} WHERE {written} >= {self.since_us} ORDER BY subject"
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
        self.connection.execute("TRUNCATE " + ", ".join(f"floor.{table}" for table in self.tables))
        self.connection.commit()

    def write(self):
        """Rows a second by the clock."""
        count = len(next(iter(self.rows.values())))
        batches = max(1, count // self.batch)
        began = time.monotonic()
        for i in range(batches):
            self.connection.execute("UPDATE floor.offsets SET at = at + 1")
            for table in self.tables:
                rows = self.rows[table]
                self.one(table, rows[len(rows) * i // batches : len(rows) * (i + 1) // batches])
            self.connection.commit()
        return count / (time.monotonic() - began)

    def one(self, table, rows):
        with self.connection.cursor() as cursor:
            with cursor.copy(f"COPY {table}_in FROM STDIN") as copy:
                copy.write(b"".join(rows))
            cursor.execute(f"INSERT INTO floor.{table} SELECT * FROM {table}_in ON CONFLICT DO NOTHING")
            cursor.execute(f"TRUNCATE {table}_in")
