from tuan.kernel.migrate import run_migrations

run_migrations()
