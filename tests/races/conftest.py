from market_processes import processes, selling

__all__ = ["processes", "selling"]
