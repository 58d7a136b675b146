"""A PostgreSQL of our own: a cluster in the folder of the stage, at an address of its network."""

import os
import pathlib
import pwd
import shutil
import subprocess

from stage import check, wait_until

PORT = 5432
USER = "postgres"


def programs():
    """Where Debian puts the newest version."""
    versions = pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")
    return max(versions, key=lambda path: int(path.parts[-3])).parent


class Postgres:
    """The server; it refuses to run as root, so it is run as the user that its package has made."""

    def __init__(self, directory, host):
        self.host = host
        self.folder = pathlib.Path(directory) / "postgres"
        self.folder.mkdir()
        self.user = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
        if self.user:
            os.chmod(directory, 0o755)
            shutil.chown(self.folder, pwd.getpwnam(USER).pw_uid)
        self.data = self.folder / "data"
        self._run("initdb", "--auth=trust", "--username=tandem", "--encoding=UTF8", "--pgdata", self.data)

    def _run(self, program, *arguments):
        command = [*self.user, programs() / program, *arguments]
        done = subprocess.run(
            [str(word) for word in command], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        check(done.returncode == 0, f"{program} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        options = f"-h {self.host} -p {PORT} -k {self.folder}"
        # What it starts keeps the output open: it goes to a file.
        self._run("pg_ctl", "start", "-w", "-D", self.data, "-l", self.folder / "log", "-o", options)
        wait_until(lambda: self.sql("SELECT 1", "postgres") == "1", 20, "PostgreSQL")

    def stop(self):
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "immediate")

    def end(self):
        if (self.data / "postmaster.pid").exists():
            self.stop()

    def create(self, database):
        """A database of this name, and its URL."""
        self.sql(f"CREATE DATABASE {database}", "postgres")
        return f"postgres://tandem@{self.host}:{PORT}/{database}"

    def sql(self, statement, database):
        return self._run("psql", "-h", self.host, "-p", PORT, "-U", "tandem", "-d", database, "-Atqc", statement).strip()
